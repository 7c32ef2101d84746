//! Replays of recorded histories: the protocol is kept, equal input gives equal figures, no peer is better in both.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests stop a test like the tests themselves"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use model::{
    Attempt, Outcome, RecordedRun, RunInfo, RunKey, TestName, TestResult, TestRun, Timestamp,
};
use verdict::{Baseline, Config, Options, backtest};

/// A history of the shared data that has no quoted cells; `None` (and a line that says so) when the data is not there.
fn history(file: &str) -> Option<Vec<RecordedRun>> {
    let shared = std::env::var("SPRAG_SHARED").unwrap_or_else(|_| "../../shared".to_owned());
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(shared);
    let Ok(packed) = std::fs::File::open(root.join("data/histories").join(file)) else {
        println!("skipped: no {file} (hint: set SPRAG_SHARED)");
        return None;
    };
    let mut text = String::new();
    let mut unzipped = flate2::read::MultiGzDecoder::new(packed);
    unzipped.read_to_string(&mut text).unwrap();
    let mut runs: BTreeMap<u32, (Timestamp, Vec<TestResult>)> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let run = runs.entry(cells[0].parse().unwrap()).or_default();
        run.0 = Timestamp::parse(cells[1]).unwrap();
        let outcome = match cells[5] {
            "pass" => Outcome::Pass,
            "skip" => Outcome::Skip,
            _ => Outcome::Fail,
        };
        run.1.push(TestResult {
            test: TestName::new("", None, cells[4]),
            attempts: vec![Attempt::of(outcome)],
        });
    }
    let mut recorded: Vec<RecordedRun> = runs.into_iter().map(record).collect();
    recorded.sort_by_key(|run| run.info.started_at);
    Some(recorded)
}

fn record((number, (started_at, results)): (u32, (Timestamp, Vec<TestResult>))) -> RecordedRun {
    let key = RunKey {
        run: number.to_string(),
        ..RunKey::default()
    };
    let info = RunInfo {
        key,
        started_at,
        ..RunInfo::default()
    };
    let run = TestRun {
        results,
        started_at: None,
    };
    RecordedRun::of(info, &run)
}

#[test]
fn no_rule_of_a_peer_is_better_in_both_figures() {
    let Some(runs) = history("dune-common_debian_11_gcc-10-20.csv.gz") else {
        return;
    };
    let options = Options {
        repeats: Some(4),
        ..Options::default()
    };
    let result = backtest(&Config::default(), &options, &runs);
    let ours = result.with_reruns.figures;
    for (rule, peer) in &result.rules {
        let better =
            peer.false_alarms_per_100 < ours.false_alarms_per_100 && peer.recall > ours.recall;
        assert!(!better, "{rule} {peer:?} beats {ours:?}");
    }
    assert!(ours.recall >= 0.9, "{ours:?}");
    assert!(ours.false_alarms_per_100 <= 0.5, "{ours:?}");
    assert!((result.rules["any"].recall - 1.0).abs() < 1e-9);
    assert_eq!(result, backtest(&Config::default(), &options, &runs));
}

#[test]
fn only_the_window_is_judged_and_everything_before_it_is_learnt_from() {
    let Some(runs) = history("dune-common_ubuntu_20_04_clang-10-20.csv.gz") else {
        return;
    };
    let middle = runs[runs.len() / 2].info.started_at;
    let part = |from, to| {
        let options = Options {
            from,
            to,
            repeats: Some(1),
            ..Options::default()
        };
        backtest(&Config::default(), &options, &runs)
    };
    let (first, second, all) = (
        part(None, Some(middle)),
        part(Some(middle), None),
        part(None, None),
    );
    assert_eq!(first.runs + second.runs, all.runs);
    assert_eq!(first.injected + second.injected, all.injected);
    assert_eq!(first.skipped + second.skipped, all.skipped);
}

#[test]
fn an_empty_history_has_no_figures_and_no_panic() {
    let nothing = backtest(&Config::default(), &Options::default(), &[]);
    assert_eq!((nothing.runs, nothing.injected), (0, 0));
    assert!(nothing.ece.abs() < 1e-9);
}

/// A state that is taken up again equals the state that saw everything.
#[test]
fn observing_in_two_goes_is_observing_in_one() {
    let Some(runs) = history("dune-common_debian_11_gcc-10-20.csv.gz") else {
        return;
    };
    let (early, late) = runs.split_at(runs.len() / 2);
    let mut whole = Baseline::default();
    for run in &runs {
        whole.observe(run);
    }
    let mut first = Baseline::default();
    for run in early {
        first.observe(run);
    }
    let mut again = first.clone();
    for run in late {
        again.observe(run);
    }
    assert_eq!(whole, again);
}
