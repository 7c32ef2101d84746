//! `JUnit` XML in every dialect: what the runners agree on, and what each says in its own way.
//!
//! The outcome of a case: an `error` child before a `failure`, before a `skipped`, before a `status` or `result` attribute, else
//! it passed. See `docs/formats.md` for the dialects.

use std::io::Read;

use model::{Attempt, Failure, Outcome, Place, Timestamp};

use crate::guard::shortened;
use crate::place::place;
use crate::sink::OUTSIDE;
use crate::xml::failure::value;
use crate::xml::number::{plain_seconds, seconds};
use crate::xml::text::{attribute, element};
use crate::xml::{Handler, Out, Tag, Want, walk};
use crate::{Case, Limits, Sink};

use suite::{add_project, is_script, suite_in_file};

mod status;
mod suite;
#[cfg(test)]
mod tests;

/// Reads `JUnit` XML.
pub(crate) fn read(input: &mut dyn Read, limits: &Limits, sink: &mut dyn Sink) {
    let mut junit = Junit::default();
    walk(input, &mut junit, &mut Out { sink, limits });
}

/// A `testsuite` that is open.
#[derive(Debug, Default)]
struct Suite {
    /// Where its name begins in `Junit::path`; what is before belongs to the suites around it.
    path_start: usize,
    /// Cases listed in it and in its inner suites.
    listed: u64,
    /// Cases listed in it alone.
    own: u64,
    /// Cases that its attributes declare.
    declared: Option<u64>,
    /// The file that it says it stands in; mostly empty.
    file: String,
    at: u64,
}

/// What a result element says: `failure`, `error`, `rerunFailure`, ...
#[derive(Debug, Default)]
struct Said {
    outcome: Option<Outcome>,
    message: String,
    kind: String,
    /// The raw head of the text.
    text: String,
}

/// The case that is open; its strings are reused from case to case.
#[derive(Debug, Default)]
struct OpenCase {
    open: bool,
    at: u64,
    name: String,
    class: String,
    file: String,
    line: Option<u32>,
    seconds: Option<f64>,
    /// The outcome that attributes say.
    stated: Option<Outcome>,
    /// The strongest result element.
    result: Option<(Outcome, Failure)>,
    /// Attempts that flaky and rerun elements tell of.
    reruns: Vec<Attempt>,
}

impl OpenCase {
    /// Gives a failure its place: from its text, else where the attributes of its case say that the test stands.
    fn locate(&self, failure: &mut Failure) {
        let found = place(&failure.stack).or_else(|| place(&failure.message));
        if let Some((file, line)) = found {
            failure.file = Some(file.to_owned());
            failure.line = Some(line);
        } else if !self.file.is_empty() {
            failure.file = Some(self.file.clone());
            failure.line = self.line;
        }
    }
}

/// The reader.
#[derive(Debug, Default)]
struct Junit {
    suites: Vec<Suite>,
    /// The names of the open suites, joined.
    path: String,
    case: OpenCase,
    /// The result element that is open, in a case or in a suite.
    said: Option<Said>,
    dialect: Dialect,
    /// For a dialect that repeats a case for each attempt: the last case, and whether it passed.
    last: Option<(String, String)>,
    scratch: String,
}

/// Producers whose files mean something that their elements do not say.
#[derive(Debug, Default)]
struct Dialect {
    /// `pytest`: the failed attempts of pytest-rerunfailures are cases without result, right before the last attempt.
    pytest: bool,
    /// Playwright: `hostname` is the project.
    playwright: bool,
}

impl Junit {
    fn start_suites(&mut self, tag: &Tag<'_>) {
        self.dialect.playwright = tag.attrs.get(b"id").is_some();
        self.dialect.pytest = tag.attrs.get(b"name") == Some(b"pytest tests");
    }

