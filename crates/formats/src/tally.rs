//! Counts of files, in memory that does not grow with their size.

use std::collections::BTreeMap;

use model::{Outcome, Place, Problem, TestId, Timestamp};

use xxhash_rust::xxh3::xxh3_64;

use crate::{Case, Format, Sink, Visitor, identity};

/// What one file holds, counted as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// Suites.
    pub suites: u64,
    /// Test cases as written.
    pub tests: u64,
    /// Cases that passed.
    pub passed: u64,
    /// Cases that failed.
    pub failed: u64,
    /// Cases that could not finish.
    pub errors: u64,
    /// Cases that did not run.
    pub skipped: u64,
    /// Tests that failed first and passed later; tests, not cases.
    pub flaked: u64,
    /// The sum of the seconds of all cases.
    pub seconds: f64,
}

impl Counted {
    /// Adds the counts of another file.
    pub fn add(&mut self, other: &Self) {
        self.suites += other.suites;
        self.tests += other.tests;
        self.passed += other.passed;
        self.failed += other.failed;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.flaked += other.flaked;
        self.seconds += other.seconds;
    }
}

/// One file: its name, format, counts and problems.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileTally {
    /// The name as given; `a.zip!b.xml` inside an archive.
    pub file: String,
    /// The format; `None` when it is none that can be read.
    pub format: Option<Format>,
    /// The counts.
    pub counted: Counted,
    /// What is malformed.
    pub problems: Vec<Problem>,
}

/// Counts file by file. See [`Tally::total`] for all together.
#[derive(Debug, Default)]
pub struct Tally {
    files: Vec<FileTally>,
    current: FileTally,
    flakes: Flakes,
}

/// Words of the bit set of names: a million bits, so that even 20,000 failures leave 98 % of the other names unmatched.
const WORDS: usize = 1 << 14;

/// The tests that failed at least once in a file, and whether each passed last: the others cannot have flaked, so that
/// memory grows with the failures alone.
#[derive(Debug, Default)]
struct Flakes {
    passed_last: BTreeMap<TestId, bool>,
    /// One bit for each hash of a name that failed: most cases need no look-up and no stable name. Empty until one fails.
    names: Vec<u64>,
}

impl Flakes {
    fn see(&mut self, case: &Case<'_>) {
        let failed = case.outcome.is_failure();
        let failed_before = case
            .before
            .iter()
            .any(|attempt| attempt.outcome.is_failure());
        if failed || failed_before {
            self.names.resize(WORDS, 0);
            let (word, bit) = place(case.name);
            if let Some(word) = self.names.get_mut(word) {
                *word |= bit;
            }
            let id = identity::test_id(case.suite, case.class, case.name);
            self.passed_last.insert(id, case.outcome == Outcome::Pass);
        } else if case.outcome == Outcome::Pass && !self.passed_last.is_empty() {
            self.see_pass(case);
        }
    }

    fn see_pass(&mut self, case: &Case<'_>) {
        let (word, bit) = place(case.name);
        if self.names.get(word).is_none_or(|word| word & bit == 0) {
            return;
        }
        let id = identity::test_id(case.suite, case.class, case.name);
        if let Some(passed) = self.passed_last.get_mut(&id) {
            *passed = true;
        }
    }

    fn count(&self) -> u64 {
        self.passed_last.values().filter(|passed| **passed).count() as u64
    }
}

/// The word and the bit in it that stand for a name.
fn place(name: &str) -> (usize, u64) {
    let hash = xxh3_64(name.as_bytes());
    ((hash >> 32) as usize % WORDS, 1 << (hash & 63))
}

impl Tally {
    /// The files, in the order read.
    pub fn files(&self) -> &[FileTally] {
        &self.files
    }

    /// The files, in the order read.
    pub fn into_files(self) -> Vec<FileTally> {
        self.files
    }

    /// All files together.
    pub fn total(&self) -> Counted {
        let mut total = Counted::default();
        for file in &self.files {
            total.add(&file.counted);
        }
        total
    }
}

/// How a failure outside of the tests is said.
pub(crate) fn outside_tests(case: &Case<'_>) -> (String, &'static str) {
    let said = case.failure.as_ref().map_or("", |failure| &failure.message);
    let said: String = said.chars().take(200).collect();
    let colon = if said.is_empty() { "" } else { ": " };
    let what = format!("`{}` failed outside its tests{colon}{said}", case.suite);
    (what, "not counted as a test, but judged")
}

impl Sink for Tally {
    fn suite(&mut self, _name: &str, _started_at: Option<Timestamp>) {
        self.current.counted.suites += 1;
    }

    fn case(&mut self, case: Case<'_>) {
        let counted = &mut self.current.counted;
        counted.tests += 1;
        match case.outcome {
            Outcome::Pass => counted.passed += 1,
            Outcome::Fail => counted.failed += 1,
            Outcome::Error => counted.errors += 1,
            Outcome::Skip => counted.skipped += 1,
        }
        counted.seconds += case.seconds.unwrap_or_default();
        self.flakes.see(&case);
    }

    fn outside(&mut self, place: Place, case: Case<'_>) {
        let (what, hint) = outside_tests(&case);
        self.problem(place, what, hint);
    }

    fn problem(&mut self, place: Place, what: String, hint: &'static str) {
        self.current.problems.push(Problem {
            file: self.current.file.clone(),
            place,
            what,
            hint: hint.to_owned(),
        });
    }
}

impl Visitor for Tally {
    fn begin_file(&mut self, name: &str, format: Option<Format>) {
        name.clone_into(&mut self.current.file);
        self.current.format = format;
    }

    fn end_file(&mut self) {
        self.current.counted.flaked = self.flakes.count();
        self.flakes = Flakes::default();
        self.files.push(std::mem::take(&mut self.current));
    }
}
