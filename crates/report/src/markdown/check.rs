//! The texts of a check run.

use super::page::{Measure, Page, basic};
use super::{COMMENT, MarkdownOptions, SUMMARY, detail, head, lists, table};
use crate::merged::Merged;
use crate::text::{inert, line};

/// Bytes of the summary and of the text of a check run; GitHub's limit is 65,535 and counts differently over time.
const LIMIT: usize = 65_535;
/// Characters of a title.
const TITLE: usize = 255;

/// The texts of a check run, within GitHub's limits by any way of counting, and without characters beyond U+FFFF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckText {
    /// The answer, plain text of at most 255 bytes.
    pub title: String,
    /// Markdown: the answer, the table of failures and the jobs.
    pub summary: String,
    /// Markdown: why. Empty when nothing failed.
    pub text: String,
}

/// The texts of a check run on the reports of a workflow run.
pub fn check_run(merged: &Merged<'_>, options: &MarkdownOptions) -> CheckText {
    let causes = merged.causes();
    let limit = LIMIT.min(options.limit);
    let foot = head::foot(merged);
    let mut summary = Page::new(Measure::Bytes, limit).basic();
    summary.keep(&foot);
    summary.push(&head::head(merged, options));
    table::table(merged, &causes, COMMENT.rows, &mut summary);
    lists::jobs(merged, COMMENT.listed, &mut summary);
    let mut text = Page::new(Measure::Bytes, limit).basic();
    lists::changes(merged, SUMMARY.listed, &mut text);
    lists::problems(merged, SUMMARY.listed, &mut text);
    detail::details(merged, &causes, SUMMARY, &mut text);
    CheckText {
        title: title(merged),
        summary: summary.finish(&foot),
        text: text.finish(""),
    }
}

fn title(merged: &Merged<'_>) -> String {
    let title = basic(&inert(&line(&merged.headline(), 1000)));
    let end = title.floor_char_boundary(TITLE - '…'.len_utf8());
    match title.split_at_checked(end) {
        Some((start, rest)) if rest.len() > '…'.len_utf8() => format!("{start}…"),
        _ => title,
    }
}
