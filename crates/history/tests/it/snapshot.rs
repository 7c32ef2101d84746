//! A snapshot gives the same baseline as a replay.

use history::{BaselineOf, CompactOptions, History};
use verdict::Baseline;

use crate::sample::{START, run};

fn of(days: f64) -> BaselineOf {
    BaselineOf {
        repo: "org/repo".to_owned(),
        branch: "main".to_owned(),
        at: START.plus_days(days),
    }
}

/// The baseline of a replay, without any store.
fn replayed(runs: std::ops::Range<u32>) -> Baseline {
    let mut baseline = Baseline::default();
    for n in runs {
        baseline.observe(&run("linux", n * 6, 30));
    }
    baseline
}

#[test]
fn snapshot_and_newer_runs_equal_a_replay_before_and_after_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    let record = |range: std::ops::Range<u32>| {
        for n in range {
            history.record(&run("linux", n * 6, 30)).unwrap();
        }
    };
    record(0..40);
    let first = history.snapshot(&of(90.0)).unwrap();
    assert!(first.rebuilt && first.new_runs == 40);
    let read = history.baseline(&of(90.0), None).unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 0));
    assert_eq!(read.baseline, replayed(0..40));

    record(40..55);
    let read = history.baseline(&of(90.0), None).unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 15));
    assert_eq!(read.baseline, replayed(0..55));

    history
        .compact(&CompactOptions::at(START.plus_days(60.0)))
        .unwrap();
    let read = history.baseline(&of(90.0), None).unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 15));
    assert_eq!(read.baseline, replayed(0..55));

    let second = history.snapshot(&of(90.0)).unwrap();
    assert_eq!((second.rebuilt, second.new_runs), (false, 15));
    assert_eq!(
        history.baseline(&of(90.0), None).unwrap().baseline,
        replayed(0..55)
    );
}

#[test]
fn the_past_is_replayed_and_knows_nothing_of_later_runs() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..40 {
        history.record(&run("linux", n * 6, 30)).unwrap();
    }
    history.snapshot(&of(90.0)).unwrap();
    let read = history.baseline(&of(5.0), None).unwrap();
    assert!(!read.from_snapshot);
    assert_eq!(read.baseline, replayed(0..20));
}

#[test]
fn only_the_tests_asked_for_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..40 {
        history.record(&run("linux", n * 6, 30)).unwrap();
    }
    history.snapshot(&of(90.0)).unwrap();
    let mut ids: Vec<_> = run("linux", 0, 7).names.into_keys().collect();
    ids.sort_unstable();
    let read = history.baseline(&of(90.0), Some(&ids)).unwrap().baseline;
    let all = replayed(0..40);
    assert_eq!(read.entries.len(), 7);
    for (key, entry) in &read.entries {
        assert_eq!(Some(entry), all.entries.get(key));
    }
    assert_eq!(read.learnt, all.learnt);
}

#[test]
fn a_damaged_snapshot_is_made_anew_from_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..10 {
        history.record(&run("linux", n * 6, 30)).unwrap();
    }
    history.snapshot(&of(90.0)).unwrap();
    let path = folder
        .path()
        .join("v1/snapshot/repo=org%2Frepo/branch=main/baseline.parquet");
    std::fs::write(&path, b"PAR1 or not").unwrap();
    let read = history.baseline(&of(90.0), None).unwrap();
    assert!(!read.from_snapshot);
    assert_eq!(read.baseline, replayed(0..10));
    assert!(history.snapshot(&of(90.0)).unwrap().rebuilt);
}
