//! The limits of GitHub on texts, checked before anything is sent.
//!
//! Sources: GitHub's `OpenAPI` description (check runs), its answers (comments, labels). Counted in characters as GitHub does; those of check
//! runs in bytes as well, since its documentation and its answers differ.

use model::{Annotation, Effect};

use crate::error::{Error, Result};
use crate::repo::checked_sha;

const COMMENT: usize = 65_536;
const LABEL: usize = 50;
const LABEL_DESCRIPTION: usize = 100;
const CHECK_TEXT: usize = 65_535;
const TITLE: usize = 255;
const ANNOTATION: usize = 64 * 1024;

/// The longest description of a status, in characters.
pub(crate) const STATUS: usize = 140;

/// Refuses an effect that GitHub would refuse.
pub(crate) fn check(effect: &Effect) -> Result<()> {
    match effect {
        Effect::Comment { marker, body, .. } => comment(marker, body),
        Effect::Label {
            name,
            color,
            description,
            ..
        } => label(name, color, description),
        Effect::Status { sha, context, .. } => {
            checked_sha(sha)?;
            not_empty(context, "context of a status")
        }
        Effect::CheckRun {
            sha,
            name,
            title,
            summary,
            text,
            annotations,
            ..
        } => {
            checked_sha(sha)?;
            not_empty(name, "name of a check run")?;
            characters(title, TITLE, "the title of a check run")?;
            both(summary, CHECK_TEXT, "the summary of a check run")?;
            both(text, CHECK_TEXT, "the text of a check run")?;
            annotations.iter().try_for_each(annotation)
        }
    }
}

fn comment(marker: &str, body: &str) -> Result<()> {
    if marker.is_empty() || !body.contains(marker) {
        return Err(Error::settings(
            "a comment must hold its marker, or it would not be found again",
        ));
    }
    characters(body, COMMENT, "a comment")
}

fn label(name: &str, color: &str, description: &str) -> Result<()> {
    not_empty(name, "name of a label")?;
    if color.len() != 6 || !color.bytes().all(|b| b.is_ascii_hexdigit()) {
        let why = "the colour of a label is six hexadecimal digits";
        return Err(Error::settings(why));
    }
    characters(name, LABEL, "the name of a label")?;
    characters(description, LABEL_DESCRIPTION, "the description of a label")
}

fn annotation(annotation: &Annotation) -> Result<()> {
    if annotation.start_line == 0 || annotation.end_line < annotation.start_line {
        return Err(Error::settings(
            "the lines of an annotation count from 1 and do not run backwards",
        ));
    }
    not_empty(&annotation.path, "path of an annotation")?;
    not_empty(&annotation.message, "message of an annotation")?;
    characters(&annotation.title, TITLE, "the title of an annotation")?;
    bytes(
        &annotation.message,
        ANNOTATION,
        "the message of an annotation",
    )?;
    bytes(&annotation.raw, ANNOTATION, "the details of an annotation")
}

fn not_empty(text: &str, what: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::settings(format!("the {what} is empty")));
    }
    Ok(())
}

fn both(text: &str, limit: usize, what: &str) -> Result<()> {
    characters(text, limit, what)?;
    bytes(text, limit, what)
}

fn characters(text: &str, limit: usize, what: &str) -> Result<()> {
    within(text.chars().count(), limit, what, "characters")
}

fn bytes(text: &str, limit: usize, what: &str) -> Result<()> {
    within(text.len(), limit, what, "bytes")
}

fn within(count: usize, limit: usize, what: &str, unit: &'static str) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: what.to_owned(),
        limit: limit as u64,
        unit,
    })
}

/// A description of a status: one line, cut at GitHub's limit.
pub(crate) fn status_description(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= STATUS {
        return line;
    }
    let cut: String = line.chars().take(STATUS - 1).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use model::Effect;
    use proptest::prelude::*;

    use super::{COMMENT, STATUS, check, status_description};
    use crate::error::Error;

    fn comment(body: String) -> Effect {
        Effect::Comment {
            pr: 1,
            marker: "m".to_owned(),
            body,
            create: true,
        }
    }

    #[test]
    fn a_comment_is_counted_in_characters() {
        let longest = "mü".repeat(COMMENT / 2);
        assert_eq!(check(&comment(longest.clone())), Ok(()));
        let error = check(&comment(longest + "x")).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 65_536, .. }));
    }

    #[test]
    fn a_comment_without_its_marker_is_refused() {
        assert!(check(&comment("x".to_owned())).is_err());
    }

    #[test]
    fn a_short_description_stays() {
        assert_eq!(status_description("2 of 5\nfailures"), "2 of 5 failures");
    }

    proptest! {
        #[test]
        fn a_description_is_never_longer_than_its_limit(text in any::<String>(), times in 1_usize..40) {
            prop_assert!(status_description(&text.repeat(times)).chars().count() <= STATUS);
        }
    }
}
