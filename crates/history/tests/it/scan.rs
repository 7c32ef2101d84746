//! Counting straight from files gives what counting runs gives.

use std::collections::BTreeMap;

use history::{CompactOptions, Counts, Filter, History, Scan};
use model::{Outcome, TestId, Timestamp};

use crate::sample::{START, run};

fn count_runs(
    history: &History,
    from: Timestamp,
    until: Timestamp,
) -> BTreeMap<(String, TestId), Counts> {
    let mut counts: BTreeMap<(String, TestId), Counts> = BTreeMap::new();
    let filter = Filter {
        from: Some(from),
        until: Some(until),
        ..Filter::default()
    };
    for run in history.runs(&filter).unwrap() {
        for row in run.rows {
            let slot = counts
                .entry((run.info.key.job.clone(), row.id))
                .or_default();
            slot.runs += u32::from(row.outcome != Outcome::Skip);
            slot.skips += u32::from(row.outcome == Outcome::Skip);
            slot.failures += u32::from(row.outcome.is_failure());
            slot.flakes += u32::from(row.flaked);
        }
    }
    counts
}

#[test]
fn a_scan_counts_like_the_runs_do_before_and_after_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..90 {
        history.record(&run("linux", n * 12, 40)).unwrap();
        history.record(&run("mac", n * 12, 11)).unwrap();
    }
    let (from, until) = (START.plus_days(3.25), START.plus_days(34.0));
    let expected = count_runs(&history, from, until);
    for compact_on_day in [None, Some(20.0), Some(80.0)] {
        if let Some(day) = compact_on_day {
            history
                .compact(&CompactOptions::at(START.plus_days(day)))
                .unwrap();
        }
        for threads in [1, 3] {
            let mut scan = Scan {
                windows: vec![from..until],
                ids: Vec::new(),
                threads,
            };
            assert_eq!(found(&history, &scan), expected);
            let some: Vec<TestId> = expected.keys().map(|(_, id)| *id).step_by(5).collect();
            scan.ids.clone_from(&some);
            scan.ids.sort_unstable();
            let mut expected = expected.clone();
            expected.retain(|(_, id), _| some.contains(id));
            assert_eq!(found(&history, &scan), expected);
        }
    }
}

fn found(history: &History, scan: &Scan) -> BTreeMap<(String, TestId), Counts> {
    let scanned = history.scan(&Filter::default(), scan).unwrap();
    assert_eq!(scanned.problems, []);
    let jobs = scanned.jobs.into_iter();
    jobs.flat_map(|(partition, counts)| {
        counts
            .into_iter()
            .map(move |c| ((partition.job.clone(), c.id), c.windows[0]))
    })
    .collect()
}

#[test]
fn a_run_recorded_under_two_dates_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    let first = run("linux", 0, 7);
    let mut again = first.clone();
    again.info.started_at = first.info.started_at.plus_days(40.0);
    history.record(&first).unwrap();
    history.record(&again).unwrap();
    let rows = || {
        let scan = Scan {
            windows: vec![START..START.plus_days(90.0)],
            threads: 1,
            ..Scan::default()
        };
        let scanned = history.scan(&Filter::default(), &scan).unwrap();
        assert_eq!(history.stat().unwrap().runs(), 1);
        scanned.rows
    };
    assert_eq!(rows(), 7);
    let options = CompactOptions::at(START.plus_days(90.0));
    history.compact(&options).unwrap();
    assert_eq!(rows(), 7);
    assert!(history.verify().unwrap().problems.is_empty());
}
