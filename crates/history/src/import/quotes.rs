//! Watches a CSV on its way to the reader: a record that is too long, and a quote that is never closed, would take in the rest of the file as one cell.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

/// A longer record is no row of a history.
pub(super) const LONGEST_RECORD: u64 = 1 << 20;

/// Where a reader of CSV is, by the rules of RFC 4180.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    CellStart,
    Plain,
    Quoted,
    /// After a quote in a quoted cell: another one stands for a quote, anything else ends the cell.
    QuoteInQuoted,
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    state: State,
    line: u64,
    /// Lines before the quote that is open, or was last.
    opened: u64,
    /// Bytes since the last end of a record.
    record: u64,
    ended: bool,
}

impl Seen {
    fn take(&mut self, byte: u8) {
        self.record += 1;
        self.line += u64::from(byte == b'\n');
        self.state = match (self.state, byte) {
            (State::CellStart, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) | (State::QuoteInQuoted, b'"') => State::Quoted,
            (_, b',') => State::CellStart,
            (_, b'\n' | b'\r') => {
                self.record = 0;
                State::CellStart
            }
            (State::CellStart | State::Plain | State::QuoteInQuoted, _) => State::Plain,
        };
    }

    fn is_quoted(self) -> bool {
        self.state == State::Quoted
    }
}

/// The side of the watch that is asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Rc<Cell<Seen>>);

impl Watch {
    /// The line of a quote that the end of the file left open.
    pub(super) fn open_quote(&self) -> Option<u64> {
        let seen = self.0.get();
        (seen.ended && seen.is_quoted()).then_some(seen.opened + 1)
    }
}

/// A reader that watches what goes through it.
#[derive(Debug)]
pub(super) struct Watched<R> {
    inner: R,
    watch: Watch,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R) -> (Self, Watch) {
        let watch = Watch::default();
        let other = watch.clone();
        (Self { inner, watch }, other)
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let mut seen = self.watch.0.get();
        for byte in buffer.iter().take(length) {
            seen.take(*byte);
        }
        seen.ended = length == 0 && !buffer.is_empty();
        self.watch.0.set(seen);
        if seen.record <= LONGEST_RECORD {
            return Ok(length);
        }
        Err(io::Error::other(too_long(seen)))
    }
}

fn too_long(seen: Seen) -> String {
    let start = format!("a line has more than {LONGEST_RECORD} bytes");
    if seen.is_quoted() {
        return format!(
            "{start}: the quote of line {} is never closed",
            seen.opened + 1
        );
    }
    start
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::Watched;

    fn open_quote(text: &str) -> Option<u64> {
        let (mut reader, watch) = Watched::new(text.as_bytes());
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        watch.open_quote()
    }

    #[test]
    fn only_a_quote_at_the_start_of_a_cell_opens_it() {
        assert_eq!(open_quote("a,b\n1,\"x\ny\n"), Some(2));
        for whole in ["a,\"b\"\"\n\"\n", "a,b\"c\n", "\"a\"x,\"\"\n", ""] {
            assert_eq!(open_quote(whole), None, "{whole}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let (mut reader, _watch) = Watched::new(std::io::repeat(b'x'));
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "a line has more than 1048576 bytes");
    }
}
