//! The report as one page that needs nothing else: no network, no script to be read, light and dark.
//!
//! The page forbids itself everything by a content security policy: only its own style sheet and its own script, by
//! their hashes, may act. A name that got past the escaping would still do nothing.

mod diff;
mod escape;
mod finding;
mod picture;

use model::{Change, Conclusion, Report, Verdict};

use crate::text::{count, grouped, put, seconds};
use crate::words;
use escape::{escaped, link, safe_name, safe_sentence};
use finding::{Show, capital};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// SHA-256 of [`STYLE`] in base64; a test says what it must be.
const STYLE_HASH: &str = "LEh3ybSHcWCFRETA2BWaED80zhtXFMOGOlL1nmn8aAU=";
/// SHA-256 of [`SCRIPT`] in base64.
const SCRIPT_HASH: &str = "c0Qobu+w0GALCQ2x6p+QlSF+OOxSdnkMaKWIVQs46Xk=";

/// Findings with pictures and whole texts; later ones have the facts, so that a page of 10,000 stays quick.
const FULL: usize = 300;
/// Findings that are open at first, if they block.
const OPEN: usize = 2;
/// Changes and problems that are listed, of each kind.
const LISTED: usize = 500;

/// Renders a report as one self-contained HTML page in UTF-8.
///
/// It is readable without JavaScript; with it, failures can be searched and filtered by verdict.
pub fn html(report: &Report) -> String {
    let mut out = String::with_capacity(64 * 1024 + 2 * 1024 * report.findings.len());
    head(report, &mut out);
    answer(report, &mut out);
    out.push_str("<main>\n");
    verdicts(report, &mut out);
    findings(report, &mut out);
    changes(report, &mut out);
    problems(report, &mut out);
    out.push_str("</main>\n");
    put!(
        out,
        "<footer>Probabilities are never certain: each is shown with the runs and the days that it comes from. \
         Judged as of {}. Made by <b>sprag-compare</b>.</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(&crate::text::moment(report.subject.at))
    );
    out
}

fn head(report: &Report, out: &mut String) {
    put!(
        *out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; \
         script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        capital(&report.headline)
    );
    out.push_str(&picture::symbols());
}

/// Sign and class of the conclusion; the words stand beside it.
fn sign(conclusion: Conclusion) -> (&'static str, &'static str) {
    match conclusion {
        Conclusion::Clear => (
            "clear",
            "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0zM6.8 11.6 3.4 8.2l1.3-1.3 2.1 2.1 4.5-4.5 1.3 1.3z",
        ),
        Conclusion::Blocked => (
            "blocked",
            "M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7zM3.5 7v2h9V7z",
        ),
        Conclusion::Undecided => (
            "undecided",
            "M8 .6 16 15H0zM7.1 5.5v5h1.8v-5zm0 6.2v1.7h1.8v-1.7z",
        ),
    }
}

fn answer(report: &Report, out: &mut String) {
    let (class, path) = sign(report.conclusion);
    put!(
        *out,
        "<header>\n<p class=\"answer {class}\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path fill-rule=\"evenodd\" \
         d=\"{path}\"/></svg>{}</p>\n<h1>{}</h1>\n<dl class=\"facts\">",
        escaped(&words::conclusion(report)),
        capital(&report.headline)
    );
    let subject = &report.subject;
    for (label, text) in [
        ("Run", link(&subject.run.url, &words::judged(subject))),
        ("Against", capital(&words::baseline(subject))),
        ("Results", capital(&words::totals(&report.totals))),
    ] {
        put!(*out, "<dt>{label}</dt><dd>{text}</dd>");
    }
    out.push_str("</dl>\n</header>\n");
}

/// The verdicts of this report, with what they mean.
fn verdicts(report: &Report, out: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str(
        "<table class=\"verdicts\"><caption class=\"vh\">Failures by verdict</caption><thead><tr><th scope=\"col\">Verdict</th>\
         <th scope=\"col\" class=\"n\">Failures</th><th scope=\"col\">Blocks</th><th scope=\"col\">Meaning</th></tr></thead><tbody>",
    );
    for verdict in present(report) {
        let word = verdict.word();
        put!(
            *out,
            "<tr><th scope=\"row\"><span class=\"badge {word}\">{word}</span></th><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            grouped(report.counts.get(verdict)),
            words::blocking(report, verdict),
            words::meaning(verdict)
        );
    }
    out.push_str("</tbody></table>\n");
}

