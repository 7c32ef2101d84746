//! Runs of pull requests where every byte is fetched by every reader: without the tests that simply passed.
//!
//! What other pull requests need of a run are its failures. What a later attempt on the same commit needs besides is which tests passed; so the run says how
//! many of its tests have no row because they passed, and of a complete run on the same sources, with as many tests, every other test is one of those.

use model::{Outcome, RecordedRun, RecordedTest, RunInfo, TestId};

use crate::run_file::canonical;

/// A run without the tests that simply passed.
pub(crate) fn lean(run: &RecordedRun) -> RecordedRun {
    let mut run = canonical(run);
    let all = run.rows.len();
    run.rows.retain(|row| !is_plain_pass(row));
    let passed = all - run.rows.len();
    run.info.unlisted_passes = u32::try_from(passed).ok().filter(|_| !run.info.partial);
    run.info.partial = true;
    canonical(&run)
}

fn is_plain_pass(row: &RecordedTest) -> bool {
    row.outcome == Outcome::Pass && !row.flaked
}

/// What a recorded run says of a test of another run, of `tests` tests, on the same sources in the same job: its row, or that it passed.
pub fn row_in_rerun(run: &RecordedRun, id: TestId, tests: usize) -> Option<RecordedTest> {
    let listed = run.rows.iter().find(|row| row.id == id).copied();
    listed.or_else(|| passed_unlisted(&run.info, run.rows.len(), tests).then(|| plain_pass(id)))
}

fn passed_unlisted(info: &RunInfo, rows: usize, tests: usize) -> bool {
    let passes = info.unlisted_passes.and_then(|n| usize::try_from(n).ok());
    passes.is_some_and(|passes| passes + rows == tests)
}

fn plain_pass(id: TestId) -> RecordedTest {
    RecordedTest {
        id,
        outcome: Outcome::Pass,
        flaked: false,
        duration_ms: None,
        signature: None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Attempt, Outcome, RecordedRun, RunInfo, TestName, TestResult, TestRun};

    use super::{lean, row_in_rerun};

    fn run(outcomes: &[Outcome]) -> RecordedRun {
        let result = |(at, outcome): (usize, &Outcome)| TestResult {
            test: TestName::new("s", None, &format!("t{at}")),
            attempts: vec![Attempt::of(*outcome)],
        };
        let results = outcomes.iter().enumerate().map(result).collect();
        RecordedRun::of(
            RunInfo::default(),
            &TestRun {
                results,
                started_at: None,
            },
        )
    }

    #[test]
    fn passes_of_a_complete_run_of_as_many_tests_are_known_without_rows() {
        use Outcome::{Fail, Pass, Skip};
        let all = run(&[Pass, Fail, Skip, Pass]);
        let kept = lean(&all);
        assert_eq!(
            (kept.rows.len(), kept.names.len(), kept.info.unlisted_passes),
            (2, 2, Some(2))
        );
        for row in &all.rows {
            let known = row_in_rerun(&kept, row.id, 4).unwrap();
            assert_eq!(known.outcome, row.outcome);
        }
        let passed = all.rows.iter().find(|row| row.outcome == Pass).unwrap();
        assert_eq!(
            row_in_rerun(&kept, passed.id, 5),
            None,
            "another set of tests"
        );
        let mut part = all.clone();
        part.info.partial = true;
        assert_eq!(row_in_rerun(&lean(&part), passed.id, 4), None);
    }
}
