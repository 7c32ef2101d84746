//! libtest's `--format json` and nextest's `libtest-json`: one event a line, several test binaries in one stream.
//!
//! libtest does not name the binary, so that two binaries with a test of one name can be told apart by their order
//! alone: the suite is empty for the first and `#2`, `#3`, ... for further ones. nextest writes `package::binary$test`,
//! with `#2` behind for the second attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::mem;

use model::{Attempt, Failure, Outcome, Place};

use crate::budget::Budget;
use crate::json::{Got, Json};
use crate::lines::{self, Lines};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, fault};

/// Reads libtest JSON.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut stream = Stream {
        limits,
        open: Budget::default(),
        running: BTreeSet::new(),
        failed: BTreeMap::new(),
        seen: Seen::default(),
        announced: None,
        reported: 0,
        in_suite: false,
    };
    lines::each(&mut stream, input, limits, sink);
    if stream.in_suite {
        let what = "the stream ends inside a suite".to_owned();
        sink.problem(Place::File, what, "its running tests are taken as errors");
    }
    stream.end_suite(sink);
}

#[derive(Default)]
struct Event {
    kind: String,
    what: String,
    name: Option<String>,
    seconds: Option<f64>,
    message: Option<String>,
    output: Option<String>,
    test_count: Option<f64>,
}

/// A failed attempt that may be retried.
struct Waiting {
    seconds: Option<f64>,
    failure: Option<Failure>,
    before: Vec<Attempt>,
}

impl Waiting {
    fn held(&self, name: &str) -> usize {
        let texts = self
            .before
            .iter()
            .filter_map(|attempt| attempt.failure.as_ref());
        let texts = texts.chain(&self.failure);
        name.len()
            + texts
                .map(|text| text.message.len() + text.stack.len())
                .sum::<usize>()
    }
}

struct Stream<'a> {
    limits: &'a Limits,
    open: Budget,
    running: BTreeSet<String>,
    failed: BTreeMap<String, Waiting>,
    seen: Seen,
    announced: Option<f64>,
    reported: u64,
    in_suite: bool,
}

impl Lines for Stream<'_> {
    fn value(&mut self, json: &mut Json<'_>, sink: &mut dyn Sink) -> Got<()> {
        let event = event(json, self.limits)?;
        self.event(event, sink);
        Ok(())
    }

    /// A test that prints without a line break puts its text before the next event.
    fn other(&mut self, text: &str, sink: &mut dyn Sink) {
        let Some((_, event)) = text.split_once("{ \"type\":") else {
            return;
        };
        let event = format!("{{ \"type\":{event}");
        let mut bytes = event.as_bytes();
        let mut json = Json::lines(&mut bytes, self.limits.depth);
        if let Ok(event) = self::event(&mut json, self.limits) {
            self.event(event, sink);
        }
    }
}

