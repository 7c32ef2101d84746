//! Compaction changes the files, never what is read.

use history::{CompactOptions, Filter, History};
use model::{RecordedRun, Timestamp};

use crate::sample::{START, run};

fn everything() -> Filter {
    Filter {
        with_names: true,
        with_texts: true,
        ..Filter::default()
    }
}

fn read(history: &History) -> Vec<RecordedRun> {
    let mut runs = history.runs(&everything()).unwrap();
    let read: Vec<_> = runs.by_ref().collect();
    assert_eq!(runs.finish().unwrap(), []);
    let proof = history.verify().unwrap();
    assert_eq!((proof.problems, proof.doubled_runs), (vec![], 0));
    assert_eq!(proof.runs, read.len() as u64);
    read
}

fn days(n: f64) -> Timestamp {
    START.plus_days(n)
}

fn at(n: f64, grace_days: f64) -> CompactOptions {
    CompactOptions {
        grace_days,
        ..CompactOptions::at(days(n))
    }
}

#[test]
fn days_then_months_read_like_the_run_files() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    // 60 days of one run every 12 hours in two jobs.
    for n in 0..120 {
        history.record(&run("linux", n * 12, 9)).unwrap();
        history.record(&run("mac", n * 12, 4)).unwrap();
    }
    let raw = read(&history);
    assert_eq!(raw.len(), 240);

    let done = history.compact(&at(20.0, 1.0)).unwrap();
    assert_eq!((done.runs, done.deleted, done.problems.len()), (240, 0, 0));
    assert_eq!(read(&history), raw);

    let done = history.compact(&at(70.0, 0.0)).unwrap();
    assert_eq!((done.runs, done.problems.len()), (0, 0));
    assert!(
        done.deleted > 240,
        "run files and day files go: {}",
        done.deleted
    );
    assert_eq!(read(&history), raw);

    let again = history.compact(&at(71.0, 0.0)).unwrap();
    assert_eq!((again.files, again.deleted), (0, 0));
}

#[test]
fn a_late_run_joins_its_month() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    history.record(&run("linux", 5, 9)).unwrap();
    history.compact(&at(60.0, 0.0)).unwrap();
    history.record(&run("linux", 4, 9)).unwrap();
    assert_eq!(read(&history).len(), 2);
    history.compact(&at(60.0, 0.0)).unwrap();
    assert_eq!(read(&history).len(), 2);
    assert_eq!(
        history.record(&run("linux", 4, 9)).unwrap(),
        history::Recorded::Known
    );
}

#[test]
fn retention_lets_go_of_whole_files_and_only_of_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    history.record(&run("linux", 0, 9)).unwrap();
    history.record(&run("linux", 24 * 50, 9)).unwrap();
    let mut options = at(100.0, 0.0);
    options.keep_days = Some(60.0);
    history.compact(&options).unwrap();
    let done = history.compact(&options).unwrap();
    assert_eq!(done.expired_runs, 1);
    history.compact(&options).unwrap();
    let left: Vec<_> = read(&history).into_iter().map(|r| r.info.key.run).collect();
    assert_eq!(left, ["run/1200"]);
}

#[test]
fn sixteen_writers_and_compactors_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().to_str().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..16_u32 {
            scope.spawn(move || {
                let history = History::init(location, START).unwrap();
                for n in 0..6 {
                    // Every run is recorded by two writers.
                    history
                        .record(&run("linux", (writer / 2) * 6 + n, 7))
                        .unwrap();
                    if n % 3 == writer % 3 {
                        history.compact(&at(10.0, 1.0)).unwrap();
                    }
                }
            });
        }
    });
    let history = History::open(location).unwrap();
    let expected: Vec<_> = (0..48).map(|n| run("linux", n, 7)).collect();
    assert_eq!(read(&history), expected);
    history.compact(&at(90.0, 0.0)).unwrap();
    assert_eq!(read(&history), expected);
}
