//! Retention: what is thinned reads back with every outcome, what is let go is counted, and no failure goes before its time.

use history::{BaselineOf, CompactOptions, Filter, History, Recorded, Scan};
use model::{Outcome, RecordedRun, RecordedTest, Timestamp};
use proptest::prelude::*;
use verdict::Baseline;

use crate::{
    crash::Dying,
    sample::{START, run},
};

fn bounded(day: f64) -> CompactOptions {
    CompactOptions {
        grace_days: 0.0,
        ..CompactOptions::bounded(START.plus_days(day))
    }
}

fn everything() -> Filter {
    Filter {
        with_names: true,
        with_texts: true,
        failures_only: true,
        ..Filter::default()
    }
}

fn read(history: &History, filter: &Filter) -> Vec<RecordedRun> {
    let mut runs = history.runs(filter).unwrap();
    let read: Vec<_> = runs.by_ref().collect();
    assert_eq!(runs.finish().unwrap(), []);
    let proof = history.verify().unwrap();
    assert_eq!((proof.problems, proof.doubled_runs), (vec![], 0));
    read
}

fn failed(row: &RecordedTest) -> bool {
    row.outcome.is_failure() || row.flaked
}

/// Rows that can be let go, with their durations gone.
fn without_durations(run: &RecordedRun) -> Vec<RecordedTest> {
    let rows = run.rows.iter().copied();
    rows.map(|row| RecordedTest {
        duration_ms: row.duration_ms.filter(|_| failed(&row)),
        ..row
    })
    .collect()
}

fn history_of(folder: &tempfile::TempDir) -> History {
    History::init(folder.path().to_str().unwrap(), START).unwrap()
}

#[test]
fn every_outcome_stays_for_its_days_and_every_failure_longer() {
    let folder = tempfile::tempdir().unwrap();
    let history = history_of(&folder);
    let mut recorded = Vec::new();
    for day in (0..130).step_by(3) {
        for slot in [0, 9] {
            // The number of tests changes, so that some are not in every run of a day.
            let run = run("linux", day * 24 + slot, 9 + slot / 3);
            history.record(&run).unwrap();
            recorded.push(run);
        }
        if day % 5 == 0 {
            history.compact(&bounded(f64::from(day))).unwrap();
        }
    }
    // The last compaction was on day 120.
    let now = START.plus_days(120.0);
    let read = read(&history, &everything());
    assert_eq!(read.len(), recorded.len());
    let mut kept = [0, 0, 0];
    for (read, recorded) in read.iter().zip(&recorded) {
        assert_eq!(read.info, recorded.info);
        let age = now.days_since(recorded.info.started_at);
        if age < 14.0 {
            kept[0] += 1;
            assert_eq!(read, recorded);
        } else if recorded.info.started_at.month() >= now.plus_days(-90.0).month() {
            kept[1] += 1;
            assert_eq!(without_durations(read), without_durations(recorded));
            assert_eq!(
                (&read.names, &read.texts),
                (&recorded.names, &recorded.texts)
            );
        } else {
            kept[2] += 1;
            let failures: Vec<_> = recorded.rows.iter().copied().filter(failed).collect();
            assert_eq!(read.rows, failures, "failures stay as they were");
            assert_eq!(read.texts, recorded.texts);
        }
    }
    assert!(kept.iter().all(|n| *n > 5), "{kept:?}");
    let mut whole = history.runs(&Filter::default()).unwrap();
    let rest: Vec<_> = whole.by_ref().collect();
    assert_eq!(rest.len(), kept[0] + kept[1]);
    assert_eq!(whole.left_out(), kept[2] as u64);
}

#[test]
fn counts_of_thinned_days_are_those_of_their_rows() {
    let whole = tempfile::tempdir().unwrap();
    let thin = tempfile::tempdir().unwrap();
    let counts = |folder: &tempfile::TempDir, thinned: bool| {
        let history = history_of(folder);
        for n in 0..80 {
            history.record(&run("linux", n * 12, 9 + n % 4)).unwrap();
        }
        let mut options = bounded(60.0);
        if !thinned {
            options.full_days = None;
        }
        history.compact(&options).unwrap();
        let scan = Scan {
            windows: vec![START.plus_days(3.3)..START.plus_days(20.1)],
            ..Scan::default()
        };
        let scanned = history.scan(&Filter::default(), &scan).unwrap();
        assert_eq!(scanned.problems, []);
        scanned.jobs
    };
    assert_eq!(counts(&whole, false), counts(&thin, true));
}

#[test]
fn a_late_run_joins_a_thinned_day() {
    let folder = tempfile::tempdir().unwrap();
    let history = history_of(&folder);
    let runs = [run("linux", 3, 9), run("linux", 5, 12), run("linux", 30, 9)];
    history.record(&runs[0]).unwrap();
    history.record(&runs[2]).unwrap();
    history.compact(&bounded(20.0)).unwrap();
    history.record(&runs[1]).unwrap();
    history.compact(&bounded(20.0)).unwrap();
    let back = read(&history, &everything());
    let rows = |runs: &[RecordedRun]| -> Vec<_> { runs.iter().map(without_durations).collect() };
    assert_eq!(rows(&back), rows(&runs));
    assert_eq!(history.record(&runs[1]).unwrap(), Recorded::Known);
    // And one more when only failures are left.
    history.compact(&bounded(130.0)).unwrap();
    let late = run("linux", 4, 9);
    history.record(&late).unwrap();
    history.compact(&bounded(130.0)).unwrap();
    let back = read(&history, &everything());
    assert_eq!(back.len(), 4);
    assert!(back.iter().flat_map(|run| &run.rows).all(failed));
}

