//! CTRF: one JSON document, `results.tests[]`.
//!
//! `pending` and `other` are skips: reporters write them for tests that did not run (Jest's `todo`). An `other` whose raw
//! status names a failure is an error. Attempts come from `retryAttempts`; without them `flaky` or `retries` say how many
//! attempts failed before.

use std::io::BufRead;

use model::{Attempt, Failure, Outcome};

use crate::json::{Got, Json, Kind};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, fault, lines};

/// Reads a CTRF report.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    lines::document(input, limits, sink, |json, sink| {
        let mut report = Report {
            limits,
            sink,
            suites: Seen::default(),
        };
        json.object(|json, key| match key.as_str() {
            "results" => json.object(|json, key| match key.as_str() {
                "tests" => json.array(|json| report.test(json)),
                _ => json.skip(),
            }),
            _ => json.skip(),
        })
    });
}

struct Report<'a> {
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    suites: Seen,
}

#[derive(Default)]
struct Test {
    name: String,
    suite: Option<String>,
    file: Option<String>,
    browser: Option<String>,
    raw_status: String,
    flaky: bool,
    retries: usize,
    last: Run,
    before: Vec<Run>,
}

/// One attempt; the last one's fields stand in the test itself.
#[derive(Default)]
struct Run {
    status: String,
    millis: Option<f64>,
    message: Option<String>,
    trace: Option<String>,
    line: Option<f64>,
}

impl Run {
    /// Takes a field of an attempt; false when the key is none.
    fn field(&mut self, key: &str, json: &mut Json<'_>, limits: &Limits) -> Got<bool> {
        match key {
            "status" => self.status = json.text(16)?.unwrap_or_default(),
            "duration" => self.millis = json.number()?,
            "message" => self.message = json.words(limits.message_bytes)?,
            "trace" => self.trace = json.words(limits.stack_bytes)?,
            "line" => self.line = json.number()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn outcome(&self, raw: &str) -> Outcome {
        let failed = [
            "failed",
            "error",
            "broken",
            "timedOut",
            "timedout",
            "interrupted",
        ];
        match self.status.as_str() {
            "passed" => Outcome::Pass,
            "failed" => Outcome::Fail,
            "other" | "" if failed.contains(&raw) => Outcome::Error,
            _ => Outcome::Skip,
        }
    }

    fn attempt(self, file: Option<&str>, outcome: Outcome) -> Attempt {
        let seconds = self.millis.map(|millis| millis / 1000.0);
        Attempt {
            outcome,
            seconds,
            failure: self.failure(file).filter(|_| outcome != Outcome::Pass),
        }
    }

    fn failure(self, file: Option<&str>) -> Option<Failure> {
        let (message, trace) = (self.message.as_deref(), self.trace.as_deref());
        if message.is_none() && trace.is_none() {
            return None;
        }
        let mut failure = fault::of_javascript(message, trace);
        if failure.file.is_none() {
            failure.file = file.map(str::to_owned);
            failure.line = self.line.map(line_number);
        }
        Some(failure)
    }
}

/// A line of a document; numbers beyond any file become the largest.
pub(crate) fn line_number(line: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to int cast saturates"
    )]
    let line = line as u32;
    line
}

impl Report<'_> {
    fn test(&mut self, json: &mut Json<'_>) -> Got<()> {
        let mut test = Test::default();
        let limits = self.limits;
        let name = 4 * limits.name_bytes;
        json.object(|json, key| {
            match key.as_str() {
                "name" => test.name = json.text(name)?.unwrap_or_default(),
                "suite" => test.suite = suite(json, name)?,
                "filePath" => test.file = json.words(name)?,
                "browser" => test.browser = json.words(64)?,
                "rawStatus" => test.raw_status = json.text(16)?.unwrap_or_default(),
                "flaky" => test.flaky = json.truth()?,
                "retries" => test.retries = count(json.number()?),
                "retryAttempts" => test.before = attempts(json, limits)?,
                key => {
                    if !test.last.field(key, json, limits)? {
                        json.skip()?;
                    }
                }
            }
            Ok(())
        })?;
        self.tell(test);
        Ok(())
    }

    fn tell(&mut self, test: Test) {
        let file = test.file.as_deref();
        let outcome = test.last.outcome(&test.raw_status);
        let before = before(&test, outcome);
        let suite = test.suite.as_deref().or(file).unwrap_or_default();
        let suite = match &test.browser {
            Some(browser) => format!("{suite} [{browser}]"),
            None => suite.to_owned(),
        };
        if self.suites.count(&suite) == 1 {
            self.sink.suite(&suite, None);
        }
        let last = test.last.attempt(file, outcome);
        self.sink.case(Case {
            suite: &suite,
            class: None,
            name: &test.name,
            outcome,
            seconds: last.seconds,
            failure: last.failure,
            before,
        });
    }
}

