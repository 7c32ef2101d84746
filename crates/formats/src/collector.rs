//! The results of one run, one entry a test, from all its files.

use std::collections::BTreeMap;

use model::{Attempt, Outcome, Place, Problem, TestId, TestName, TestResult, TestRun, Timestamp};

use crate::sink::loss;
use crate::tally::outside_tests;
use crate::{Case, Format, Sink, Visitor, identity};

/// How many tests one run may have; what is beyond is a problem, once.
const TESTS: usize = 5_000_000;

/// How many attempts of one test are kept: the first ones and always the last.
const ATTEMPTS: usize = 64;

/// Collects a run: cases of one name, in one file or in several, are attempts of one test, in the order read.
///
/// Two cases are one test when suite, class and name are equal after masking (see [`crate::stable`]). Readers put what else
/// tells tests apart into the suite: the project of Playwright, the file where there is no suite, the suites around.
#[derive(Debug, Default)]
pub struct Collector {
    run: TestRun,
    places: BTreeMap<TestId, usize>,
    problems: Vec<Problem>,
    file: String,
    files: Vec<(String, Option<Format>)>,
    beyond: u64,
    lost: bool,
    /// Tests that the current file speaks of, each with the attempts that earlier files gave it.
    touched: BTreeMap<usize, usize>,
}

impl Collector {
    /// The run, and what was malformed in its files.
    pub fn finish(mut self) -> (TestRun, Vec<Problem>) {
        if self.beyond > 0 {
            let what = format!("{} cases beyond the limit of {TESTS} tests", self.beyond);
            self.problem(Place::File, what, "they are left out");
        }
        (self.run, self.problems)
    }

    /// Whether results are missing because an input was cut off, damaged or refused: what is missing may have failed.
    pub fn lost(&self) -> bool {
        self.lost || self.beyond > 0
    }

    /// The files read so far, each with its format.
    pub fn files(&self) -> &[(String, Option<Format>)] {
        &self.files
    }

    fn add(&mut self, case: Case<'_>) {
        let id = identity::test_id(case.suite, case.class, case.name);
        let place = match self.places.get(&id) {
            Some(place) => *place,
            None if self.run.results.len() >= TESTS => {
                self.beyond += 1;
                return;
            }
            None => self.add_test(id, &case),
        };
        if let Some(result) = self.run.results.get_mut(place) {
            self.touched.entry(place).or_insert(result.attempts.len());
            add_attempts(&mut result.attempts, case);
        }
    }

    fn add_test(&mut self, id: TestId, case: &Case<'_>) -> usize {
        let place = self.run.results.len();
        self.places.insert(id, place);
        let class = case.class.map(identity::stable);
        self.run.results.push(TestResult {
            test: TestName::new(&identity::stable(case.suite), class.as_deref(), case.name),
            attempts: Vec::with_capacity(1),
        });
        place
    }
}

/// Whether a file runs again what failed before it, and nothing else.
fn is_rerun(results: &[TestResult], touched: &BTreeMap<usize, usize>) -> bool {
    touched.iter().all(|(place, before)| {
        let attempts = results
            .get(*place)
            .map_or(&[][..], |result| &result.attempts);
        let (old, new) = attempts
            .split_at_checked(*before)
            .unwrap_or((&[], attempts));
        let failed = last_ran(old).is_some_and(Outcome::is_failure);
        failed || last_ran(new).is_none()
    })
}

fn last_ran(attempts: &[Attempt]) -> Option<Outcome> {
    let ran = attempts.iter().rev().map(|attempt| attempt.outcome);
    ran.into_iter().find(|outcome| outcome.ran())
}

/// Lets a failure of an earlier file stand against a pass of this one.
fn failure_stands(attempts: &mut [Attempt], before: usize) {
    let Some((old, new)) = attempts.split_at_checked(before) else {
        return;
    };
    let failed = last_ran(old).is_some_and(Outcome::is_failure);
    if failed && last_ran(new) == Some(Outcome::Pass) {
        attempts.rotate_left(before);
    }
}

fn add_attempts(attempts: &mut Vec<Attempt>, case: Case<'_>) {
    attempts.extend(case.before);
    attempts.push(Attempt {
        outcome: case.outcome,
        seconds: case.seconds,
        failure: case.failure,
    });
    if attempts.len() > ATTEMPTS {
        let last = attempts.pop();
        attempts.truncate(ATTEMPTS - 1);
        attempts.extend(last);
    }
}

impl Sink for Collector {
    fn suite(&mut self, _name: &str, started_at: Option<Timestamp>) {
        let earliest = self.run.started_at.into_iter().chain(started_at).min();
        self.run.started_at = earliest;
    }

    fn case(&mut self, case: Case<'_>) {
        self.add(case);
    }

    fn outside(&mut self, place: Place, case: Case<'_>) {
        let (what, hint) = outside_tests(&case);
        self.problem(place, what, hint);
        self.add(case);
    }

