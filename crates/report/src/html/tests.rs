use sha2::{Digest as _, Sha256};

use super::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH, html};
use model::{Failure, Report, TestName};

use crate::fixture;

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let n = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for i in 0..4 {
            let digit = DIGITS[(n >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

#[test]
fn the_policy_names_the_hashes_of_style_and_script() {
    let hash = |text: &str| base64(&Sha256::digest(text.replace("\r\n", "\n")));
    assert_eq!(STYLE_HASH, hash(STYLE), "the hash of the style sheet");
    assert_eq!(SCRIPT_HASH, hash(SCRIPT), "the hash of the script");
}

/// The names of all elements, in order: a text that got through as markup would add one.
fn elements(page: &str) -> Vec<&str> {
    let name = |part: &'_ str| part.find([' ', '>', '\n']).unwrap_or(part.len());
    page.split('<')
        .skip(1)
        .map(|part| part.split_at(name(part)).0)
        .collect()
}

fn saying(text: &str) -> Report {
    let failure = Failure {
        kind: Some(text.to_owned()),
        stack: text.to_owned(),
        file: Some(text.to_owned()),
        ..Failure::of(text)
    };
    let mut finding = fixture::saying(fixture::suspect(), failure);
    finding.test = TestName::new(text, Some(text), text);
    let evidence = &mut finding.evidence;
    for place in [&mut evidence.because, &mut evidence.would_change] {
        text.clone_into(place);
    }
    evidence.base_message.clear();
    evidence.touched = vec![text.to_owned()];
    evidence.last_failure = Some(fixture::past(text, 1.0, None));
    for cell in &mut evidence.grid {
        text.clone_into(&mut cell.job);
    }
    let mut report = fixture::with(vec![finding]);
    report.changes = fixture::mixed().changes;
    report.problems = fixture::mixed().problems;
    let change = &mut report.changes[0];
    change.test = TestName::new(text, None, text);
    for place in [
        &mut change.because,
        &mut report.problems[0].what,
        &mut report.headline,
        &mut report.subject.base,
        &mut report.subject.run.key.job,
        &mut report.subject.merge_base,
    ] {
        text.clone_into(place);
    }
    report.subject.run.url = format!("javascript:{text}");
    report
}

#[test]
fn hostile_text_adds_no_element_and_no_link() {
    let hostile = "\"'><script>alert(1)</script></style></title><img src=x onerror=y>\u{202e}";
    let page = html(&saying(hostile));
    let plain = html(&saying("word"));
    let links = |page: &str| page.matches("<a href").count();
    // A past run named `word` has a link, one named by markup has no address that can be trusted.
    let without_links = |page: &str| -> Vec<String> {
        let all = elements(page)
            .into_iter()
            .filter(|e| !matches!(*e, "a" | "/a"));
        all.map(str::to_owned).collect()
    };
    assert_eq!(without_links(&page), without_links(&plain));
    assert!(links(&page) <= links(&plain));
    assert!(!page.contains('\u{202e}') && !page.contains("javascript:"));
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = html(&fixture::mixed());
    for loads in ["<link", "src=", "@import", "url(", "style=\"", "fetch("] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn a_failure_is_shown_with_verdict_odds_history_and_pictures() {
    let report = fixture::with(vec![fixture::suspect()]);
    let page = html(&report);
    let (_, item) = page.split_once("<ol class").unwrap();
    let (item, _) = item.split_once("</ol>").unwrap();
    for part in [
        "<span class=\"badge suspect\">suspect</span><span class=\"state\">does not block</span>",
        "<b>62 %</b> this PR broke it",
        "from 412 runs in 14 days",
        "Rerun this test 3 times on the same commit",
        "within <del>10.0</del> s",
        "within <ins>30.0</ins> s",
        "aria-label=\"32 runs: 28 passed, 1 failed like now, 1 failed in another way, 2 passed on a retry\"",
        "32 runs: last 3.7 s, median 3.0 s, from 1.9 s to 3.9 s",
    ] {
        assert!(item.contains(part), "{part} is not in {item}");
    }
}

#[test]
fn a_page_of_very_many_failures_stays_below_2_kb_each() {
    let findings = vec![fixture::flake(); 10_000];
    let page = html(&fixture::with(findings));
    assert!(page.len() < 20_000_000, "{}", page.len());
    assert_eq!(page.matches("<li id=\"f").count(), 10_000);
}
