//! A pull reader of JSON for hostile and damaged input: constant memory whatever the size of a string, a number or the
//! depth of what is skipped.
//!
//! `serde_json` keeps a whole string (and a whole key, and one byte for each open bracket of what it ignores), refuses
//! lone surrogates and gives no way to go on after an error. Here a string is kept to a limit given by the caller, skipped
//! values cost nothing, `NaN` is a null, and in a file of lines the next line is read after a broken one.

use std::io::{BufRead, ErrorKind};

use memchr::{memchr, memchr2, memchr3};

mod key;
mod scalar;

pub(crate) use key::Key;
pub(crate) use scalar::Scalar;

/// How much is taken from the input at once.
const CHUNK: usize = 64 << 10;

/// Why reading stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The input ends inside a value.
    End,
    /// This is not JSON.
    Bad(&'static str),
    /// The input cannot be read.
    Io(String),
}

/// What reading gives.
pub(crate) type Got<T> = Result<T, Broken>;

/// What a value begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    Text,
    /// A number, a boolean or null.
    Scalar,
}

/// The reader; see the module.
pub(crate) struct Json<'r> {
    input: &'r mut dyn BufRead,
    /// What was taken from `input`, and how much of it was read: bytes are looked at one by one, and a call each is slow.
    buffer: Vec<u8>,
    at: usize,
    text: Vec<u8>,
    keep: usize,
    cut: bool,
    depth: usize,
    max_depth: usize,
    by_line: bool,
    /// Bytes read.
    pub(crate) offset: u64,
    /// Lines read, counted from 1; only in a file of lines.
    pub(crate) line: u64,
    /// Whether something was nested too deep and skipped.
    pub(crate) too_deep: bool,
}