fn present(report: &Report) -> impl Iterator<Item = Verdict> {
    let counts = report.counts;
    Verdict::ALL
        .into_iter()
        .filter(move |verdict| counts.get(*verdict) > 0)
}

fn findings(report: &Report, out: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str("<section aria-labelledby=\"failures\"><h2 id=\"failures\">Failures</h2>\n");
    tools(report, out);
    out.push_str("<ol class=\"findings\" id=\"findings\" role=\"list\">\n");
    for (i, finding) in report.findings.iter().enumerate() {
        let show = Show {
            number: i + 1,
            open: i < OPEN && finding.blocks,
            full: i < FULL,
        };
        out.push_str(&finding::item(report, finding, show));
    }
    out.push_str("</ol>\n<p class=\"none\" id=\"none\" hidden>No failure fits. Clear the search or the verdicts above.</p>\n");
    if report.findings.len() > FULL {
        put!(
            *out,
            "<p class=\"note\">Pictures, differences and links are shown for the first {FULL} failures; the JSON report has them for all. \
             Past runs of the others are letters, {}.</p>\n",
            words::LEGEND
        );
    }
    if report
        .findings
        .iter()
        .any(|finding| !finding.evidence.grid.is_empty())
    {
        out.push_str("<h3>Signs of past runs</h3>");
        out.push_str(&picture::legend());
    }
    out.push_str("</section>\n");
}

fn tools(report: &Report, out: &mut String) {
    out.push_str(
        "<div class=\"tools\" role=\"search\"><label class=\"vh\" for=\"search\">Search failures</label>\
         <input id=\"search\" type=\"search\" placeholder=\"Search names and messages ( / )\" autocomplete=\"off\" spellcheck=\"false\">\
         <div class=\"chips\" role=\"group\" aria-label=\"Show only these verdicts\">",
    );
    for verdict in present(report) {
        let word = verdict.word();
        put!(
            *out,
            "<button type=\"button\" data-verdict=\"{word}\" aria-pressed=\"false\">{word} {}</button>",
            grouped(report.counts.get(verdict))
        );
    }
    out.push_str(
        "<button type=\"button\" id=\"fold\" aria-pressed=\"false\">Open all</button></div>\
         <p class=\"shown\" id=\"shown\" role=\"status\" aria-live=\"polite\"></p></div>\n",
    );
}

fn changes(report: &Report, out: &mut String) {
    if report.changes.is_empty() {
        return;
    }
    out.push_str("<section><h2>Besides failures</h2><ul class=\"list\">");
    for change in report.changes.iter().take(LISTED) {
        put!(*out, "<li>{}</li>", changed(change));
    }
    more(report.changes.len(), "change", out);
    out.push_str("</ul></section>\n");
}

fn changed(change: &Change) -> String {
    let times = match (change.base_seconds, change.seconds) {
        (Some(base), Some(now)) => format!(" {}, usually {}.", seconds(now), seconds(base)),
        _ => String::new(),
    };
    format!(
        "<span class=\"badge\">{}</span><span class=\"t name\">{}</span><br>{times} {}",
        change.kind.word(),
        safe_name(&change.test.to_string()),
        capital(&change.because)
    )
}

fn problems(report: &Report, out: &mut String) {
    if report.problems.is_empty() {
        return;
    }
    out.push_str("<section><h2>Problems in the input</h2><ul class=\"list\">");
    for problem in report.problems.iter().take(LISTED) {
        put!(
            *out,
            "<li class=\"name\">{}</li>",
            safe_sentence(&problem.to_string())
        );
    }
    more(report.problems.len(), "problem", out);
    out.push_str("</ul></section>\n");
}

fn more(all: usize, noun: &str, out: &mut String) {
    let more = all.saturating_sub(LISTED);
    if more > 0 {
        put!(
            *out,
            "<li>and {}</li>",
            count(more as u64, &format!("more {noun}"))
        );
    }
}

#[cfg(test)]
mod tests;
