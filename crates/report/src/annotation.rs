//! Failures as remarks at lines of files: for a check run, and as commands to the runner in a log.

mod command;

use model::{Annotation, AnnotationLevel, Finding, Verdict};

pub use command::workflow_commands;

use crate::markdown::basic;
use crate::merged::{Case, Merged};
use crate::place::is_plausible;
use crate::text::{Room, inert, line, lines, name, put};
use crate::words;

/// Characters of a title, by GitHub's limit.
const TITLE: usize = 255;
/// What is shown of a failure text when unfolded: within GitHub's 64 kB.
const RAW: Room = Room {
    lines: 200,
    chars: 300,
};
/// Bytes of a message and of a raw text, by GitHub's limit of 64 kB.
const BYTES: usize = 64_000;
/// No check run is read with more.
const MOST: usize = 500;

/// Remarks for the failures that have a place in the repository ([`crate::place()`]), the most important first: what this pull request
/// broke, its new tests that fail, what is not settled, the rest as notices. At most 500; of one place and test one.
pub fn annotations(merged: &Merged<'_>) -> Vec<Annotation> {
    let rows = merged.rows();
    let mut out: Vec<Annotation> = Vec::new();
    for row in rows {
        let mut placed = row.cases().filter_map(|case| remark(merged, &case));
        if let Some(annotation) = placed.next() {
            out.push(annotation);
        }
        if out.len() == MOST {
            break;
        }
    }
    out
}

fn remark(merged: &Merged<'_>, case: &Case<'_>) -> Option<Annotation> {
    let finding = case.finding;
    let failure = finding.failure.as_ref()?;
    let path = failure.file.as_deref().filter(|path| is_plausible(path))?;
    let at = failure.line.filter(|line| *line > 0)?;
    Some(Annotation {
        path: path.to_owned(),
        start_line: u64::from(at),
        end_line: u64::from(at),
        level: level(finding),
        title: title(finding),
        message: limited(&message(merged, case)),
        raw: limited(&raw(finding)),
    })
}

fn level(finding: &Finding) -> AnnotationLevel {
    match finding.verdict {
        Verdict::Caused | Verdict::NewTest => AnnotationLevel::Failure,
        Verdict::Outage | Verdict::Suspect | Verdict::NoBaseline => AnnotationLevel::Warning,
        Verdict::BrokenBase | Verdict::Elsewhere | Verdict::Flake => AnnotationLevel::Notice,
    }
}

/// `caused: TestInvoice › test_adds_tax`.
fn title(finding: &Finding) -> String {
    let test = inert(&name(&finding.test.to_string()));
    let title = basic(&format!("{}: {test}", finding.verdict.word()));
    if title.chars().count() <= TITLE {
        return title;
    }
    let start: String = title.chars().take(TITLE - 1).collect();
    start + "…"
}

/// What it said, the odds, why, and what to do.
fn message(merged: &Merged<'_>, case: &Case<'_>) -> String {
    let finding = case.finding;
    let said = lines(
        &words::message(finding),
        Room {
            lines: 3,
            chars: 300,
        },
    );
    let mut out = said.join("\n");
    if !out.is_empty() {
        out.push_str("\n\n");
    }
    let meaning = words::meaning(finding.verdict);
    put!(
        out,
        "Verdict: {} ({meaning}), {}.\n",
        finding.verdict.word(),
        words::blocks(finding)
    );
    put!(out, "Odds: {}.\n", words::odds(finding));
    put!(out, "History: {}.\n", words::history(&finding.evidence));
    if !merged.is_alone() {
        put!(out, "Job: {}.\n", name(case.job.name()));
    }
    put!(out, "What to do: {}.", words::action(finding));
    out
}

/// The texts of the failure.
fn raw(finding: &Finding) -> String {
    let Some(failure) = &finding.failure else {
        return String::new();
    };
    let because = line(&finding.evidence.because, 600);
    let mut out = if because.is_empty() {
        String::new()
    } else {
        format!("Because: {because}\n\n")
    };
    out += &lines(&words::message(finding), RAW).join("\n");
    if !failure.message.trim().is_empty() && !failure.stack.trim().is_empty() {
        put!(out, "\n\n{}", lines(&failure.stack, RAW).join("\n"));
    }
    out
}

/// Without characters that GitHub's checks refuse, and no longer than they take.
fn limited(text: &str) -> String {
    let mut text = basic(&inert(text));
    if text.len() > BYTES {
        text.truncate(text.floor_char_boundary(BYTES));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
