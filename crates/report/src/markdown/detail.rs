//! Why: for each cause the messages, the odds and the past runs, folded.

use model::Finding;

use super::Amount;
use super::escape::{Spot, code, fenced, prose};
use super::page::Page;
use super::table::NAME;
use crate::group::rows;
use crate::merged::{Case, Cause, Merged};
use crate::text::{Room, count, line, lines, percent, put};
use crate::words;

/// What is shown of a failure text.
const MESSAGE: Room = Room {
    lines: 12,
    chars: 240,
};
/// Past runs in a row of the grid.
const RUNS: usize = 32;
/// Jobs in a grid.
const JOBS: usize = 8;
/// Other tests of a cause that are named.
const OTHERS: usize = 5;

/// The details of the first causes, as far as there is room.
pub(super) fn details(merged: &Merged<'_>, causes: &[Cause<'_>], amount: Amount, page: &mut Page) {
    let any_past = causes.iter().take(amount.details).any(has_past);
    let mut end = "</details>\n\n".to_owned();
    if any_past {
        end.insert_str(0, &format!("Past runs, {}.\n\n", words::LEGEND));
    }
    let reserve = page.length(&end);
    let open = if amount.unfolded { " open" } else { "" };
    let mut told = 0;
    for cause in causes.iter().take(amount.details) {
        let mut part = detail(merged, told + 1, cause);
        if told == 0 {
            part.insert_str(
                0,
                &format!("<details{open}><summary>Why: messages, odds and past runs</summary>\n\n"),
            );
        }
        if !page.push_if(&part, reserve) {
            break;
        }
        told += 1;
    }
    if told > 0 {
        page.push(&end);
    }
}

/// Whether there are past runs to draw.
fn has_past(cause: &Cause<'_>) -> bool {
    !cause.lead.lead.finding.evidence.grid.is_empty()
}

fn detail(merged: &Merged<'_>, number: usize, cause: &Cause<'_>) -> String {
    let case = cause.lead.lead;
    let finding = case.finding;
    let test = code(&finding.test.to_string(), 300, Spot::Line);
    let mut out = format!("#### {number}. {}: {test}\n\n", finding.verdict.word());
    out.push_str(&fenced(&lines(&words::message(finding), MESSAGE)));
    for (label, text) in points(cause).iter().filter(|(_, text)| !text.is_empty()) {
        put!(
            out,
            "- **{label}:** {}\n",
            prose(&line(text, 400), Spot::Line)
        );
    }
    if !merged.is_alone() {
        for case in cause.lead.cases() {
            put!(out, "- **Job:** {}\n", in_job(&case));
        }
    }
    for other in cause.others.iter().take(OTHERS) {
        let name = code(&other.lead.finding.test.to_string(), NAME, Spot::Line);
        put!(out, "- **Same cause:** {name}\n");
    }
    let more = cause.others.len().saturating_sub(OTHERS);
    if more > 0 {
        put!(
            out,
            "- **Same cause:** {}\n",
            count(more as u64, "more test")
        );
    }
    out.push('\n');
    out.push_str(&fenced(&grid(&case)));
    out
}

/// What a list says of a cause; empty texts are left out.
fn points(cause: &Cause<'_>) -> [(&'static str, String); 9] {
    let case = cause.lead.lead;
    let (report, finding) = (case.job.report, case.finding);
    let evidence = &finding.evidence;
    let shown = 1 + cause.others.len();
    let touched: Vec<&str> = evidence
        .touched
        .iter()
        .take(5)
        .map(String::as_str)
        .collect();
    let past = |run: &Option<model::PastRun>| run.as_ref().map(words::past_run).unwrap_or_default();
    [
        ("Because", evidence.because.clone()),
        ("Odds", words::odds(finding)),
        ("Place", words::place(finding).unwrap_or_default()),
        ("Changed here", touched.join(", ")),
        (
            "Tests",
            words::tests_like_this(report, finding, shown).unwrap_or_default(),
        ),
        ("Attempts", words::attempts(finding).unwrap_or_default()),
        ("Last failure", past(&evidence.last_failure)),
        ("Last pass", past(&evidence.last_pass)),
        ("Would change it", words::would_change(finding)),
    ]
}

/// A job, its verdict and its odds.
fn in_job(case: &Case<'_>) -> String {
    let finding = case.finding;
    let name = code(case.job.name(), 120, Spot::Line);
    format!("{name} {}{}", finding.verdict.word(), odds(finding))
}

fn odds(finding: &Finding) -> String {
    if !words::has_odds(finding.verdict) {
        return String::new();
    }
    let (p, who) = words::leading(finding);
    let text = format!(
        ": {} {who}, from {}",
        percent(p),
        words::sample(&finding.evidence)
    );
    prose(&text, Spot::Line)
}

fn grid(case: &Case<'_>) -> Vec<String> {
    let rows = rows(case.job.report, case.finding, RUNS);
    let row = |(job, cells): &(&str, Vec<&model::GridCell>)| {
        let signs: String = cells.iter().map(|cell| words::cell_sign(cell)).collect();
        format!("{signs:<RUNS$}  {}", line(job, 60))
    };
    rows.iter().take(JOBS).map(row).collect()
}
