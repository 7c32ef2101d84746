//! Recording and reading back.

use history::{Filter, History, Recorded};

use crate::sample::{START, run};

#[test]
fn a_recorded_run_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let location = format!("file:{}", folder.path().display());
    let history = History::init(&location, START).unwrap();
    let recorded = run("linux", 3, 50);
    assert_eq!(history.record(&recorded).unwrap(), Recorded::New);
    assert_eq!(history.record(&recorded).unwrap(), Recorded::Known);

    let again = History::open(&location).unwrap();
    let read: Vec<_> = again.runs(&Filter::default()).unwrap().collect();
    assert_eq!(read, [recorded]);
}

#[test]
fn runs_come_in_the_order_of_time_and_only_those_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in [40, 2, 30, 7] {
        history.record(&run("linux", n, 5)).unwrap();
        history.record(&run("mac", n, 5)).unwrap();
    }
    let mut filter = Filter::base("org/repo", "main");
    filter.jobs = vec!["mac".to_owned()];
    filter.from = Some(run("mac", 7, 0).info.started_at);
    filter.until = Some(run("mac", 40, 0).info.started_at);
    let runs: Vec<_> = history
        .runs(&filter)
        .unwrap()
        .map(|r| r.info.key.run)
        .collect();
    assert_eq!(runs, ["run/7", "run/30"]);
    assert_eq!(history.runs(&Filter::default()).unwrap().count(), 8);
    assert_eq!(
        history
            .runs(&Filter::base("org/repo", "dev"))
            .unwrap()
            .count(),
        0
    );
}
