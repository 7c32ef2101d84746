//! Lines of a width, with or without colour.

use super::Style;
use crate::text::{columns, count, put, without_commands};

/// Columns of the widest label of a field, and the blank after it.
const LABEL: usize = 14;

/// How a text is coloured; always besides words that say the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    Good,
    Bad,
    Unsure,
    Calm,
    Faint,
    Strong,
}

impl Tone {
    /// The parameters of the ANSI sequence.
    fn code(self) -> &'static str {
        match self {
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Unsure => "1;33",
            Self::Calm => "36",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }
}

/// Text under construction.
#[derive(Debug)]
pub(super) struct Canvas {
    out: String,
    color: bool,
    width: usize,
    /// The label of the field above, which is not repeated.
    label: String,
}

impl Canvas {
    pub(super) fn new(style: &Style) -> Self {
        Self {
            out: String::new(),
            color: style.color,
            width: style.width.clamp(40, 120),
            label: String::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        without_commands(self.out.trim_end())
    }

    /// An empty line, unless there is one.
    pub(super) fn gap(&mut self) {
        self.label.clear();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// The answer.
    pub(super) fn title(&mut self, text: &str, tone: Tone) {
        for part in wrap(text, self.width) {
            self.push(&[(Some(tone), &part)]);
        }
    }

    pub(super) fn prose(&mut self, text: &str) {
        for part in wrap(text, self.width) {
            self.push(&[(None, &part)]);
        }
    }

    pub(super) fn faint(&mut self, text: &str) {
        for part in wrap(text, self.width) {
            self.push(&[(Some(Tone::Faint), &part)]);
        }
    }

    /// A row of a table: a word in its tone, cells of fixed width, and a text.
    pub(super) fn row(&mut self, word: &str, tone: Tone, cells: &str, text: &str) {
        let (mut lead, mut cells) = (word.to_owned(), cells.to_owned());
        let hang = columns(word) + columns(&cells);
        for part in wrap(text, self.width.saturating_sub(hang)) {
            self.push(&[(Some(tone), &lead), (None, &cells), (None, &part)]);
            lead.clear();
            cells = " ".repeat(hang);
        }
    }

    /// A verdict and the test it is on.
    pub(super) fn heading(&mut self, verdict: &str, tone: Tone, test: &str) {
        let room = self.width.saturating_sub(columns(verdict));
        let mut parts = wrap_after(test, room, self.width - 3).into_iter();
        self.push(&[
            (Some(tone), verdict),
            (Some(Tone::Strong), &parts.next().unwrap_or_default()),
        ]);
        for part in parts {
            self.push(&[(None, "   "), (Some(Tone::Strong), &part)]);
        }
    }

    /// A labelled text; nothing when the text is empty. A label that repeats is shown once.
    pub(super) fn field(&mut self, indent: usize, label: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let repeated = label.is_empty() || self.label == label;
        let mut shown = if repeated { "" } else { label };
        for part in wrap(text, self.width - indent - LABEL) {
            let head = format!("{}{shown:<LABEL$}", " ".repeat(indent));
            self.push(&[(Some(Tone::Faint), &head), (None, &part)]);
            shown = "";
        }
        if !label.is_empty() {
            label.clone_into(&mut self.label);
        }
    }

    pub(super) fn field_if(&mut self, indent: usize, label: &str, text: Option<String>) {
        self.field(indent, label, &text.unwrap_or_default());
    }

    /// A point of a list.
    pub(super) fn item(&mut self, text: &str) {
        let mut lead = "- ";
        for part in wrap(text, self.width - 2) {
            self.push(&[(None, lead), (None, &part)]);
            lead = "  ";
        }
    }

    /// How many points of a list were left out.
    pub(super) fn more(&mut self, n: usize, noun: &str) {
        if n > 0 {
            self.item(&format!("and {}", count(n as u64, &format!("more {noun}"))));
        }
    }

    fn push(&mut self, parts: &[(Option<Tone>, &str)]) {
        let start = self.out.len();
        for (tone, text) in parts {
            match tone {
                Some(tone) if self.color && !text.trim().is_empty() => {
                    put!(self.out, "\x1b[{}m{text}\x1b[0m", tone.code());
                }
                _ => self.out += text,
            }
        }
        let end = self.out.trim_end().len().max(start);
        self.out.truncate(end);
        self.out.push('\n');
    }
}

/// Breaks a line at blanks so that no part is wider than `width`; words that are wider are broken, web addresses are not.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    wrap_after(text, width, width)
}

/// As [`wrap`], with a width of its own for the first part.
fn wrap_after(text: &str, first: usize, width: usize) -> Vec<String> {
    let (mut room, width) = (first.max(8), width.max(8));
    if columns(text) <= room {
        return vec![text.to_owned()];
    }
    let indent = text.len() - text.trim_start_matches(' ').len();
    let mut parts = Vec::new();
    let mut part = " ".repeat(indent.min(width / 2));
    for word in text.split_whitespace() {
        for piece in pieces(word, width) {
            let blank = usize::from(!part.trim().is_empty());
            if (blank == 1 || room < width) && columns(&part) + blank + columns(&piece) > room {
                parts.push(std::mem::take(&mut part));
                room = width;
            }
            if !part.trim().is_empty() {
                part.push(' ');
            }
            part += &piece;
        }
    }
    parts.push(part);
    parts
}

/// A word in pieces that are not wider than a line.
fn pieces(word: &str, width: usize) -> Vec<String> {
    if columns(word) <= width || word.starts_with("https://") {
        return vec![word.to_owned()];
    }
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let mut one = [0; 4];
        let c: &str = c.encode_utf8(&mut one);
        match pieces.last_mut() {
            Some(last) if columns(last) + columns(c) <= width => *last += c,
            _ => pieces.push(c.to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_at_blanks_and_wide_characters_count_double() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("大大大大大大", 8), ["大大大大", "大大"]);
        assert_eq!(
            wrap("    indented text goes on", 16),
            ["    indented", "text goes on"]
        );
    }

    #[test]
    fn a_web_address_stays_whole() {
        assert_eq!(
            wrap("https://ci.example/run/1", 8),
            ["https://ci.example/run/1"]
        );
    }
}