impl<'r> Json<'r> {
    /// A reader of one document; objects and arrays nested deeper than `max_depth` are skipped.
    pub(crate) fn document(input: &'r mut dyn BufRead, max_depth: usize) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            text: Vec::new(),
            keep: 0,
            cut: false,
            depth: 0,
            max_depth,
            by_line: false,
            offset: 0,
            line: 1,
            too_deep: false,
        }
    }

    /// A reader of a file with one value a line: a value ends with its line at the latest.
    pub(crate) fn lines(input: &'r mut dyn BufRead, max_depth: usize) -> Self {
        Self {
            by_line: true,
            ..Self::document(input, max_depth)
        }
    }

    fn peek(&mut self) -> Got<Option<u8>> {
        if self.at == self.buffer.len() {
            self.fill()?;
        }
        Ok(self.buffer.get(self.at).copied())
    }

    #[cold]
    fn fill(&mut self) -> Got<()> {
        self.buffer.clear();
        self.at = 0;
        loop {
            match self.input.fill_buf() {
                Ok(more) => {
                    let more = more.get(..CHUNK).unwrap_or(more);
                    self.buffer.extend_from_slice(more);
                    self.input.consume(self.buffer.len());
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Io(error.to_string())),
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
        self.offset += bytes as u64;
    }

    /// The next byte that is no white space, not taken.
    fn token(&mut self) -> Got<u8> {
        loop {
            match self.peek()? {
                None => return Err(Broken::End),
                Some(b'\n') if self.by_line => {
                    return Err(Broken::Bad("the line ends inside a value"));
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.consume(1),
                Some(byte) => return Ok(byte),
            }
        }
    }

    fn take(&mut self, expected: u8, what: &'static str) -> Got<()> {
        if self.token()? != expected {
            return Err(Broken::Bad(what));
        }
        self.consume(1);
        Ok(())
    }

    /// What the next value is; it is not taken.
    pub(crate) fn kind(&mut self) -> Got<Kind> {
        Ok(match self.token()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            _ => Kind::Scalar,
        })
    }

    /// Reads an object: `each` gets every key and must take its value. Any other value is skipped.
    pub(crate) fn object(&mut self, mut each: impl FnMut(&mut Self, Key) -> Got<()>) -> Got<()> {
        if !self.enter(b'{')? {
            return self.skip();
        }
        let mut first = true;
        while self.more(b'}', &mut first)? {
            self.take(b'"', "a key is not a string")?;
            self.string(Key::BYTES)?;
            let key = Key::of(&self.text);
            self.take(b':', "a key without `:`")?;
            each(self, key)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array: `each` must take one value. Any other value is skipped.
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Got<()>) -> Got<()> {
        if !self.enter(b'[')? {
            return self.skip();
        }
        let mut first = true;
        while self.more(b']', &mut first)? {
            each(self)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Opens what begins with `open`; false when the value is something else or lies too deep.
    fn enter(&mut self, open: u8) -> Got<bool> {
        if self.token()? != open {
            return Ok(false);
        }
        if self.depth >= self.max_depth {
            self.too_deep = true;
            return Ok(false);
        }
        self.depth += 1;
        self.consume(1);
        Ok(true)
    }

    /// Whether another member follows; takes the comma or the closing bracket. A comma before the bracket is forgiven.
    fn more(&mut self, close: u8, first: &mut bool) -> Got<bool> {
        let mut token = self.token()?;
        if token == b',' && !*first {
            self.consume(1);
            token = self.token()?;
        } else if token != close && !*first {
            return Err(Broken::Bad("no `,` between two members"));
        }
        *first = false;
        if token == close {
            self.consume(1);
        }
        Ok(token != close)
    }

    /// Skips one value of any size and depth in constant memory.
    pub(crate) fn skip(&mut self) -> Got<()> {
        let mut open = 0_u64;
        loop {
            match self.token()? {
                b'{' | b'[' => self.skip_byte(&mut open, 1),
                b'}' | b']' | b',' | b':' if open == 0 => return Err(Broken::Bad("no value")),
                b'}' | b']' => self.skip_byte(&mut open, -1),
                b',' | b':' => self.consume(1),
                b'"' => {
                    self.consume(1);
                    self.string(0)?;
                }
                _ => {
                    self.scalar()?;
                }
            }
            if open == 0 {
                return Ok(());
            }
        }
    }

    fn skip_byte(&mut self, open: &mut u64, by: i64) {
        *open = open.saturating_add_signed(by);
        self.consume(1);
    }

    /// The string that comes next, kept to `limit` bytes; a number as its digits are read back; `None` for anything else.
    pub(crate) fn text(&mut self, limit: usize) -> Got<Option<String>> {
        match self.kind()? {
            Kind::Text => {
                self.consume(1);
                self.string(limit)?;
                Ok(Some(self.lossy()))
            }
            Kind::Scalar => Ok(match self.scalar()? {
                Scalar::Number(number) => Some(number.to_string()),
                Scalar::Null | Scalar::Bool(_) => None,
            }),
            Kind::Object | Kind::Array => self.skip().map(|()| None),
        }
    }

    /// As [`Json::text`], with nothing for the empty string.
    pub(crate) fn words(&mut self, limit: usize) -> Got<Option<String>> {
        Ok(self.text(limit)?.filter(|text| !text.trim().is_empty()))
    }

    /// The number that comes next, also when it stands in a string (`"0.5s"`).
    pub(crate) fn number(&mut self) -> Got<Option<f64>> {
        match self.kind()? {
            Kind::Text => {
                let text = self.text(40)?.unwrap_or_default();
                let text = text.trim();
                let number = text.strip_suffix('s').unwrap_or(text).parse::<f64>();
                Ok(number.ok().filter(|number| number.is_finite()))
            }
            Kind::Scalar => Ok(match self.scalar()? {
                Scalar::Number(number) => Some(number),
                Scalar::Null | Scalar::Bool(_) => None,
            }),
            Kind::Object | Kind::Array => self.skip().map(|()| None),
        }
    }

    /// Whether `true` comes next; anything else is skipped and false.
    pub(crate) fn truth(&mut self) -> Got<bool> {
        match self.kind()? {
            Kind::Scalar => Ok(self.scalar()? == Scalar::Bool(true)),
            Kind::Text | Kind::Object | Kind::Array => self.skip().map(|()| false),
        }
    }

    fn scalar(&mut self) -> Got<Scalar> {
        let mut word = [0_u8; 40];
        let mut len = 0_usize;
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'-' | b'.') {
                break;
            }
            if let Some(slot) = word.get_mut(len) {
                *slot = byte;
            }
            len += 1;
            self.consume(1);
        }
        let word = word.get(..len.min(40)).unwrap_or_default();
        scalar::of(std::str::from_utf8(word).unwrap_or_default())
    }

    /// Reads a string after its opening quote into `self.text`, up to `keep` bytes of it.
    fn string(&mut self, keep: usize) -> Got<()> {
        self.text.clear();
        self.keep = keep;
        self.cut = false;
        let mut high = None;
        loop {
            match self.plain(&mut high)? {
                b'"' => break,
                b'\\' => self.escape(&mut high)?,
                _ => return Err(Broken::Bad("the line ends inside a string")),
            }
        }
        self.flush(&mut high);
        Ok(())
    }

    /// Takes what stands before the next quote, backslash or end of line, and that byte (but not the end of line).
    fn plain(&mut self, high: &mut Option<u16>) -> Got<u8> {
        loop {
            if self.peek()?.is_none() {
                return Err(Broken::End);
            }
            let buffer = self.buffer.get(self.at..).unwrap_or_default();
            let stop = if self.by_line {
                memchr3(b'"', b'\\', b'\n', buffer)
            } else {
                memchr2(b'"', b'\\', buffer)
            };
            let (plain, _rest) = buffer.split_at(stop.unwrap_or(buffer.len()));
            if !plain.is_empty() && high.take().is_some() {
                keep(&mut self.text, self.keep, &mut self.cut, REPLACEMENT);
            }
            keep(&mut self.text, self.keep, &mut self.cut, plain);
            let found = stop.and_then(|at| buffer.get(at).copied());
            let taken = plain.len() + usize::from(found.is_some_and(|byte| byte != b'\n'));
            self.consume(taken);
            if let Some(byte) = found {
                return Ok(byte);
            }
        }
    }

    fn escape(&mut self, high: &mut Option<u16>) -> Got<()> {
        let byte = self.peek()?.ok_or(Broken::End)?;
        if byte == b'\n' && self.by_line {
            return Err(Broken::Bad("the line ends inside a string"));
        }
        self.consume(1);
        if byte == b'u' {
            return self.unicode(high);
        }
        self.flush(high);
        let plain = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0C,
            other => other,
        };
        keep(&mut self.text, self.keep, &mut self.cut, &[plain]);
        Ok(())
    }

    fn unicode(&mut self, high: &mut Option<u16>) -> Got<()> {
        let mut unit = 0_u16;
        for _ in 0..4 {
            let byte = self.peek()?.ok_or(Broken::End)?;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(Broken::Bad("`\\u` without four digits"));
            };
            self.consume(1);
            unit = (unit << 4) | u16::try_from(digit).unwrap_or_default();
        }
        if matches!(unit, 0xD800..=0xDBFF) {
            self.flush(high);
            *high = Some(unit);
            return Ok(());
        }
        let units = [high.take().unwrap_or(unit), unit];
        let whole = units.get(usize::from(units[0] == unit)..).unwrap_or(&units);
        for decoded in char::decode_utf16(whole.iter().copied()) {
            let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            keep(&mut self.text, self.keep, &mut self.cut, bytes);
        }
        Ok(())
    }

    /// Writes a high surrogate that no low one followed.
    fn flush(&mut self, high: &mut Option<u16>) {
        if high.take().is_some() {
            keep(&mut self.text, self.keep, &mut self.cut, REPLACEMENT);
        }
    }

    /// The kept text; malformed bytes become U+FFFD.
    fn lossy(&self) -> String {
        lossy(&self.text, self.cut)
    }

    /// Goes to the next line that is not empty; `None` at the end. True when it begins with `{` or `[`.
    pub(crate) fn next_line(&mut self) -> Got<Option<bool>> {
        self.depth = 0;
        loop {
            match self.peek()? {
                None => return Ok(None),
                Some(b'\n') => self.line += 1,
                Some(b' ' | b'\t' | b'\r') => {}
                Some(byte) => return Ok(Some(matches!(byte, b'{' | b'['))),
            }
            self.consume(1);
        }
    }

    /// Takes the rest of the line (but not its end), kept to `limit` bytes.
    pub(crate) fn rest_of_line(&mut self, limit: usize) -> Got<String> {
        self.text.clear();
        self.cut = false;
        while self.peek()?.is_some() {
            let buffer = self.buffer.get(self.at..).unwrap_or_default();
            let stop = memchr(b'\n', buffer);
            let (line, _rest) = buffer.split_at(stop.unwrap_or(buffer.len()));
            keep(&mut self.text, limit, &mut self.cut, line);
            let taken = line.len();
            self.consume(taken);
            if stop.is_some() {
                break;
            }
        }
        Ok(self.lossy())
    }

    /// The next `count` bytes, kept to `limit`; fewer at the end.
    pub(crate) fn block(&mut self, mut count: u64, limit: usize) -> Got<String> {
        self.text.clear();
        self.cut = false;
        while count > 0 && self.peek()?.is_some() {
            let buffer = self.buffer.get(self.at..).unwrap_or_default();
            let wanted = usize::try_from(count).unwrap_or(usize::MAX);
            let taken = wanted.min(buffer.len());
            let block = buffer.get(..taken).unwrap_or_default();
            keep(&mut self.text, limit, &mut self.cut, block);
            self.consume(taken);
            count -= taken as u64;
        }
        Ok(self.lossy())
    }

    /// The next line with its white space, kept to `limit` bytes; `None` at the end.
    pub(crate) fn whole_line(&mut self, limit: usize) -> Got<Option<String>> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let line = self.rest_of_line(limit)?;
        if self.peek()?.is_some() {
            self.consume(1);
        }
        Ok(Some(line))
    }
}

/// U+FFFD.
const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

fn keep(text: &mut Vec<u8>, limit: usize, cut: &mut bool, more: &[u8]) {
    let room = limit.saturating_sub(text.len());
    *cut |= more.len() > room;
    text.extend_from_slice(more.get(..room).unwrap_or(more));
}

/// Bytes as text; a character that was cut in two at the end is left out.
pub(crate) fn lossy(bytes: &[u8], cut: bool) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if cut && text.ends_with(char::REPLACEMENT_CHARACTER) {
        text.pop();
    }
    text
}

#[cfg(test)]
#[path = "json/tests.rs"]
mod tests;
