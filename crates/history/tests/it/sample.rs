//! Runs to record.

use model::{
    Attempt, Failure, Outcome, RecordedRun, RunInfo, RunKey, TestName, TestResult, TestRun,
    Timestamp,
};

/// 2026-11-01.
pub(crate) const START: Timestamp = Timestamp(1_793_491_200_000);

/// What is known of run `n` of a job, one run an hour.
pub(crate) fn info(job: &str, n: u32) -> RunInfo {
    RunInfo {
        key: RunKey {
            repo: "org/repo".to_owned(),
            branch: "main".to_owned(),
            job: job.to_owned(),
            run: format!("run/{n}"),
            attempt: 1,
        },
        started_at: Timestamp(START.0 + i64::from(n) * 3_600_000),
        commit: format!("{n:040x}"),
        url: format!("https://ci.example/{n}"),
        ..RunInfo::default()
    }
}

/// Run `n` of a job: `tests` tests, of which every seventh fails in its own way.
pub(crate) fn run(job: &str, n: u32, tests: u32) -> RecordedRun {
    let results = (0..tests).map(|t| {
        let outcome = match (t + n) % 7 {
            0 => Outcome::Fail,
            1 => Outcome::Skip,
            _ => Outcome::Pass,
        };
        let mut attempt = Attempt::of(outcome);
        attempt.seconds = Some(f64::from(t * 31 + n) / 100.0);
        let words = ["refused", "timed out", "not equal"];
        attempt.failure = outcome
            .is_failure()
            .then(|| Failure::of(words[(t % 3) as usize]));
        TestResult {
            test: TestName::new(
                "suite",
                (t % 2 == 0).then_some("Class"),
                &format!("test_{t}"),
            ),
            attempts: vec![attempt],
        }
    });
    let run = TestRun {
        results: results.collect(),
        started_at: None,
    };
    RecordedRun::of(info(job, n), &run)
}
