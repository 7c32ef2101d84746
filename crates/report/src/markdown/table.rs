//! The table of failing tests, one row a cause.

use model::{Counts, Finding, PastRun, Verdict};

use super::escape::{Spot, code, prose};
use super::head::named;
use super::page::Page;
use crate::merged::{Case, Cause, Merged, Row};
use crate::part::left_out;
use crate::text::{count, grouped, percent, safe_url};
use crate::words;

/// Characters of a name in the table.
pub(super) const NAME: usize = 120;

const HEAD: &str = "| Test | Verdict | Odds | History | Same failure elsewhere | Look at | What to do |\n| --- | --- | --- | --- | --- | --- | --- |\n";

/// The table, what is not in it, and what its verdicts mean.
pub(super) fn table(merged: &Merged<'_>, causes: &[Cause<'_>], rows: usize, page: &mut Page) {
    if merged.failures() == 0 {
        return;
    }
    if causes.is_empty() {
        page.push(&untold(merged, causes));
        return;
    }
    page.push(HEAD);
    // Details, changes and problems want a part of the page too.
    let reserve = page.left / 3;
    let mut told = 0;
    for cause in causes.iter().take(rows) {
        if !page.push_if(&row(merged, cause), reserve) {
            break;
        }
        told += 1;
    }
    page.push("\n");
    page.push(&untold(merged, causes.get(told..).unwrap_or_default()));
    page.push(&meanings(&merged.counts()));
}

fn row(merged: &Merged<'_>, cause: &Cause<'_>) -> String {
    let case = cause.lead.lead;
    let finding = case.finding;
    let evidence = &finding.evidence;
    let verdict = format!("**{}**, {}", finding.verdict.word(), words::blocks(finding));
    let cells = [
        test(merged, cause),
        verdict,
        odds(finding),
        words::history(evidence),
        words::other_prs(evidence).unwrap_or_else(|| "none seen".to_owned()),
        links(&case),
        prose(&words::action(finding), Spot::Cell),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The test, the jobs where it fails when there are several jobs, and how many tests fail from the same cause.
fn test(merged: &Merged<'_>, cause: &Cause<'_>) -> String {
    let mut out = code(&cause.lead.lead.finding.test.to_string(), NAME, Spot::Cell);
    if !merged.is_alone() {
        out = format!("{out} in {}", named(&jobs(&cause.lead)));
    }
    match cause.others.len() {
        0 => out,
        n => format!(
            "{out} and {} with the same cause",
            count(n as u64, "more test")
        ),
    }
}

/// The jobs where a test fails, the worst verdict first.
fn jobs<'a>(row: &Row<'a>) -> Vec<&'a str> {
    row.cases().map(|case| case.job.name()).collect()
}

fn odds(finding: &Finding) -> String {
    if !words::has_odds(finding.verdict) {
        return "none".to_owned();
    }
    let (p, who) = words::leading(finding);
    let sample = words::sample(&finding.evidence);
    prose(&format!("{} {who} (from {sample})", percent(p)), Spot::Cell)
}

fn links(case: &Case<'_>) -> String {
    let evidence = &case.finding.evidence;
    let url = |run: Option<&PastRun>| run.map_or(String::new(), |run| run.url.clone());
    let all = [
        ("this run", case.job.report.subject.run.url.clone()),
        ("last failure", url(evidence.last_failure.as_ref())),
        ("last pass", url(evidence.last_pass.as_ref())),
    ];
    let shown = all
        .iter()
        .filter_map(|(label, url)| Some(format!("[{label}]({})", safe_url(url)?)));
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        "no link".to_owned()
    } else {
        shown.join(", ")
    }
}

/// How many failures are not in the table, by verdict.
fn untold(merged: &Merged<'_>, causes: &[Cause<'_>]) -> String {
    let mut counts = Counts::default();
    for job in &merged.jobs {
        for verdict in Verdict::ALL {
            counts.add(verdict, left_out(job.report, verdict));
        }
    }
    for cause in causes {
        counts.add(
            cause.lead.lead.finding.verdict,
            1 + cause.others.len() as u64,
        );
    }
    let parts = Verdict::ALL
        .into_iter()
        .filter(|verdict| counts.get(*verdict) > 0);
    let parts: Vec<String> = parts
        .map(|v| format!("{} {}", grouped(counts.get(v)), v.word()))
        .collect();
    if parts.is_empty() {
        return String::new();
    }
    let twice = if merged.has_left_out() && merged.jobs.len() > 1 {
        " Where so many fail, a test counts once a job."
    } else {
        ""
    };
    format!(
        "And {} not in this table: {}.{twice}\n\n",
        count(counts.all(), "failure"),
        parts.join(", ")
    )
}

/// What the verdicts in the table mean.
fn meanings(counts: &Counts) -> String {
    let present = Verdict::ALL
        .into_iter()
        .filter(|verdict| counts.get(*verdict) > 0);
    let parts: Vec<String> = present
        .map(|v| format!("**{}**: {}", v.word(), words::meaning(v)))
        .collect();
    format!("{}.\n\n", parts.join(" · "))
}
