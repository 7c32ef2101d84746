//! One line of an import, whatever its format, and what it means.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

use model::{Outcome, RecordedTest, Signature, TestId, Timestamp};

/// A reader that counts the bytes which went through it.
#[derive(Debug)]
pub(crate) struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            bytes: Rc::default(),
        }
    }

    pub(crate) fn count(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.bytes)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + read as u64);
        Ok(read)
    }
}

/// One line, as written; an absent column is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line<'a> {
    pub(crate) repo: &'a str,
    pub(crate) branch: &'a str,
    pub(crate) job: &'a str,
    pub(crate) run: &'a str,
    pub(crate) attempt: &'a str,
    pub(crate) time: &'a str,
    pub(crate) commit: &'a str,
    pub(crate) tree: &'a str,
    pub(crate) pr: &'a str,
    pub(crate) url: &'a str,
    pub(crate) partial: &'a str,
    pub(crate) suite: &'a str,
    pub(crate) class: &'a str,
    pub(crate) test: &'a str,
    pub(crate) outcome: &'a str,
    pub(crate) duration_s: &'a str,
    pub(crate) message: &'a str,
    pub(crate) signature: &'a str,
}

/// The columns, in the order of an export.
pub(crate) const COLUMNS: [&str; 18] = [
    "run",
    "time",
    "branch",
    "job",
    "test",
    "outcome",
    "message",
    "repo",
    "commit",
    "tree",
    "suite",
    "class",
    "duration_s",
    "pr",
    "attempt",
    "url",
    "partial",
    "signature",
];

impl<'a> Line<'a> {
    /// Sets a column by its name; `false` for a name that is no column.
    pub(crate) fn set(&mut self, column: &str, value: &'a str) -> bool {
        let slot = match column {
            "repo" => &mut self.repo,
            "branch" => &mut self.branch,
            "job" => &mut self.job,
            "run" => &mut self.run,
            "attempt" => &mut self.attempt,
            "time" => &mut self.time,
            "commit" => &mut self.commit,
            "tree" => &mut self.tree,
            "pr" => &mut self.pr,
            "url" => &mut self.url,
            "partial" => &mut self.partial,
            "suite" => &mut self.suite,
            "class" => &mut self.class,
            "test" => &mut self.test,
            "outcome" => &mut self.outcome,
            "duration_s" => &mut self.duration_s,
            "message" => &mut self.message,
            "signature" => &mut self.signature,
            _ => return false,
        };
        *slot = value;
        true
    }

    /// What identifies and describes the run: lines with equal parts belong to one run.
    pub(crate) fn run_parts(&self) -> [&'a str; 11] {
        [
            self.repo,
            self.branch,
            self.job,
            self.run,
            self.attempt,
            self.time,
            self.commit,
            self.tree,
            self.pr,
            self.url,
            self.partial,
        ]
    }

    /// The class; none when the column is empty.
    pub(crate) fn class(&self) -> Option<&'a str> {
        (!self.class.is_empty()).then_some(self.class)
    }

    /// The row of this line, or what is wrong with it.
    pub(crate) fn row(&self) -> Result<RecordedTest, String> {
        if self.test.is_empty() {
            return Err("it has no test".to_owned());
        }
        let (outcome, flaked) = outcome_of(self.outcome)?;
        Ok(RecordedTest {
            id: TestId::of(self.suite, self.class(), self.test),
            outcome,
            flaked,
            duration_ms: duration_of(self.duration_s)?,
            signature: self.signature_of(outcome.is_failure() || flaked)?,
        })
    }

    fn signature_of(&self, failed: bool) -> Result<Option<Signature>, String> {
        if !self.signature.is_empty() {
            return parse_signature(self.signature).map(Some);
        }
        let said = failed && !self.message.is_empty();
        Ok(said.then(|| Signature::of(self.message)))
    }
}

fn outcome_of(word: &str) -> Result<(Outcome, bool), String> {
    let plain = |outcome| Ok((outcome, false));
    match word.trim().to_ascii_lowercase().as_str() {
        "pass" | "passed" | "ok" | "success" => plain(Outcome::Pass),
        "fail" | "failed" | "failure" => plain(Outcome::Fail),
        "error" | "errored" => plain(Outcome::Error),
        "skip" | "skipped" | "ignored" | "disabled" => plain(Outcome::Skip),
        "flake" | "flaked" | "flaky" => Ok((Outcome::Pass, true)),
        _ => Err(format!(
            "`{}` is no outcome (hint: pass, fail, error, skip or flake)",
            shorten(word)
        )),
    }
}

fn duration_of(seconds: &str) -> Result<Option<u32>, String> {
    if seconds.is_empty() {
        return Ok(None);
    }
    let value: f64 = seconds
        .parse()
        .map_err(|_not_a_number| format!("duration_s `{}` is no number", shorten(seconds)))?;
    if !(0.0..f64::INFINITY).contains(&value) {
        return Err(format!("duration_s `{}` is no duration", shorten(seconds)));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to int cast saturates"
    )]
    let milliseconds = (value * 1000.0).round() as u32;
    Ok(Some(milliseconds))
}

fn parse_signature(text: &str) -> Result<Signature, String> {
    let bits = u64::from_str_radix(text, 16)
        .map_err(|_not_hex| format!("signature `{}` is not 16 hex digits", shorten(text)))?;
    Ok(Signature(bits.cast_signed()))
}

/// The moment of a line.
pub(crate) fn time_of(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

/// A text short enough for a message.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, Line};

    #[test]
    fn every_column_can_be_set() {
        let mut line = Line::default();
        for column in COLUMNS {
            assert!(line.set(column, "x"), "{column}");
        }
        assert!(!line.set("colour", "x"));
    }

    #[test]
    fn a_bad_line_says_why() {
        let line = Line {
            test: "t",
            outcome: "perhaps",
            ..Line::default()
        };
        insta::assert_snapshot!(line.row().unwrap_err(), @"`perhaps` is no outcome (hint: pass, fail, error, skip or flake)");
        let line = Line {
            outcome: "pass",
            duration_s: "long",
            ..line
        };
        insta::assert_snapshot!(line.row().unwrap_err(), @"duration_s `long` is no number");
        for odd in ["-1", "-0.001", "NaN", "inf"] {
            let line = Line {
                duration_s: odd,
                ..line
            };
            assert!(line.row().unwrap_err().contains("no duration"), "{odd}");
        }
    }
}
