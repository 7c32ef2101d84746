//! Writes every rendering of three made-up reports into a folder, to be looked at:
//! `cargo run -p report --example preview -- FOLDER`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for the eyes of a developer"
)]

use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs};

use model::{Failure, Finding, Report, TestName, Verdict};

#[path = "../src/fixture.rs"]
mod fixture;

fn main() {
    let folder = PathBuf::from(
        env::args()
            .nth(1)
            .unwrap_or_else(|| "target/preview".to_owned()),
    );
    fs::create_dir_all(&folder).unwrap();
    for (name, report) in [
        ("mixed", fixture::mixed()),
        ("clear", fixture::clear()),
        ("many", many()),
        ("hostile", hostile()),
    ] {
        let style = report::Style {
            color: false,
            width: 100,
        };
        let options = report::MarkdownOptions::default();
        let write = |kind: &str, render: &dyn Fn() -> String| {
            let start = Instant::now();
            let text = render();
            let spent = start.elapsed().as_secs_f64() * 1000.0;
            let file = folder.join(format!("{name}.{kind}"));
            println!("{} {} bytes in {spent:.1} ms", file.display(), text.len());
            fs::write(file, text).unwrap();
        };
        write("html", &|| report::html(&report));
        write("txt", &|| report::terminal(&report, &style));
        write("md", &|| report::markdown(&report, &options));
        write("json", &|| report::json(&report));
    }
    for (name, report) in [("mixed", fixture::mixed()), ("many", many())] {
        let part = report::part(&report);
        println!("part of {name}: {} bytes", part.len());
        fs::write(folder.join(format!("{name}.part.json")), part).unwrap();
    }
    for (name, parts, gaps) in [
        ("matrix", matrix(), report::Gaps::default()),
        ("matrix-waiting", matrix(), gaps()),
        ("matrix-many", many_jobs(), gaps()),
        ("first-week", first_week(), report::Gaps::default()),
        ("matrix-hostile", vec![report::Part::of(&hostile())], gaps()),
    ] {
        let merged = report::merged(&parts, &gaps);
        let options = report::MarkdownOptions::default();
        let check = report::check_run(&merged, &options);
        for (kind, text) in [
            ("comment.md", report::comment(&merged, &options)),
            ("summary.md", report::summary(&merged, &options)),
            ("check.md", check.summary + "\n---\n" + &check.text),
            ("status.txt", report::status(&merged)),
        ] {
            let file = folder.join(format!("{name}.{kind}"));
            println!("{} {} bytes", file.display(), text.len());
            fs::write(file, text).unwrap();
        }
    }
}

fn of_job(job: &str, mut report: Report) -> report::Part {
    job.clone_into(&mut report.subject.run.key.job);
    report::Part::of(&report)
}

/// Four jobs of one run: one test fails in two of them.
fn matrix() -> Vec<report::Part> {
    let mut by_itself = fixture::caused();
    by_itself.verdict = Verdict::Flake;
    by_itself.blocks = false;
    let windows = fixture::with(vec![by_itself, fixture::suspect()]);
    vec![
        of_job("unit (linux)", fixture::mixed()),
        of_job("unit (macos)", fixture::with(vec![fixture::flake()])),
        of_job("unit (windows)", windows),
        of_job("lint", fixture::clear()),
    ]
}

fn gaps() -> report::Gaps {
    report::Gaps {
        missing: vec!["e2e (chrome)".to_owned(), "e2e (firefox)".to_owned()],
        damaged: vec![("bench".to_owned(), report::read_part(b"{").err().unwrap())],
        unknown: Vec::new(),
    }
}

/// 10,000 failures over 20 jobs.
fn many_jobs() -> Vec<report::Part> {
    let all = many().findings;
    let job = |(i, findings): (usize, &[Finding])| {
        of_job(&format!("shard {i:02}"), fixture::with(findings.to_vec()))
    };
    all.chunks(500).enumerate().map(job).collect()
}

fn first_week() -> Vec<report::Part> {
    let mut finding = fixture::caused();
    finding.verdict = Verdict::NoBaseline;
    finding.blocks = false;
    finding.evidence = model::Evidence {
        because: "this job has 2 of the 5 runs on the base that a verdict needs".to_owned(),
        would_change: "more recorded runs of this job on the base".to_owned(),
        ..model::Evidence::default()
    };
    let mut report = fixture::with(vec![finding]);
    report.conclusion = model::Conclusion::Undecided;
    "The failure cannot be judged: not enough history".clone_into(&mut report.headline);
    report.subject.baseline_runs = 2;
    report.subject.runs_missing = 3;
    vec![report::Part::of(&report)]
}

/// 10,000 failures of 400 causes.
fn many() -> Report {
    let kinds = [
        fixture::caused(),
        fixture::suspect(),
        fixture::broken_base(),
        fixture::flake(),
    ];
    let mut findings: Vec<Finding> = (0..10_000).map(|i| numbered(&kinds, i)).collect();
    findings.sort_by_key(|finding| finding.verdict);
    fixture::with(findings)
}

fn numbered(kinds: &[Finding; 4], i: usize) -> Finding {
    let mut finding = kinds.get(i % 4).cloned().unwrap_or_else(fixture::flake);
    finding.test = TestName::new(
        &format!("tests/area_{}/test_{}.py", i % 40, i % 400),
        Some(&format!("TestThing{}", i % 1000)),
        &format!("test_case_{i}[param-{}]", i % 7),
    );
    finding
}

/// Names and messages that try to act.
fn hostile() -> Report {
    let texts = [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "</title></style></script><svg onload=alert(1)>",
        "user\u{202e}gpj.exe \u{200b}zero\u{200d}width \u{2066}isolate",
        "@everyone #1 GH-1 acme/shop#2 https://evil.example www.evil.example a@b.c",
        "| a | b |\n|---|---|\n`code` ```fence``` ~~~ <!-- comment --> &lt;b&gt; &#64;all",
        "::error file=a::b\n::set-output name=x::y\r\n\x1b[31mred\x1b]0;title\x07",
        "Z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}algo مرحبا بالعالم 日本語テスト 🧪",
    ];
    let mut findings: Vec<Finding> = texts.iter().map(|text| saying(text)).collect();
    findings.push(saying(&"long".repeat(250_000)));
    let mut report = fixture::with(findings);
    report.headline = "<b>1</b> of \u{202e}2 failures look caused by this PR @everyone".into();
    report
}

fn saying(text: &str) -> Finding {
    let test = TestName::new(text, Some(text), text);
    let finding = fixture::finding(Verdict::Caused, test, [0.97, 0.01, 0.02]);
    let failure = Failure {
        kind: Some(text.to_owned()),
        stack: text.to_owned(),
        file: Some(text.to_owned()),
        ..Failure::of(text)
    };
    let mut finding = fixture::saying(finding, failure);
    finding.evidence.base_message = format!("before {text}");
    finding.evidence.because = format!("never failed; touches {text}");
    finding.evidence.touched = vec![text.to_owned()];
    finding.evidence.last_failure = Some(model::PastRun {
        url: "javascript:alert(1)".to_owned(),
        ..fixture::past(text, 1.0, None)
    });
    finding
}
