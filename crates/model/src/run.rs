//! Runs: what a job produced, and how it is recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Failure, Outcome, Signature, TestId, TestName, Timestamp};

/// One execution of one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// What it did.
    pub outcome: Outcome,
    /// How long it took, in seconds; `None` when the format does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What it said when it failed, or why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Attempt {
    /// An attempt of which only the outcome is known.
    pub fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            seconds: None,
            failure: None,
        }
    }
}

/// All attempts of one test in one run, oldest first. Never empty when `formats` made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The test.
    pub test: TestName,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl TestResult {
    /// The outcome of the test: that of the last attempt that ran, else skip.
    pub fn outcome(&self) -> Outcome {
        let ran = self.attempts.iter().rev().find(|a| a.outcome.ran());
        ran.map_or(Outcome::Skip, |attempt| attempt.outcome)
    }

    /// Whether it failed first and passed later in this run.
    pub fn flaked(&self) -> bool {
        self.outcome() == Outcome::Pass && self.attempts.iter().any(|a| a.outcome.is_failure())
    }

    /// The text of the last attempt that failed.
    pub fn failure(&self) -> Option<&Failure> {
        let failed = self.attempts.iter().rev().find(|a| a.outcome.is_failure());
        failed.and_then(|attempt| attempt.failure.as_ref())
    }

    /// Seconds of the last attempt that says how long it took.
    pub fn seconds(&self) -> Option<f64> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.seconds)
    }
}

/// What one run of one job produced, before it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestRun {
    /// The results, in the order read; one entry a test.
    pub results: Vec<TestResult>,
    /// The earliest time stamp that the files themselves give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

/// What makes a recorded run one run: recording the same key twice is recording it once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunKey {
    /// `owner/name`, or any name for a history without a forge.
    pub repo: String,
    /// The branch that ran, or that a pull request wants to join.
    pub branch: String,
    /// The job, with its matrix values.
    pub job: String,
    /// The run id of the CI system.
    pub run: String,
    /// The attempt of that run, from 1.
    pub attempt: u32,
}

/// All that is known of a run besides its results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunInfo {
    /// Its identity.
    pub key: RunKey,
    /// When it started.
    pub started_at: Timestamp,
    /// The commit it tested; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The tree of that commit, equal for re-pushed and cherry-picked equal sources; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// The pull request; `None` on the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<u64>,
    /// Where a person reads the run; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Whether the run lists only some of its tests, so that a missing test says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// How many tests have no row because they simply passed; `None` when every test that ran has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted_passes: Option<u32>,
}

/// One row of recorded history: one test in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedTest {
    /// The id that history is keyed by.
    pub id: TestId,
    /// The outcome of the test in the run: see [`TestResult::outcome`].
    pub outcome: Outcome,
    /// Whether it failed first and passed later.
    pub flaked: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u32>,
    /// The signature of the failure; `None` when it neither failed nor flaked, or said nothing.
    pub signature: Option<Signature>,
}

/// A run as history keeps it: rows of fixed size, names once a test, texts once a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRun {
    /// What is known of the run.
    pub info: RunInfo,
    /// One row a test, in rising order of id.
    pub rows: Vec<RecordedTest>,
    /// The names of the tests. Empty when read from compacted files, which keep names apart.
    pub names: BTreeMap<TestId, TestName>,
    /// The text of a failure, bounded, once a signature.
    pub texts: BTreeMap<Signature, String>,
}

impl RecordedRun {
    /// A run as it will be recorded. Of two results of one name the later wins (`formats` merges attempts before).
    pub fn of(info: RunInfo, run: &TestRun) -> Self {
        let mut rows = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut texts = BTreeMap::new();
        for result in &run.results {
            let row = RecordedTest::from(result);
            if let (Some(signature), Some(failure)) = (row.signature, result.failure()) {
                texts
                    .entry(signature)
                    .or_insert_with(|| recorded_message(failure));
            }
            names.insert(row.id, result.test.clone());
            rows.insert(row.id, row);
        }
        Self {
            info,
            rows: rows.into_values().collect(),
            names,
            texts,
        }
    }
}

/// How many bytes of a failure's text a recorded row keeps.
const RECORDED_MESSAGE_BYTES: usize = 2048;

impl From<&TestResult> for RecordedTest {
    fn from(result: &TestResult) -> Self {
        let failure = result.failure();
        Self {
            id: result.test.id(),
            outcome: result.outcome(),
            flaked: result.flaked(),
            duration_ms: result.seconds().map(milliseconds),
            signature: failure.map(Failure::signature),
        }
    }
}

/// Seconds as recorded milliseconds; what is negative or no number counts as none.
fn milliseconds(seconds: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to int cast saturates, and NaN becomes 0"
    )]
    let milliseconds = (seconds * 1000.0).round() as u32;
    milliseconds
}

fn recorded_message(failure: &Failure) -> String {
    let mut full = failure.text();
    full.truncate(full.floor_char_boundary(RECORDED_MESSAGE_BYTES));
    full
}

#[cfg(test)]
mod tests {
    use super::{Attempt, RecordedRun, RecordedTest, RunInfo, TestResult, TestRun};
    use crate::{Failure, Outcome, TestName};

    fn result(outcomes: &[Outcome]) -> TestResult {
        TestResult {
            test: TestName::new("s", None, "t"),
            attempts: outcomes.iter().map(|o| Attempt::of(*o)).collect(),
        }
    }

    #[test]
    fn the_last_attempt_that_ran_decides() {
        use Outcome::{Error, Fail, Pass, Skip};
        assert_eq!(result(&[Fail, Pass]).outcome(), Pass);
        assert!(result(&[Fail, Pass]).flaked());
        assert_eq!(result(&[Pass, Fail]).outcome(), Fail);
        assert!(!result(&[Pass, Fail]).flaked());
        assert_eq!(result(&[Error, Skip]).outcome(), Error);
        assert_eq!(result(&[Skip]).outcome(), Skip);
        assert_eq!(result(&[]).outcome(), Skip);
    }

    #[test]
    fn a_flake_is_recorded_with_the_text_of_its_failure() {
        let mut flaked = result(&[Outcome::Fail, Outcome::Pass]);
        flaked.attempts[0].failure = Some(Failure::of("boom"));
        flaked.attempts[1].seconds = Some(1.2345);
        let run = TestRun {
            results: vec![flaked],
            started_at: None,
        };
        let recorded = RecordedRun::of(RunInfo::default(), &run);
        let row = recorded.rows[0];
        assert_eq!((row.outcome, row.flaked), (Outcome::Pass, true));
        let signature = Failure::of("boom").signature();
        assert_eq!(row.signature, Some(signature));
        assert_eq!(recorded.texts[&signature], "boom");
        assert_eq!(row.duration_ms, Some(1235));
    }

    #[test]
    fn a_time_that_is_no_time_is_recorded_as_zero() {
        let mut odd = result(&[Outcome::Pass]);
        odd.attempts[0].seconds = Some(f64::NAN);
        assert_eq!(RecordedTest::from(&odd).duration_ms, Some(0));
    }
}
