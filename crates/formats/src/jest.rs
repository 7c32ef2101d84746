//! Jest's `--json`, which Vitest writes too: `testResults[]` (files) > `assertionResults[]`.
//!
//! Jest writes the assertions of a file before its name, so that a file's tests are held until its end, up to a bound. A file
//! that could not run at all ("Test suite failed to run") is no test: it failed outside of them. Attempts come from `invocations` and `retryReasons`.

use std::io::BufRead;
use std::mem;

use model::{Attempt, Failure, Outcome, Place, Timestamp};

use crate::ctrf::line_number;
use crate::json::{Got, Json};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, fault, lines};

/// Bytes of names and texts held for one file before its tests are told without its name.
const HELD_BYTES: usize = 8 << 20;

/// The case that stands for a file that could not run.
const NOT_LOADED: &str = "Test suite failed to run";

/// Reads a Jest report.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut report = Report {
        limits,
        sink,
        file: File::default(),
        seen: Seen::default(),
        overflow: false,
    };
    let mut problems = Problems::default();
    lines::document(input, limits, &mut problems, |json, _| {
        json.object(|json, key| match key.as_str() {
            "testResults" => json.array(|json| report.file(json)),
            _ => json.skip(),
        })
    });
    report.end_file();
    problems.tell(report.sink);
}

