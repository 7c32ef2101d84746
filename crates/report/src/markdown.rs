//! The report as Markdown for a comment or a job summary: the answer, a table, and the details folded.
//!
//! Everything that does not fit is summed up in a sentence; a table or a code block is never cut.

mod escape;

use model::{Change, Finding, PastRun, Report, Verdict};

use crate::group::{Group, groups, rows};
use crate::text::{Room, count, grouped, line, lines, percent, put, safe_url, seconds};
use crate::words;
use escape::{Spot, code, longest_run, prose};

/// How a comment is made.
#[derive(Clone, Debug)]
pub struct MarkdownOptions {
    /// The key of the hidden marker by which the comment is found again: see [`marker`].
    pub key: String,
    /// The most characters, counted in UTF-16 as GitHub's limits are at the strictest.
    pub limit: usize,
    /// Where the whole report is; empty when nowhere.
    pub full_report: String,
}

impl Default for MarkdownOptions {
    /// A comment of `sprag-compare` within GitHub's 65,536 characters.
    fn default() -> Self {
        Self {
            key: "sprag-compare".to_owned(),
            limit: 65_536,
            full_report: String::new(),
        }
    }
}

/// Rows of the table; more are not read.
const ROWS: usize = 100;
/// Causes with details.
const DETAILS: usize = 40;
/// Changes and problems that are listed, of each kind.
const MOST_LISTED: usize = 15;
/// Characters of a name in the table.
const NAME: usize = 140;
/// What is shown of a failure text.
const MESSAGE: Room = Room {
    lines: 12,
    chars: 240,
};
/// Past runs in a row of the grid.
const RUNS: usize = 32;
/// Jobs in a grid.
const JOBS: usize = 8;

/// The hidden first line of a comment. Characters of `key` other than ASCII letters, digits, `.`, `_` and `/` become `-`.
///
/// A comment is ours when it *starts* with this line: inside a comment the same text may be the name of a test.
pub fn marker(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/".contains(c);
    let parts: Vec<&str> = key
        .split(|c| !plain(c))
        .filter(|part| !part.is_empty())
        .collect();
    format!("<!-- {} -->", parts.join("-"))
}

/// Renders a report as Markdown of at most `options.limit` characters (the head and the sums, some 3,000, are always there).
pub fn markdown(report: &Report, options: &MarkdownOptions) -> String {
    let foot = foot(report, options);
    let mut page = Page::new(options.limit.saturating_sub(units(&foot)));
    page.push(&head(report, options));
    let groups = groups(report);
    table(report, &groups, &mut page);
    changes(report, &mut page);
    problems(report, &mut page);
    details(report, &groups, &mut page);
    page.out.push_str(&foot);
    page.out
}

/// Text that grows up to a limit.
#[derive(Debug)]
struct Page {
    out: String,
    left: usize,
}

impl Page {
    fn new(limit: usize) -> Self {
        Self {
            out: String::new(),
            left: limit,
        }
    }

    /// Appends a part that has to be there.
    fn push(&mut self, part: &str) {
        self.left = self.left.saturating_sub(units(part));
        self.out.push_str(part);
    }

    /// Appends a part if it leaves `reserve` characters; says whether it did.
    fn push_if(&mut self, part: &str, reserve: usize) -> bool {
        let fits = units(part) + reserve <= self.left;
        if fits {
            self.push(part);
        }
        fits
    }
}

/// Characters as the strictest counter has them.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn head(report: &Report, options: &MarkdownOptions) -> String {
    let mut out = format!(
        "{}\n### {}\n\n",
        marker(&options.key),
        capital(&prose(&report.headline, Spot::Line))
    );
    put!(out, "{}", prose(&words::conclusion(report), Spot::Line));
    if report.subject.runs_missing > 0 {
        let missing = count(report.subject.runs_missing, "more recorded run");
        put!(out, " First verdicts need {missing} of the base.");
    }
    out.push_str("\n\n");
    out
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

