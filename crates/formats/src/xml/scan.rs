//! The inside of a start tag: names, values, quotes that are missing.

use memchr::memchr;

/// A range of the window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The attributes of a start tag, raw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attrs<'a> {
    pub(super) window: &'a [u8],
    pub(super) spans: &'a [(Span, Span)],
}

impl<'a> Attrs<'a> {
    /// Names with raw values, in the order written.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let slice = move |span: &Span| self.window.get(span.start..span.end).unwrap_or_default();
        self.spans
            .iter()
            .map(move |(name, value)| (slice(name), slice(value)))
    }

    /// The raw value of an attribute.
    pub(crate) fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find(|(key, _)| *key == name).map(|(_, v)| v)
    }
}

/// A place in a start tag.
pub(super) struct Scanner<'a> {
    pub(super) window: &'a [u8],
    pub(super) at: usize,
    /// Whether an unclosed value ends at `>`, `<` or a newline.
    pub(super) forgive: bool,
}

impl Scanner<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.window.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.window.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// The name at this place; at least one byte, so that scanning goes on.
    pub(super) fn name(&mut self) -> Span {
        let start = self.at;
        self.at += 1;
        while self.peek().is_some_and(|b| !ends_name(b)) {
            self.at += 1;
        }
        Span {
            start,
            end: self.at.min(self.window.len()),
        }
    }

    /// The value after a name; empty without `=`. An error when the window ends first: where the quoted value starts.
    pub(super) fn value(&mut self) -> Result<Span, Option<usize>> {
        self.skip_space();
        if self.peek() != Some(b'=') {
            return if self.peek().is_some() {
                Ok(Span::default())
            } else {
                Err(None)
            };
        }
        self.at += 1;
        self.skip_space();
        match self.peek() {
            None => Err(None),
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            Some(_) => Ok(self.bare()),
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Span, Option<usize>> {
        self.at += 1;
        let start = self.at;
        let len = match memchr(quote, self.rest()) {
            Some(len) => len,
            None if self.forgive => {
                let ends = |b: &u8| matches!(b, b'>' | b'<' | b'\n');
                let rest = self.rest();
                let end = rest.iter().position(ends).unwrap_or(rest.len());
                self.at = start + end;
                return Ok(Span {
                    start,
                    end: start + end,
                });
            }
            None => return Err(Some(start)),
        };
        self.at = start + len + 1;
        Ok(Span {
            start,
            end: start + len,
        })
    }

    /// A value without quotes.
    fn bare(&mut self) -> Span {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|b| !b.is_ascii_whitespace() && b != b'>')
        {
            self.at += 1;
        }
        Span {
            start,
            end: self.at,
        }
    }
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/' | b'=' | b'<' | b'"' | b'\'')
}
