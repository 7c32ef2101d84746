//! The report as text for a terminal or a log: the answer first, then each failure with its reasons.

mod canvas;

use model::{Change, Conclusion, Finding, PastRun, Report, Verdict};

use crate::group::{Group, groups, rows};
use crate::text::{Room, columns, count, grouped, line, lines, name, percent, safe_url, seconds};
use crate::words;
use canvas::{Canvas, Tone};

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to use ANSI colours. Nothing is said by colour alone.
    pub color: bool,
    /// Columns of the terminal; taken as at least 40 and at most 120, since longer lines are hard to read.
    pub width: usize,
}

/// Causes told in full; a log of more is not read.
const FULL: usize = 20;
/// Causes told in one line after those.
const SHORT: usize = 80;
/// Tests of one cause that are named.
const NAMED: usize = 10;
/// Changes and problems that are listed, of each kind.
const LISTED: usize = 20;
/// Lines and characters of a failure text.
const MESSAGE: Room = Room {
    lines: 6,
    chars: 300,
};
/// Past runs in a row of the grid.
const RUNS: usize = 32;
/// Jobs in a grid.
const JOBS: usize = 8;

/// Renders a report as text. The first line is the answer; the text ends with a line break.
pub fn terminal(report: &Report, style: &Style) -> String {
    let mut canvas = Canvas::new(style);
    head(report, &mut canvas);
    verdicts(report, &mut canvas);
    findings(report, &mut canvas);
    changes(report, &mut canvas);
    problems(report, &mut canvas);
    canvas.finish()
}

fn head(report: &Report, canvas: &mut Canvas) {
    canvas.title(
        &sentence(&line(&report.headline, 1000)),
        tone_of(report.conclusion),
    );
    canvas.prose(&words::conclusion(report));
    canvas.gap();
    let subject = &report.subject;
    canvas.field(0, "run", &words::judged(subject));
    if let Some(url) = safe_url(&subject.run.url) {
        canvas.field(0, "", url);
    }
    canvas.field(0, "against", &words::baseline(subject));
    canvas.field(0, "results", &words::totals(&report.totals));
}

fn tone_of(conclusion: Conclusion) -> Tone {
    match conclusion {
        Conclusion::Clear => Tone::Good,
        Conclusion::Blocked => Tone::Bad,
        Conclusion::Undecided => Tone::Unsure,
    }
}

