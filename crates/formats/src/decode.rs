//! From the bytes of a file to UTF-8: byte order marks, declared encodings, and declarations that lie.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// What the first bytes of a file say about its encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sniffed {
    /// The encoding to decode from; `None` for UTF-8.
    pub(crate) encoding: Option<&'static Encoding>,
    /// Bytes of the byte order mark.
    pub(crate) mark: usize,
    /// What is odd about it: what, hint.
    pub(crate) oddity: Option<(&'static str, &'static str)>,
}

/// Reads the encoding from a byte order mark, from zero bytes in the first characters, or from an XML declaration.
pub(crate) fn sniff(head: &[u8]) -> Sniffed {
    let is = |encoding, mark| Sniffed {
        encoding,
        mark,
        oddity: None,
    };
    match head {
        [0xEF, 0xBB, 0xBF, ..] => is(None, 3),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Sniffed {
            encoding: None,
            mark: 4,
            oddity: Some(("the file is UTF-32", "write it as UTF-8")),
        },
        [0xFF, 0xFE, ..] => is(Some(UTF_16LE), 2),
        [0xFE, 0xFF, ..] => is(Some(UTF_16BE), 2),
        [b'<' | b'{' | b'[' | b'T' | b'o' | b'1', 0, ..] => is(Some(UTF_16LE), 0),
        [0, b'<' | b'{' | b'[' | b'T' | b'o' | b'1', ..] => is(Some(UTF_16BE), 0),
        _ => declared(head),
    }
}

/// The encoding of an XML declaration in a file of 8-bit characters.
fn declared(head: &[u8]) -> Sniffed {
    let mut sniffed = Sniffed {
        encoding: None,
        mark: 0,
        oddity: None,
    };
    let Some(label) = declared_label(head) else {
        return sniffed;
    };
    match Encoding::for_label(label) {
        Some(encoding) if encoding == UTF_8 => {}
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => {
            sniffed.oddity = Some((
                "the declaration says UTF-16 but the bytes are not",
                "read as UTF-8",
            ));
        }
        Some(encoding) => sniffed.encoding = Some(encoding),
        None => {
            sniffed.oddity = Some(("the declared encoding is unknown", "read as UTF-8"));
        }
    }
    sniffed
}

fn declared_label(head: &[u8]) -> Option<&[u8]> {
    let declaration = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = memchr::memchr(b'>', declaration)?;
    let declaration = declaration.get(..end)?;
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let rest = declaration.get(at + b"encoding".len()..)?;
    let rest = rest
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let (quote, rest) = rest.split_first()?;
    let end = memchr::memchr(*quote, rest)?;
    rest.get(..end)
}

/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;

/// Decodes a stream to UTF-8; malformed sequences become U+FFFD.
pub(crate) struct Decoder<R> {
    inner: R,
    state: encoding_rs::Decoder,
    raw: Vec<u8>,
    raw_start: usize,
    raw_end: usize,
    ended: bool,
    finished: bool,
    /// Whether anything could not be decoded.
    pub(crate) malformed: bool,
}

impl<R: Read> Decoder<R> {
    /// A decoder of `encoding`; the byte order mark, if any, is already taken off.
    pub(crate) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            state: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; CHUNK],
            raw_start: 0,
            raw_end: 0,
            ended: false,
            finished: false,
            malformed: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        if self.raw_start == self.raw_end && !self.ended {
            self.raw_start = 0;
            self.raw_end = self.inner.read(&mut self.raw)?;
            self.ended = self.raw_end == 0;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    /// Gives nothing only at the end, when `out` has room for one character (four bytes).
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.finished {
            self.refill()?;
            let source = self
                .raw
                .get(self.raw_start..self.raw_end)
                .unwrap_or_default();
            let (result, read, written, malformed) =
                self.state.decode_to_utf8(source, out, self.ended);
            self.raw_start += read;
            self.malformed |= malformed;
            self.finished = self.ended && result == CoderResult::InputEmpty;
            if written > 0 || result == CoderResult::OutputFull {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

    use super::{Decoder, sniff};

    #[test]
    fn encodings_are_taken_from_marks_zero_bytes_and_declarations() {
        let encoding = |head: &[u8]| sniff(head).encoding;
        assert_eq!(encoding(b"\xFF\xFE<\0"), Some(UTF_16LE));
        assert_eq!(encoding(b"\0<\0t"), Some(UTF_16BE));
        assert_eq!(
            encoding(b"<?xml version='1.0' encoding='ISO-8859-1'?>"),
            Some(WINDOWS_1252)
        );
        assert_eq!(encoding(b"<?xml version='1.0' encoding=\"utf-8\"?>"), None);
        assert_eq!(sniff(b"\xEF\xBB\xBF<t/>").mark, 3);
    }

    #[test]
    fn a_declaration_that_lies_about_the_width_of_characters_is_not_believed() {
        let sniffed = sniff(b"<?xml version='1.0' encoding='utf-16'?><t/>");
        assert_eq!(sniffed.encoding, None);
        assert!(sniffed.oddity.is_some());
    }

    #[test]
    fn a_character_split_between_two_reads_is_whole() {
        let (first, second) = (&[b'a', 0, 0xE9][..], &[0, b'b', 0][..]);
        let mut text = String::new();
        let read = Decoder::new(first.chain(second), UTF_16LE).read_to_string(&mut text);
        assert_eq!(read.ok(), Some(4));
        assert_eq!(text, "aéb");
    }
}
