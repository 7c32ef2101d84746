//! Walks the elements of a document, well-formed or not, and calls a handler for each.

use crate::sink::loss;
use std::io::Read;

use model::Place;

use super::scan::Attrs;
use super::tokens::{Kind, Tokens};
use crate::{Limits, Sink};

/// A start tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'a> {
    /// The local name.
    pub(crate) name: &'a [u8],
    /// The attributes, raw.
    pub(crate) attrs: Attrs<'a>,
    /// The byte offset of the tag.
    pub(crate) at: u64,
}

/// What a handler wants of an element that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Its child elements.
    Children,
    /// Its child elements and its text.
    Text,
    /// Nothing: the element is skipped with all that it holds, and does not end for the handler.
    Nothing,
}

/// Where a handler says what it found.
pub(crate) struct Out<'a> {
    /// Receives suites and cases.
    pub(crate) sink: &'a mut dyn Sink,
    /// Bounds for kept text.
    pub(crate) limits: &'a Limits,
}

impl Out<'_> {
    /// Something is malformed at a byte offset.
    pub(crate) fn problem(&mut self, at: u64, what: impl Into<String>, hint: &'static str) {
        self.sink.problem(Place::Byte(at), what.into(), hint);
    }
}

/// Reads one XML format.
pub(crate) trait Handler {
    /// An element begins.
    fn start(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) -> Want;
    /// A piece of text of the innermost element that wants it; `raw` is not unescaped unless it stood in CDATA.
    fn text(&mut self, raw: &[u8], cdata: bool, out: &mut Out<'_>);
    /// An element ends: it was closed, an element around it was closed, or the file ended (`truncated`).
    fn end(&mut self, name: &[u8], truncated: bool, out: &mut Out<'_>);
}

/// The open elements; names lie end to end in one buffer.
#[derive(Default)]
struct Open {
    names: Vec<u8>,
    frames: Vec<(usize, bool)>,
    /// Elements deeper than the limit: counted, not followed.
    beyond: usize,
}

impl Open {
    fn push(&mut self, name: &[u8], text: bool) {
        self.frames.push((self.names.len(), text));
        self.names.extend_from_slice(name);
    }

    fn top(&self) -> &[u8] {
        let start = self.frames.last().map_or(self.names.len(), |frame| frame.0);
        self.names.get(start..).unwrap_or_default()
    }

    fn pop(&mut self) {
        if let Some((start, _)) = self.frames.pop() {
            self.names.truncate(start);
        }
    }

    fn wants_text(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.1)
    }

    /// How many elements must be closed so that the one of this name is; `None` when none is open.
    fn depth_of(&self, name: &[u8]) -> Option<usize> {
        let mut end = self.names.len();
        for (depth, (start, _)) in self.frames.iter().rev().enumerate() {
            if self.names.get(*start..end) == Some(name) {
                return Some(depth);
            }
            end = *start;
        }
        None
    }
}

/// Reads a document to its end; several documents one after another are read as well.
pub(crate) fn walk<H: Handler>(input: &mut dyn Read, handler: &mut H, out: &mut Out<'_>) {
    let mut tokens = Tokens::new(input, out.limits.token_bytes);
    let mut open = Open::default();
    let mut roots = 0_usize;
    loop {
        let kind = tokens.advance(open.wants_text());
        if tokens.has_defects() {
            tell(&mut tokens, out);
        }
        match kind {
            Kind::Start => {
                if open.frames.is_empty() {
                    roots += 1;
                    if roots == 2 {
                        let what = "a second document begins in this file";
                        out.problem(tokens.at(), what, "all are read");
                    }
                }
                start(&mut tokens, &mut open, handler, out);
            }
            Kind::End => end(&tokens, &mut open, handler, out),
            Kind::Text => handler.text(tokens.text(), false, out),
            Kind::CData => handler.text(tokens.text(), true, out),
            Kind::Eof => break,
        }
    }
    finish(&tokens, &mut open, handler, out);
}

fn tell(tokens: &mut Tokens<'_>, out: &mut Out<'_>) {
    for (at, what, hint) in tokens.defects() {
        out.problem(at, what, hint);
    }
}

fn start<H: Handler>(tokens: &mut Tokens<'_>, open: &mut Open, handler: &mut H, out: &mut Out<'_>) {
    let tag = Tag {
        name: tokens.name(),
        attrs: tokens.attrs(),
        at: tokens.at(),
    };
    let want = handler.start(&tag, out);
    match (want, tokens.is_empty()) {
        (Want::Nothing, true) => {}
        (Want::Nothing, false) => {
            let at = tokens.at();
            if !tokens.skip_element(open.top()) {
                out.problem(at, "an element has no end tag", "skipped");
            }
            tell(tokens, out);
        }
        (_, true) => handler.end(tokens.name(), false, out),
        (_, false) if open.frames.len() >= out.limits.depth => {
            if open.beyond == 0 {
                let what = "elements are nested too deep";
                out.problem(tokens.at(), what, "deeper levels are read flat");
            }
            open.beyond += 1;
            handler.end(tokens.name(), false, out);
        }
        (_, false) => open.push(tokens.name(), want == Want::Text),
    }
}

fn end<H: Handler>(tokens: &Tokens<'_>, open: &mut Open, handler: &mut H, out: &mut Out<'_>) {
    let name = tokens.name();
    if open.top() == name && !open.frames.is_empty() && open.beyond == 0 {
        open.pop();
        return handler.end(name, false, out);
    }
    if open.beyond > 0 {
        open.beyond -= 1;
        return;
    }
    let shown = String::from_utf8_lossy(name.get(..64).unwrap_or(name));
    let Some(unclosed) = open.depth_of(name) else {
        let what = format!("the end tag `{shown}` closes nothing");
        return out.problem(tokens.at(), what, "ignored");
    };
    let what = format!("{unclosed} elements inside `{shown}` are not closed");
    out.problem(tokens.at(), what, "taken as closed here");
    for _ in 0..=unclosed {
        let inner = open.top().to_vec();
        open.pop();
        handler.end(&inner, false, out);
    }
}

fn finish<H: Handler>(tokens: &Tokens<'_>, open: &mut Open, handler: &mut H, out: &mut Out<'_>) {
    if open.frames.is_empty() {
        return;
    }
    let what = format!(
        "the file ends inside `{}`",
        String::from_utf8_lossy(open.top())
    );
    out.problem(tokens.at(), what, loss::CUT);
    while !open.frames.is_empty() {
        let name = open.top().to_vec();
        open.pop();
        handler.end(&name, true, out);
    }
}
