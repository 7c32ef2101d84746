//! Mochawesome: `results[]` (files) > `suites[]`, nested > `tests[]` and hooks.

use std::io::BufRead;

use model::{Failure, Outcome};

use crate::json::{Got, Json};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, lines};

/// Reads a Mochawesome report.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    lines::document(input, limits, sink, |json, sink| {
        let mut report = Report {
            limits,
            sink,
            suites: Seen::default(),
            file: String::new(),
            seen: Seen::default(),
        };
        json.object(|json, key| match key.as_str() {
            "results" => json.array(|json| report.suite(json)),
            _ => json.skip(),
        })
    });
}

struct Report<'a> {
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    suites: Seen,
    file: String,
    seen: Seen,
}

#[derive(Default)]
struct Test {
    title: String,
    full_title: String,
    state: String,
    hook: bool,
    millis: Option<f64>,
    failure: Option<Failure>,
}

impl Test {
    fn outcome(&self) -> Outcome {
        match self.state.as_str() {
            "passed" => Outcome::Pass,
            "failed" if self.hook => Outcome::Error,
            "failed" => Outcome::Fail,
            _ => Outcome::Skip,
        }
    }
}

impl Report<'_> {
    fn suite(&mut self, json: &mut Json<'_>) -> Got<()> {
        let limit = 4 * self.limits.name_bytes;
        json.object(|json, key| {
            match key.as_str() {
                "file" => {
                    if let Some(file) = json.words(limit)? {
                        self.file = file;
                    }
                }
                "tests" | "beforeHooks" | "afterHooks" => json.array(|json| self.test(json))?,
                "suites" => json.array(|json| self.suite(json))?,
                _ => json.skip()?,
            }
            Ok(())
        })
    }

    fn test(&mut self, json: &mut Json<'_>) -> Got<()> {
        let mut test = Test::default();
        let limits = self.limits;
        let name = 4 * limits.name_bytes;
        json.object(|json, key| {
            match key.as_str() {
                "title" => test.title = json.text(name)?.unwrap_or_default(),
                "fullTitle" => test.full_title = json.text(name)?.unwrap_or_default(),
                "state" => test.state = json.text(16)?.unwrap_or_default(),
                "duration" => test.millis = json.number()?,
                "isHook" => test.hook = json.truth()?,
                "err" => {
                    let error = super::error(json, limits)?;
                    test.failure = error.any.then(|| error.failure());
                }
                _ => json.skip()?,
            }
            Ok(())
        })?;
        self.tell(&test);
        Ok(())
    }

    fn tell(&mut self, test: &Test) {
        let outcome = test.outcome();
        if test.hook && !outcome.is_failure() {
            return;
        }
        if self.suites.count(&self.file) == 1 {
            self.sink.suite(&self.file, None);
        }
        let class = test.full_title.strip_suffix(&test.title);
        let class = class.map(str::trim).filter(|class| !class.is_empty());
        let scope = format!("{}\u{1F}{}", self.file, test.full_title);
        let name = self.seen.unique(&scope, &test.title);
        self.sink.case(Case {
            suite: &self.file,
            class,
            name: &name,
            outcome,
            seconds: test.millis.map(|millis| millis / 1000.0),
            failure: test.failure.clone().filter(|_| outcome.is_failure()),
            before: Vec::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn nested_suites_and_failed_hooks_are_read() {
        let Some(bytes) = corpus("gen-mocha/mochawesome.json") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!(said.counts()[1..3], [1, 1]);
        insta::assert_snapshot!(said.text(), @r#"
        suite /mocha/a.js
        pass /mocha/a.js | outer › flaky 0s
        pass /mocha/a.js | outer inner › passes 0s
        fail /mocha/a.js | outer inner › fails 0s <AssertionError> "red \0" at mocha/a.js:2 +stack
        skip /mocha/a.js | outer inner › skipped 0s
        skip /mocha/a.js | outer inner › pending 0s
        error /mocha/a.js | hooks › "before all" hook for "never" 0s <Error> "before hook" at mocha/a.js:4 +stack
        skip /mocha/a.js | hooks › never 0s
        "#);
    }
}
