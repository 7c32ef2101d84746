//! Replays CSV histories and prints the figures.
//!
//! `cargo run --release -p verdict --example backtest_csv -- FILE.csv.gz [all|first|second] [SEED]`; constants come as
//! JSON from the environment variable `CONFIG`, `JSON=1` prints everything.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a tool for choosing constants, not shipped"
)]

use std::collections::BTreeMap;
use std::io::Read as _;

use model::{
    Attempt, Failure, Outcome, RecordedRun, RunInfo, RunKey, TestName, TestResult, TestRun,
    Timestamp,
};

fn fields(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            c if quoted => cell.push(c),
            ',' => row.push(std::mem::take(&mut cell)),
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' => {}
            c => cell.push(c),
        }
    }
    rows
}

fn load(path: &str) -> Vec<RecordedRun> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    let mut unzipped = flate2::read::MultiGzDecoder::new(file);
    unzipped.read_to_string(&mut text).unwrap();
    let rows = fields(&text);
    let head = |name: &str| rows[0].iter().position(|h| h == name).unwrap();
    let columns = ["job", "run", "time", "test", "outcome", "message"].map(head);
    let mut runs: BTreeMap<(String, String), (Timestamp, Vec<TestResult>)> = BTreeMap::new();
    for row in &rows[1..] {
        let [job, run, time, test, outcome, message] = columns.map(|c| row[c].as_str());
        let mut attempt = Attempt::of(match outcome {
            "pass" => Outcome::Pass,
            "skip" => Outcome::Skip,
            _ => Outcome::Fail,
        });
        if attempt.outcome == Outcome::Fail && !message.is_empty() {
            attempt.failure = Some(Failure::of(message));
        }
        let run = runs.entry((job.to_owned(), run.to_owned())).or_default();
        run.0 = Timestamp::parse(time).unwrap();
        run.1.push(TestResult {
            test: TestName::new("", None, test),
            attempts: vec![attempt],
        });
    }
    let partial = path.contains("dask");
    let mut runs: Vec<RecordedRun> = runs
        .into_iter()
        .map(|((job, run), (started_at, results))| {
            let key = RunKey {
                job,
                run,
                attempt: 1,
                ..RunKey::default()
            };
            let info = RunInfo {
                key,
                started_at,
                partial,
                ..RunInfo::default()
            };
            let run = TestRun {
                results,
                started_at: None,
            };
            RecordedRun::of(info, &run)
        })
        .collect();
    runs.sort_by_key(|run| run.info.started_at);
    runs
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runs = load(&args[1]);
    let (first, last) = (
        runs[0].info.started_at,
        runs[runs.len() - 1].info.started_at,
    );
    let middle = Timestamp(i64::midpoint(first.0, last.0));
    let mut options = verdict::Options::default();
    match args.get(2).map(String::as_str) {
        Some("first") => options.to = Some(middle),
        Some("second") => options.from = Some(middle),
        _ => {}
    }
    if let Some(seed) = args.get(3) {
        options.seed = seed.parse().unwrap();
    }
    let config = std::env::var("CONFIG").map(|json| serde_json::from_str(&json).unwrap());
    let result = verdict::backtest(&config.unwrap_or_default(), &options, &runs);
    if std::env::var("JSON").is_ok() {
        println!("{}", serde_json::to_string_pretty(&result).unwrap());
        return;
    }
    let name = args[1].rsplit('/').next().unwrap();
    let show = |f: &verdict::Figures| format!("{:.2}/{:.3}", f.false_alarms_per_100, f.recall);
    let strict = result.curve.iter().rev().find(|p| p.recall >= 0.95);
    let strict = strict.map_or(f64::NAN, |p| p.false_alarms_per_100);
    let rules = result.rules.iter().map(|(n, f)| format!("{n} {}", show(f)));
    println!(
        "{name:.20} runs {} inj {} | at once {} | reruns {} ({:.2} a red run) | fa at recall .95 {strict:.2} | ece {:.4} brier {:.4} | {}",
        result.runs,
        result.injected,
        show(&result.no_rerun),
        show(&result.with_reruns.figures),
        result.with_reruns.reruns_per_red_run,
        result.ece,
        result.brier,
        rules.collect::<Vec<_>>().join(" ")
    );
}
