//! A page that grows up to a limit.

use crate::text::{inert, put};

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// UTF-16 units: the strictest way to count characters.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

impl Measure {
    /// The length of a text.
    pub(super) fn of(self, text: &str) -> usize {
        match self {
            Self::Characters => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }
}

/// Text that grows up to a limit.
#[derive(Debug)]
pub(super) struct Page {
    out: String,
    measure: Measure,
    /// What is left of the limit.
    pub(super) left: usize,
    /// Whether characters beyond U+FFFF are written as their code points, for GitHub's checks refuse them.
    basic: bool,
}

impl Page {
    pub(super) fn new(measure: Measure, limit: usize) -> Self {
        Self {
            out: String::new(),
            measure,
            left: limit,
            basic: false,
        }
    }

    /// The same page without characters beyond U+FFFF.
    pub(super) fn basic(self) -> Self {
        Self {
            basic: true,
            ..self
        }
    }

    /// The length of a text as the limit counts it.
    pub(super) fn length(&self, text: &str) -> usize {
        self.measure.of(&self.adapted(text))
    }

    /// Leaves room for a part that comes last.
    pub(super) fn keep(&mut self, part: &str) {
        self.left = self.left.saturating_sub(self.length(part));
    }

    /// Appends a part that has to be there.
    pub(super) fn push(&mut self, part: &str) {
        let part = self.adapted(part);
        self.left = self.left.saturating_sub(self.measure.of(&part));
        self.out.push_str(&part);
    }

    /// Appends a part if it leaves `reserve`; says whether it did.
    pub(super) fn push_if(&mut self, part: &str, reserve: usize) -> bool {
        let fits = self.length(part) + reserve <= self.left;
        if fits {
            self.push(part);
        }
        fits
    }

    /// The page with a last part, for which [`Page::keep`] has left room.
    pub(super) fn finish(self, last: &str) -> String {
        let last = self.adapted(last);
        self.out + &last
    }

    /// As it may stand on the page: printed to a log it is no command, whatever it quotes.
    fn adapted(&self, text: &str) -> String {
        let text = inert(text);
        if self.basic { basic(&text) } else { text }
    }
}

/// A text in which characters beyond U+FFFF are their code points.
pub(crate) fn basic(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c > '\u{ffff}' {
            put!(out, "(U+{:04X})", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
