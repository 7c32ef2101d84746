//! Files that version 1 wrote are read by every later version: the files stand in `tests/golden/v1` and are never written again.

use std::path::{Path, PathBuf};

use history::{CompactOptions, ExportFormat, Filter, History};

use crate::sample::{START, run};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Makes the golden files. Only for the day when a new version gets its own folder: `SPRAG_MAKE_GOLDEN=1`.
#[test]
fn golden_files_are_made_only_on_purpose() {
    if std::env::var_os("SPRAG_MAKE_GOLDEN").is_none() || golden().exists() {
        return;
    }
    let history = History::init(golden().to_str().unwrap(), START).unwrap();
    for n in 0..3 {
        history.record(&run("linux", n * 30, 5)).unwrap();
    }
    let mut pr = run("linux", 2, 3);
    pr.info.pr = Some(7);
    history.record(&pr).unwrap();
    let mut options = CompactOptions::at(START.plus_days(60.0));
    options.grace_days = 0.0;
    options.keep_pr_days = None;
    history.compact(&options).unwrap();
    history.record(&run("linux", 100, 4)).unwrap();
}

#[test]
fn the_files_of_version_1_are_read_for_ever() {
    // A copy: reading must not need to write, and a test must not change what is golden.
    let folder = tempfile::tempdir().unwrap();
    copy(&golden(), folder.path());
    let history = History::open(folder.path().to_str().unwrap()).unwrap();
    let mut text = Vec::new();
    let done = history
        .export(&Filter::default(), ExportFormat::Ndjson, &mut text)
        .unwrap();
    assert_eq!(done.problems, []);
    let proof = history.verify().unwrap();
    assert_eq!((proof.runs, proof.rows, proof.problems), (5, 22, vec![]));
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
