//! subunit: version 1, a text protocol, and version 2, binary packets, as `OpenStack` and testtools write them.
//!
//! An unexpected success is a failure and an expected failure a pass, as subunit2junitxml has them. A test that begins and
//! never ends is an error. Tags (`worker-3`) and routes are not part of a test's identity.

use std::collections::BTreeMap;
use std::mem;

use model::{Failure, Outcome, Place, Timestamp};

use crate::budget::Budget;
use crate::{Case, Limits, Sink, fault};

mod v1;
mod v2;

pub(crate) use v1::{is_v1, read as read_v1};
pub(crate) use v2::{is_packet, is_whole_packet, read as read_v2};

/// Bytes of attachments kept at one time, over all open tests.
const KEPT_BYTES: usize = 8 << 20;

/// The tests of a stream, whichever version it is.
struct Tests<'a> {
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    open: BTreeMap<String, Open>,
    budget: Budget,
    kept: usize,
    announced: bool,
    overflow: bool,
}

/// A test that has not ended.
#[derive(Default)]
struct Open {
    running: bool,
    started: Option<f64>,
    /// The traceback or the reason.
    text: String,
    /// The first other text.
    other: String,
}

impl Open {
    fn len(&self) -> usize {
        self.text.len() + self.other.len()
    }
}

impl<'a> Tests<'a> {
    fn new(limits: &'a Limits, sink: &'a mut dyn Sink) -> Self {
        Self {
            limits,
            sink,
            open: BTreeMap::new(),
            budget: Budget::default(),
            kept: 0,
            announced: false,
            overflow: false,
        }
    }

    fn test(&mut self, id: &str) -> Option<&mut Open> {
        if !self.open.contains_key(id) {
            if !self.budget.take(id.len()) {
                if !mem::replace(&mut self.overflow, true) {
                    let what = "too many tests are open at one time".to_owned();
                    self.sink
                        .problem(Place::File, what, "what further ones attach is not kept");
                }
                return None;
            }
            self.open.insert(id.to_owned(), Open::default());
        }
        self.open.get_mut(id)
    }

    /// A test begins.
    fn begin(&mut self, id: &str, at: Option<f64>) {
        if let Some(test) = self.test(id) {
            test.running = true;
            test.started = test.started.or(at);
        }
    }

    /// A test has an attachment of text.
    fn attach(&mut self, id: &str, name: &str, text: &str) {
        let says_why = ["traceback", "reason", "message", "exception"]
            .iter()
            .any(|why| name.starts_with(why));
        let room = KEPT_BYTES.saturating_sub(self.kept);
        let limit = self.limits.stack_bytes;
        let Some(test) = self.test(id) else { return };
        if !says_why && (!test.other.is_empty() || name.contains("logging")) {
            return;
        }
        let slot = if says_why {
            &mut test.text
        } else {
            &mut test.other
        };
        let room = limit.saturating_sub(slot.len()).min(room);
        let text = text
            .get(..text.floor_char_boundary(room))
            .unwrap_or_default();
        slot.push_str(text);
        self.kept += text.len();
    }

    /// A test has ended.
    fn end(&mut self, id: &str, outcome: Outcome, at: Option<f64>) {
        let open = self.open.remove(id);
        if open.is_some() {
            self.budget.give(id.len());
        }
        let open = open.unwrap_or_default();
        self.kept -= open.len();
        self.tell(id, &open, outcome, at);
    }

    fn tell(&mut self, id: &str, open: &Open, outcome: Outcome, at: Option<f64>) {
        if !mem::replace(&mut self.announced, true) {
            let started = open.started.or(at);
            self.sink.suite(
                "",
                started.map(|at| Timestamp::default().plus_days(at / 86_400.0)),
            );
        }
        let text = if open.text.is_empty() {
            &open.other
        } else {
            &open.text
        };
        let failure = match outcome {
            Outcome::Pass => None,
            Outcome::Skip => (!text.is_empty()).then(|| fault::of_text(text)),
            Outcome::Fail | Outcome::Error => Some(fault::of_python(text)),
        };
        let (class, name) = names(id);
        let seconds = open.started.zip(at).map(|(start, end)| end - start);
        self.sink.case(Case {
            seconds: seconds.filter(|seconds| *seconds >= 0.0),
            failure,
            ..Case::new("", class, name, outcome)
        });
    }

    /// Tests that began and never ended.
    fn finish(mut self) {
        for (id, mut open) in mem::take(&mut self.open) {
            if !open.running {
                continue;
            }
            if open.text.is_empty() {
                open.text = Failure::of("no result: the stream ends while the test runs").message;
            }
            self.tell(&id, &open, Outcome::Error, None);
        }
    }
}

/// `ut.T.test_a(x.y)` as class `ut.T` and name `test_a(x.y)`.
fn names(id: &str) -> (Option<&str>, &str) {
    let plain = id.split(['(', '[']).next().unwrap_or(id);
    if plain.contains(' ') {
        return (None, id);
    }
    match plain.rsplit_once('.') {
        Some((class, name)) if !class.is_empty() && !name.is_empty() => {
            (Some(class), id.get(class.len() + 1..).unwrap_or(name))
        }
        _ => (None, id),
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn test_ids_are_split_before_their_parameters() {
        assert_eq!(names("ut.T.test_a(x.y)"), (Some("ut.T"), "test_a(x.y)"));
        assert_eq!(
            names("a.b.c[id-1.2,smoke]"),
            (Some("a.b"), "c[id-1.2,smoke]")
        );
        assert_eq!(names("setUpClass (ut.X)"), (None, "setUpClass (ut.X)"));
        assert_eq!(names("plain"), (None, "plain"));
    }
}
