//! The failure text, beside the last one on the base where there is one.

use model::Finding;
use similar::{ChangeTag, TextDiff};

use super::escape::escaped;
use crate::text::{Room, lines, put};
use crate::words;

/// Lines and characters of a text that is shown.
const TEXT: Room = Room {
    lines: 60,
    chars: 400,
};

/// Bytes of a text that history keeps; two longer texts are compared that far.
const RECORDED_BYTES: usize = 2000;

/// The text of a failure as HTML: a diff against the last failure on the base, or the text alone.
pub(super) fn message(finding: &Finding) -> String {
    let now = words::message(finding);
    let before = &finding.evidence.base_message;
    if before.trim().is_empty() || now.is_empty() {
        return plain(&now);
    }
    let (before, now_cut) = recorded_part(before, &now);
    let (before, now_cut) = (
        lines(before, TEXT).join("\n"),
        lines(now_cut, TEXT).join("\n"),
    );
    if before == now_cut {
        return format!(
            "<p class=\"note\">The same text as the last failure on the base.</p>{}",
            plain(&now)
        );
    }
    format!(
        "<p class=\"note\">− the last failure on the base, + this run</p>\
         <pre class=\"diff\" tabindex=\"0\" aria-label=\"Difference to the last failure on the base\">{}</pre>",
        changes(&before, &now_cut)
    )
}

/// A text in a box that scrolls; nothing for no text.
pub(super) fn plain(text: &str) -> String {
    let text = lines(text, TEXT).join("\n");
    if text.is_empty() {
        return String::new();
    }
    format!("<pre tabindex=\"0\">{}</pre>", escaped(&text))
}

fn recorded_part<'a>(before: &'a str, now: &'a str) -> (&'a str, &'a str) {
    let cut = |text: &'a str| {
        text.get(..text.floor_char_boundary(RECORDED_BYTES))
            .unwrap_or(text)
    };
    if before.len() < RECORDED_BYTES {
        return (before, now);
    }
    (cut(before), cut(now))
}

fn changes(before: &str, now: &str) -> String {
    let diff = TextDiff::from_lines(before, now);
    let mut out = String::new();
    for op in diff.ops() {
        for change in diff.iter_inline_changes(op) {
            let (class, sign, mark) = match change.tag() {
                ChangeTag::Equal => ("same", ' ', ""),
                ChangeTag::Delete => ("minus", '−', "del"),
                ChangeTag::Insert => ("plus", '+', "ins"),
            };
            put!(out, "<span class=\"{class}\">{sign} ");
            for (hot, part) in change.iter_strings_lossy() {
                let part = escaped(part.trim_end_matches('\n'));
                if hot && !part.is_empty() {
                    put!(out, "<{mark}>{part}</{mark}>");
                } else {
                    out.push_str(&part);
                }
            }
            out.push_str("</span>");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{changes, message};
    use crate::fixture;

    #[test]
    fn what_differs_in_a_line_is_marked() {
        insta::assert_snapshot!(
            changes("took 10 s\nsame <b>", "took 30 s\nsame <b>"),
            @r#"<span class="minus">− took <del>10</del> s</span><span class="plus">+ took <ins>30</ins> s</span><span class="same">  same &lt;b&gt;</span>"#
        );
    }

    #[test]
    fn an_equal_text_is_said_to_be_equal() {
        assert!(message(&fixture::broken_base()).starts_with("<p class=\"note\">The same text"));
        assert!(message(&fixture::caused()).starts_with("<pre tabindex"));
    }
}
