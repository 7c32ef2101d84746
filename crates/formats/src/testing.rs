//! A sink for tests: one line for everything that a reader says.

use model::{Attempt, Failure, Outcome, Place, Timestamp};

use crate::{Case, Limits, Sink};

/// What was said, in order.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) lines: Vec<String>,
    pub(crate) cases: Vec<(String, Outcome)>,
    pub(crate) problems: usize,
}

impl Said {
    /// Everything as one text.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Tests, failed, errors, skipped.
    pub(crate) fn counts(&self) -> [usize; 4] {
        let of = |outcome| self.cases.iter().filter(|case| case.1 == outcome).count();
        [
            self.cases.len(),
            of(Outcome::Fail),
            of(Outcome::Error),
            of(Outcome::Skip),
        ]
    }
}

/// What a reader says of these bytes.
pub(crate) fn said(
    read: impl Fn(&mut dyn std::io::BufRead, &Limits, &mut dyn Sink),
    bytes: &[u8],
) -> Said {
    let mut said = Said::default();
    read(&mut &*bytes, &Limits::default(), &mut said);
    said
}

/// A file of the shared corpus; `None` (with a line that says so) when it is not there.
pub(crate) fn corpus(file: &str) -> Option<Vec<u8>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told where shared data lies"
    )]
    let root = std::env::var("SPRAG_SHARED").unwrap_or_else(|_unset| "../../../shared".to_owned());
    let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    #[expect(clippy::disallowed_methods, reason = "a test reads shared data")]
    let bytes = std::fs::read(at.join("data/corpus").join(file)).ok();
    if bytes.is_none() {
        println!("skipped: {file} of the shared corpus is absent");
    }
    bytes
}

fn shown(failure: Option<&Failure>) -> String {
    let Some(failure) = failure else {
        return String::new();
    };
    let mut out = String::new();
    if let Some(kind) = &failure.kind {
        out.extend([" <", kind, ">"]);
    }
    out.extend([" ", &format!("{:?}", failure.message)]);
    if let Some(file) = &failure.file {
        let line = failure.line.unwrap_or_default().to_string();
        out.extend([" at ", file, ":", &line]);
    }
    if !failure.stack.is_empty() {
        out += " +stack";
    }
    out
}

fn shown_attempt(attempt: &Attempt) -> String {
    format!(
        "{}{}; ",
        attempt.outcome.word(),
        shown(attempt.failure.as_ref())
    )
}

impl Sink for Said {
    fn suite(&mut self, name: &str, started_at: Option<Timestamp>) {
        let at = started_at.map(|at| format!(" {at}")).unwrap_or_default();
        self.lines.push(format!("suite {name}{at}"));
    }

    fn case(&mut self, case: Case<'_>) {
        let before: String = case.before.iter().map(shown_attempt).collect();
        let seconds = case.seconds.map(|s| format!(" {s}s")).unwrap_or_default();
        let class = case
            .class
            .map(|class| format!("{class} › "))
            .unwrap_or_default();
        let name = format!("{} | {class}{}", case.suite, case.name);
        let text = shown(case.failure.as_ref());
        let word = case.outcome.word();
        self.lines
            .push(format!("{before}{word} {name}{seconds}{text}"));
        self.cases.push((name, case.outcome));
    }

    fn outside(&mut self, _place: Place, case: Case<'_>) {
        self.lines.push(format!(
            "outside {} {} | {}{}",
            case.outcome.word(),
            case.suite,
            case.name,
            shown(case.failure.as_ref())
        ));
        self.problems += 1;
    }

    fn problem(&mut self, place: Place, what: String, hint: &'static str) {
        let place = match place {
            Place::File => "file".to_owned(),
            Place::Byte(at) => format!("byte {at}"),
            Place::Line(at) => format!("line {at}"),
        };
        self.lines.push(format!("problem {place}: {what} ({hint})"));
        self.problems += 1;
    }
}
