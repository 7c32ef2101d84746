//! Reports as Markdown for a comment, the summary of a job or a check run: the answer, a table, and the details folded.
//!
//! Everything that does not fit is summed up in a sentence; a table or a code block is never cut.

mod check;
mod detail;
pub(crate) mod escape;
mod head;
mod lists;
mod page;
mod table;

pub(crate) use page::basic;

pub use check::{CheckText, check_run};

use model::Report;

use crate::merged::Merged;
use page::{Measure, Page};

/// How a page is made.
#[derive(Clone, Debug)]
pub struct MarkdownOptions {
    /// The key of the hidden marker by which the comment is found again: see [`marker`].
    pub key: String,
    /// The most characters of a comment, counted in UTF-16 as GitHub's limits are at the strictest; of a summary bytes.
    pub limit: usize,
    /// Where the whole report is; empty when nowhere.
    pub full_report: String,
    /// The page of the workflow run; empty for that of the run under judgement.
    pub workflow_run: String,
}

impl Default for MarkdownOptions {
    /// A comment of `sprag-compare` within GitHub's 65,536 characters.
    fn default() -> Self {
        Self {
            key: "sprag-compare".to_owned(),
            limit: 65_536,
            full_report: String::new(),
            workflow_run: String::new(),
        }
    }
}

/// Bytes of a job summary: GitHub drops one of more than 1 MiB whole, and other steps write to the same page.
pub const SUMMARY_LIMIT: usize = 900_000;

/// How much of everything a page shows.
#[derive(Clone, Copy, Debug)]
struct Amount {
    /// Causes in the table.
    rows: usize,
    /// Causes with details.
    details: usize,
    /// Jobs, changes and problems that are listed, of each kind.
    listed: usize,
    /// Whether the details are open at first.
    unfolded: bool,
}

/// More is not read in a comment.
const COMMENT: Amount = Amount {
    rows: 100,
    details: 40,
    listed: 15,
    unfolded: false,
};
/// A summary has room, and is where the rest is looked for.
const SUMMARY: Amount = Amount {
    rows: 1000,
    details: 400,
    listed: 200,
    unfolded: true,
};

/// The hidden first line of a comment. Characters of `key` other than ASCII letters, digits, `.`, `_` and `/` become `-`.
///
/// A comment is ours when it *starts* with this line. No text of a report can hold it: the start of an HTML comment is broken by a blank.
pub fn marker(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/".contains(c);
    let parts: Vec<&str> = key
        .split(|c| !plain(c))
        .filter(|part| !part.is_empty())
        .collect();
    format!("<!-- {} -->", parts.join("-"))
}

/// Renders a report as a comment: see [`comment`].
pub fn markdown(report: &Report, options: &MarkdownOptions) -> String {
    comment(&Merged::of(report), options)
}

/// Renders the reports of a workflow run as one comment of at most `options.limit` characters (the head and the sums, some 3,000, are
/// always there). The first line that is seen is the answer.
pub fn comment(merged: &Merged<'_>, options: &MarkdownOptions) -> String {
    let foot = head::foot(merged);
    let mut page = Page::new(Measure::Characters, options.limit);
    page.push(&format!("{}\n", marker(&options.key)));
    page.keep(&foot);
    body(merged, options, COMMENT, &mut page);
    page.finish(&foot)
}

/// Renders the reports of a workflow run for the summary of a job, in at most [`SUMMARY_LIMIT`] bytes, or `options.limit` when
/// that is less. It shows more than a comment, and starts with the answer too.
pub fn summary(merged: &Merged<'_>, options: &MarkdownOptions) -> String {
    let foot = head::foot(merged);
    let mut page = Page::new(Measure::Bytes, SUMMARY_LIMIT.min(options.limit));
    page.keep(&foot);
    body(merged, options, SUMMARY, &mut page);
    page.finish(&foot)
}

fn body(merged: &Merged<'_>, options: &MarkdownOptions, amount: Amount, page: &mut Page) {
    let causes = merged.causes();
    page.push(&head::head(merged, options));
    table::table(merged, &causes, amount.rows, page);
    lists::jobs(merged, amount.listed, page);
    lists::changes(merged, amount.listed, page);
    lists::problems(merged, amount.listed, page);
    detail::details(merged, &causes, amount, page);
}

#[cfg(test)]
mod tests;
