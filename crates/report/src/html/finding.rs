//! One failure on the page: a line that says the verdict and the odds, and what is behind it when opened.

use model::{Finding, PastRun, Report};

use super::diff;
use super::escape::{escaped, link, safe_name, safe_sentence};
use super::picture::{bar, grid_row, in_words, trend};
use crate::group::rows;
use crate::text::{Room, columns, grouped, line, lines, moment, percent, put};
use crate::words;

/// Past runs in a row of the grid.
const RUNS: usize = 32;
/// Jobs in the grid.
const JOBS: usize = 12;

/// How much of a finding the page tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    /// Its number on the page, from 1.
    pub(super) number: usize,
    /// Whether it is open when the page is.
    pub(super) open: bool,
    /// Whether with pictures and the whole text.
    pub(super) full: bool,
}

/// A finding as a list item.
pub(super) fn item(report: &Report, finding: &Finding, show: Show) -> String {
    let open = if show.open { " open" } else { "" };
    let mut out = format!(
        "<li id=\"f{}\" data-v=\"{}\"><details class=\"f\"{open}>{}<div class=\"body\">",
        show.number,
        finding.verdict.word(),
        summary(report, finding, show.full)
    );
    put!(
        out,
        "<p class=\"why\">{}</p>",
        capital(&finding.evidence.because)
    );
    if show.full {
        full(report, finding, &mut out);
    } else {
        short(report, finding, &mut out);
    }
    out.push_str("</div></details></li>\n");
    out
}

/// The first lines of a failure text, where its whole is shown elsewhere or not at all.
fn first(lines: usize) -> Room {
    Room { lines, chars: 200 }
}

fn summary(report: &Report, finding: &Finding, with_bar: bool) -> String {
    let verdict = finding.verdict.word();
    let mut out = format!(
        "<summary><span><span class=\"badge {verdict}\">{verdict}</span><span class=\"state\">{}</span></span><span>{}",
        words::blocks(finding),
        test_name(finding)
    );
    if let Some(first) = lines(&words::message(finding), first(1)).first() {
        put!(out, "<span class=\"first\">{}</span>", escaped(first));
    }
    put!(
        out,
        "</span><span class=\"lead\">{}</span></summary>",
        lead(report, finding, with_bar)
    );
    out
}

fn test_name(finding: &Finding) -> String {
    let test = &finding.test;
    let mut scope = line(&test.suite, 200);
    if let Some(class) = test.class.as_deref().filter(|class| !class.is_empty()) {
        let class = line(class, 200);
        scope = if scope.is_empty() || class.starts_with(&scope) {
            class
        } else {
            format!("{scope} › {class}")
        };
    }
    let mut out = String::new();
    if !scope.is_empty() {
        put!(out, "<span class=\"scope name\">{}</span>", escaped(&scope));
    }
    put!(
        out,
        "<span class=\"t name\">{}</span>",
        safe_name(&test.name)
    );
    out
}

/// The odds in short, with their n and window.
fn lead(report: &Report, finding: &Finding, with_bar: bool) -> String {
    let sample = words::sample(&finding.evidence);
    let mut out = if words::has_odds(finding.verdict) {
        let odds = [
            (finding.p_caused, "pr"),
            (finding.p_broken_base, "base"),
            (finding.p_flake, "self"),
        ];
        let (p, who) = words::leading(finding);
        let bar = if with_bar {
            bar(&odds, &words::odds(finding))
        } else {
            String::new()
        };
        format!(
            "<b>{}</b> {who}{bar}<small>from {sample}</small>",
            escaped(&percent(p))
        )
    } else {
        format!("no odds<small>{sample}</small>")
    };
    let tests = report
        .clusters
        .get(finding.cluster)
        .map_or(1, |cluster| cluster.tests);
    if tests > 1 {
        put!(
            out,
            "<small>cause {}, shared by {} tests</small>",
            finding.cluster + 1,
            grouped(tests)
        );
    }
    out
}

fn full(report: &Report, finding: &Finding, out: &mut String) {
    out.push_str("<div class=\"cols\">");
    if words::has_odds(finding.verdict) {
        put!(*out, "<div>{}</div>", odds(finding));
    }
    put!(*out, "<div>{}</div></div>", facts(finding));
    said(finding, out);
    past_runs(report, finding, out);
    if let Some(trend) = trend(&finding.evidence.durations_ms) {
        put!(
            *out,
            "<div class=\"block\"><h3>How long it took on the base, oldest run first</h3>{trend}</div>"
        );
    }
}

/// The facts in few elements, for a page of very many failures.
fn short(report: &Report, finding: &Finding, out: &mut String) {
    put!(
        *out,
        "<p>What to do: <b class=\"do\">{}</b>. History: {}.</p>",
        safe_sentence(&words::action(finding)),
        safe_sentence(&words::history(&finding.evidence))
    );
    out.push_str(&diff::plain(
        &lines(&words::message(finding), first(3)).join("\n"),
    ));
    let rows = rows(report, finding, RUNS);
    if !rows.is_empty() {
        out.push_str("<pre aria-label=\"Past runs by job\">");
        for (job, cells) in rows.iter().take(JOBS) {
            let signs: String = cells.iter().map(|cell| words::cell_sign(cell)).collect();
            put!(*out, "{signs}  {}\n", safe_name(job));
        }
        out.push_str("</pre>");
    }
}

