//! The tokenizer: a pull parser over a bounded window of a stream.

mod window;

use std::io::Read;

use memchr::memmem::{self, Finder};
use memchr::{memchr, memchr2};

use super::scan::{Attrs, Scanner, Span};
use window::ROOM;

/// How many bytes the window holds before it has to grow for one long tag.
const WINDOW: usize = 64 << 10;

/// How much of an over-long attribute value is kept.
const KEPT_VALUE: usize = 32 << 10;

/// The longest entity reference that is not split between two pieces of text.
const ENTITY: usize = 16;

/// What was found; its parts are read with the accessors of [`Tokens`] until the next call of `advance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A start tag: `name`, `attrs`, `is_empty`.
    Start,
    /// An end tag: `name`.
    End,
    /// A piece of text with entities: `text`.
    Text,
    /// A piece of a CDATA section: `text`.
    CData,
    /// The end of the stream.
    Eof,
}

/// A malformed place: byte offset, what, what was done.
pub(crate) type Defect = (u64, String, &'static str);

/// How far a tag could be scanned.
enum Scan {
    /// The tag ends before this window position.
    Done(usize),
    /// The window ends inside the tag; inside a quoted value when its start is given.
    More(Option<usize>),
}

/// The tokenizer.
pub(crate) struct Tokens<'r> {
    input: &'r mut dyn Read,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// The offset in the stream of the first byte of `buf`.
    base: u64,
    ended: bool,
    in_cdata: bool,
    longest: usize,
    cdata_end: Finder<'static>,
    name: Span,
    text: Span,
    attrs: Vec<(Span, Span)>,
    empty: bool,
    at: u64,
    /// The tag that was said to be too long.
    elided: Option<u64>,
    defects: Vec<Defect>,
}

impl<'r> Tokens<'r> {
    /// A tokenizer that holds at most about `longest` bytes of one tag.
    pub(crate) fn new(input: &'r mut dyn Read, longest: usize) -> Self {
        Self {
            input,
            buf: vec![0; WINDOW],
            start: 0,
            end: 0,
            base: 0,
            ended: false,
            in_cdata: false,
            longest: longest.max(WINDOW),
            cdata_end: Finder::new(b"]]>"),
            name: Span::default(),
            text: Span::default(),
            attrs: Vec::new(),
            empty: false,
            at: 0,
            elided: None,
            defects: Vec::new(),
        }
    }

    /// The local name of the tag.
    pub(crate) fn name(&self) -> &[u8] {
        self.slice(self.name)
    }

    /// The text found.
    pub(crate) fn text(&self) -> &[u8] {
        self.slice(self.text)
    }

