//! Playwright's JSON reporter: suites (files, then `describe` blocks) > specs > tests (one a project) > results (attempts).
//!
//! A test has the suite `file [project]`, the titles of its blocks as class, and its results as attempts: `flaky` is a fail
//! and a later pass. A test that is expected to fail and does passed. Errors outside of tests (a spec file that does not
//! load) are told as such, since nothing else would tell of them.

use std::io::BufRead;

use model::{Attempt, Failure, Outcome, Place, Timestamp};

use crate::ctrf::line_number;
use crate::json::{Got, Json};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, fault, lines};

/// Attempts of the tests (projects and repeats) of one spec that are held until its end; further ones are told without file
/// and title.
const ATTEMPTS_OF_A_SPEC: usize = 1000;

/// Reads a Playwright report.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    lines::document(input, limits, sink, |json, sink| {
        let mut report = Report {
            limits,
            sink,
            titles: Vec::new(),
            file: String::new(),
            suites: Seen::default(),
        };
        json.object(|json, key| match key.as_str() {
            "suites" => json.array(|json| report.suite(json)),
            "errors" => json.array(|json| report.error(json)),
            _ => json.skip(),
        })
    });
}

struct Report<'a> {
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    /// Titles of the blocks around, outermost first; the first is the file's.
    titles: Vec<String>,
    file: String,
    suites: Seen,
}

#[derive(Default)]
struct Spec {
    title: String,
    file: Option<String>,
    line: Option<u32>,
    tests: Vec<Test>,
}

#[derive(Default)]
struct Test {
    project: Option<String>,
    status: String,
    reason: Option<String>,
    results: Vec<Attempt>,
    started_at: Option<Timestamp>,
}

impl Report<'_> {
    fn suite(&mut self, json: &mut Json<'_>) -> Got<()> {
        let depth = self.titles.len();
        self.titles.push(String::new());
        let done = json.object(|json, key| {
            match key.as_str() {
                "title" => {
                    let title = json.text(self.limits.name_bytes)?.unwrap_or_default();
                    self.titles.truncate(depth);
                    self.titles.push(title);
                }
                "file" => self.file = json.text(4 * self.limits.name_bytes)?.unwrap_or_default(),
                "specs" => json.array(|json| self.spec(json))?,
                "suites" => json.array(|json| self.suite(json))?,
                _ => json.skip()?,
            }
            Ok(())
        });
        self.titles.truncate(depth);
        done
    }

    fn spec(&mut self, json: &mut Json<'_>) -> Got<()> {
        let mut spec = Spec::default();
        let limits = self.limits;
        let done = json.object(|json, key| {
            match key.as_str() {
                "title" => spec.title = json.text(4 * limits.name_bytes)?.unwrap_or_default(),
                "file" => spec.file = json.words(4 * limits.name_bytes)?,
                "line" => spec.line = json.number()?.map(line_number),
                "tests" => json.array(|json| {
                    spec.tests.push(test(json, limits)?);
                    let attempts = spec.tests.iter().map(|test| test.results.len() + 1);
                    if attempts.sum::<usize>() >= ATTEMPTS_OF_A_SPEC {
                        self.tell(&mut spec);
                    }
                    Ok(())
                })?,
                _ => json.skip()?,
            }
            Ok(())
        });
        self.tell(&mut spec);
        done
    }

    fn tell(&mut self, spec: &mut Spec) {
        let titles = self.titles.get(1..).unwrap_or_default();
        let class = fault::join(titles.iter());
        for test in spec.tests.drain(..) {
            let file = spec.file.as_deref().unwrap_or(&self.file);
            let suite = match &test.project {
                Some(project) => format!("{file} [{project}]"),
                None => file.to_owned(),
            };
            if self.suites.count(&suite) == 1 {
                self.sink.suite(&suite, test.started_at);
            }
            self.sink.case(Case {
                suite: &suite,
                class: class.as_deref(),
                name: &spec.title,
                ..case(&test, file, spec.line)
            });
        }
    }

    /// An error that belongs to no test.
    fn error(&mut self, json: &mut Json<'_>) -> Got<()> {
        let failure = error(json, self.limits)?;
        let suite = failure.file.clone().unwrap_or_default();
        self.sink.suite(&suite, None);
        let case = Case::new(&suite, None, "error outside of tests", Outcome::Error);
        let case = Case {
            failure: Some(failure),
            ..case
        };
        self.sink.outside(Place::File, case);
        Ok(())
    }
}

