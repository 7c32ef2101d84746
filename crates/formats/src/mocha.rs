//! Mocha's JSON reporter and its stream of lines, and Mochawesome.
//!
//! Mocha's document lists every test twice: in `tests`, and by result in `pending`, `failures` (where failed hooks stand too) and
//! `passes`. The three are read; `tests` alone counts when the document breaks off before them. A failed hook is an error.

use std::io::BufRead;
use std::mem;

use model::{Attempt, Failure, Outcome, Timestamp};

use crate::budget::Budget;
use crate::ctrf::line_number;
use crate::json::{Got, Json};
use crate::lines::{self, Lines};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, fault};

mod awesome;

pub(crate) use awesome::read as read_awesome;

/// Reads a Mocha document, or its `json-stream`.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let stream = input
        .fill_buf()
        .is_ok_and(|head| head.trim_ascii_start().starts_with(b"["));
    if stream {
        return read_stream(input, limits, sink);
    }
    let mut report = Report::new(limits);
    lines::document(input, limits, sink, |json, sink| {
        json.object(|json, key| match key.as_str() {
            "stats" => report.stats(json),
            "tests" => json.array(|json| report.hold(json)),
            "pending" => json.array(|json| report.test(json, Some(Outcome::Skip), sink)),
            "failures" => json.array(|json| report.test(json, Some(Outcome::Fail), sink)),
            "passes" => json.array(|json| report.test(json, Some(Outcome::Pass), sink)),
            _ => json.skip(),
        })
    });
    report.finish(sink);
}

/// Reads Mocha's `json-stream`: `["pass", {..}]` a line.
fn read_stream(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut stream = Stream(Report::new(limits));
    lines::each(&mut stream, input, limits, sink);
}

struct Stream<'a>(Report<'a>);

impl Lines for Stream<'_> {
    fn value(&mut self, json: &mut Json<'_>, sink: &mut dyn Sink) -> Got<()> {
        let mut word = None;
        json.array(|json| {
            let Some(event) = &word else {
                word = json.text(16)?;
                return Ok(());
            };
            match event.as_str() {
                "pass" => self.0.test(json, Some(Outcome::Pass), sink),
                "fail" => self.0.test(json, Some(Outcome::Fail), sink),
                _ => json.skip(),
            }
        })
    }
}

struct Report<'a> {
    limits: &'a Limits,
    suites: Seen,
    started_at: Option<Timestamp>,
    seen: Seen,
    told: bool,
    /// Tests held in case that the document breaks off before the lists by result.
    held: Vec<Test>,
    budget: Budget,
}

#[derive(Default)]
struct Test {
    title: String,
    full_title: String,
    file: String,
    millis: Option<f64>,
    retry: u32,
    failed: bool,
    failure: Option<Failure>,
}

impl Test {
    fn held(&self) -> usize {
        let failure = self.failure.as_ref();
        let texts = failure.map_or(0, |failure| failure.message.len() + failure.stack.len());
        self.title.len() + self.full_title.len() + self.file.len() + texts
    }

    /// A hook that failed is not a test whose assertion did not hold.
    fn is_hook(&self) -> bool {
        let hooks = [
            "\"before all\" hook",
            "\"after all\" hook",
            "\"before each\" hook",
            "\"after each\" hook",
        ];
        hooks.iter().any(|hook| self.title.starts_with(hook))
    }

    /// What the entry itself says; for a list that does not.
    fn own_outcome(&self) -> Outcome {
        match (self.failed, self.millis) {
            (true, _) => Outcome::Fail,
            (false, Some(_)) => Outcome::Pass,
            (false, None) => Outcome::Skip,
        }
    }

    /// The titles around: the full title without the title.
    fn class(&self) -> Option<&str> {
        let class = self.full_title.strip_suffix(&self.title)?.trim();
        (!class.is_empty()).then_some(class)
    }
}

impl<'a> Report<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            suites: Seen::default(),
            started_at: None,
            seen: Seen::default(),
            told: false,
            held: Vec::new(),
            budget: Budget::default(),
        }
    }

    fn stats(&mut self, json: &mut Json<'_>) -> Got<()> {
        json.object(|json, key| {
            match key.as_str() {
                "start" => {
                    let text = json.text(40)?.unwrap_or_default();
                    self.started_at = Timestamp::parse(&text).ok();
                }
                _ => json.skip()?,
            }
            Ok(())
        })
    }

    fn hold(&mut self, json: &mut Json<'_>) -> Got<()> {
        if self.told {
            return json.skip();
        }
        let test = test(json, self.limits)?;
        if self.budget.take(test.held()) {
            self.held.push(test);
        }
        Ok(())
    }

    fn test(
        &mut self,
        json: &mut Json<'_>,
        outcome: Option<Outcome>,
        sink: &mut dyn Sink,
    ) -> Got<()> {
        self.told = true;
        self.held = Vec::new();
        let test = test(json, self.limits)?;
        let outcome = outcome.unwrap_or_else(|| test.own_outcome());
        self.tell(test, outcome, sink);
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        for test in mem::take(&mut self.held) {
            let outcome = test.own_outcome();
            self.tell(test, outcome, sink);
        }
    }

    fn tell(&mut self, mut test: Test, outcome: Outcome, sink: &mut dyn Sink) {
        if self.suites.count(&test.file) == 1 {
            sink.suite(&test.file, self.started_at);
        }
        let hook = outcome == Outcome::Fail && test.is_hook();
        let failure = test.failure.take().filter(|_| outcome.is_failure());
        let retries = (test.retry as usize).min(self.limits.attempts);
        let name = self.seen.unique(
            &format!("{}\u{1F}{}", test.file, test.full_title),
            &test.title,
        );
        sink.case(Case {
            suite: &test.file,
            class: test.class(),
            name: &name,
            outcome: if hook { Outcome::Error } else { outcome },
            seconds: test.millis.map(|millis| millis / 1000.0),
            failure,
            before: vec![Attempt::of(Outcome::Fail); retries],
        });
    }
}