    /// The attributes of the start tag.
    pub(crate) fn attrs(&self) -> Attrs<'_> {
        Attrs {
            window: &self.buf,
            spans: &self.attrs,
        }
    }

    /// Whether the start tag is its own end.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    /// The offset in the stream of what was found last.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The next malformed place that was passed and not yet told.
    pub(crate) fn defects(&mut self) -> std::vec::Drain<'_, Defect> {
        self.defects.drain(..)
    }

    /// Whether `defects` has any.
    pub(crate) fn has_defects(&self) -> bool {
        !self.defects.is_empty()
    }

    /// Finds the next tag, or the next piece of text when it is wanted.
    pub(crate) fn advance(&mut self, want_text: bool) -> Kind {
        loop {
            let found = if self.in_cdata {
                self.cdata(want_text)
            } else {
                self.content(want_text)
            };
            if let Some(kind) = found {
                return kind;
            }
        }
    }

    /// Skips to the end of the element whose start tag was found last.
    ///
    /// Only elements of its own name nest: output that was written without escapes cannot swallow the rest of the file.
    /// False when the stream ended first, or when the end tag of `parent` came first (it is found next).
    pub(crate) fn skip_element(&mut self, parent: &[u8]) -> bool {
        let own = self.name().to_vec();
        let (mut nested, mut others) = (0_usize, 0_usize);
        loop {
            match self.advance(false) {
                Kind::Start if self.empty => {}
                Kind::Start if self.name() == own => nested += 1,
                Kind::Start => others += 1,
                Kind::End if self.name() == own && nested == 0 => return true,
                Kind::End if self.name() == own => nested -= 1,
                Kind::End if others > 0 => others -= 1,
                Kind::End if self.name() == parent => {
                    self.unread_tag();
                    return false;
                }
                Kind::End | Kind::Text | Kind::CData => {}
                Kind::Eof => return false,
            }
        }
    }

    /// Goes back to the start of the tag found last.
    fn unread_tag(&mut self) {
        let back = usize::try_from(self.at.saturating_sub(self.base)).unwrap_or(self.start);
        self.start = back.min(self.start);
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.buf.get(span.start..span.end).unwrap_or_default()
    }

    fn window(&self) -> &[u8] {
        self.slice(Span {
            start: self.start,
            end: self.end,
        })
    }

    fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    fn defect(&mut self, at: u64, what: &str, hint: &'static str) {
        self.defects.push((at, what.to_owned(), hint));
    }

    /// Text up to the next `<`, or the markup there.
    fn content(&mut self, want_text: bool) -> Option<Kind> {
        match memchr(b'<', self.window()) {
            Some(0) => self.markup(want_text),
            Some(len) => self.take_text(len, want_text),
            None if self.start == self.end => {
                self.at = self.offset();
                (!self.fill()).then_some(Kind::Eof)
            }
            None if want_text => self.text_without_end(),
            None => {
                self.start = self.end;
                None
            }
        }
    }

    fn take_text(&mut self, len: usize, want_text: bool) -> Option<Kind> {
        self.at = self.offset();
        self.text = Span {
            start: self.start,
            end: self.start + len,
        };
        self.start += len;
        want_text.then_some(Kind::Text)
    }

    /// The window ends within text: gives it, but for an entity that may go on.
    fn text_without_end(&mut self) -> Option<Kind> {
        let window = self.window();
        let tail = window.len().saturating_sub(ENTITY);
        let entity = window.get(tail..).and_then(|tail| memchr(b'&', tail));
        let len = entity.map_or(window.len(), |at| tail + at);
        if entity.is_some() && self.fill() {
            return None;
        }
        self.take_text(if len == 0 { self.end - self.start } else { len }, true)
    }

    fn markup(&mut self, want_text: bool) -> Option<Kind> {
        if self.end - self.start < 9 {
            self.ensure(9);
        }
        self.at = self.offset();
        match self.window() {
            [_, b'/', ..] => Some(self.end_tag()),
            [_, b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                self.start += 9;
                self.in_cdata = true;
                None
            }
            [_, b'!', b'-', b'-', ..] => {
                self.start += 4;
                self.skip_past(b"-->", "a comment has no end");
                None
            }
            [_, b'!', ..] => {
                self.doctype();
                None
            }
            [_, b'?', ..] => {
                self.skip_past(b"?>", "a processing instruction has no end");
                None
            }
            [_, first, ..] if is_name_start(*first) => Some(self.start_tag()),
            _ => self.stray(want_text),
        }
    }

    /// A `<` that begins no markup.
    fn stray(&mut self, want_text: bool) -> Option<Kind> {
        self.defect(self.at, "a `<` in text is not escaped", "taken as text");
        self.take_text(1, want_text)
    }

    fn cdata(&mut self, want_text: bool) -> Option<Kind> {
        self.at = self.offset();
        let window = self.window();
        let (len, skipped) = match self.cdata_end.find(window) {
            Some(at) => (at, at + 3),
            None => (
                window.len().saturating_sub(2),
                window.len().saturating_sub(2),
            ),
        };
        if skipped > len {
            self.in_cdata = false;
        } else if len == 0 && !self.fill() {
            return self.cdata_without_end(want_text);
        }
        self.text = Span {
            start: self.start,
            end: self.start + len,
        };
        self.start += skipped;
        (want_text && len > 0).then_some(Kind::CData)
    }

    fn cdata_without_end(&mut self, want_text: bool) -> Option<Kind> {
        self.in_cdata = false;
        self.defect(
            self.at,
            "a CDATA section has no end",
            "the file is truncated",
        );
        let len = self.end - self.start;
        self.take_text(len, want_text && len > 0)
            .map(|_| Kind::CData)
    }

    /// Skips past `end`, which may be many windows away.
    fn skip_past(&mut self, end: &[u8], missing: &str) {
        loop {
            if let Some(at) = memmem::find(self.window(), end) {
                self.start += at + end.len();
                return;
            }
            self.start = self.end.saturating_sub(end.len() - 1).max(self.start);
            if !self.fill() {
                self.start = self.end;
                return self.defect(self.at, missing, "the file is truncated");
            }
        }
    }

    /// A document type: skipped with its internal subset; what it declares is never used.
    fn doctype(&mut self) {
        let mut depth = 0_usize;
        self.start += 2;
        loop {
            let Some(at) = self.window().iter().position(|b| b"[]>".contains(b)) else {
                self.start = self.end;
                if self.fill() {
                    continue;
                }
                return self.defect(self.at, "a declaration has no end", "the file is truncated");
            };
            let found = self.window().get(at).copied();
            self.start += at + 1;
            match found {
                Some(b'[') => depth += 1,
                Some(b']') => depth = depth.saturating_sub(1),
                _ if depth == 0 => return,
                _ => {}
            }
        }
    }

    fn end_tag(&mut self) -> Kind {
        let end = loop {
            let rest = self.window().get(2..).unwrap_or_default();
            if let Some(at) = memchr2(b'>', b'<', rest) {
                break at + 2;
            }
            if self.end - self.start > ROOM || !self.fill() {
                break self.end - self.start;
            }
        };
        let closed = self.window().get(end) == Some(&b'>');
        if !closed {
            self.defect(self.at, "an end tag has no `>`", "taken as ended there");
        }
        self.name = local(
            &self.buf,
            Span {
                start: self.start + 2,
                end: self.start + end,
            },
        );
        self.start += end + usize::from(closed);
        Kind::End
    }

    fn start_tag(&mut self) -> Kind {
        loop {
            match self.scan_tag(false) {
                Scan::Done(end) => {
                    self.start = end;
                    return Kind::Start;
                }
                Scan::More(value) if !self.fill() => {
                    if self.ended {
                        return self.unclosed_tag();
                    }
                    self.elide(value);
                }
                Scan::More(_) => {}
            }
        }
    }

    /// A tag that the stream ends in, most often because a quote is missing: it ends at the first `>` or newline instead.
    fn unclosed_tag(&mut self) -> Kind {
        self.defect(
            self.at,
            "a tag or one of its quoted values has no end",
            "taken as ended at the first `>`",
        );
        self.start = match self.scan_tag(true) {
            Scan::Done(end) => end,
            Scan::More(_) => self.end,
        };
        Kind::Start
    }

    /// Drops the middle of a tag that is longer than the window may be.
    fn elide(&mut self, value: Option<usize>) {
        let kept = value.unwrap_or(self.start) + KEPT_VALUE.min(self.longest / 4);
        let keep = kept.min(self.end.saturating_sub(ROOM));
        if self.elided != Some(self.at) {
            self.elided = Some(self.at);
            self.defect(
                self.at,
                "a tag is too long to hold",
                "its middle is left out",
            );
        }
        self.base += (self.end - keep) as u64;
        self.end = keep;
    }

    /// Scans a start tag and notes its parts. `forgive`: an unclosed value ends at `>`, `<` or a newline.
    fn scan_tag(&mut self, forgive: bool) -> Scan {
        self.attrs.clear();
        self.empty = false;
        let window = self.buf.get(..self.end).unwrap_or_default();
        let mut scanner = Scanner {
            window,
            at: self.start + 1,
            forgive,
        };
        let name = scanner.name();
        self.name = local(window, name);
        loop {
            scanner.skip_space();
            match scanner.peek() {
                None => return Scan::More(None),
                Some(b'>') => return Scan::Done(scanner.at + 1),
                Some(b'<') => return Scan::Done(scanner.at),
                Some(b'/') => match window.get(scanner.at + 1) {
                    None => return Scan::More(None),
                    Some(b'>') => {
                        self.empty = true;
                        return Scan::Done(scanner.at + 2);
                    }
                    Some(_) => scanner.at += 1,
                },
                Some(b'"' | b'\'' | b'=') => scanner.at += 1,
                Some(_) => {
                    let name = scanner.name();
                    match scanner.value() {
                        Ok(value) => self.attrs.push((name, value)),
                        Err(start) => return Scan::More(start),
                    }
                }
            }
        }
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80
}

/// A name without white space and without its namespace prefix.
fn local(buf: &[u8], span: Span) -> Span {
    let name = buf.get(span.start..span.end).unwrap_or_default();
    let end = span.start + name.trim_ascii_end().len();
    let prefix = name.iter().position(|b| *b == b':').map_or(0, |at| at + 1);
    Span {
        start: (span.start + prefix).min(end),
        end,
    }
}
