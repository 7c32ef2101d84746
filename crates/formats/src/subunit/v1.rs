//! subunit v1: `test: name`, `failure: name [`, text, `]`, with other output between.

use std::io::BufRead;

use model::{Outcome, Place, Timestamp};

use super::Tests;
use crate::json::{Got, Json};
use crate::lines::say;
use crate::{Limits, Sink};

/// How much of a line is looked at.
const LINE_BYTES: usize = 16 << 10;

/// Reads a subunit v1 stream.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut stream = Stream {
        lines: Json::lines(input, 0),
        tests: Tests::new(limits, sink),
        now: None,
        number: 0,
    };
    if let Err(broken) = stream.read() {
        let _ended = say(broken, Place::Line(stream.number), stream.tests.sink);
    }
    stream.tests.finish();
}

/// Whether text is a subunit v1 stream: a test begins, and it ends or the time was said.
pub(crate) fn is_v1(text: &str) -> bool {
    let mut begun: Vec<&str> = Vec::new();
    let mut timed = false;
    for line in text.lines() {
        let Some((word, rest)) = line.split_once(": ") else {
            continue;
        };
        let (label, _) = details(rest.trim());
        match word {
            "time" => timed |= time(rest).is_some(),
            "test" | "testing" if timed => return true,
            "test" | "testing" if begun.len() < 64 => begun.push(label),
            _ if outcome(word).is_some() && begun.contains(&label) => return true,
            _ => {}
        }
    }
    false
}

struct Stream<'a, 'r> {
    lines: Json<'r>,
    tests: Tests<'a>,
    now: Option<f64>,
    number: u64,
}

impl Stream<'_, '_> {
    fn read(&mut self) -> Got<()> {
        while let Some(line) = self.line()? {
            self.event(&line)?;
        }
        Ok(())
    }

    fn line(&mut self) -> Got<Option<String>> {
        self.number += 1;
        let line = self.lines.whole_line(LINE_BYTES)?;
        Ok(line.map(|line| line.trim_end().to_owned()))
    }

