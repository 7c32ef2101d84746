//! What goes out can come in again.

use history::{ExportFormat, Filter, History, ImportOptions};
use model::RecordedRun;
use proptest::prelude::*;

use crate::sample::{START, any_run, run};

fn read(history: &History) -> Vec<RecordedRun> {
    let filter = Filter {
        with_names: true,
        with_texts: true,
        ..Filter::default()
    };
    history.runs(&filter).unwrap().collect()
}

fn empty() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    (folder, history)
}

#[test]
fn an_export_imported_elsewhere_is_the_same_history() {
    let (_folder, history) = empty();
    for n in 0..5 {
        history.record(&run("linux", n, 12)).unwrap();
    }
    for format in [ExportFormat::Csv, ExportFormat::Ndjson] {
        let mut text = Vec::new();
        let done = history
            .export(&Filter::default(), format, &mut text)
            .unwrap();
        assert_eq!((done.runs, done.rows), (5, 60));
        let (_other, copy) = empty();
        let options = ImportOptions {
            now: START,
            ..ImportOptions::default()
        };
        let imported = copy
            .import_from(&text[..], "export", &options, &mut |_| {})
            .unwrap();
        assert_eq!((imported.runs, imported.problems), (5, vec![]));
        assert_eq!(read(&copy), read(&history));
        assert_eq!(copy.verify().unwrap().problems, []);
    }
}

#[test]
fn a_test_is_found_by_name_by_part_and_by_id() {
    let (_folder, history) = empty();
    history.record(&run("linux", 0, 12)).unwrap();
    history.record(&run("linux", 7, 12)).unwrap();
    let find = |text: &str| history.find_tests(text, &Filter::default()).unwrap();
    assert_eq!(find("test_1").len(), 1, "a whole name beats a part");
    assert_eq!(find("Class").len(), 6);
    let (id, _) = &find("test_0")[0];
    assert_eq!(find(&id.to_string())[0].0, *id);
    let (shown, problems) = history.show(&find("test_0"), &Filter::default()).unwrap();
    assert_eq!(problems, []);
    let texts: Vec<&str> = shown[0].results.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(texts, ["refused", "refused"]);
}

#[test]
fn stat_counts_what_was_recorded() {
    let (_folder, history) = empty();
    for n in 0..3 {
        history.record(&run("linux", n, 10)).unwrap();
    }
    let stat = history.stat().unwrap();
    assert_eq!((stat.runs(), stat.rows(), stat.run_files), (3, 30, 3));
    let job = stat.jobs.values().next().unwrap();
    assert_eq!(
        (job.first, job.last),
        (run("", 0, 0).info.started_at, run("", 2, 0).info.started_at)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_run_survives_recording_and_compaction(mut runs in prop::collection::vec(any_run(), 1..6)) {
        let (_folder, history) = empty();
        for (n, run) in (0_u32..).zip(&mut runs) {
            run.info.key.attempt = n;
            history.record(run).unwrap();
        }
        runs.sort_by(|a, b| (a.info.started_at, &a.info.key).cmp(&(b.info.started_at, &b.info.key)));
        prop_assert_eq!(&read(&history), &runs);
        let mut options = history::CompactOptions::at(START);
        options.keep_pr_days = None;
        options.grace_days = 0.0;
        let done = history.compact(&options).unwrap();
        prop_assert_eq!(done.problems, vec![]);
        prop_assert_eq!(history.stat().unwrap().run_files, 0);
        let compacted = read(&history);
        for (compacted, run) in compacted.iter().zip(&runs) {
            prop_assert_eq!(&compacted.info, &run.info);
            prop_assert_eq!(&compacted.rows, &run.rows);
            prop_assert_eq!(&compacted.names, &run.names);
        }
        prop_assert_eq!(compacted.len(), runs.len());
        prop_assert_eq!(history.verify().unwrap().problems, vec![]);
    }
}
