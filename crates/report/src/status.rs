//! The answer in the one line of a commit status.

use model::Conclusion;

use crate::merged::Merged;
use crate::text::{count, inert, line};

/// The most characters of a status description, counted in UTF-16 as GitHub's limits are at the strictest.
const LIMIT: usize = 140;

/// The description of a commit status: the answer, then what it rests on if there is room. Plain text of one line.
pub fn status(merged: &Merged<'_>) -> String {
    let headline = inert(&line(&merged.headline(), 1000));
    let answer = match merged.conclusion() {
        Conclusion::Undecided if !headline.starts_with("Not decided") => {
            format!("Not decided: {headline}")
        }
        Conclusion::Undecided | Conclusion::Clear | Conclusion::Blocked => headline,
    };
    let tests = merged.totals().tests;
    if tests == 0 || answer.contains(" tests") {
        return shortened(&answer);
    }
    let jobs = match merged.jobs.len() {
        0 | 1 => String::new(),
        n => format!(" of {}", count(n as u64, "job")),
    };
    let long = format!("{answer} ({}{jobs})", count(tests, "test"));
    if units(&long) <= LIMIT {
        long
    } else {
        shortened(&answer)
    }
}

/// The description of a status when there is no report at all, and why.
pub fn undecided_status(why: &str) -> String {
    shortened(&inert(&line(&format!("Not decided: {why}"), 1000)))
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The first characters that fit; `…` says that there were more.
fn shortened(text: &str) -> String {
    if units(text) <= LIMIT {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = LIMIT - 1;
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.len_utf16()) else {
            break;
        };
        left = rest;
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use model::Conclusion;

    use super::{status, units};
    use crate::fixture;
    use crate::merged::{Gaps, Merged, merged};
    use crate::part::Part;

    #[test]
    fn the_answer_fits_in_a_status() {
        assert_eq!(
            status(&Merged::of(&fixture::mixed())),
            "1 of 4 failures look caused by this PR (4,812 tests)"
        );
        assert_eq!(
            status(&Merged::of(&fixture::clear())),
            "All 4,812 tests passed or were skipped"
        );
    }

    #[test]
    fn what_is_undecided_says_so_first() {
        let mut report = fixture::clear();
        report.conclusion = Conclusion::Undecided;
        "No test results: the run itself failed".clone_into(&mut report.headline);
        report.totals = model::Totals::default();
        assert_eq!(
            status(&Merged::of(&report)),
            "Not decided: No test results: the run itself failed"
        );
        let parts = [Part::of(&fixture::mixed())];
        let gaps = Gaps {
            missing: vec!["e2e".to_owned()],
            ..Gaps::default()
        };
        assert_eq!(
            status(&merged(&parts, &gaps)),
            "1 of 4 failures looks caused by this PR; not all jobs have reported (4,812 tests)"
        );
    }

    #[test]
    fn a_long_answer_is_cut_and_hostile_text_is_visible() {
        let mut report = fixture::clear();
        report.headline = format!("a\n::error::\u{202e}{}", "\u{1f9ea}".repeat(200));
        let text = status(&Merged::of(&report));
        assert!(units(&text) <= 140 && text.ends_with('…'), "{text}");
        assert!(text.starts_with("A␊::error::<U+202E>"), "{text}");
    }
}