    fn event(&mut self, line: &str) -> Got<()> {
        let Some((word, rest)) = line.split_once(' ') else {
            return Ok(());
        };
        let (word, colon) = match word.strip_suffix(':') {
            Some(word) => (word, true),
            None => (word, false),
        };
        let (label, details) = details(rest.trim());
        let known = colon || self.tests.open.contains_key(label);
        match word {
            "time" if colon => self.now = time(rest),
            "test" | "testing" if colon => self.tests.begin(label, self.now),
            _ if known => {
                if let Some(outcome) = outcome(word) {
                    self.end(label, outcome, details)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, label: &str, outcome: Outcome, details: Details) -> Got<()> {
        let done = match details {
            Details::None => Ok(()),
            Details::Plain => self.plain(label),
            Details::Multipart => self.multipart(label),
        };
        self.tests.end(label, outcome, self.now);
        done
    }

    /// Text up to a line with nothing but `]`; a line of the text that is so has a blank before.
    fn plain(&mut self, label: &str) -> Got<()> {
        while let Some(line) = self.line()? {
            if line == "]" {
                return Ok(());
            }
            let text = if line == " ]" { "]" } else { &line };
            self.tests.attach(label, "traceback", text);
            self.tests.attach(label, "traceback", "\n");
        }
        Ok(())
    }

    /// Parts, each with type, name and chunks with their length before them.
    fn multipart(&mut self, label: &str) -> Got<()> {
        while let Some(mime) = self.line()? {
            if mime == "]" {
                return Ok(());
            }
            let Some(mime) = mime.strip_prefix("Content-Type: ") else {
                self.misplaced();
                return self.plain(label);
            };
            let name = self.line()?.unwrap_or_default();
            if !self.chunks(label, &name, mime.starts_with("text/"))? {
                self.misplaced();
                return self.plain(label);
            }
        }
        Ok(())
    }

    fn misplaced(&mut self) {
        let what = "the details of a test are malformed".to_owned();
        let hint = "read as text up to the next `]`";
        self.tests
            .sink
            .problem(Place::Line(self.number), what, hint);
    }

    /// Reads the chunks of a part; false when a length is none.
    fn chunks(&mut self, label: &str, name: &str, is_text: bool) -> Got<bool> {
        while let Some(line) = self.line()? {
            let Ok(length) = u64::from_str_radix(line.trim(), 16) else {
                return Ok(false);
            };
            if length == 0 {
                return Ok(true);
            }
            let keep = if is_text {
                self.tests.limits.stack_bytes
            } else {
                0
            };
            let text = self.lines.block(length, keep)?;
            if is_text {
                self.tests.attach(label, name, &text);
            }
        }
        Ok(true)
    }
}

/// What follows the name of a test.
#[derive(Clone, Copy)]
enum Details {
    None,
    Plain,
    Multipart,
}

fn details(rest: &str) -> (&str, Details) {
    if let Some(label) = rest.strip_suffix(" [ multipart") {
        (label, Details::Multipart)
    } else if let Some(label) = rest.strip_suffix(" [") {
        (label, Details::Plain)
    } else {
        (rest, Details::None)
    }
}

fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "success" | "successful" | "xfail" => Some(Outcome::Pass),
        "failure" | "uxsuccess" => Some(Outcome::Fail),
        "error" => Some(Outcome::Error),
        "skip" => Some(Outcome::Skip),
        _ => None,
    }
}

/// `2026-11-20 08:55:03.663403Z` in seconds since 1970.
fn time(text: &str) -> Option<f64> {
    let at = Timestamp::parse(&text.trim().replacen(' ', "T", 1)).ok()?;
    Some(at.0 as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::testing::{corpus, said};

    #[test]
    fn a_real_stream_is_read() {
        let Some(bytes) = corpus("gen-subunit/ut.subunit1") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!(said.counts(), [8, 5, 0, 1]);
        insta::assert_snapshot!(said.text(), @r#"
        suite  2026-11-20T08:55:03.663Z
        fail  | setUpClass (ut.SetUpBroken) 0s <RuntimeError> "class setup" at /home/ci/project1/py/ut.py:17 +stack
        fail  | ut.T › test_err 0s <ValueError> "boom" at /home/ci/project1/py/ut.py:5 +stack
        fail  | ut.T › test_fail 0.0009999275207519531s <AssertionError> "1 != 2 : nope" at /home/ci/project1/py/ut.py:4 +stack
        pass  | ut.T › test_pass 0s
        skip  | ut.T › test_skip 0s "why"
        fail  | ut.T › test_sub 0s <AssertionError> "1 == 1" at /home/ci/project1/py/ut.py:14 +stack
        pass  | ut.T › test_xfail 0s
        fail  | ut.T › test_xpass 0s ""
        "#);
    }

    #[test]
    fn both_kinds_of_details_damage_and_a_killed_run_are_read() {
        let said = said(read, b"test: a.b\nnoise: x\nerror: a.b [\nboom\n ]\n]\nsuccess: c\nskip: d [ multipart\nwhat\n]\ntesting: e\nfailure: f [ multipart\nContent-Type: text/plain\nreason\nFFFFFFFFFFFF\nx");
        insta::assert_snapshot!(said.text(), @r#"
        suite 
        error  | a › b "boom" +stack
        pass  | c
        problem line 9: the details of a test are malformed (read as text up to the next `]`)
        skip  | d
        fail  | f "x"
        error  | e "no result: the stream ends while the test runs"
        "#);
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(lines in proptest::collection::vec(
            r"((test|success|failure|error|skip|time): [a-b.]{1,3}( \[( multipart)?)?|\]|Content-Type: text/x|[0-9A-F]{1,2}|[ -~]{0,20})", 0..40)) {
            drop(said(read, lines.join("\n").as_bytes()));
        }

        #[test]
        fn every_test_is_counted(outcomes in proptest::collection::vec(0..4_usize, 0..40)) {
            let words = ["success", "failure", "error", "skip"];
            let lines = outcomes.iter().enumerate().map(|(number, outcome)| format!("test: t{number}\n{}: t{number}\n", words[*outcome]));
            let said = said(read, lines.collect::<String>().as_bytes());
            let of = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
            prop_assert_eq!(said.counts(), [outcomes.len(), of(1), of(2), of(3)]);
        }
    }
}
