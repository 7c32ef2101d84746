//! Dart's and Flutter's `--reporter json` / `--machine`: a stream of events, one a line.
//!
//! Hidden tests (loading a file that loads) are dropped; a file that does not load is a test that errors and is kept. Names
//! begin with the names of the groups around; the group is the class.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::mem;

use model::{Failure, Outcome, Place};

use crate::budget::Budget;
use crate::ctrf::line_number;
use crate::json::{Got, Json};
use crate::lines::{self, Lines};
use crate::seen::Seen;
use crate::{Case, Limits, Sink, fault};

/// Reads a Dart event stream.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut stream = Stream {
        limits,
        open: Budget::default(),
        known: Budget::default(),
        overflow: false,
        suites: BTreeMap::new(),
        groups: BTreeMap::new(),
        tests: BTreeMap::new(),
        announced: Seen::default(),
        done: false,
    };
    lines::each(&mut stream, input, limits, sink);
    stream.finish(sink);
}

#[derive(Default)]
struct Event {
    kind: String,
    time: Option<f64>,
    /// The test, suite or group that the event is about.
    about: About,
    test_id: Option<u64>,
    result: String,
    skipped: bool,
    hidden: bool,
    error: Option<String>,
    stack: Option<String>,
}

/// The object in an event that begins a test, suite or group.
#[derive(Default)]
struct About {
    id: Option<u64>,
    name: String,
    path: String,
    platform: String,
    suite: Option<u64>,
    group: Option<u64>,
    line: Option<u32>,
    url: Option<String>,
    skip_reason: Option<String>,
}

impl About {
    fn held(&self) -> usize {
        let texts = [&self.url, &self.skip_reason].into_iter().flatten();
        self.name.len() + self.path.len() + texts.map(String::len).sum::<usize>()
    }
}

struct Test {
    about: About,
    started: Option<f64>,
    failure: Option<Failure>,
    held: usize,
}

struct Stream<'a> {
    limits: &'a Limits,
    open: Budget,
    known: Budget,
    overflow: bool,
    suites: BTreeMap<u64, String>,
    groups: BTreeMap<u64, String>,
    tests: BTreeMap<u64, Test>,
    announced: Seen,
    done: bool,
}

impl Lines for Stream<'_> {
    fn value(&mut self, json: &mut Json<'_>, sink: &mut dyn Sink) -> Got<()> {
        let event = event(json, self.limits)?;
        self.event(event, sink);
        Ok(())
    }
}

fn id(number: Option<f64>) -> Option<u64> {
    let number = number.filter(|number| *number >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and a float to int cast saturates"
    )]
    let id = number as u64;
    Some(id)
}

