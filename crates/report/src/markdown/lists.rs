//! What is folded beside the failures: the jobs, changes without a failure, problems in the input.

use model::{Change, Verdict};

use super::escape::{Spot, code, prose};
use super::page::Page;
use super::table::NAME;
use crate::merged::{Job, Merged, capital};
use crate::text::{count, grouped, line, put, safe_url, seconds};
use crate::words;

const JOBS_HEAD: &str =
    "| Job | Answer | Failures | Results | Against |\n| --- | --- | --- | --- | --- |\n";

/// Every job with its answer and its sums; nothing for a single one.
pub(super) fn jobs(merged: &Merged<'_>, most: usize, page: &mut Page) {
    if merged.is_alone() || merged.jobs.is_empty() {
        return;
    }
    let all = merged.jobs.len();
    let open = format!(
        "<details><summary>Jobs ({})</summary>\n\n{JOBS_HEAD}",
        count(all as u64, "job")
    );
    let reserve = page.left / 2;
    if !page.push_if(&open, reserve) {
        return;
    }
    let newest = merged
        .newest()
        .map_or("", |job| &job.report.subject.run.commit);
    // A matrix has at most 256 jobs.
    let mut told = 0;
    for job in merged.jobs.iter().take(most.max(256)) {
        if !page.push_if(&job_row(job, newest), reserve) {
            break;
        }
        told += 1;
    }
    if told < all {
        page.push(&format!(
            "\nAnd {}.\n",
            count((all - told) as u64, "more job")
        ));
    }
    page.push("\n</details>\n\n");
}

fn job_row(job: &Job<'_>, newest: &str) -> String {
    let subject = &job.report.subject;
    let mut name = code(job.name(), 120, Spot::Cell);
    if let Some(url) = safe_url(&subject.run.url) {
        put!(name, " [this run]({url})");
    }
    let commit = &subject.run.commit;
    if commit != newest && !commit.is_empty() {
        put!(
            name,
            ", for another commit: {}",
            code(commit, 12, Spot::Cell)
        );
    }
    let cells = [
        name,
        prose(&capital(&job.report.headline), Spot::Cell),
        failures(job),
        prose(&words::totals(&job.report.totals), Spot::Cell),
        prose(&words::against(subject), Spot::Cell),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// `1 caused, 2 flake`.
fn failures(job: &Job<'_>) -> String {
    let counts = &job.report.counts;
    let present = Verdict::ALL
        .into_iter()
        .filter(|verdict| counts.get(*verdict) > 0);
    let parts: Vec<String> = present
        .map(|v| format!("{} {}", grouped(counts.get(v)), v.word()))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Tests that changed without failing.
pub(super) fn changes(merged: &Merged<'_>, most: usize, page: &mut Page) {
    let all = merged
        .jobs
        .iter()
        .flat_map(|job| job.report.changes.iter().map(move |change| (job, change)));
    let left_out: u64 = merged.jobs.iter().map(|job| job.more_changes).sum();
    let all_count = all.clone().count() as u64 + left_out;
    let items = all
        .take(most)
        .map(|(job, change)| changed(change) + &of(merged, job));
    let listed = Listed {
        items: items.collect(),
        all: all_count,
    };
    list("Besides failures", "change", &listed, page);
}

fn changed(change: &Change) -> String {
    let times = match (change.base_seconds, change.seconds) {
        (Some(base), Some(now)) => format!(" ({}, usually {})", seconds(now), seconds(base)),
        _ => String::new(),
    };
    format!(
        "**{}** {}{times}: {}",
        change.kind.word(),
        code(&change.test.to_string(), NAME, Spot::Line),
        prose(&line(&change.because, 300), Spot::Line)
    )
}

/// ` (job)`, where there are several.
fn of(merged: &Merged<'_>, job: &Job<'_>) -> String {
    if merged.is_alone() || job.name().is_empty() {
        return String::new();
    }
    format!(" ({})", code(job.name(), 80, Spot::Line))
}

/// Parts that cannot be read, and what the jobs could not read.
pub(super) fn problems(merged: &Merged<'_>, most: usize, page: &mut Page) {
    let damaged = merged.gaps.damaged.iter().map(|(name, why)| {
        format!(
            "the part of {}: {}",
            code(name, 80, Spot::Line),
            prose(&why.to_string(), Spot::Line)
        )
    });
    let of_jobs = merged.jobs.iter().flat_map(|job| {
        let shown = |problem: &model::Problem| {
            prose(
                &format!("in {}", line(&problem.to_string(), 300)),
                Spot::Line,
            )
        };
        job.report
            .problems
            .iter()
            .map(move |problem| shown(problem) + &of(merged, job))
    });
    let left_out: u64 = merged.jobs.iter().map(|job| job.more_problems).sum();
    let all: Vec<String> = damaged.chain(of_jobs).collect();
    let listed = Listed {
        all: all.len() as u64 + left_out,
        items: all.into_iter().take(most).collect(),
    };
    list("Problems in the input", "problem", &listed, page);
}

/// Points that are listed, and how many there are in all.
struct Listed {
    items: Vec<String>,
    all: u64,
}

/// A folded list; nothing for no points.
fn list(title: &str, noun: &str, list: &Listed, page: &mut Page) {
    let Listed { items, all } = list;
    if *all == 0 {
        return;
    }
    let mut out = format!(
        "<details><summary>{title} ({})</summary>\n\n",
        count(*all, noun)
    );
    for item in items {
        put!(out, "- {item}\n");
    }
    let more = all.saturating_sub(items.len() as u64);
    if more > 0 {
        put!(out, "- and {}\n", count(more, &format!("more {noun}")));
    }
    out.push_str("\n</details>\n\n");
    page.push_if(&out, page.left / 4);
}