fn odds(finding: &Finding) -> String {
    let mut out = String::from("<h3>Who broke it</h3><table class=\"odds\"><tbody>");
    for (label, p, class) in [
        ("This PR", finding.p_caused, "pr"),
        ("A broken base", finding.p_broken_base, "base"),
        ("It fails by itself", finding.p_flake, "self"),
    ] {
        let shown = percent(p);
        put!(
            out,
            "<tr><th scope=\"row\">{label}</th><td>{}</td><td class=\"n\">{}</td></tr>",
            bar(&[(p, class)], &shown),
            escaped(&shown)
        );
    }
    put!(
        out,
        "</tbody><caption>From {}. One rerun on this commit passes with {}.</caption></table>",
        words::sample(&finding.evidence),
        escaped(&percent(finding.p_retest_passes))
    );
    out
}

fn facts(finding: &Finding) -> String {
    let evidence = &finding.evidence;
    let mut rows: Vec<(&str, String)> = vec![
        (
            "What to do",
            format!(
                "<span class=\"do\">{}</span>",
                capital(&words::action(finding))
            ),
        ),
        ("History", capital(&words::history(evidence))),
    ];
    rows.extend(past_run("Last failure", evidence.last_failure.as_ref()));
    rows.extend(past_run("Last pass", evidence.last_pass.as_ref()));
    rows.extend(words::other_prs(evidence).map(|prs| ("Fails elsewhere", escaped(&prs))));
    rows.extend(touched(&evidence.touched).map(|files| ("Changed here", files)));
    rows.extend(words::attempts(finding).map(|attempts| ("This run", escaped(&attempts))));
    rows.extend(words::place(finding).map(|place| ("Place", escaped(&place))));
    if !evidence.would_change.is_empty() {
        rows.push(("Would change it", capital(&words::would_change(finding))));
    }
    let mut out = String::from("<dl class=\"ev\">");
    for (label, text) in rows {
        put!(out, "<dt>{label}</dt><dd>{text}</dd>");
    }
    out.push_str("</dl>");
    out
}

fn past_run(label: &'static str, run: Option<&PastRun>) -> Option<(&'static str, String)> {
    run.map(|run| (label, link(&run.url, &words::past_run(run))))
}

fn touched(files: &[String]) -> Option<String> {
    let shown: Vec<String> = files.iter().take(5).map(|file| safe_name(file)).collect();
    match (shown.len(), files.len() - shown.len()) {
        (0, _) => None,
        (_, 0) => Some(shown.join(", ")),
        (_, more) => Some(format!("{} and {more} more", shown.join(", "))),
    }
}

fn said(finding: &Finding, out: &mut String) {
    let message = diff::message(finding);
    let stack = finding
        .failure
        .as_ref()
        .map_or("", |failure| &failure.stack);
    if message.is_empty() && stack.is_empty() {
        return;
    }
    put!(*out, "<div class=\"block\"><h3>What it said</h3>{message}");
    if !stack.trim().is_empty() {
        put!(
            *out,
            "<details><summary>Stack trace</summary>{}</details>",
            diff::plain(stack)
        );
    }
    out.push_str("</div>");
}

fn past_runs(report: &Report, finding: &Finding, out: &mut String) {
    let rows = rows(report, finding, RUNS);
    let times = || {
        rows.iter()
            .flat_map(|(_, cells)| cells.iter().map(|cell| cell.at))
    };
    let (Some(oldest), Some(newest)) = (times().min(), times().max()) else {
        return;
    };
    out.push_str("<div class=\"block\"><h3>Past runs on the base by job, oldest first</h3>");
    out.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Past runs by job\"><table class=\"runs\"><tbody>");
    for (job, cells) in rows.iter().take(JOBS) {
        let job = line(job, 60);
        let title = if columns(&job) > 30 {
            format!(" title=\"{}\"", escaped(&job))
        } else {
            String::new()
        };
        put!(
            *out,
            "<tr><th scope=\"row\" class=\"name\"{title}>{}</th><td>{}</td><td>{}</td></tr>",
            escaped(&job),
            grid_row(cells),
            in_words(cells)
        );
    }
    let more = rows.len().saturating_sub(JOBS);
    let more = if more > 0 {
        format!("; {more} more jobs are not shown")
    } else {
        String::new()
    };
    put!(
        *out,
        "</tbody><caption>From {} to {}{more}</caption></table></div></div>",
        moment(oldest),
        moment(newest)
    );
}

/// A sentence with a capital letter, visible and escaped.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.trim().chars();
    match chars.next() {
        Some(first) => safe_sentence(&first.to_uppercase().chain(chars).collect::<String>()),
        None => String::new(),
    }
}
