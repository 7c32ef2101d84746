//! What a test or package printed: its head, the line that says why it failed, and where.

use model::{Failure, Outcome};

use crate::fault;

/// Bounded output of one test or package.
#[derive(Debug, Default)]
pub(super) struct Output {
    head: String,
    /// The last line with a place (`a_test.go:14: `) and what continues it, or the panic.
    said: String,
    panicked: bool,
    first: bool,
}

/// The most that is kept of the line that says why.
const SAID_BYTES: usize = 2 << 10;

/// Whether a line is the driver's last word on a package; those that say more than that it failed are kept.
pub(super) fn is_summary(text: &str) -> bool {
    let line = text.trim_end();
    let failed = line.starts_with("FAIL\t") && !line.ends_with(']');
    failed || matches!(line, "PASS" | "FAIL") || line.starts_with("ok  \t")
}

/// Whether a line is written by the test driver rather than by the test.
pub(super) fn is_frame(text: &str) -> bool {
    let marks = ["=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME "];
    let line = text.trim_start();
    marks.iter().any(|mark| line.starts_with(mark)) || is_verdict(line)
}

fn is_verdict(line: &str) -> bool {
    let rest = line.strip_prefix("--- ");
    rest.is_some_and(|rest| {
        ["PASS", "FAIL", "SKIP", "BENCH"]
            .iter()
            .any(|word| rest.starts_with(word))
    })
}

impl Output {
    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.said.len()
    }

    /// Output of a build: its first error says why, not its last.
    pub(super) fn of_build() -> Self {
        Self {
            first: true,
            ..Self::default()
        }
    }

    /// Adds printed text while less than `limit` is held; gives the bytes held before and after.
    pub(super) fn push(&mut self, text: &str, limit: usize) -> (usize, usize) {
        let before = self.len();
        append(&mut self.head, text, limit);
        self.note(text, limit.min(SAID_BYTES));
        (before, self.len())
    }

    fn note(&mut self, text: &str, limit: usize) {
        if self.panicked {
            return;
        }
        let line = text.trim_start();
        if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
            self.panicked = true;
            self.say(line, limit);
        } else if place(line).is_some() {
            self.say(line, limit);
        } else if !self.said.is_empty() && continues(text) {
            append(&mut self.said, text, limit);
        }
    }

    fn say(&mut self, text: &str, limit: usize) {
        if self.first && !self.said.is_empty() {
            return;
        }
        self.said.clear();
        append(&mut self.said, text, limit);
    }

    /// Whether nothing was printed.
    pub(super) fn is_empty(&self) -> bool {
        self.head.trim().is_empty()
    }

    /// Whether a panic was printed.
    pub(super) fn panicked(&self) -> bool {
        self.panicked
    }

    /// A panic is an error, whatever the verdict says.
    pub(super) fn outcome(&self, said: Outcome) -> Outcome {
        if self.panicked && said == Outcome::Fail {
            Outcome::Error
        } else {
            said
        }
    }

    /// What is known of the failure.
    pub(super) fn failure(&self) -> Failure {
        let said = fault::plain(self.said.trim());
        let stack = self.head.trim_end();
        if said.is_empty() {
            return fault::of_text(stack);
        }
        let (file, line, message) = place(&said)
            .or_else(|| self.panicked.then(|| panic_place(stack)).flatten())
            .map_or(("", 0, said.as_str()), |(file, line, text)| {
                (file, line, if self.panicked { &said } else { text })
            });
        let message = message.trim();
        let kind = self.panicked.then(|| "panic".to_owned());
        Failure {
            message: message
                .strip_prefix("panic: ")
                .unwrap_or(message)
                .to_owned(),
            kind,
            stack: fault::plain(stack),
            file: (!file.is_empty()).then(|| file.to_owned()),
            line: (line > 0).then_some(line),
        }
    }

    /// The name of the case that stands for a package which failed without a failing test.
    pub(super) fn package_case(&self) -> &'static str {
        let last = self.head.trim_end().lines().last().unwrap_or_default();
        if last.ends_with("[build failed]") {
            "[build failed]"
        } else if last.ends_with("[setup failed]") {
            "[setup failed]"
        } else {
            "[package failed]"
        }
    }
}

/// `a_test.go:14: why` as file, line and text; build errors (`./main.go:4:6: why`) too.
fn place(line: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = line.split_once(".go:")?;
    if file.is_empty() || file.contains(char::is_whitespace) {
        return None;
    }
    let file = line.get(..file.len() + ".go".len())?;
    let (number, message) = rest.split_once(':')?;
    let number = number.parse().ok()?;
    let column = message
        .split_once(": ")
        .filter(|(column, _)| column.bytes().all(|b| b.is_ascii_digit()));
    Some((
        file,
        number,
        column.map_or(message, |(_column, message)| message),
    ))
}

/// The first frame of a panic that is not of Go's own: `\t/p/a_test.go:4 +0x26`.
fn panic_place(stack: &str) -> Option<(&str, u32, &str)> {
    let own = |line: &&str| !line.contains("/src/runtime/") && !line.contains("/src/testing/");
    let mut frames = stack.lines().filter_map(|line| line.strip_prefix('\t'));
    let frame = frames.find(own)?;
    let (place, _offset) = frame.split_once(' ').unwrap_or((frame, ""));
    let (file, line) = place.rsplit_once(':')?;
    Some((file, line.parse().ok()?, ""))
}

/// The testing package indents the further lines of a message by eight blanks; testify by a tab more.
fn continues(text: &str) -> bool {
    text.starts_with("        ") || text.starts_with('\t') || text.starts_with("    \t")
}

fn append(to: &mut String, text: &str, limit: usize) {
    let room = limit.saturating_sub(to.len());
    let end = text.floor_char_boundary(room);
    to.push_str(text.get(..end).unwrap_or_default());
}