/// The attempts before the last one.
fn before(test: &Test, outcome: Outcome) -> Vec<Attempt> {
    if !test.before.is_empty() {
        let attempts = test.before.iter();
        return attempts
            .map(|run| told(run, test.file.as_deref()))
            .collect();
    }
    let failed = match outcome {
        Outcome::Pass if test.flaky => test.retries.max(1),
        Outcome::Fail | Outcome::Error => test.retries,
        Outcome::Pass | Outcome::Skip => 0,
    };
    vec![Attempt::of(Outcome::Fail); failed]
}

fn told(run: &Run, file: Option<&str>) -> Attempt {
    let copy = Run {
        status: run.status.clone(),
        message: run.message.clone(),
        trace: run.trace.clone(),
        ..*run
    };
    copy.attempt(file, run.outcome(""))
}

fn count(number: Option<f64>) -> usize {
    // More attempts than that say nothing more, and are cut by the limits anyway.
    line_number(number.unwrap_or_default()).min(1000) as usize
}

fn attempts(json: &mut Json<'_>, limits: &Limits) -> Got<Vec<Run>> {
    let mut runs = Vec::new();
    json.array(|json| {
        if runs.len() >= limits.attempts {
            return json.skip();
        }
        let mut run = Run::default();
        json.object(|json, key| {
            if !run.field(key.as_str(), json, limits)? {
                json.skip()?;
            }
            Ok(())
        })?;
        runs.push(run);
        Ok(())
    })?;
    Ok(runs)
}

/// The suite: a text, or an array of texts from the outermost on.
fn suite(json: &mut Json<'_>, limit: usize) -> Got<Option<String>> {
    if json.kind()? != Kind::Array {
        return json.words(limit);
    }
    let mut joined = String::new();
    json.array(|json| {
        if let Some(part) = json.words(limit.saturating_sub(joined.len()))? {
            joined.push_str(if joined.is_empty() { "" } else { " > " });
            joined.push_str(&part);
        }
        Ok(())
    })?;
    Ok(Some(joined).filter(|joined| !joined.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn retries_suites_and_statuses_are_read() {
        let said = said(read, br#"{"results": {"tool": {"name": "x"}, "tests": [
            {"name": "a", "status": "passed", "duration": 1200, "suite": ["f.ts", "login"], "browser": "firefox"},
            {"name": "b", "status": "passed", "flaky": true, "retries": 2, "suite": "f.ts"},
            {"name": "b", "status": "failed", "message": "TypeError: no", "filePath": "f.ts", "line": 7, "suite": "f.ts"},
            {"name": "c", "status": "passed", "retryAttempts": [{"attempt": 1, "status": "failed", "message": "one", "duration": 5}]},
            {"name": "d", "status": "other", "rawStatus": "timedOut"},
            {"name": "e", "status": "pending", "extra": {"deep": [[[1]]]}},
            {"name": "cut", "sta"#);
        insta::assert_snapshot!(said.text(), @r#"
        suite f.ts > login [firefox]
        pass f.ts > login [firefox] | a 1.2s
        suite f.ts
        fail; fail; pass f.ts | b
        fail f.ts | b <TypeError> "no" at f.ts:7
        suite 
        fail "one"; pass  | c
        error  | d
        skip  | e
        problem byte 692: the file ends inside a value (truncated; what came before is kept)
        "#);
    }

    #[test]
    fn the_counts_of_real_reports_are_those_of_their_summaries() {
        let cases = [
            ("ctrf/ctrf-reports/ctrf-report.json", [10, 2, 0, 3]),
            ("gen-jest/jest.ctrf.json", [7, 2, 0, 2]),
            ("gen-playwright/pw.ctrf.json", [12, 2, 0, 4]),
        ];
        for (name, counts) in cases {
            let Some(bytes) = corpus(name) else { return };
            assert_eq!(said(read, &bytes).counts(), counts, "{name}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(tail in r#"[\[\]{}",:a-z0-9 ]{0,100}"#, head in 0..60_usize) {
            let start = r#"{"results": {"tests": [{"name": "a", "status": "passed", "retries": 1}, "#;
            let text = format!("{}{tail}", start.get(..head).unwrap_or(start));
            drop(said(read, text.as_bytes()));
        }

        #[test]
        fn every_test_is_counted(outcomes in proptest::collection::vec(0..3_usize, 0..40)) {
            let words = ["passed", "failed", "skipped"];
            let tests: Vec<_> = outcomes.iter().map(|outcome| serde_json::json!({"name": "n", "status": words[*outcome]})).collect();
            let text = serde_json::json!({"results": {"tests": tests}}).to_string();
            let of = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
            prop_assert_eq!(said(read, text.as_bytes()).counts(), [outcomes.len(), of(1), 0, of(2)]);
        }
    }
}
