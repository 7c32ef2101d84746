//! Runs of pull requests where every byte is fetched by every reader: without the tests that simply passed.
//!
//! What other pull requests need of a run are its failures. What a later attempt on the same commit needs besides is which tests passed; so the run says how
//! many of its tests have no row because they passed, and of a complete run on the same sources, with as many tests, every other test is one of those.

use std::collections::{BTreeMap, BTreeSet};

use model::{Outcome, RecordedRun, RecordedTest, Signature, TestId};

use crate::run_file::canonical;

/// Failures that are listed; a run with more is one large failure, and says so with these.
const MOST_FAILURES: usize = 1_000;

/// Skipped tests that are listed; with more of them nothing is known of tests without a row.
const MOST_SKIPS: usize = 200;

/// A run without the tests that simply passed.
pub(crate) fn lean(run: &RecordedRun) -> RecordedRun {
    let mut run = canonical(run);
    let passed = run.rows.iter().filter(|row| is_plain_pass(row)).count();
    let skipped = count(&run.rows, Outcome::Skip);
    let failed = run.rows.len() - passed - skipped;
    let listed = skipped <= MOST_SKIPS && failed <= MOST_FAILURES && !run.info.partial;
    run.info.unlisted_passes = u32::try_from(passed).ok().filter(|_| listed);
    run.info.partial = true;
    run.rows.retain(|row| {
        !is_plain_pass(row) && (skipped <= MOST_SKIPS || row.outcome != Outcome::Skip)
    });
    if failed > MOST_FAILURES {
        keep_some_of_each_text(&mut run.rows);
    }
    canonical(&run)
}

fn count(rows: &[RecordedTest], outcome: Outcome) -> usize {
    rows.iter().filter(|row| row.outcome == outcome).count()
}

fn is_plain_pass(row: &RecordedTest) -> bool {
    row.outcome == Outcome::Pass && !row.flaked
}

/// Drops failures until [`MOST_FAILURES`] are left, first those of which most have the same text.
fn keep_some_of_each_text(rows: &mut Vec<RecordedTest>) {
    let mut seen: BTreeMap<Option<Signature>, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, RecordedTest)> = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        let rank = seen.entry(row.signature).or_default();
        ranked.push((*rank, row));
        *rank += 1;
    }
    ranked.sort_by_key(|(rank, row)| (*rank, row.id));
    ranked.truncate(MOST_FAILURES);
    rows.extend(ranked.into_iter().map(|(_, row)| row));
    rows.sort_unstable_by_key(|row| row.id);
}

/// Lists the tests that a recorded run does not list because they passed, where that is certain: `tests` are those of another complete run of the same job on the same
/// sources, as many as the recorded run had.
pub fn list_passes(run: &mut RecordedRun, tests: &BTreeSet<TestId>) {
    let passes = run
        .info
        .unlisted_passes
        .and_then(|n| usize::try_from(n).ok());
    let as_many = passes.is_some_and(|passes| passes + run.rows.len() == tests.len());
    if !as_many || run.rows.iter().any(|row| !tests.contains(&row.id)) {
        return;
    }
    let listed: BTreeSet<TestId> = run.rows.iter().map(|row| row.id).collect();
    run.rows
        .extend(tests.difference(&listed).map(|id| plain_pass(*id)));
    run.rows.sort_unstable_by_key(|row| row.id);
    run.info.unlisted_passes = None;
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
    use std::collections::BTreeSet;

    use model::{
        Attempt, Failure, Outcome, RecordedRun, RunInfo, TestId, TestName, TestResult, TestRun,
    };

    use super::{MOST_FAILURES, lean, list_passes};

    fn run(outcomes: &[Outcome]) -> RecordedRun {
        let result = |(at, outcome): (usize, &Outcome)| {
            let mut attempt = Attempt::of(*outcome);
            let text = if at < 5 { "rare" } else { "common" };
            attempt.failure = outcome.is_failure().then(|| Failure::of(text));
            TestResult {
                test: TestName::new("s", None, &format!("t{at}")),
                attempts: vec![attempt],
            }
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

    fn outcomes(run: &RecordedRun) -> Vec<(TestId, Outcome)> {
        run.rows.iter().map(|row| (row.id, row.outcome)).collect()
    }

    #[test]
    fn the_passes_of_a_complete_run_of_the_same_tests_come_back() {
        use Outcome::{Fail, Pass, Skip};
        let all = run(&[Pass, Fail, Skip, Pass]);
        let tests: BTreeSet<TestId> = all.rows.iter().map(|row| row.id).collect();
        let kept = lean(&all);
        assert_eq!(
            (kept.rows.len(), kept.names.len(), kept.info.unlisted_passes),
            (2, 2, Some(2))
        );
        let mut back = kept.clone();
        list_passes(&mut back, &tests);
        assert_eq!(outcomes(&back), outcomes(&all));

        let mut fewer = tests.clone();
        fewer.pop_first();
        let mut back = kept.clone();
        list_passes(&mut back, &fewer);
        assert_eq!(outcomes(&back), outcomes(&kept), "another set of tests");

        let mut part = all.clone();
        part.info.partial = true;
        let mut back = lean(&part);
        list_passes(&mut back, &tests);
        assert_eq!(back.rows.len(), 2, "a part of a run");
    }

    #[test]
    fn a_mass_failure_is_told_with_some_tests_of_each_text() {
        let kept = lean(&run(&vec![Outcome::Fail; 4 * MOST_FAILURES]));
        assert_eq!(
            (kept.rows.len(), kept.texts.len(), kept.info.unlisted_passes),
            (MOST_FAILURES, 2, None)
        );
        let rare = kept
            .texts
            .iter()
            .find(|(_, text)| text.contains("rare"))
            .unwrap();
        let of_rare = kept
            .rows
            .iter()
            .filter(|row| row.signature == Some(*rare.0));
        assert_eq!(of_rare.count(), 5, "no text is lost");
        assert!(kept.rows.is_sorted_by(|a, b| a.id < b.id));
    }
}