/// Problems that are told after the cases read so far.
#[derive(Default)]
struct Problems(Vec<(Place, String, &'static str)>);

impl Problems {
    fn tell(self, sink: &mut dyn Sink) {
        for (place, what, hint) in self.0 {
            sink.problem(place, what, hint);
        }
    }
}

impl Sink for Problems {
    fn suite(&mut self, _name: &str, _started_at: Option<Timestamp>) {}

    fn case(&mut self, _case: Case<'_>) {}

    fn outside(&mut self, _place: Place, _case: Case<'_>) {}

    fn problem(&mut self, place: Place, what: String, hint: &'static str) {
        self.0.push((place, what, hint));
    }
}

struct Report<'a> {
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    file: File,
    seen: Seen,
    overflow: bool,
}

#[derive(Default)]
struct File {
    name: Option<String>,
    status: String,
    message: Option<String>,
    started_at: Option<Timestamp>,
    held: usize,
    failed: bool,
    tests: Vec<Test>,
    announced: bool,
}

#[derive(Default)]
struct Test {
    class: String,
    title: String,
    full_name: String,
    status: String,
    seconds: Option<f64>,
    line: Option<u32>,
    failure: Option<Failure>,
    invocations: usize,
    before: Vec<Failure>,
}

impl Test {
    fn outcome(&self) -> Outcome {
        match self.status.as_str() {
            "passed" => Outcome::Pass,
            "failed" => Outcome::Fail,
            // Jest writes a file that did not load as an assertion without a title.
            "error" => Outcome::Error,
            _ => Outcome::Skip,
        }
    }

    fn title(&self) -> &str {
        let titles = [self.title.as_str(), &self.full_name, NOT_LOADED];
        titles
            .into_iter()
            .find(|title| !title.is_empty())
            .unwrap_or_default()
    }

    fn held(&self) -> usize {
        let texts = self.before.iter().chain(&self.failure);
        let texts: usize = texts
            .map(|text| text.message.len() + text.stack.len())
            .sum();
        self.class.len() + self.title.len() + self.full_name.len() + texts + size_of::<Self>()
    }

    /// The attempts before the last: those with a reason, else as many as there were.
    fn before(&mut self, limits: &Limits) -> Vec<Attempt> {
        let reasons = mem::take(&mut self.before);
        let count = self.invocations.saturating_sub(1).min(limits.attempts);
        if self.outcome() == Outcome::Skip {
            return Vec::new();
        }
        let mut attempts = vec![Attempt::of(Outcome::Fail); count.max(reasons.len())];
        for (attempt, reason) in attempts.iter_mut().zip(reasons) {
            attempt.failure = Some(reason);
        }
        attempts
    }
}

impl Report<'_> {
    fn file(&mut self, json: &mut Json<'_>) -> Got<()> {
        let limits = self.limits;
        json.object(|json, key| {
            match key.as_str() {
                "name" | "testFilePath" => self.file.name = json.words(4 * limits.name_bytes)?,
                "status" => self.file.status = json.text(16)?.unwrap_or_default(),
                "message" => self.file.message = json.words(limits.stack_bytes)?,
                "startTime" => self.file.started_at = json.number()?.map(timestamp),
                "assertionResults" | "testResults" => json.array(|json| self.assertion(json))?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        self.end_file();
        Ok(())
    }

    fn assertion(&mut self, json: &mut Json<'_>) -> Got<()> {
        let test = test(json, self.limits)?;
        self.file.held += test.held();
        self.file.tests.push(test);
        if self.file.held > HELD_BYTES {
            if self.file.name.is_none() && !mem::replace(&mut self.overflow, true) {
                let what = "a test file has too many tests before its name".to_owned();
                let hint = "further tests have no suite";
                self.sink.problem(Place::File, what, hint);
            }
            self.tell_tests();
        }
        Ok(())
    }

    /// Tells what is held of a file and starts the next.
    fn end_file(&mut self) {
        self.tell_tests();
        let file = mem::take(&mut self.file);
        let outside = file.status == "failed" && !file.failed;
        let (true, Some(message)) = (outside, file.message.as_deref()) else {
            return;
        };
        let suite = file.name.as_deref().unwrap_or_default();
        if !file.announced {
            self.sink.suite(suite, file.started_at);
        }
        let case = Case::new(suite, None, NOT_LOADED, Outcome::Error);
        let case = Case {
            failure: Some(outside_failure(message)),
            ..case
        };
        self.sink.outside(Place::File, case);
    }

    fn tell_tests(&mut self) {
        let tests = mem::take(&mut self.file.tests);
        self.file.held = 0;
        let suite = self.file.name.clone().unwrap_or_default();
        if !tests.is_empty() && !mem::replace(&mut self.file.announced, true) {
            self.sink.suite(&suite, self.file.started_at);
        }
        for test in tests {
            self.file.failed |= test.outcome().is_failure();
            self.tell(test, &suite);
        }
    }

    fn tell(&mut self, mut test: Test, suite: &str) {
        let before = test.before(self.limits);
        let scope = format!("{suite}\u{1F}{}", test.class);
        let mut failure = test.failure.take();
        if let Some(failure) = failure.as_mut().filter(|failure| failure.file.is_none()) {
            failure.file = (!suite.is_empty()).then(|| suite.to_owned());
            failure.line = test.line;
        }
        let name = self.seen.unique(&scope, test.title());
        let case = Case {
            suite,
            class: (!test.class.is_empty()).then_some(&test.class),
            name: &name,
            outcome: test.outcome(),
            seconds: test.seconds,
            failure,
            before,
        };
        if case.outcome == Outcome::Error {
            self.sink.outside(Place::File, case);
        } else {
            self.sink.case(case);
        }
    }
}

fn timestamp(millis: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float to int cast saturates"
    )]
    let millis = millis as i64;
    Timestamp(millis)
}

fn test(json: &mut Json<'_>, limits: &Limits) -> Got<Test> {
    let mut test = Test::default();
    let name = 4 * limits.name_bytes;
    json.object(|json, key| {
        match key.as_str() {
            "ancestorTitles" => test.class = titles(json, name)?,
            "title" => test.title = json.text(name)?.unwrap_or_default(),
            "fullName" => test.full_name = json.text(name)?.unwrap_or_default(),
            "status" => test.status = json.text(16)?.unwrap_or_default(),
            "duration" => test.seconds = json.number()?.map(|millis| millis / 1000.0),
            "location" => test.line = location(json)?,
            "invocations" => {
                test.invocations = line_number(json.number()?.unwrap_or_default()) as usize;
            }
            "failureMessages" => test.failure = messages(json, limits, 1)?.pop(),
            "retryReasons" => test.before = messages(json, limits, limits.attempts)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(test)
}

/// Titles joined from the outermost on.
fn titles(json: &mut Json<'_>, limit: usize) -> Got<String> {
    let mut joined = String::new();
    json.array(|json| {
        if let Some(title) = json.words(limit.saturating_sub(joined.len()))? {
            joined.push_str(if joined.is_empty() { "" } else { " › " });
            joined.push_str(&title);
        }
        Ok(())
    })?;
    Ok(joined)
}

fn location(json: &mut Json<'_>) -> Got<Option<u32>> {
    let mut line = None;
    json.object(|json, key| {
        match key.as_str() {
            "line" => line = json.number()?.map(line_number),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(line)
}

/// The first texts of an array.
fn messages(json: &mut Json<'_>, limits: &Limits, count: usize) -> Got<Vec<Failure>> {
    let mut failures = Vec::new();
    json.array(|json| {
        if failures.len() >= count {
            return json.skip();
        }
        let text = json.text(limits.stack_bytes)?.unwrap_or_default();
        failures.push(failure(&text));
        Ok(())
    })?;
    Ok(failures)
}

fn failure(text: &str) -> Failure {
    if text.trim_start().starts_with('●') {
        return outside_failure(text);
    }
    fault::of_javascript(None, Some(text))
}

/// Why a file could not run: the text after the headline.
fn outside_failure(message: &str) -> Failure {
    let text = fault::plain(message);
    let skip = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('●');
    let first = text.lines().find(|line| !skip(line)).unwrap_or_default();
    Failure {
        stack: text.clone(),
        ..fault::of_javascript(None, Some(first.trim()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn attempts_statuses_and_a_file_that_does_not_load_are_read() {
        let Some(bytes) = corpus("gen-jest/jest.json") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!(said.counts(), [7, 2, 0, 2]);
        insta::assert_snapshot!(said.text(), @r#"
        suite /home/ci/project/js/jest/a.test.js 2026-11-20T08:55:18.514Z
        pass /home/ci/project/js/jest/a.test.js | outer <x> & "y" › inner › passes 0.002s
        fail <Error> "expect(received).toEqual(expected) // deep equality\n\n- Expected  - 1\n+ Received  + 1\n\n  Object {\n-   \"a\": 2,\n+   \"a\": 1,\n  }" at /home/ci/project/js/jest/a.test.js:1 +stack; fail <Error> "expect(received).toEqual(expected) // deep equality\n\n- Expected  - 1\n+ Received  + 1\n\n  Object {\n-   \"a\": 2,\n+   \"a\": 1,\n  }" at /home/ci/project/js/jest/a.test.js:1 +stack; fail /home/ci/project/js/jest/a.test.js | outer <x> & "y" › inner › fails 0.001s <Error> "expect(received).toEqual(expected) // deep equality\n\n- Expected  - 1\n+ Received  + 1\n\n  Object {\n-   \"a\": 2,\n+   \"a\": 1,\n  }" at /home/ci/project/js/jest/a.test.js:1 +stack
        skip /home/ci/project/js/jest/a.test.js | outer <x> & "y" › inner › skipped
        skip /home/ci/project/js/jest/a.test.js | outer <x> & "y" › inner › later
        fail <Error> "flaky fail 1" at /home/ci/project/js/jest/a.test.js:2 +stack; pass /home/ci/project/js/jest/a.test.js | outer <x> & "y" › flaky 0s
        pass /home/ci/project/js/jest/a.test.js | outer <x> & "y" › each 1 0.037s
        fail <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 1\nReceived: 2" at /home/ci/project/js/jest/a.test.js:2 +stack; fail <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 1\nReceived: 2" at /home/ci/project/js/jest/a.test.js:2 +stack; fail /home/ci/project/js/jest/a.test.js | outer <x> & "y" › each 2 0.017s <Error> "expect(received).toBe(expected) // Object.is equality\n\nExpected: 1\nReceived: 2" at /home/ci/project/js/jest/a.test.js:2 +stack
        suite /home/ci/project/js/jest/b.test.js 2026-11-20T08:55:20.126Z
        outside error /home/ci/project/js/jest/b.test.js | Test suite failed to run "suite failed to run" at /home/ci/project/js/jest/b.test.js:0 +stack
        "#);
    }

    #[test]
    fn two_tests_of_one_name_stay_two_and_a_broken_hook_is_an_error() {
        let said = said(read, br#"{"testResults": [
          {"name": "a.js", "status": "failed", "message": "afterAll: Error: no", "assertionResults": [
            {"title": "x", "status": "passed", "invocations": 1}, {"title": "x", "status": "passed", "invocations": 3}]},
          {"name": "b.js", "status": "passed", "message": "", "assertionResults": []},
          {"assertionResults": [{"title": "cut", "status": "passed"}, {"ti"#);
        insta::assert_snapshot!(said.text(), @r#"
        suite a.js
        pass a.js | x
        fail; fail; pass a.js | x (2)
        outside error a.js | Test suite failed to run "afterAll: Error: no" +stack
        suite 
        pass  | cut
        problem byte 404: the file ends inside a value (truncated; what came before is kept)
        "#);
    }

    #[test]
    fn a_file_with_too_many_tests_is_told_in_parts() {
        let one = format!(
            r#"{{"title": "{}", "status": "passed"}},"#,
            "x".repeat(1000)
        );
        let text = format!(
            r#"{{"testResults": [{{"assertionResults": [{}], "name": "late"}}]}}"#,
            one.repeat(9000)
        );
        let said = said(read, text.as_bytes());
        assert_eq!((said.counts(), said.problems), ([9000, 0, 0, 0], 1));
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(tail in r#"[\[\]{}",:a-z0-9 ]{0,100}"#, head in 0..80_usize) {
            let start = r#"{"testResults": [{"assertionResults": [{"status": "failed", "invocations": 2}, "#;
            let text = format!("{}{tail}", start.get(..head).unwrap_or(start));
            drop(said(read, text.as_bytes()));
        }

        #[test]
        fn every_test_is_counted(outcomes in proptest::collection::vec(0..3_usize, 0..40)) {
            let words = ["passed", "failed", "todo"];
            let tests: Vec<_> = outcomes.iter().map(|outcome| serde_json::json!({"title": "n", "status": words[*outcome]})).collect();
            let text = serde_json::json!({"testResults": [{"name": "f", "assertionResults": tests}]}).to_string();
            let of = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
            prop_assert_eq!(said(read, text.as_bytes()).counts(), [outcomes.len(), of(1), 0, of(2)]);
        }
    }
}