fn event(json: &mut Json<'_>, limits: &Limits) -> Got<Event> {
    let mut event = Event::default();
    json.object(|json, key| {
        match key.as_str() {
            "type" => event.kind = json.text(16)?.unwrap_or_default(),
            "event" => event.what = json.text(32)?.unwrap_or_default(),
            "name" => event.name = json.words(4 * limits.name_bytes)?,
            "exec_time" => event.seconds = json.number()?,
            "message" | "reason" => event.message = json.words(limits.message_bytes)?,
            "stdout" => event.output = json.words(limits.stack_bytes)?,
            "test_count" => event.test_count = json.number()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(event)
}

impl Stream<'_> {
    fn event(&mut self, event: Event, sink: &mut dyn Sink) {
        match (event.kind.as_str(), event.what.as_str()) {
            ("suite", "started") => self.start_suite(&event, sink),
            ("suite", _) => self.end_suite(sink),
            ("test", "started") => self.start(event),
            ("bench", _) | ("test", "ok" | "allowed_failure") => {
                self.end(&event, Outcome::Pass, sink);
            }
            ("test", "failed") => self.end(&event, Outcome::Fail, sink),
            ("test", "ignored") => self.end(&event, Outcome::Skip, sink),
            _ => {}
        }
    }

    fn start_suite(&mut self, event: &Event, sink: &mut dyn Sink) {
        self.end_suite(sink);
        self.in_suite = true;
        self.announced = event.test_count;
        sink.suite("", None);
    }

    fn start(&mut self, event: Event) {
        if let Some(name) = event.name
            && !self.running.contains(&name)
            && self.open.take(name.len())
        {
            self.running.insert(name);
        }
    }

    fn end(&mut self, event: &Event, outcome: Outcome, sink: &mut dyn Sink) {
        let Some(full) = event.name.as_deref() else {
            return;
        };
        if self.running.remove(full) {
            self.open.give(full.len());
        }
        let (name, attempt) = split_attempt(full);
        let before = self.take_failed(name, attempt);
        self.reported += u64::from(before.is_empty());
        let ended = Waiting {
            seconds: event.seconds,
            failure: failure(event, outcome),
            before,
        };
        if outcome == Outcome::Fail && name.contains('$') && self.open.take(ended.held(name)) {
            self.failed.insert(name.to_owned(), ended);
        } else {
            self.tell(name, outcome, ended, sink);
        }
    }

    /// The attempts before this one.
    fn take_failed(&mut self, name: &str, attempt: u32) -> Vec<Attempt> {
        let Some(waiting) = self.failed.remove(name) else {
            return Vec::new();
        };
        self.open.give(waiting.held(name));
        let mut before = waiting.before;
        if attempt > 1 && before.len() < self.limits.attempts {
            before.push(Attempt {
                outcome: Outcome::Fail,
                seconds: waiting.seconds,
                failure: waiting.failure,
            });
        }
        before
    }

    fn tell(&mut self, name: &str, outcome: Outcome, ended: Waiting, sink: &mut dyn Sink) {
        let (suite, name) = name.split_once('$').unwrap_or(("", name));
        let count = if suite.is_empty() {
            self.seen.count(name)
        } else {
            1
        };
        let numbered = format!("#{count}");
        let suite = if count > 1 { numbered.as_str() } else { suite };
        sink.case(Case {
            suite,
            class: None,
            name,
            outcome,
            seconds: ended.seconds,
            failure: ended.failure,
            before: ended.before,
        });
    }

    /// Tells failures that were not retried, tests that never ended, and a count that is not that of the header.
    fn end_suite(&mut self, sink: &mut dyn Sink) {
        for (name, waiting) in mem::take(&mut self.failed) {
            self.open.give(waiting.held(&name));
            self.tell(&name, Outcome::Fail, waiting, sink);
        }
        for full in mem::take(&mut self.running) {
            self.open.give(full.len());
            let (name, attempt) = split_attempt(&full);
            let ended = Waiting {
                seconds: None,
                failure: Some(Failure::of(
                    "no result: the test binary ended while the test ran",
                )),
                before: self.take_failed(name, attempt),
            };
            self.reported += 1;
            self.tell(name, Outcome::Error, ended, sink);
        }
        self.check_count(sink);
        self.in_suite = false;
    }

    fn check_count(&mut self, sink: &mut dyn Sink) {
        let reported = mem::take(&mut self.reported) as f64;
        if let Some(announced) = self.announced.take()
            && announced > reported
        {
            let what = format!("a suite announces {announced} tests and reports {reported}");
            sink.problem(
                Place::File,
                what,
                "its binary was killed or the file is truncated",
            );
        }
    }
}

/// `package::binary$test#2` as name and attempt; libtest's own names have no `$`.
fn split_attempt(full: &str) -> (&str, u32) {
    let split = full.rsplit_once('#').filter(|(name, _)| name.contains('$'));
    match split.and_then(|(name, number)| Some((name, number.parse().ok()?))) {
        Some(split) => split,
        None => (full, 1),
    }
}

fn failure(event: &Event, outcome: Outcome) -> Option<Failure> {
    let (message, output) = (event.message.as_deref(), event.output.as_deref());
    match outcome {
        Outcome::Pass => None,
        Outcome::Skip => message.map(Failure::of),
        Outcome::Fail | Outcome::Error => Some(fault::of_rust(message, output.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn outcomes_texts_and_skips_are_read() {
        let said = said(read, br#"{ "type": "suite", "event": "started", "test_count": 4 }
{ "type": "test", "event": "started", "name": "a" }
{ "type": "test", "event": "timeout", "name": "a" }
printed{ "type": "test", "name": "a", "event": "ok", "exec_time": "0.5s" }
{ "type": "test", "name": "b", "event": "failed", "stdout": "thread 'b' panicked at src/b.rs:3:1:\nboom\n" }
{ "type": "test", "name": "c", "event": "ignored", "message": "why" }
{ "type": "test", "name": "d", "event": "failed", "reason": "time limit exceeded" }
{ "type": "suite", "event": "failed" }
{ "type": "suite", "event": "started", "test_count": 1 }
{ "type": "test", "name": "a", "event": "ok" }
{ "type": "suite", "event": "ok" }
"#);
        insta::assert_snapshot!(said.text(), @r#"
        suite 
        pass  | a 0.5s
        fail  | b <panic> "boom" at src/b.rs:3 +stack
        skip  | c "why"
        fail  | d "time limit exceeded"
        suite 
        pass #2 | a
        "#);
    }

    #[test]
    fn attempts_of_nextest_are_one_case() {
        let said = said(
            read,
            br#"{"type":"suite","event":"started","test_count":2,"nextest":{"crate":"p"}}
{"type":"test","event":"failed","name":"p::b$t::x","stdout":"one"}
{"type":"test","event":"failed","name":"p::b$t::x#2","stdout":"two"}
{"type":"test","event":"ok","name":"p::b$t::x#3"}
{"type":"test","event":"failed","name":"p::b$t::y"}
{"type":"suite","event":"failed"}
"#,
        );
        insta::assert_snapshot!(said.text(), @r#"
        suite 
        fail "one"; fail "two"; pass p::b | t::x
        fail p::b | t::y ""
        "#);
    }

    #[test]
    fn a_crash_of_the_binary_fails_the_tests_that_ran() {
        let said = said(
            read,
            br#"{ "type": "suite", "event": "started", "test_count": 9 }
{ "type": "test", "event": "started", "name": "a" }
{ "type": "suite", "event": "started", "test_count": 0 }
"#,
        );
        insta::assert_snapshot!(said.text(), @r#"
        suite 
        error  | a "no result: the test binary ended while the test ran"
        problem file: a suite announces 9 tests and reports 1 (its binary was killed or the file is truncated)
        suite 
        problem file: the stream ends inside a suite (its running tests are taken as errors)
        "#);
    }

    #[test]
    fn the_counts_of_real_streams_are_those_of_the_peers() {
        let cases = [
            ("cargo2junit/src/test_inputs/azfunc.json", [494, 0, 0, 5]),
            (
                "cargo2junit/src/test_inputs/cargo_failure.json",
                [1532, 2, 0, 4],
            ),
            (
                "cargo2junit/src/test_inputs/doctests_edition2024.json",
                [4, 1, 0, 1],
            ),
            ("cargo2junit/src/test_inputs/failed.json", [2, 1, 0, 0]),
            ("cargo2junit/src/test_inputs/issue76.json", [1, 0, 0, 0]),
            (
                "cargo2junit/src/test_inputs/multi_suite_success.json",
                [13, 0, 0, 0],
            ),
            (
                "cargo2junit/src/test_inputs/self_exec_time.json",
                [6, 0, 0, 0],
            ),
            (
                "cargo2junit/src/test_inputs/timed_out_event.json",
                [1, 0, 0, 0],
            ),
            ("gen-libtest/libtest.json", [9, 3, 0, 1]),
        ];
        for (name, counts) in cases {
            let Some(bytes) = corpus(name) else { return };
            assert_eq!(said(read, &bytes).counts(), counts, "{name}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(lines in proptest::collection::vec(
            r#"(\{ "type":"(suite|test)","event":"(started|ok|failed)"(,"name":"[ab$#2]{0,4}")?\}|[ -~]{0,30})"#, 0..30)) {
            drop(said(read, lines.join("\n").as_bytes()));
        }

        #[test]
        fn every_test_of_a_suite_is_counted(outcomes in proptest::collection::vec(0..3_usize, 0..40)) {
            let words = ["ok", "failed", "ignored"];
            let lines = outcomes.iter().enumerate().map(|(number, outcome)| {
                format!("{{\"type\":\"test\",\"event\":\"{}\",\"name\":\"t{number}\"}}\n", words[*outcome])
            });
            let said = said(read, lines.collect::<String>().as_bytes());
            let of = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
            prop_assert_eq!(said.counts(), [outcomes.len(), of(1), 0, of(2)]);
        }
    }
}