fn tone_of_verdict(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Caused | Verdict::NewTest | Verdict::Outage => Tone::Bad,
        Verdict::Suspect | Verdict::NoBaseline => Tone::Unsure,
        Verdict::BrokenBase | Verdict::Elsewhere | Verdict::Flake => Tone::Calm,
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// What each verdict of this report means, and how many failures have it.
fn verdicts(report: &Report, canvas: &mut Canvas) {
    if report.findings.is_empty() {
        return;
    }
    canvas.gap();
    canvas.faint("verdict       failures  blocks  meaning");
    for verdict in Verdict::ALL {
        let n = report.counts.get(verdict);
        if n > 0 {
            let cells = format!(
                "{:>10}  {:<6}  ",
                grouped(n),
                words::blocking(report, verdict)
            );
            let word = format!("{:<12}", verdict.word());
            canvas.row(
                &word,
                tone_of_verdict(verdict),
                &cells,
                words::meaning(verdict),
            );
        }
    }
}

fn findings(report: &Report, canvas: &mut Canvas) {
    let groups = groups(report);
    for (i, group) in groups.iter().take(FULL).enumerate() {
        in_full(report, i + 1, group, canvas);
    }
    if groups
        .iter()
        .any(|group| !group.lead.evidence.grid.is_empty())
    {
        canvas.gap();
        canvas.faint(&format!("Past runs, {}.", words::LEGEND));
    }
    let short = groups.iter().enumerate().skip(FULL);
    canvas.gap();
    for (i, group) in short.take(SHORT) {
        canvas.item(&format!("{}. {}", i + 1, in_short(group)));
    }
    let shown = groups.iter().take(FULL + SHORT);
    let told: usize = shown.map(|group| 1 + group.others.len()).sum();
    let untold = report.findings.len() - told;
    if untold > 0 {
        canvas.gap();
        canvas.prose(&format!(
            "{} more failures are not listed here: see the JSON or HTML report.",
            grouped(untold as u64)
        ));
    }
}

fn in_full(report: &Report, number: usize, group: &Group<'_>, canvas: &mut Canvas) {
    let finding = group.lead;
    let evidence = &finding.evidence;
    canvas.gap();
    let verdict = format!(
        "{number}. {} ({}): ",
        finding.verdict.word(),
        words::blocks(finding)
    );
    canvas.heading(
        &verdict,
        tone_of_verdict(finding.verdict),
        &name(&finding.test.to_string()),
    );
    for text in lines(&words::message(finding), MESSAGE) {
        canvas.field(3, "said", &text);
    }
    canvas.field_if(3, "at", words::place(finding));
    let shown = 1 + group.others.len();
    canvas.field_if(3, "tests", words::tests_like_this(report, finding, shown));
    canvas.field_if(3, "attempts", words::attempts(finding));
    canvas.field(3, "odds", &words::odds(finding));
    canvas.field(3, "because", &line(&evidence.because, 600));
    grid(report, finding, canvas);
    past("last fail", evidence.last_failure.as_ref(), canvas);
    past("last pass", evidence.last_pass.as_ref(), canvas);
    canvas.field_if(3, "elsewhere", words::other_prs(evidence));
    canvas.field(3, "would change", &line(&words::would_change(finding), 600));
    canvas.field(3, "to do", &words::action(finding));
    same_cause(group, canvas);
}

fn grid(report: &Report, finding: &Finding, canvas: &mut Canvas) {
    let rows = rows(report, finding, RUNS);
    let names: Vec<String> = rows
        .iter()
        .take(JOBS)
        .map(|(job, _)| line(job, 32))
        .collect();
    let width = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    for (name, (_, cells)) in names.iter().zip(&rows) {
        let signs: String = cells.iter().map(|cell| words::cell_sign(cell)).collect();
        let pad = " ".repeat(width - columns(name));
        canvas.field(3, "past runs", &format!("{name}{pad} {signs}"));
    }
    let more = rows.len().saturating_sub(JOBS);
    if more > 0 {
        let more = count(more as u64, "more job");
        canvas.field(3, "past runs", &format!("and {more}"));
    }
}

fn past(label: &str, run: Option<&PastRun>, canvas: &mut Canvas) {
    let Some(run) = run else { return };
    canvas.field(3, label, &words::past_run(run));
    if let Some(url) = safe_url(&run.url) {
        canvas.field(3, "", url);
    }
}

fn same_cause(group: &Group<'_>, canvas: &mut Canvas) {
    for other in group.others.iter().take(NAMED) {
        canvas.field(3, "same cause", &named(other));
    }
    let more = group.others.len().saturating_sub(NAMED);
    if more > 0 {
        canvas.field(
            3,
            "same cause",
            &format!("and {} more tests", grouped(more as u64)),
        );
    }
}

/// A finding in a few words: its name, and its odds with their n.
fn named(finding: &Finding) -> String {
    let name = name(&finding.test.to_string());
    if !words::has_odds(finding.verdict) {
        return name;
    }
    let sample = words::sample(&finding.evidence);
    format!(
        "{name} ({} this PR, from {sample})",
        percent(finding.p_caused)
    )
}

fn in_short(group: &Group<'_>) -> String {
    let finding = group.lead;
    let more = match group.others.len() {
        0 => String::new(),
        n => format!(", and {} with the same cause", grouped(n as u64)),
    };
    let blocks = words::blocks(finding);
    format!(
        "{} ({blocks}): {}{more}",
        finding.verdict.word(),
        named(finding)
    )
}

fn changes(report: &Report, canvas: &mut Canvas) {
    if report.changes.is_empty() {
        return;
    }
    canvas.gap();
    canvas.faint("Besides failures");
    for change in report.changes.iter().take(LISTED) {
        canvas.item(&changed(change));
    }
    canvas.more(report.changes.len().saturating_sub(LISTED), "change");
}

fn changed(change: &Change) -> String {
    let times = match (change.base_seconds, change.seconds) {
        (Some(base), Some(now)) => format!(" ({}, usually {})", seconds(now), seconds(base)),
        _ => String::new(),
    };
    let name = name(&change.test.to_string());
    format!(
        "{}: {name}{times}: {}",
        change.kind.word(),
        line(&change.because, 600)
    )
}

fn problems(report: &Report, canvas: &mut Canvas) {
    if report.problems.is_empty() {
        return;
    }
    canvas.gap();
    canvas.faint("Problems in the input");
    for problem in report.problems.iter().take(LISTED) {
        canvas.item(&line(&problem.to_string(), 600));
    }
    canvas.more(report.problems.len().saturating_sub(LISTED), "problem");
}

#[cfg(test)]
mod tests;