    fn problem(&mut self, place: Place, what: String, hint: &'static str) {
        self.lost |= loss::ALL.contains(&hint);
        self.problems.push(Problem {
            file: self.file.clone(),
            place,
            what,
            hint: hint.to_owned(),
        });
    }
}

impl Visitor for Collector {
    fn begin_file(&mut self, name: &str, format: Option<Format>) {
        name.clone_into(&mut self.file);
        self.files.push((name.to_owned(), format));
    }

    /// A later file that runs the failed tests again says that they flaked. One that runs other tests too is another part of the
    /// run (a matrix entry, another environment): there a pass does not undo a failure.
    fn end_file(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        if is_rerun(&self.run.results, &touched) {
            return;
        }
        for (place, before) in touched {
            if let Some(result) = self.run.results.get_mut(place) {
                failure_stands(&mut result.attempts, before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Outcome::{Fail, Pass};

    use super::Collector;
    use crate::{Limits, read_stream};

    fn collect(files: &[&str]) -> Collector {
        let mut collector = Collector::default();
        for (number, file) in files.iter().enumerate() {
            let name = format!("{number}.xml");
            read_stream(
                &name,
                &mut file.as_bytes(),
                &Limits::default(),
                &mut collector,
            );
        }
        collector
    }

    fn suite(inner: &str) -> String {
        format!("<testsuite name='s'>{inner}</testsuite>")
    }

    #[test]
    fn a_rerun_in_a_later_file_is_an_attempt_of_the_same_test() {
        let failed = suite("<testcase classname='c' name='t'><failure message='m'/></testcase>");
        let passed = suite("<testcase classname='c' name='t'/>");
        let (run, problems) = collect(&[&failed, &passed]).finish();
        assert!(problems.is_empty());
        assert_eq!(run.results.len(), 1);
        assert!(run.results[0].flaked());
        let (run, _) = collect(&[&passed, &failed]).finish();
        assert_eq!(run.results[0].outcome(), Fail);
    }

    #[test]
    fn tests_of_one_name_stay_two_when_class_or_suite_differ() {
        let a = suite("<testcase classname='a' name='t'/><testcase classname='b' name='t'/>");
        let b = "<testsuite name='other'><testcase classname='a' name='t'/></testsuite>";
        let (run, _) = collect(&[&a, b]).finish();
        assert_eq!(run.results.len(), 3);
    }

    #[test]
    fn a_suite_named_by_the_time_is_one_suite_in_every_file() {
        let at = |time| format!("<testsuite name='ut.T-{time}'><testcase name='t'/></testsuite>");
        let (run, _) = collect(&[&at("20261120085502"), &at("20261120090102")]).finish();
        assert_eq!(run.results.len(), 1);
        assert_eq!(run.results[0].test.suite, "ut.T-#");
        assert_eq!(run.results[0].attempts[0].outcome, Pass);
    }

    #[test]
    fn the_last_of_many_attempts_decides() {
        let case = "<testcase name='t'/>".repeat(200) + "<testcase name='t'><error/></testcase>";
        let (run, _) = collect(&[&suite(&case)]).finish();
        assert_eq!(run.results[0].attempts.len(), super::ATTEMPTS);
        assert_eq!(run.results[0].outcome(), model::Outcome::Error);
    }

    #[test]
    fn a_pass_in_another_part_of_the_run_does_not_undo_a_failure() {
        let red = "<testsuite name='s'><testcase name='a'><failure/></testcase><testcase name='b'/></testsuite>";
        let green = "<testsuite name='s'><testcase name='a'/><testcase name='b'/></testsuite>";
        for files in [[red, green], [green, red]] {
            let (run, _) = collect(&files).finish();
            assert_eq!(run.results[0].outcome(), Fail);
            assert!(!run.results[0].flaked());
        }
    }

    #[test]
    fn a_file_that_runs_only_what_failed_is_a_rerun() {
        let red = "<testsuite name='s'><testcase name='a'><failure/></testcase><testcase name='b'/></testsuite>";
        let again = "<testsuite name='s'><testcase name='a'/><testcase name='b'><skipped/></testcase></testsuite>";
        let (run, _) = collect(&[red, again]).finish();
        assert_eq!(run.results[0].outcome(), Pass);
        assert!(run.results[0].flaked());
    }

    #[test]
    fn results_that_a_cut_file_lost_are_known_to_be_missing() {
        let whole = "<testsuite name='s'><testcase name='a'/></testsuite>";
        assert!(!collect(&[whole]).lost());
        assert!(
            collect(&[
                whole,
                "<testsuite name='s'><testcase name='a'/><testcase name='b'>"
            ])
            .lost()
        );
        assert!(
            collect(&["{\"results\":{\"tool\":{\"name\":\"x\"},\"tests\":[{\"name\":\"a\",\"sta"])
                .lost()
        );
    }
}