    fn start_suite(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        let path_start = self.path.len();
        let mut name = std::mem::take(&mut self.scratch);
        attribute(tag.attrs.get(b"name").unwrap_or_default(), &mut name).tell(tag.at, out);
        if name == "pytest" {
            self.dialect.pytest = true;
        }
        if self.dialect.playwright && is_script(&name) {
            add_project(tag.attrs, &mut name);
        }
        if self.path.len() < out.limits.name_bytes {
            self.extend_path(&shortened(&name, out.limits.name_bytes));
        }
        self.scratch = name;
        let number = |key: &[u8]| {
            std::str::from_utf8(tag.attrs.get(key)?)
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        self.suites.push(Suite {
            path_start,
            declared: number(b"tests"),
            file: value(tag.attrs, b"file", tag.at, out),
            at: tag.at,
            ..Suite::default()
        });
        let started = tag
            .attrs
            .get(b"timestamp")
            .and_then(|raw| std::str::from_utf8(raw).ok());
        let started = started.and_then(|text| Timestamp::parse(text).ok());
        out.sink.suite(&self.path, started);
    }

    /// Appends the name of a suite, unless it repeats the names around it.
    fn extend_path(&mut self, name: &str) {
        if name.is_empty() || self.path == name {
            return;
        }
        if name.starts_with(&self.path) {
            let own_start = self.path.len();
            self.path
                .push_str(name.get(own_start..).unwrap_or_default());
            return;
        }
        self.path.push_str(" › ");
        self.path.push_str(name);
    }

    fn end_suite(&mut self, truncated: bool, out: &mut Out<'_>) {
        let Some(suite) = self.suites.pop() else {
            return;
        };
        self.path.truncate(suite.path_start);
        if let Some(around) = self.suites.last_mut() {
            around.listed += suite.listed;
        }
        let lies = suite
            .declared
            .is_some_and(|n| n != suite.listed && n != suite.own);
        if lies && !truncated {
            let declared = suite.declared.unwrap_or_default();
            let what = format!(
                "the suite declares {declared} tests but lists {}",
                suite.listed
            );
            out.problem(suite.at, what, "the listed ones are counted");
        }
    }

    fn start_case(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        let case = &mut self.case;
        case.open = true;
        case.at = tag.at;
        case.name.clear();
        case.class.clear();
        case.file.clear();
        case.line = None;
        case.seconds = None;
        case.stated = None;
        let mut named = false;
        for (key, raw) in tag.attrs.iter() {
            match key {
                b"name" => {
                    named = true;
                    attribute(raw, &mut case.name).tell(tag.at, out);
                }
                b"classname" | b"class" => attribute(raw, &mut case.class).tell(tag.at, out),
                b"file" => attribute(raw, &mut case.file).tell(tag.at, out),
                b"line" => case.line = std::str::from_utf8(raw).ok().and_then(|t| t.parse().ok()),
                b"time" | b"duration" => case.seconds = time(raw, tag.at, out).or(case.seconds),
                b"status" | b"result" | b"ignored" | b"incomplete" | b"disabled" => {
                    case.stated = status::outcome(key, raw).or(case.stated);
                }
                _ => {}
            }
        }
        if !named || case.name.is_empty() {
            out.problem(tag.at, "a test case has no name", "its class stands for it");
            case.name.push_str("(no name)");
        }
    }

    fn end_case(&mut self, out: &mut Out<'_>) {
        let case = &mut self.case;
        if !std::mem::take(&mut case.open) {
            return;
        }
        let mut before = std::mem::take(&mut case.reruns);
        let (outcome, mut failure) = match case.result.take() {
            Some((outcome, failure)) => (outcome, Some(failure)),
            None => (case.stated.unwrap_or(Outcome::Pass), None),
        };
        if let Some(failure) = failure.as_mut().filter(|_| outcome.is_failure()) {
            case.locate(failure);
        }
        if self.dialect.pytest {
            pytest_rerun(&mut self.last, case, outcome, &mut before);
        }
        let file = match (case.file.as_str(), self.suites.last()) {
            ("", Some(suite)) => &suite.file,
            (file, _) => file,
        };
        out.sink.case(Case {
            suite: &suite_in_file(&self.path, &case.class, file),
            class: Some(case.class.as_str()).filter(|class| !class.is_empty()),
            name: &case.name,
            outcome,
            seconds: case.seconds,
            failure,
            before,
        });
        if let Some(suite) = self.suites.last_mut() {
            suite.listed += 1;
            suite.own += 1;
        }
    }

    /// The file ends inside a case: it counts when it is known to have failed, else nobody knows what it did.
    fn cut_case(&mut self, out: &mut Out<'_>) {
        let failed = self
            .case
            .result
            .as_ref()
            .is_some_and(|(outcome, _)| outcome.is_failure());
        if failed {
            return self.end_case(out);
        }
        self.case.open = false;
        out.problem(self.case.at, "the last test case has no end", "not counted");
    }

    fn start_result(&mut self, outcome: Outcome, tag: &Tag<'_>, out: &mut Out<'_>) -> Want {
        let mut said = Said {
            outcome: Some(outcome),
            ..Said::default()
        };
        if let Some(raw) = tag.attrs.get(b"message") {
            attribute(raw, &mut said.message).tell(tag.at, out);
        }
        if let Some(raw) = tag.attrs.get(b"type") {
            attribute(raw, &mut said.kind).tell(tag.at, out);
        }
        self.said = Some(said);
        Want::Text
    }

    /// A suite that failed by itself: its set-up, its clean-up, a crash.
    fn outside(&self, outcome: Outcome, failure: Failure, out: &mut Out<'_>) {
        let at = self.suites.last().map_or(0, |suite| suite.at);
        let case = Case {
            failure: Some(failure),
            ..Case::new(&self.path, None, OUTSIDE, outcome)
        };
        out.sink.outside(Place::Byte(at), case);
    }

    fn end_result(&mut self, rerun: bool, out: &mut Out<'_>) {
        let Some(said) = self.said.take() else {
            return;
        };
        let outcome = said.outcome.unwrap_or(Outcome::Fail);
        let failure = failure_of(said);
        if !self.case.open {
            if outcome.is_failure() {
                self.outside(outcome, failure, out);
            }
        } else if rerun {
            if self.case.reruns.len() < out.limits.attempts {
                self.case.reruns.push(Attempt {
                    outcome,
                    seconds: None,
                    failure: Some(failure),
                });
            }
        } else if self
            .case
            .result
            .as_ref()
            .is_none_or(|(before, _)| rank(outcome) > rank(*before))
        {
            self.case.result = Some((outcome, failure));
        }
    }
}

/// Which of several result elements of one case decides.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Error => 3,
        Outcome::Fail => 2,
        Outcome::Skip => 1,
        Outcome::Pass => 0,
    }
}

