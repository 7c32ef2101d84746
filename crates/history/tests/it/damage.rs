//! Damaged files are told, and the rest is read.

use history::{CompactOptions, Filter, History};
use model::RecordedRun;

use crate::sample::{START, run};

fn read(history: &History) -> (Vec<RecordedRun>, usize) {
    let filter = Filter {
        with_names: true,
        with_texts: true,
        ..Filter::default()
    };
    let mut runs = history.runs(&filter).unwrap();
    let read = runs.by_ref().collect();
    (read, runs.finish().unwrap().len())
}

fn files(folder: &std::path::Path, ending: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn three_runs() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..3 {
        history.record(&run("linux", n, 20)).unwrap();
    }
    (folder, history)
}

#[test]
fn a_truncated_run_file_is_told_and_the_others_are_read() {
    let (folder, history) = three_runs();
    let path = files(folder.path(), "run%2F1-1.parquet").remove(0);
    let bytes = std::fs::read(&path).unwrap();
    for keep in [0, 4, 11, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..keep]).unwrap();
        let (runs, problems) = read(&history);
        let left: Vec<_> = runs.into_iter().map(|r| r.info.key.run).collect();
        assert_eq!((left, problems), (vec!["run/0".into(), "run/2".into()], 1));
        assert_eq!(history.verify().unwrap().problems.len(), 1);
        let done = history.compact(&CompactOptions::at(START)).unwrap();
        assert!(done.problems.len() == 1, "compaction leaves it where it is");
        assert!(path.exists());
    }
    let problem = history.verify().unwrap().problems.remove(0).to_string();
    assert!(problem.contains("run%2F1-1.parquet: "), "{problem}");
}

#[test]
fn no_flipped_byte_changes_what_is_read_in_silence() {
    let (folder, history) = three_runs();
    let path = files(folder.path(), "run%2F1-1.parquet").remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let expected = read(&history).0;
    for at in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        let (runs, problems) = read(&history);
        assert!(
            runs == expected || problems == 1,
            "byte {at} of {}",
            bytes.len()
        );
    }
}

#[test]
fn verify_finds_a_flipped_byte_in_any_compacted_file() {
    let (folder, history) = three_runs();
    history
        .compact(&CompactOptions::at(START.plus_days(60.0)))
        .unwrap();
    let mut tried = 0;
    for part in ["compact", "names", "texts"] {
        for path in files(&folder.path().join("v1").join(part), ".parquet") {
            let bytes = std::fs::read(&path).unwrap();
            for at in [0, bytes.len() / 3, bytes.len() - 9] {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                std::fs::write(&path, &flipped).unwrap();
                let fresh = History::open(folder.path().to_str().unwrap()).unwrap();
                assert!(
                    !fresh.verify().unwrap().problems.is_empty(),
                    "{part} byte {at}"
                );
                tried += 1;
            }
            std::fs::write(&path, &bytes).unwrap();
        }
    }
    assert!(tried >= 9);
    assert_eq!(history.verify().unwrap().problems, []);
}

#[test]
fn a_lost_compacted_file_falls_back_to_the_run_files_within_the_grace_time() {
    let (folder, history) = three_runs();
    let expected = read(&history).0;
    history
        .compact(&CompactOptions::at(START.plus_days(60.0)))
        .unwrap();
    std::fs::remove_file(&files(&folder.path().join("v1/compact"), ".parquet")[0]).unwrap();
    let fresh = History::open(folder.path().to_str().unwrap()).unwrap();
    let (runs, problems) = read(&fresh);
    assert_eq!((runs, problems), (expected, 1));
}

#[test]
fn a_lost_commit_log_is_never_called_whole() {
    let (folder, history) = three_runs();
    let mut options = CompactOptions::at(START.plus_days(60.0));
    options.grace_days = 0.0;
    history.compact(&options).unwrap();
    for path in files(folder.path(), ".json") {
        if path.to_string_lossy().contains("commit") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let history = History::open(folder.path().to_str().unwrap()).unwrap();
    let proof = history.verify().unwrap();
    let told: Vec<_> = proof.problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(
        told,
        ["1 compacted files are there, but no commit names them"]
    );
}

#[test]
fn nothing_comes_in_twice_while_a_compacted_file_cannot_be_read() {
    let (folder, history) = three_runs();
    let options = CompactOptions::at(START.plus_days(60.0));
    history.compact(&options).unwrap();
    let path = files(&folder.path().join("v1/compact"), ".parquet").remove(0);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, b"PAR1").unwrap();
    let fresh = History::open(folder.path().to_str().unwrap()).unwrap();
    let done = fresh.compact(&options).unwrap();
    assert_eq!((done.runs, done.problems.len()), (0, 1));
    let again: Vec<RecordedRun> = (0..4).map(|n| run("linux", n, 20)).collect();
    assert!(fresh.record_all(&again, START).is_err());
    let other = vec![run("windows", 9, 20)];
    assert_eq!(fresh.record_all(&other, START).unwrap().runs, 1);
    std::fs::write(&path, bytes).unwrap();
    let fresh = History::open(folder.path().to_str().unwrap()).unwrap();
    let proof = fresh.verify().unwrap();
    assert_eq!(
        (proof.runs, proof.doubled_runs, proof.problems),
        (4, 0, vec![])
    );
}