fn foot(report: &Report, options: &MarkdownOptions) -> String {
    let subject = &report.subject;
    let mut out = format!(
        "Judged {}, against {}. Results: {}.",
        linked(&subject.run.url, "this run", &words::judged(subject)),
        prose(&words::baseline(subject), Spot::Line),
        prose(&words::totals(&report.totals), Spot::Line)
    );
    if let Some(url) = safe_url(&options.full_report) {
        put!(out, " [Full report]({url})");
    }
    out.push('\n');
    out
}

/// A text, and a link to where it comes from when there is one.
fn linked(url: &str, label: &str, text: &str) -> String {
    let text = prose(text, Spot::Line);
    match safe_url(url) {
        Some(url) => format!("{text} ([{label}]({url}))"),
        None => text,
    }
}

fn table(report: &Report, groups: &[Group<'_>], page: &mut Page) {
    if groups.is_empty() {
        return;
    }
    page.push("| Test | Verdict | Odds | History | Same failure elsewhere | Look at | What to do |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    // Details, changes and problems want a part of the page too.
    let reserve = page.left / 3;
    let mut told = 0;
    for group in groups.iter().take(ROWS) {
        if !page.push_if(&row(report, group), reserve) {
            break;
        }
        told += 1;
    }
    page.push("\n");
    page.push(&untold(groups.get(told..).unwrap_or_default()));
    page.push(&meanings(report));
}

fn row(report: &Report, group: &Group<'_>) -> String {
    let finding = group.lead;
    let evidence = &finding.evidence;
    let more = match group.others.len() {
        0 => String::new(),
        n => format!(" and {} with the same cause", count(n as u64, "more test")),
    };
    let verdict = format!("**{}**, {}", finding.verdict.word(), words::blocks(finding));
    let cells = [
        format!(
            "{}{more}",
            code(&finding.test.to_string(), NAME, Spot::Cell)
        ),
        verdict,
        odds(finding),
        words::history(evidence),
        words::other_prs(evidence).unwrap_or_else(|| "none seen".to_owned()),
        links(report, finding),
        prose(&words::action(finding), Spot::Cell),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn odds(finding: &Finding) -> String {
    if !words::has_odds(finding.verdict) {
        return "none".to_owned();
    }
    let (p, who) = words::leading(finding);
    let text = format!(
        "{} {who}, from {}",
        percent(p),
        words::sample(&finding.evidence)
    );
    prose(&text, Spot::Cell)
}

fn links(report: &Report, finding: &Finding) -> String {
    let evidence = &finding.evidence;
    let url = |run: Option<&PastRun>| run.map_or(String::new(), |run| run.url.clone());
    let all = [
        ("this run", report.subject.run.url.clone()),
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
fn untold(groups: &[Group<'_>]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let of_verdict = groups.iter().filter(|group| group.lead.verdict == verdict);
        match of_verdict
            .map(|group| 1 + group.others.len() as u64)
            .sum::<u64>()
        {
            0 => {}
            n => parts.push(format!("{} {}", grouped(n), verdict.word())),
        }
    }
    let all: u64 = groups
        .iter()
        .map(|group| 1 + group.others.len() as u64)
        .sum();
    format!(
        "And {} of {} not in this table: {}.\n\n",
        count(all, "failure"),
        count(groups.len() as u64, "cause"),
        parts.join(", ")
    )
}

/// What the verdicts in the table mean.
fn meanings(report: &Report) -> String {
    let present = Verdict::ALL
        .into_iter()
        .filter(|verdict| report.counts.get(*verdict) > 0);
    let parts: Vec<String> = present
        .map(|v| format!("**{}**: {}", v.word(), words::meaning(v)))
        .collect();
    format!("{}.\n\n", parts.join(" · "))
}

fn changes(report: &Report, page: &mut Page) {
    let items = report.changes.iter().take(MOST_LISTED).map(changed);
    let listed = Listed {
        items: items.collect(),
        all: report.changes.len(),
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

fn problems(report: &Report, page: &mut Page) {
    let shown = report.problems.iter().take(MOST_LISTED);
    let items = shown.map(|problem| {
        prose(
            &format!("in {}", line(&problem.to_string(), 300)),
            Spot::Line,
        )
    });
    let listed = Listed {
        items: items.collect(),
        all: report.problems.len(),
    };
    list("Problems in the input", "problem", &listed, page);
}

/// Points that are listed, and how many there are in all.
struct Listed {
    items: Vec<String>,
    all: usize,
}

/// A folded list; nothing for no points.
fn list(title: &str, noun: &str, list: &Listed, page: &mut Page) {
    let Listed { items, all } = list;
    if items.is_empty() {
        return;
    }
    let mut out = format!(
        "<details><summary>{title} ({})</summary>\n\n",
        count(*all as u64, noun)
    );
    for item in items {
        put!(out, "- {item}\n");
    }
    if *all > items.len() {
        put!(
            out,
            "- and {}\n",
            count((all - items.len()) as u64, &format!("more {noun}"))
        );
    }
    out.push_str("\n</details>\n\n");
    page.push_if(&out, page.left / 4);
}

fn details(report: &Report, groups: &[Group<'_>], page: &mut Page) {
    const END: &str = "</details>\n\n";
    let legend = format!("Past runs, {}.\n\n", words::LEGEND);
    let reserve = units(END) + units(&legend);
    let mut opened = false;
    for (i, group) in groups.iter().take(DETAILS).enumerate() {
        let mut part = detail(report, i + 1, group);
        if !opened {
            part.insert_str(
                0,
                "<details><summary>Why: messages, odds and past runs</summary>\n\n",
            );
        }
        if !page.push_if(&part, reserve) {
            break;
        }
        opened = true;
    }
    if opened {
        page.push(&legend);
        page.push(END);
    }
}

fn detail(report: &Report, number: usize, group: &Group<'_>) -> String {
    let finding = group.lead;
    let evidence = &finding.evidence;
    let test = code(&finding.test.to_string(), 300, Spot::Line);
    let mut out = format!("#### {number}. {}: {test}\n\n", finding.verdict.word());
    out.push_str(&block(&lines(&words::message(finding), MESSAGE)));
    let points = [
        ("Because", evidence.because.clone()),
        ("Odds", words::odds(finding)),
        ("Place", words::place(finding).unwrap_or_default()),
        (
            "Changed here",
            evidence
                .touched
                .iter()
                .take(5)
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "Tests",
            words::tests_like_this(report, finding, 1 + group.others.len()).unwrap_or_default(),
        ),
        ("Attempts", words::attempts(finding).unwrap_or_default()),
        (
            "Last failure",
            evidence
                .last_failure
                .as_ref()
                .map(words::past_run)
                .unwrap_or_default(),
        ),
        (
            "Last pass",
            evidence
                .last_pass
                .as_ref()
                .map(words::past_run)
                .unwrap_or_default(),
        ),
        ("Would change it", evidence.would_change.clone()),
    ];
    for (label, text) in points.iter().filter(|(_, text)| !text.is_empty()) {
        put!(
            out,
            "- **{label}:** {}\n",
            prose(&line(text, 400), Spot::Line)
        );
    }
    for other in group.others.iter().take(5) {
        put!(
            out,
            "- **Same cause:** {}\n",
            code(&other.test.to_string(), NAME, Spot::Line)
        );
    }
    out.push('\n');
    out.push_str(&block(&grid(report, finding)));
    out
}

fn grid(report: &Report, finding: &Finding) -> Vec<String> {
    let rows = rows(report, finding, RUNS);
    let row = |(job, cells): &(&str, Vec<&model::GridCell>)| {
        let signs: String = cells.iter().map(|cell| words::cell_sign(cell)).collect();
        format!("{signs:<RUNS$}  {}", line(job, 60))
    };
    rows.iter().take(JOBS).map(row).collect()
}

/// A code block, with more backticks around it than in it; nothing for no lines.
fn block(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let text = lines.join("\n");
    let fence = "`".repeat(3.max(longest_run(&text) + 1));
    format!("{fence}text\n{text}\n{fence}\n\n")
}

#[cfg(test)]
mod tests;
