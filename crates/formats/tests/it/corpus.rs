//! The corpus of real result files: we count what most other parsers count.

use std::fs::File;
use std::path::PathBuf;

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

fn count(path: &std::path::Path, name: &str) -> FileTally {
    let mut tally = Tally::default();
    let mut file = File::open(path).unwrap();
    formats::read(name, &mut file, &Limits::default(), &mut tally);
    tally.into_files().remove(0)
}

#[test]
fn the_consensus_of_other_parsers_is_met_on_99_percent_of_files() {
    let Some(corpus) = corpus() else { return };
    let lines = std::fs::read_to_string(corpus.join("CONSENSUS.jsonl")).unwrap();
    let (mut files, mut disagreements) = (0_usize, 0_usize);
    for line in lines.lines() {
        let consensus: Consensus = serde_json::from_str(line).unwrap();
        let tally = count(&corpus.join(&consensus.file), &consensus.file);
        files += 1;
        if !consensus.agrees(&tally.counted) {
            disagreements += 1;
            println!(
                "{consensus:?}\n    ours: {:?} {:?}",
                tally.format, tally.counted
            );
        }
    }
    println!("{disagreements} of {files} disagree");
    assert!(disagreements * 100 <= files, "{disagreements} of {files}");
}