#[test]
fn after_a_year_nothing_is_left_not_even_a_name_or_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let history = history_of(&folder);
    history.record(&run("linux", 0, 9)).unwrap();
    let mut young = run("linux", 24 * 400, 3);
    young.rows.truncate(1);
    history.record(&young).unwrap();
    for day in [20.0, 130.0, 401.0] {
        history.compact(&bounded(day)).unwrap();
    }
    let left = read(&history, &everything());
    assert_eq!(left.len(), 1);
    assert_eq!(
        history.stat().unwrap().tests,
        1,
        "names that nobody needs go"
    );
    let done = history.compact(&bounded(402.0)).unwrap();
    assert_eq!((done.expired_runs, done.files), (0, 0));
    history.compact(&bounded(800.0)).unwrap();
    history.compact(&bounded(801.0)).unwrap();
    assert_eq!(history.stat().unwrap().bytes, 0);
    assert_eq!(history.verify().unwrap().problems, []);
}

/// What a replay says but for durations.
fn timeless(mut baseline: Baseline) -> Baseline {
    for entry in baseline.entries.values_mut() {
        entry.durations = verdict::Durations::default();
        for recent in entry.trouble.iter_mut().flat_map(|t| &mut t.recent) {
            recent.duration_ms = None;
        }
    }
    baseline
}

fn outcome() -> impl Strategy<Value = Option<Outcome>> {
    prop_oneof![
        8 => Just(Some(Outcome::Pass)),
        2 => Just(Some(Outcome::Skip)),
        1 => Just(Some(Outcome::Fail)),
        1 => Just(Some(Outcome::Error)),
        2 => Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Runs of any outcomes with any gaps, thinned day by day with late runs, give the baseline that the runs themselves give.
    #[test]
    fn a_baseline_from_thinned_history_knows_every_outcome(
        runs in prop::collection::vec(
            (0..480_u32, prop::collection::vec(outcome(), 6)), 1..24),
        late in 0..10_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let history = history_of(&folder);
        let mut made: Vec<RecordedRun> = Vec::new();
        for (n, outcomes) in &runs {
            let mut made_run = run("linux", *n, 6);
            let outcomes: Vec<_> = outcomes.clone();
            let mut at = 0;
            made_run.rows.retain_mut(|row| {
                at += 1;
                let Some(outcome) = outcomes[at - 1] else { return false };
                if row.signature.is_none() || !outcome.is_failure() {
                    (row.outcome, row.signature) = (outcome, None);
                }
                row.flaked = outcome == Outcome::Pass && *n % 5 == 0;
                true
            });
            if made.iter().all(|other| other.info.key != made_run.info.key) {
                made.push(made_run);
            }
        }
        for (at, run) in made.iter().enumerate() {
            history.record(run).unwrap();
            if at % 4 == late % 4 {
                history.compact(&bounded(40.0)).unwrap();
            }
        }
        history.compact(&bounded(41.0)).unwrap();
        prop_assert_eq!(history.verify().unwrap().problems, vec![]);
        made.sort_by_key(|run| run.info.started_at);
        let mut expected = Baseline::default();
        for run in &made {
            expected.observe(run);
        }
        let of = BaselineOf {
            repo: "org/repo".to_owned(),
            branch: "main".to_owned(),
            at: START.plus_days(60.0),
        };
        let got = history.baseline(&of, None).unwrap();
        prop_assert_eq!(timeless(got.baseline), timeless(expected));
    }
}

#[test]
fn dying_at_any_write_of_thinning_loses_no_failure() {
    let recorded: Vec<RecordedRun> = (0..2).map(|n| run("linux", n * 30, 6)).collect();
    let late = run("linux", 31, 6);
    let work = |history: &History| -> history::Result<()> {
        for run in &recorded {
            history.record(run)?;
        }
        history.compact(&bounded(3.0))?;
        history.compact(&bounded(20.0))?;
        history.record(&late)?;
        history.compact(&bounded(21.0))?;
        history.compact(&bounded(130.0)).map(|_| ())
    };
    let failures = |runs: &[RecordedRun]| -> Vec<(Timestamp, Vec<RecordedTest>)> {
        let rows = |run: &RecordedRun| run.rows.iter().copied().filter(failed).collect();
        runs.iter()
            .map(|run| (run.info.started_at, rows(run)))
            .collect()
    };
    let mut all = recorded.clone();
    all.push(late.clone());
    all.sort_by_key(|run| run.info.started_at);
    for after in [false, true] {
        for left in (1..).step_by(2) {
            let left = left + u64::from(after);
            let folder = tempfile::tempdir().unwrap();
            let dying = Dying::in_folder(folder.path(), left, after);
            let through = work(&History::open_in(dying).unwrap()).is_ok();
            let survivor = History::open(folder.path().to_str().unwrap()).unwrap();
            let found = failures(&read(&survivor, &everything()));
            let known = failures(&all);
            assert!(
                found.iter().all(|run| known.contains(run)),
                "died at write {left}"
            );
            work(&survivor).unwrap();
            let found = failures(&read(&survivor, &everything()));
            assert_eq!(found, known, "done again after dying at write {left}");
            if through {
                break;
            }
        }
    }
}
