//! A snapshot gives the same baseline as a replay.

use history::{BaselineOf, CompactOptions, History, Needed};
use model::TestId;
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
    let needed = Needed {
        ids: &ids,
        job: None,
    };
    let read = history.baseline(&of(90.0), Some(&needed)).unwrap().baseline;
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

#[test]
fn a_job_is_filled_in_whole_and_an_unknown_test_fills_in_everything() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    let mut all = Baseline::default();
    for n in 0..40 {
        for (job, tests) in [("linux", 30), ("windows", 20)] {
            let run = run(job, n * 6, tests);
            all.observe(&run);
            history.record(&run).unwrap();
        }
    }
    history.snapshot(&of(90.0)).unwrap();
    let mut ids: Vec<_> = run("linux", 0, 2).names.into_keys().collect();
    ids.sort_unstable();
    let read = |ids: &[TestId]| {
        let job = Some("windows");
        let needed = Needed { ids, job };
        history.baseline(&of(90.0), Some(&needed)).unwrap().baseline
    };
    let some = read(&ids);
    let windows = all.job_index("windows").unwrap();
    for ((id, job), entry) in &all.entries {
        let wanted = ids.contains(id) || *job == windows;
        let found = some.entries.get(&(*id, *job));
        assert_eq!(found.is_some(), wanted, "{id} {job}");
        if wanted {
            assert_eq!(found.unwrap().last_run, entry.last_run);
            assert_eq!(some.names.get(id), all.names.get(id));
        }
        if ids.contains(id) {
            assert_eq!(found, Some(entry));
        }
    }
    ids.push(TestId(i64::MAX));
    assert_eq!(
        read(&ids),
        all,
        "names are needed to find it under another one"
    );
}

#[test]
fn a_run_since_the_snapshot_brings_the_names_that_the_snapshot_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    let mut all = Baseline::default();
    for n in 0..40 {
        let tests = if n < 30 { 10 } else { 10 + n };
        let run = run("linux", n * 6, tests);
        all.observe(&run);
        history.record(&run).unwrap();
        if n == 29 {
            history.snapshot(&of(90.0)).unwrap();
        }
    }
    let read = history.baseline(&of(90.0), None).unwrap();
    assert!(read.from_snapshot);
    assert_eq!(read.runs_read, 10);
    assert_eq!(read.baseline, all);
}

#[test]
fn the_jobs_are_those_of_run_files_and_of_compacted_files() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for job in ["linux", "windows"] {
        history.record(&run(job, 0, 3)).unwrap();
        history.record(&run(job, 9, 3)).unwrap();
    }
    let jobs = || {
        let stat = history.stat().unwrap();
        assert_eq!(
            history.partitions().unwrap(),
            stat.jobs.into_keys().collect()
        );
        history.partitions().unwrap().len()
    };
    assert_eq!(jobs(), 2);
    history
        .compact(&CompactOptions::at(START.plus_days(90.0)))
        .unwrap();
    history.record(&run("mac", 20, 3)).unwrap();
    assert_eq!(jobs(), 3);
}