/// pytest never writes one item twice with a pass first, but for the attempts of pytest-rerunfailures, which failed.
fn pytest_rerun(
    last: &mut Option<(String, String)>,
    case: &OpenCase,
    outcome: Outcome,
    before: &mut Vec<Attempt>,
) {
    let repeats = last
        .as_ref()
        .is_some_and(|(class, name)| *class == case.class && *name == case.name);
    if repeats {
        before.push(Attempt {
            outcome: Outcome::Fail,
            seconds: None,
            failure: Some(Failure::of(
                "failed and was run again; pytest-rerunfailures leaves the reason out",
            )),
        });
    }
    if outcome == Outcome::Pass {
        let (class, name) = last.get_or_insert_default();
        class.clone_from(&case.class);
        name.clone_from(&case.name);
    } else {
        *last = None;
    }
}

fn failure_of(said: Said) -> Failure {
    let text = said.text.trim();
    let message = if said.message.trim().is_empty() {
        text.lines().next().unwrap_or_default().trim().to_owned()
    } else {
        said.message
    };
    Failure {
        kind: Some(said.kind).filter(|kind| !kind.is_empty()),
        stack: if text == message {
            String::new()
        } else {
            text.to_owned()
        },
        message,
        file: None,
        line: None,
    }
}

fn time(raw: &[u8], at: u64, out: &mut Out<'_>) -> Option<f64> {
    if let Some(seconds) = plain_seconds(raw) {
        return Some(seconds);
    }
    let text = String::from_utf8_lossy(raw);
    seconds(&text).unwrap_or_else(|()| {
        let shown: String = text.chars().take(40).collect();
        out.problem(
            at,
            format!("time is no duration: `{shown}`"),
            "taken as absent",
        );
        None
    })
}

/// The outcome that an element inside a case stands for, and whether it tells of an attempt before the last.
fn result_element(name: &[u8]) -> Option<(Outcome, bool)> {
    match name {
        b"failure" => Some((Outcome::Fail, false)),
        b"error" => Some((Outcome::Error, false)),
        b"skipped" | b"skip" | b"ignored" | b"disabled" | b"notrun" => Some((Outcome::Skip, false)),
        b"flakyFailure" | b"rerunFailure" => Some((Outcome::Fail, true)),
        b"flakyError" | b"rerunError" => Some((Outcome::Error, true)),
        _ => None,
    }
}

impl Handler for Junit {
    fn start(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) -> Want {
        match tag.name {
            b"testcase" => {
                self.end_case(out);
                self.start_case(tag, out);
                Want::Children
            }
            b"testsuite" => {
                self.end_case(out);
                self.start_suite(tag, out);
                Want::Children
            }
            b"testsuites" => {
                self.start_suites(tag);
                Want::Children
            }
            b"stackTrace" | b"message" if self.said.is_some() => Want::Text,
            b"system-out" | b"system-err" | b"properties" => Want::Nothing,
            name => match result_element(name) {
                Some((outcome, _)) => self.start_result(outcome, tag, out),
                None if self.case.open || self.said.is_some() => Want::Nothing,
                None => Want::Children,
            },
        }
    }

    fn text(&mut self, raw: &[u8], cdata: bool, out: &mut Out<'_>) {
        if let Some(said) = &mut self.said {
            let room = out.limits.stack_bytes.saturating_sub(said.text.len());
            if room > 0 {
                let raw = raw.get(..4 * room).unwrap_or(raw);
                element(raw, cdata, &mut said.text).tell(self.case.at, out);
            }
        }
    }

    fn end(&mut self, name: &[u8], truncated: bool, out: &mut Out<'_>) {
        match name {
            b"testcase" if truncated => self.cut_case(out),
            b"testcase" => self.end_case(out),
            b"testsuite" => self.end_suite(truncated, out),
            name => {
                if let Some((_, rerun)) = result_element(name) {
                    self.end_result(rerun, out);
                }
            }
        }
    }
}