fn test(json: &mut Json<'_>, limits: &Limits) -> Got<Test> {
    let mut test = Test::default();
    let (mut error, mut stack) = (Error::default(), None);
    let name = 4 * limits.name_bytes;
    json.object(|json, key| {
        match key.as_str() {
            "title" => test.title = json.text(name)?.unwrap_or_default(),
            "fullTitle" => test.full_title = json.text(name)?.unwrap_or_default(),
            "file" => test.file = json.text(name)?.unwrap_or_default(),
            "duration" => test.millis = json.number()?,
            "currentRetry" => test.retry = line_number(json.number()?.unwrap_or_default()),
            "err" => error = self::error(json, limits)?,
            // The stream has the stack beside the error, which is its message alone.
            "stack" => stack = json.words(limits.stack_bytes)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    error.stack = error.stack.or(stack);
    test.failed = error.any;
    test.failure = error.any.then(|| error.failure());
    Ok(test)
}

/// The `err` of a test; `{}` where it passed.
#[derive(Default)]
struct Error {
    any: bool,
    name: Option<String>,
    message: Option<String>,
    stack: Option<String>,
}

impl Error {
    fn failure(self) -> Failure {
        let failure = fault::of_javascript(self.message.as_deref(), self.stack.as_deref());
        Failure {
            kind: failure.kind.or(self.name),
            ..failure
        }
    }
}

fn error(json: &mut Json<'_>, limits: &Limits) -> Got<Error> {
    let mut error = Error::default();
    if json.kind()? == crate::json::Kind::Text {
        error.message = json.words(limits.message_bytes)?;
        error.any = true;
        return Ok(error);
    }
    json.object(|json, key| {
        error.any = true;
        match key.as_str() {
            "name" => error.name = json.words(limits.name_bytes)?,
            "message" => error.message = json.words(limits.message_bytes)?,
            "stack" | "estack" => error.stack = json.words(limits.stack_bytes)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{read, read_stream};
    use crate::testing::{corpus, said};

    #[test]
    fn tests_are_counted_once_and_hooks_are_errors() {
        let Some(bytes) = corpus("gen-mocha/mocha.json") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!(said.counts(), [6, 1, 1, 2]);
        insta::assert_snapshot!(said.text(), @r#"
        suite /home/ci/project/js/mocha/a.js 2026-11-20T08:55:26.627Z
        skip /home/ci/project/js/mocha/a.js | outer inner › skipped
        skip /home/ci/project/js/mocha/a.js | outer inner › pending
        fail /home/ci/project/js/mocha/a.js | outer inner › fails 0s <AssertionError> "red \0" at mocha/a.js:2 +stack
        error /home/ci/project/js/mocha/a.js | hooks › "before all" hook for "never" 0s <Error> "before hook" at mocha/a.js:4 +stack
        fail; pass /home/ci/project/js/mocha/a.js | outer › flaky 0s
        pass /home/ci/project/js/mocha/a.js | outer inner › passes 0s
        "#);
    }

    #[test]
    fn the_counts_of_a_real_report_are_those_of_the_peers() {
        let Some(bytes) = corpus("enricomi/python/test/files/mocha/tests.json") else {
            return;
        };
        assert_eq!(said(read, &bytes).counts(), [5, 2, 0, 1]);
    }

    #[test]
    fn a_report_that_breaks_off_in_the_first_list_keeps_what_was_read() {
        let Some(bytes) = corpus("enricomi/python/test/files/mocha/tests.json") else {
            return;
        };
        let said = said(read, &bytes[..1500]);
        assert_eq!((said.counts(), said.problems), ([3, 0, 0, 1], 1));
    }

    #[test]
    fn the_stream_is_read() {
        let Some(bytes) = corpus("gen-mocha/mocha-json-stream.jsonl") else {
            return;
        };
        assert_eq!(said(read_stream, &bytes).counts(), [4, 1, 1, 0]);
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(tail in r#"[\[\]{}",:a-z0-9 ]{0,100}"#, head in 0..80_usize) {
            let start = r#"{"tests": [], "failures": [{"title": "a", "err": {"message": "b"}}, "#;
            let text = format!("{}{tail}", start.get(..head).unwrap_or(start));
            drop(said(read, text.as_bytes()));
            drop(said(read_stream, text.as_bytes()));
            drop(said(super::read_awesome, text.as_bytes()));
        }
    }
}
