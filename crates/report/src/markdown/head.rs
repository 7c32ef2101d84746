//! The first lines of a page, and its last: the answer, for which commit it is, and what it rests on.

use model::Subject;

use super::MarkdownOptions;
use super::escape::{Spot, code, prose};
use crate::merged::{Job, Merged};
use crate::text::{count, grouped, put, safe_url, short_commit};
use crate::words;

/// Jobs that are named in a sentence.
const NAMED: usize = 8;

/// The answer, for which commit it is, and what is missing.
pub(super) fn head(merged: &Merged<'_>, options: &MarkdownOptions) -> String {
    let mut out = format!(
        "### {}\n\n{}\n\n",
        prose(&merged.headline(), Spot::Line),
        line_below(merged, options)
    );
    out.push_str(&open_jobs(merged));
    out.push_str(&first_week(merged));
    out
}

/// Whether anything blocks, for which commit, and where to read on.
fn line_below(merged: &Merged<'_>, options: &MarkdownOptions) -> String {
    let mut out = format!("**{}**", prose(&merged.verdict_line(), Spot::Line));
    let newest = merged.newest();
    if let Some(commit) = newest.map(|job| &job.report.subject.run.commit)
        && !commit.is_empty()
    {
        put!(
            out,
            " Updated for {}.",
            code(&short_commit(commit), 40, Spot::Line)
        );
    }
    let run = if options.workflow_run.is_empty() {
        newest.map_or("", |job| &job.report.subject.run.url)
    } else {
        &options.workflow_run
    };
    for (label, url) in [
        ("Workflow run", run),
        ("Full report", options.full_report.as_str()),
    ] {
        if let Some(url) = safe_url(url) {
            put!(out, " [{label}]({url}).");
        }
    }
    out
}

/// Jobs without a verdict, jobs that have not reported, and jobs whose part cannot be read.
fn open_jobs(merged: &Merged<'_>) -> String {
    if merged.is_alone() {
        return String::new();
    }
    let open: Vec<&str> = merged
        .jobs
        .iter()
        .filter(|job| job.is_open())
        .map(Job::name)
        .collect();
    let missing: Vec<&str> = merged.gaps.missing.iter().map(String::as_str).collect();
    let damaged: Vec<&str> = merged
        .gaps
        .damaged
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut out = String::new();
    for (label, names) in [
        ("Not decided", open),
        ("Still missing", missing),
        ("Cannot be read", damaged),
    ] {
        if !names.is_empty() {
            put!(out, "**{label}:** {}. ", named(&names));
        }
    }
    for why in &merged.gaps.unknown {
        put!(out, "**Not known:** {}. ", prose(why, Spot::Line));
    }
    if out.is_empty() {
        return out;
    }
    format!("{}\n\n", out.trim_end())
}

/// Names of jobs in a sentence, the first few of them.
pub(super) fn named(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| {
            let shown = code(name, 80, Spot::Cell);
            if shown.is_empty() {
                "a job without a name".to_owned()
            } else {
                shown
            }
        })
        .collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!(
            "{} and {}",
            shown.join(", "),
            count(more as u64, "more job")
        ),
    }
}

/// How many runs are missing before there are verdicts, and where they come from.
fn first_week(merged: &Merged<'_>) -> String {
    let lacking: Vec<&Subject> = merged
        .jobs
        .iter()
        .map(|job| &job.report.subject)
        .filter(|subject| subject.runs_missing > 0)
        .collect();
    let Some(worst) = lacking.iter().max_by_key(|subject| subject.runs_missing) else {
        return String::new();
    };
    let base = prose(&words::base(worst), Spot::Line);
    let who = match (lacking.len(), merged.jobs.len()) {
        (1, 1) => format!("History has {} of this job on {base}", have(worst)),
        (1, _) => format!(
            "History has {} of {} on {base}",
            have(worst),
            code(&worst.run.key.job, 80, Spot::Line)
        ),
        (n, _) => format!(
            "{} have too few runs on {base} in history, the least {}",
            count(n as u64, "job"),
            have(worst)
        ),
    };
    let missing = match worst.runs_missing {
        1 => "1 more is needed".to_owned(),
        n => format!("{} more are needed", grouped(n)),
    };
    format!(
        "**First week:** {who}; {missing} for a first verdict. Each push to {base} records one; \
         `sprag-compare backfill` fetches those of earlier workflow runs at once.\n\n"
    )
}

fn have(subject: &Subject) -> String {
    match subject.baseline_runs {
        0 => "no run".to_owned(),
        n => count(n, "run"),
    }
}

/// What was judged and with what, for a single job; for several the table of jobs says it.
pub(super) fn foot(merged: &Merged<'_>) -> String {
    let [only] = merged.jobs.as_slice() else {
        return several(merged);
    };
    let subject = &only.report.subject;
    format!(
        "Judged {}, against {}. Results: {}.\n",
        linked(&subject.run.url, "this run", &words::judged(subject)),
        prose(&words::baseline(subject), Spot::Line),
        prose(&words::totals(&only.report.totals), Spot::Line)
    )
}

fn several(merged: &Merged<'_>) -> String {
    let Some(newest) = merged.newest() else {
        return "Judged nothing yet.\n".to_owned();
    };
    let mut subject = newest.report.subject.clone();
    subject.run.key.job = String::new();
    format!(
        "Judged {} of {}. Results: {}.\n",
        count(merged.jobs.len() as u64, "job"),
        prose(&words::judged(&subject), Spot::Line),
        prose(&words::totals(&merged.totals()), Spot::Line)
    )
}

/// A text, and a link to where it comes from when there is one.
fn linked(url: &str, label: &str, text: &str) -> String {
    let text = prose(text, Spot::Line);
    match safe_url(url) {
        Some(url) => format!("{text} ([{label}]({url}))"),
        None => text,
    }
}
