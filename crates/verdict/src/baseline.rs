//! What history says of every test on the base: one state, observed run by run, in time order.
//!
//! The state is a plain table of tables, so that it can be kept as columns (the snapshot of a history) and taken up again:
//! a state that was read back and then shown the newest runs equals the state that saw everything. Dense fields exist for
//! every test and are equal or nearly so for tests that never fail, so they compress to almost nothing; everything that
//! only a failing test needs hangs in [`Trouble`] and [`TestTexts`].

use std::collections::BTreeMap;

use model::{RecordedRun, RecordedTest, Signature, TestId, TestName, Timestamp};
use serde::{Deserialize, Serialize};

mod entry;
mod learnt;
mod observe;
mod texts;

pub use entry::{Decayed, Durations, Entry, PastFailure, Recent, Streak, Trouble, Weeks};
pub(crate) use entry::{WEEKS, log_thousandths, window_start};
pub use learnt::{CHANCES, Chance, KindCount, Learnt, Transition};
pub use observe::suite_number;
pub(crate) use texts::{RECENT_TEXT_DAYS, kind_of};
pub use texts::{SignatureState, TestTexts, TextCount};

/// Half-life of every decayed count, in days: two weeks forget a fixed test within a month and still hold some 40 runs of a
/// job that runs daily.
pub const HALF_LIFE_DAYS: f64 = 14.0;

/// Days after which a test, a run or a text that was not seen again is dropped from the baseline.
pub const KEEP_DAYS: f64 = 180.0;

/// How many runs of a job keep their link and commit: enough for the grid and for a merge base some days old.
pub const RUNS_KEPT_PER_JOB: usize = 64;

/// The state of one base branch of one repository, over all of its jobs.
///
/// Fields are public because `history` keeps them as columns; everything else only calls [`Baseline::observe`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// The jobs; [`Entry`] keys, [`RunRef::job`] and others are indexes into this.
    pub jobs: Vec<Job>,
    /// Suites by the number in [`Entry::suite`]: 32 bits of a hash of the name (two suites of one number merely share a pool).
    pub suites: BTreeMap<u32, Suite>,
    /// Runs by number (a count of observed runs, from 1): the newest of each job.
    pub runs: BTreeMap<u32, RunRef>,
    /// Names of the tests.
    pub names: BTreeMap<TestId, TestName>,
    /// What is known of a test in a job (index into `jobs`).
    pub entries: BTreeMap<(TestId, u32), Entry>,
    /// What tests said when they failed, over all jobs. Only tests that failed are here.
    pub test_texts: BTreeMap<TestId, TestTexts>,
    /// Signatures over all tests.
    pub signatures: BTreeMap<Signature, SignatureState>,
    /// Numbers learnt from the whole repository.
    pub learnt: Learnt,
}

/// A job: one column of a build matrix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name, with its matrix values.
    pub name: String,
    /// Runs observed so far.
    pub runs: u32,
    /// When its first observed run started.
    pub first_at: Timestamp,
    /// When its newest observed run started.
    pub last_at: Timestamp,
    /// Runs by week.
    pub weeks: Weeks,
    /// How many tests its newest complete runs had, oldest first; at most 15.
    pub sizes: Vec<u32>,
    /// Numbers of its newest runs, oldest first; at most [`RUNS_KEPT_PER_JOB`].
    pub newest: Vec<u32>,
}

/// The pooled failure rate of one suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// The name of the suite, or the scope in front of a test's name where the format gives no suite.
    pub name: String,
    /// Decayed runs and failures of its tests.
    pub rate: Decayed,
}

/// A past run that evidence can point to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// Index of its job.
    pub job: u32,
    /// When it started.
    pub at: Timestamp,
    /// The run id of the CI system.
    pub run: String,
    /// The attempt of that run.
    pub attempt: u32,
    /// The commit; empty when unknown.
    pub commit: String,
    /// Where a person reads it; empty when unknown.
    pub url: String,
}

impl Baseline {
    /// The index of a job by its name.
    pub fn job_index(&self, name: &str) -> Option<u32> {
        let found = self.jobs.iter().position(|job| job.name == name)?;
        u32::try_from(found).ok()
    }

    /// What is known of a test in a job.
    pub fn entry(&self, test: TestId, job: u32) -> Option<&Entry> {
        self.entries.get(&(test, job))
    }

    /// What is known of a test in every job, by job.
    pub fn entries_of(&self, test: TestId) -> impl Iterator<Item = (u32, &Entry)> {
        self.entries
            .range((test, 0)..=(test, u32::MAX))
            .map(|((_, job), entry)| (*job, entry))
    }

    /// Takes one recorded run of the base into account. Runs must come in order of time; runs of pull requests are
    /// ignored, because broken code mixes into them.
    pub fn observe(&mut self, run: &RecordedRun) {
        if run.info.pr.is_none() {
            observe::observe(self, run);
        }
    }
}

/// Whether this row says that the test failed, in the end.
fn failed(row: &RecordedTest) -> bool {
    row.outcome.is_failure()
}

/// The suite of a test, or the scope in front of its name where the format gives no suite.
pub(crate) fn scope(test: &TestName) -> &str {
    if !test.suite.is_empty() {
        return &test.suite;
    }
    if let Some(class) = &test.class {
        return class;
    }
    let end = test.name.find(['[', '(']).unwrap_or(test.name.len());
    let plain = test.name.get(..end).unwrap_or(&test.name);
    let cut = ["::", ".", "/"]
        .iter()
        .filter_map(|separator| plain.rfind(separator))
        .max();
    cut.and_then(|at| plain.get(..at)).unwrap_or("")
}
