//! Runs to record.

use proptest::prelude::*;

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

/// Any run that a hostile pull request can make, as it is recorded.
pub(crate) fn any_run() -> impl Strategy<Value = RecordedRun> {
    let text = || prop_oneof![any::<String>(), "[a-c./%~]{0,3}", "x{200,210}"];
    let key = (text(), text(), text(), text());
    let rest = (
        any::<i32>(),
        text(),
        prop::option::of(0..3_u64),
        any::<bool>(),
    );
    let tests = prop::collection::vec(
        (text(), prop::option::of(text()), text(), any_attempt()),
        0..8,
    );
    (key, rest, tests).prop_map(
        |((repo, branch, job, run), (at, url, pr, partial), tests)| {
            let info = RunInfo {
                key: RunKey {
                    repo,
                    branch,
                    job,
                    run,
                    attempt: 1,
                },
                started_at: Timestamp(i64::from(at) * 1000),
                url,
                pr,
                partial,
                ..RunInfo::default()
            };
            let results = tests
                .into_iter()
                .map(|(suite, class, name, attempts)| TestResult {
                    test: TestName { suite, class, name },
                    attempts,
                });
            let run = TestRun {
                results: results.collect(),
                started_at: None,
            };
            let mut run = RecordedRun::of(info, &run);
            // Of two tests of one name the later stays; the text of the other is nobody's.
            let used: Vec<_> = run.rows.iter().filter_map(|row| row.signature).collect();
            run.texts.retain(|signature, _| used.contains(signature));
            run
        },
    )
}

fn any_attempt() -> impl Strategy<Value = Vec<Attempt>> {
    let outcome = prop_oneof![
        Just(Outcome::Pass),
        Just(Outcome::Fail),
        Just(Outcome::Error),
        Just(Outcome::Skip)
    ];
    let attempt = (
        outcome,
        prop::option::of(0.0..1e6_f64),
        prop::option::of(any::<String>()),
    );
    let attempt = attempt.prop_map(|(outcome, seconds, text)| Attempt {
        outcome,
        seconds,
        failure: text
            .filter(|_| outcome.is_failure())
            .map(|text| Failure::of(&text)),
    });
    prop::collection::vec(attempt, 0..4)
}