fn event(json: &mut Json<'_>, limits: &Limits) -> Got<Event> {
    let mut event = Event::default();
    json.object(|json, key| {
        match key.as_str() {
            "type" => event.kind = json.text(16)?.unwrap_or_default(),
            "time" => event.time = json.number()?,
            "test" | "suite" | "group" => event.about = about(json, limits)?,
            "testID" => event.test_id = id(json.number()?),
            "result" => event.result = json.text(16)?.unwrap_or_default(),
            "skipped" => event.skipped = json.truth()?,
            "hidden" => event.hidden = json.truth()?,
            "error" => event.error = json.words(limits.message_bytes)?,
            "stackTrace" => event.stack = json.words(limits.stack_bytes)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(event)
}

fn about(json: &mut Json<'_>, limits: &Limits) -> Got<About> {
    let mut about = About::default();
    let name = 4 * limits.name_bytes;
    json.object(|json, key| {
        match key.as_str() {
            "id" => about.id = id(json.number()?),
            "name" => about.name = json.text(name)?.unwrap_or_default(),
            "path" => about.path = json.text(name)?.unwrap_or_default(),
            "platform" => about.platform = json.text(32)?.unwrap_or_default(),
            "suiteID" => about.suite = id(json.number()?),
            "groupIDs" => json.array(|json| {
                about.group = id(json.number()?);
                Ok(())
            })?,
            "line" | "root_line" => about.line = json.number()?.map(line_number).or(about.line),
            "url" | "root_url" => about.url = json.words(limits.name_bytes)?.or(about.url.take()),
            "metadata" => about.skip_reason = skip_reason(json, limits)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(about)
}

fn skip_reason(json: &mut Json<'_>, limits: &Limits) -> Got<Option<String>> {
    let mut reason = None;
    json.object(|json, key| {
        match key.as_str() {
            "skipReason" => reason = json.words(limits.message_bytes)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(reason)
}

impl Stream<'_> {
    fn event(&mut self, event: Event, sink: &mut dyn Sink) {
        match event.kind.as_str() {
            "suite" => self.begin_suite(event.about),
            "group" => self.begin_group(event.about),
            "testStart" => self.begin_test(event, sink),
            "error" => self.error(&event),
            "testDone" => self.end_test(&event, sink),
            "done" => self.done = true,
            _ => {}
        }
    }

    fn begin_suite(&mut self, about: About) {
        let path = match about.platform.as_str() {
            "" | "vm" => about.path,
            platform => format!("{} [{platform}]", about.path),
        };
        if let Some(id) = about.id
            && self.known.take(path.len())
        {
            self.suites.insert(id, path);
        }
    }

    fn begin_group(&mut self, about: About) {
        if let Some(id) = about.id
            && self.known.take(about.name.len())
        {
            self.groups.insert(id, about.name);
        }
    }

    fn begin_test(&mut self, event: Event, sink: &mut dyn Sink) {
        let Some(id) = event.about.id else { return };
        if !self.open.take(event.about.held()) {
            if !mem::replace(&mut self.overflow, true) {
                let what = "too many tests are open at one time".to_owned();
                sink.problem(Place::File, what, "further ones are not counted");
            }
            return;
        }
        let test = Test {
            held: event.about.held(),
            about: event.about,
            started: event.time,
            failure: None,
        };
        self.tests.insert(id, test);
    }

    /// Of several errors the first says why.
    fn error(&mut self, event: &Event) {
        let test = event.test_id.and_then(|id| self.tests.get_mut(&id));
        let Some(test) = test else { return };
        if test.failure.is_none() {
            let failure = fault::of_parts(event.error.as_deref(), event.stack.as_deref());
            let held = failure.message.len() + failure.stack.len();
            if self.open.take(held) {
                test.held += held;
                test.failure = Some(failure);
            }
        }
    }

    fn end_test(&mut self, event: &Event, sink: &mut dyn Sink) {
        let test = event.test_id.and_then(|id| self.tests.remove(&id));
        let Some(test) = test else { return };
        self.open.give(test.held);
        if event.hidden {
            return;
        }
        let outcome = match event.result.as_str() {
            _ if event.skipped => Outcome::Skip,
            "success" => Outcome::Pass,
            "failure" => Outcome::Fail,
            _ => Outcome::Error,
        };
        let seconds = event
            .time
            .zip(test.started)
            .map(|(end, start)| (end - start) / 1000.0);
        self.tell(test, outcome, seconds, sink);
    }

    fn tell(&mut self, test: Test, outcome: Outcome, seconds: Option<f64>, sink: &mut dyn Sink) {
        let about = test.about;
        let suite = about.suite.and_then(|id| self.suites.get(&id));
        let suite = suite.map_or("", String::as_str);
        if self.announced.count(suite) == 1 {
            sink.suite(suite, None);
        }
        let group = about.group.and_then(|id| self.groups.get(&id));
        let group = group.filter(|group| !group.is_empty());
        let within = group.and_then(|group| about.name.strip_prefix(group.as_str()));
        let name = within.map(str::trim_start).filter(|name| !name.is_empty());
        let failure = match outcome {
            Outcome::Pass => None,
            Outcome::Skip => about.skip_reason.as_deref().map(Failure::of),
            Outcome::Fail | Outcome::Error => test.failure.map(|failure| Failure {
                file: about.url.clone(),
                line: about.line,
                ..failure
            }),
        };
        sink.case(Case {
            suite,
            class: group.filter(|_| name.is_some()).map(String::as_str),
            name: name.unwrap_or(&about.name),
            outcome,
            seconds,
            failure,
            before: Vec::new(),
        });
    }

    /// Tests without an end: the runner was killed.
    fn finish(&mut self, sink: &mut dyn Sink) {
        if !self.done {
            let what = "the stream ends without its last event".to_owned();
            sink.problem(
                Place::File,
                what,
                "the run was killed or the file is truncated",
            );
        }
        for mut test in mem::take(&mut self.tests).into_values() {
            if test.about.name.starts_with("loading ") && test.about.group.is_none() {
                continue;
            }
            test.failure
                .get_or_insert_with(|| Failure::of("no result: the run ended while the test ran"));
            self.tell(test, Outcome::Error, None, sink);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn groups_errors_and_skips_are_read_and_loading_is_dropped() {
        let Some(bytes) = corpus("enricomi/python/test/files/dart/json/tests.json") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!((said.counts(), said.problems), ([20, 1, 2, 1], 0));
        insta::assert_snapshot!(said.lines[..4].join("\n"), @r#"
    suite test/src/cli/cli_runner_test.dart
    skip test/src/cli/cli_runner_test.dart | Cli runner › should have correct description 0.005s "just skipping"
    fail test/src/cli/cli_runner_test.dart | Cli runner › should have correct invocation 0.077s "Expected: 'metrics <command> [arguments] <directories> nope'\n  Actual: 'metrics <command> [arguments] <directories>'\n   Which: is different. Both strings start the same, but the actual value is missing the following trailing characters:  nope" at file:///home/runner/work/dart-code-metrics/dart-code-metrics/test/src/cli/cli_runner_test.dart:21 +stack
    pass test/src/cli/cli_runner_test.dart | Cli runner run › with version argument 0.022s
    "#);
    }

    #[test]
    fn a_run_that_is_killed_fails_the_test_that_ran() {
        let said = said(
            read,
            br#"{"suite":{"id":0,"platform":"chrome","path":"a_test.dart"},"type":"suite","time":0}
[{"event":"test.startedProcess"}]
{"test":{"id":1,"name":"loading a_test.dart","suiteID":0,"groupIDs":[]},"type":"testStart","time":1}
{"testID":1,"result":"error","skipped":false,"hidden":false,"type":"testDone","time":2}
{"test":{"id":2,"name":"x","suiteID":0,"groupIDs":[]},"type":"testStart","time":1}
"#,
        );
        insta::assert_snapshot!(said.text(), @r#"
suite a_test.dart [chrome]
error a_test.dart [chrome] | loading a_test.dart 0.001s
problem file: the stream ends without its last event (the run was killed or the file is truncated)
error a_test.dart [chrome] | x "no result: the run ended while the test ran"
"#);
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(lines in proptest::collection::vec(
            r#"(\{"type":"(testStart|testDone|error|group)"(,"test":\{"id":[0-9-]{1,3}\})?(,"testID":[0-9.e]{1,3})?\}|[ -~]{0,30})"#, 0..30)) {
            drop(said(read, lines.join("\n").as_bytes()));
        }

        #[test]
        fn every_test_is_counted(outcomes in proptest::collection::vec(0..4_usize, 0..40)) {
            let ends = [
                r#""result":"success""#, r#""result":"failure""#,
                r#""result":"error""#, r#""result":"success","skipped":true"#,
            ];
            let lines = outcomes.iter().enumerate().map(|(id, outcome)| format!(
                "{{\"type\":\"testStart\",\"test\":{{\"id\":{id},\"name\":\"t{id}\"}}}}\n{{\"type\":\"testDone\",\"testID\":{id},{}}}\n", ends[*outcome]));
            let said = said(read, lines.collect::<String>().as_bytes());
            let of = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
            prop_assert_eq!(said.counts(), [outcomes.len(), of(1), of(2), of(3)]);
        }
    }
}
