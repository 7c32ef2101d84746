//! What a reader of one format says to the rest: suites, cases and problems, in the order read.

use model::{Attempt, Failure, Outcome, Place, Timestamp};

use crate::Format;

/// The name that stands for what failed in a suite outside of its tests.
pub(crate) const OUTSIDE: &str = "(outside its tests)";

/// One test case as written in a file.
#[derive(Debug)]
pub struct Case<'a> {
    /// The suite, as the format names it; masked later (see `identity`).
    pub suite: &'a str,
    /// The class or group, where the format has one.
    pub class: Option<&'a str>,
    /// The name, with its parameters.
    pub name: &'a str,
    /// What the case says it did in the end.
    pub outcome: Outcome,
    /// Seconds, where the format says so.
    pub seconds: Option<f64>,
    /// The text of the failure (or the reason of a skip), bounded.
    pub failure: Option<Failure>,
    /// Attempts that the format itself says came before the last one, oldest first; without them the case is one attempt.
    pub before: Vec<Attempt>,
}

impl<'a> Case<'a> {
    /// A case of which only names and outcome are known.
    pub fn new(suite: &'a str, class: Option<&'a str>, name: &'a str, outcome: Outcome) -> Self {
        Self {
            suite,
            class,
            name,
            outcome,
            seconds: None,
            failure: None,
            before: Vec::new(),
        }
    }
}

/// Receives what a reader finds. Readers never fail as a whole: what is malformed becomes a problem and reading goes on.
pub trait Sink {
    /// A suite begins.
    fn suite(&mut self, name: &str, started_at: Option<Timestamp>);
    /// A test case is complete.
    fn case(&mut self, case: Case<'_>);
    /// Something failed outside of every test: a suite's set-up, a package that does not build, a crash. It is no test as
    /// written, so it is not counted as one; it is collected like one, so that a verdict is given on it.
    fn outside(&mut self, place: Place, case: Case<'_>);
    /// Something is malformed: where, what (a lower-case fragment), and what was done instead.
    fn problem(&mut self, place: Place, what: String, hint: &'static str);
}

/// A sink that is told which file speaks: [`crate::Tally`] and [`crate::Collector`], or one of your own.
pub trait Visitor: Sink {
    /// A file begins: its name (`a.zip!b.xml` inside an archive) and its format, `None` when it is none that can be read.
    fn begin_file(&mut self, name: &str, format: Option<Format>);
    /// The file that began last has ended.
    fn end_file(&mut self);
}

/// Hints of problems after which results are missing: what the problem cuts off may have failed.
pub mod loss {
    /// The file ends before its last element does.
    pub const CUT: &str = "truncated; what came before is kept";
    /// The archive cannot be opened.
    pub const DAMAGED: &str = "it is truncated or damaged";
    /// An entry of an archive is not read, on purpose.
    pub const REFUSED: &str = "the entry is refused";
    /// The file or stream cannot be read.
    pub const UNREAD: &str = "check that the file is whole and may be read";

    /// Every one of them.
    pub const ALL: [&str; 4] = [CUT, DAMAGED, REFUSED, UNREAD];
}
