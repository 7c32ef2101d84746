//! The corpus of real result files: we count what most other parsers count.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use formats::{Counted, FileTally, Limits, Tally};
use serde::Deserialize;

/// The counts that most of the parsers that can read a file agree on.
#[derive(Debug, Deserialize)]
struct Consensus {
    file: String,
    tests: u64,
    failed_or_error: u64,
    skipped: u64,
    failed: Option<u64>,
    errors: Option<u64>,
}

impl Consensus {
    fn agrees(&self, counted: &Counted) -> bool {
        counted.tests == self.tests
            && counted.failed + counted.errors == self.failed_or_error
            && counted.skipped == self.skipped
            && self.failed.is_none_or(|failed| failed == counted.failed)
            && self.errors.is_none_or(|errors| errors == counted.errors)
    }
}

/// Where the shared data lie; `None` (with a line that says so) when they do not.
pub(crate) fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("SPRAG_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let corpus = shared.join("data/corpus");
    if corpus.is_dir() {
        return Some(corpus);
    }
    println!("skipped: no corpus at {}", corpus.display());
    None
}

fn count(path: &Path, name: &str) -> FileTally {
    let mut tally = Tally::default();
    let mut file = File::open(path).unwrap();
    formats::read(name, &mut file, &Limits::default(), &mut tally);
    tally.into_files().remove(0)
}

/// What the files that are there disagree on, as rows of the table in `docs/formats.md` without the reason.
fn disagreements(corpus: &Path) -> (usize, BTreeSet<String>) {
    let lines = std::fs::read_to_string(corpus.join("CONSENSUS.jsonl")).unwrap();
    let (mut files, mut rows) = (0, BTreeSet::new());
    for line in lines.lines() {
        let consensus: Consensus = serde_json::from_str(line).unwrap();
        let path = corpus.join(&consensus.file);
        if !path.is_file() {
            println!("absent: {}", consensus.file);
            continue;
        }
        let tally = count(&path, &consensus.file);
        files += 1;
        if !consensus.agrees(&tally.counted) {
            let c = &tally.counted;
            rows.insert(format!(
                "| `{}` | {} / {} / {} | {} / {} / {} |",
                consensus.file,
                consensus.tests,
                consensus.failed_or_error,
                consensus.skipped,
                c.tests,
                c.failed + c.errors,
                c.skipped
            ));
        }
    }
    (files, rows)
}

#[test]
fn the_consensus_of_other_parsers_is_met_on_99_percent_of_files() {
    let Some(corpus) = corpus() else { return };
    let (files, rows) = disagreements(&corpus);
    for row in &rows {
        println!("{row}");
    }
    println!("{} of {files} files disagree", rows.len());
    assert!(rows.len() * 100 <= files, "{} of {files}", rows.len());
}

#[test]
fn every_disagreement_is_documented_with_its_reason() {
    let Some(corpus) = corpus() else { return };
    let (_, found) = disagreements(&corpus);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let (_, table) = text.split_once("<!-- disagreements -->").unwrap();
    let (table, _) = table.split_once("<!-- end -->").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<String> = rows
        .map(|row| {
            let columns: Vec<&str> = row.split('|').collect();
            assert!(columns[4].trim().len() > 20, "no reason: {row}");
            format!("{}|", columns[..4].join("|"))
        })
        .collect();
    assert_eq!(documented, found);
}

/// Files whose results include retries, with the tests that flaked, counted by eye.
#[test]
fn flakes_of_real_files_are_counted() {
    let Some(corpus) = corpus() else { return };
    let cases = [
        ("gen-pytest/xunit1.xml", 1),
        ("gen-pytest/xunit2.xml", 1),
        ("nextest/fixtures/fixture-project-junit.xml", 1),
        (
            "mikepenz/test_results/flaky_retries/flaky_with_classname_file.xml",
            1,
        ),
        (
            "mikepenz/test_results/flaky_retries/flaky_all_failures.xml",
            0,
        ),
        (
            "mikepenz/test_results/flaky_retries/flaky_success_first.xml",
            0,
        ),
        (
            "mikepenz/test_results/junit_flaky_failure/marathon_junit_report.xml",
            1,
        ),
        ("junit-to-ctrf/reports/test-surefire-flaky.xml", 1),
        ("junit-to-ctrf/reports/test-surefire-retry.xml", 0),
        (
            "jenkins-junit/src/test/resources/hudson/tasks/junit/gh-237/TEST-io.olamy.FlakyTest.xml",
            1,
        ),
        ("gen-playwright/pw.json", 2),
    ];
    for (file, flaked) in cases {
        let tally = count(&corpus.join(file), file);
        assert_eq!(tally.counted.flaked, flaked, "{file}: {:?}", tally.counted);
    }
}