fn test(json: &mut Json<'_>, limits: &Limits) -> Got<Test> {
    let mut test = Test::default();
    json.object(|json, key| {
        match key.as_str() {
            "projectName" => test.project = json.words(limits.name_bytes)?,
            "status" => test.status = json.text(16)?.unwrap_or_default(),
            "annotations" => test.reason = reason(json, limits)?,
            "results" => results(&mut test, json, limits)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(test)
}

/// Why a test is skipped: the description of the first annotation that has one.
fn reason(json: &mut Json<'_>, limits: &Limits) -> Got<Option<String>> {
    let mut reason = None;
    json.array(|json| {
        json.object(|json, key| {
            match key.as_str() {
                "description" if reason.is_none() => reason = json.words(limits.message_bytes)?,
                _ => json.skip()?,
            }
            Ok(())
        })
    })?;
    Ok(reason)
}

fn results(test: &mut Test, json: &mut Json<'_>, limits: &Limits) -> Got<()> {
    json.array(|json| {
        let (attempt, started_at) = result(json, limits)?;
        test.started_at = test.started_at.or(started_at);
        if test.results.len() > limits.attempts {
            // The last one decides: it takes the place of the one before.
            test.results.pop();
        }
        test.results.push(attempt);
        Ok(())
    })
}

fn result(json: &mut Json<'_>, limits: &Limits) -> Got<(Attempt, Option<Timestamp>)> {
    let mut attempt = Attempt::of(Outcome::Skip);
    let mut started_at = None;
    json.object(|json, key| {
        match key.as_str() {
            "status" => attempt.outcome = outcome(&json.text(16)?.unwrap_or_default()),
            "duration" => attempt.seconds = json.number()?.map(|millis| millis / 1000.0),
            "startTime" => {
                let text = json.text(40)?.unwrap_or_default();
                started_at = Timestamp::parse(&text).ok();
            }
            "error" => attempt.failure = Some(error(json, limits)?),
            "errors" => json.array(|json| {
                let error = error(json, limits)?;
                attempt.failure.get_or_insert(error);
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok((attempt, started_at))
}

fn outcome(status: &str) -> Outcome {
    match status {
        "passed" => Outcome::Pass,
        "failed" => Outcome::Fail,
        "timedOut" | "interrupted" => Outcome::Error,
        _ => Outcome::Skip,
    }
}

fn error(json: &mut Json<'_>, limits: &Limits) -> Got<Failure> {
    let (mut message, mut stack, mut file, mut line) = (None, None, None, None);
    json.object(|json, key| {
        match key.as_str() {
            "message" | "value" => message = json.words(limits.message_bytes)?,
            "stack" => stack = json.words(limits.stack_bytes)?,
            "location" => json.object(|json, key| {
                match key.as_str() {
                    "file" => file = json.words(limits.name_bytes)?,
                    "line" => line = json.number()?.map(line_number),
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let mut failure = fault::of_javascript(message.as_deref(), stack.as_deref());
    if file.is_some() {
        (failure.file, failure.line) = (file, line);
    }
    Ok(failure)
}

/// A test as a case without names; `file` and `line` are those of its spec.
fn case(test: &Test, file: &str, line: Option<u32>) -> Case<'static> {
    let mut attempts = test.results.clone();
    let last = attempts.pop().unwrap_or_else(|| Attempt::of(Outcome::Skip));
    let outcome = outcome_of(&test.status, last.outcome);
    if outcome == Outcome::Pass && last.outcome != Outcome::Pass {
        // It failed as expected; so did the attempts before, if any.
        attempts.clear();
    }
    let failure = match outcome {
        Outcome::Pass => None,
        Outcome::Skip => test.reason.as_deref().map(Failure::of),
        Outcome::Fail | Outcome::Error => Some(last.failure.unwrap_or_else(|| Failure {
            file: (!file.is_empty()).then(|| file.to_owned()),
            line,
            ..Failure::of(unexpected(last.outcome))
        })),
    };
    Case {
        seconds: last.seconds,
        failure,
        before: attempts,
        ..Case::new("", None, "", outcome)
    }
}

/// What Playwright calls the test as a whole; its last result when it says nothing.
fn outcome_of(status: &str, last: Outcome) -> Outcome {
    match status {
        "expected" | "flaky" => Outcome::Pass,
        "skipped" => Outcome::Skip,
        "unexpected" if !last.is_failure() => Outcome::Fail,
        _ => last,
    }
}

fn unexpected(last: Outcome) -> &'static str {
    match last {
        Outcome::Pass => "expected to fail, but passed",
        Outcome::Skip => "did not run, which was not expected",
        Outcome::Fail => "failed",
        Outcome::Error => "timed out or was interrupted",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn attempts_projects_and_expectations_are_read() {
        let Some(bytes) = corpus("gen-playwright/pw.json") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!(said.counts(), [12, 2, 0, 4]);
        insta::assert_snapshot!(said.lines[..8].join("\n"), @r#"
    suite a.spec.ts [p1] 2026-11-20T08:56:20.054Z
    pass a.spec.ts [p1] | group › passes 0.009s
    suite a.spec.ts [p2] 2026-11-20T08:56:35.939Z
    pass a.spec.ts [p2] | group › passes 0.047s
    fail <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 2\nReceived: 1" at /home/ci/project/js/pw/a.spec.ts:2 +stack; fail <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 2\nReceived: 1" at /home/ci/project/js/pw/a.spec.ts:2 +stack; fail a.spec.ts [p1] | group › fails 0.043s <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 2\nReceived: 1" at /home/ci/project/js/pw/a.spec.ts:2 +stack
    fail <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 2\nReceived: 1" at /home/ci/project/js/pw/a.spec.ts:2 +stack; fail <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 2\nReceived: 1" at /home/ci/project/js/pw/a.spec.ts:2 +stack; fail a.spec.ts [p2] | group › fails 0.027s <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 2\nReceived: 1" at /home/ci/project/js/pw/a.spec.ts:2 +stack
    skip a.spec.ts [p1] | group › skipped 0s
    skip a.spec.ts [p2] | group › skipped 0s
    "#);
    }

    #[test]
    fn keys_in_any_order_errors_outside_and_time_outs_are_read() {
        let said = said(read, br#"{"errors": [{"message": "SyntaxError: x", "location": {"file": "b.ts", "line": 3}}],
            "suites": [{"suites": [], "file": "a.ts", "title": "a.ts", "specs": [
              {"tests": [
                {"results": [{"status": "timedOut"}], "status": "unexpected"},
                {"results": [{"status": "passed"}], "status": "unexpected", "projectName": "p"},
                {"results": [], "status": "skipped", "annotations": [{"type": "skip", "description": "later"}]}],
               "title": "late", "file": "a.ts", "line": 9}]}]}"#);
        insta::assert_snapshot!(said.text(), @r#"
            suite b.ts
            outside error b.ts | error outside of tests <SyntaxError> "x" at b.ts:3
            suite a.ts
            error a.ts | late "timed out or was interrupted" at a.ts:9
            suite a.ts [p]
            fail a.ts [p] | late "expected to fail, but passed" at a.ts:9
            skip a.ts | late "later"
            "#);
    }

    #[test]
    fn a_truncated_report_keeps_what_was_read() {
        let Some(bytes) = corpus("gen-playwright/pw.json") else {
            return;
        };
        let said = said(read, &bytes[..bytes.len() / 2]);
        assert!(!said.cases.is_empty() && said.problems == 1);
    }

    #[test]
    fn suites_nested_a_million_deep_are_a_problem_and_no_overflow() {
        let text = r#"{"suites":["#.repeat(1_000_000);
        assert_eq!(said(read, text.as_bytes()).problems, 2);
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(tail in r#"[\[\]{}",:a-z0-9 ]{0,100}"#, head in 0..90_usize) {
            let start = r#"{"suites": [{"title": "a", "specs": [{"tests": [{"status": "expected", "results": [{"status": "failed"}, "#;
            let text = format!("{}{tail}", start.get(..head).unwrap_or(start));
            drop(said(read, text.as_bytes()));
        }
    }
}
