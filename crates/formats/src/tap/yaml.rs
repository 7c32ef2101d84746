//! The YAML block behind a point: as much of YAML as the writers of TAP use for what is kept.

use model::Failure;

use crate::{Limits, fault};

/// A block that is being read.
#[derive(Debug, Default)]
pub(super) struct Yaml {
    indent: usize,
    key: String,
    fields: Fields,
}

/// What is kept of a block.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) kind: String,
    pub(super) stack: String,
    pub(super) file: String,
    pub(super) line: Option<u32>,
    pub(super) seconds: Option<f64>,
}

impl Yaml {
    /// A block whose `---` has this indent.
    pub(super) fn new(indent: usize) -> Self {
        Self {
            indent,
            ..Self::default()
        }
    }

    /// What was read.
    pub(super) fn into_fields(self) -> Fields {
        self.fields
    }

    /// Whether this line ends the block: `...`, or a line with less indent (a block without end).
    pub(super) fn ends(&self, text: &str) -> Ends {
        let indent = indent(text);
        let body = text.trim();
        if body == "..." && indent <= self.indent {
            Ends::Here
        } else if indent < self.indent && !body.is_empty() {
            Ends::Before
        } else {
            Ends::Not
        }
    }

    /// Takes a line of the block.
    pub(super) fn line(&mut self, text: &str, limits: &Limits) {
        let body = text.trim();
        if body.is_empty() {
            return;
        }
        if indent(text) > self.indent && !self.key.is_empty() {
            return self.nested(body, limits);
        }
        let Some((key, value)) = body.split_once(':') else {
            self.key.clear();
            return;
        };
        let (key, value) = (key.trim(), value.trim());
        self.key.clear();
        if value.is_empty() || value.starts_with(['|', '>']) {
            key.clone_into(&mut self.key);
            self.key.truncate(self.key.floor_char_boundary(32));
        } else {
            self.fields.set(key, unquoted(value), limits);
        }
    }

    fn nested(&mut self, body: &str, limits: &Limits) {
        if self.key == "at" || self.key == "location" {
            if let Some((key, value)) = body.split_once(':') {
                self.fields.set(key.trim(), unquoted(value.trim()), limits);
            }
        } else {
            self.fields.add(&self.key, body, limits);
        }
    }
}

/// Whether a line ends a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// It belongs to the block.
    Not,
    /// It is the end of the block.
    Here,
    /// The block has ended before it.
    Before,
}

impl Fields {
    fn slot(&mut self, key: &str, limits: &Limits) -> Option<(&mut String, usize)> {
        match key {
            "message" | "error" => Some((&mut self.message, limits.message_bytes)),
            "name" => Some((&mut self.kind, limits.name_bytes)),
            "stack" => Some((&mut self.stack, limits.stack_bytes)),
            "file" | "fileName" => Some((&mut self.file, limits.name_bytes)),
            _ => None,
        }
    }

    fn set(&mut self, key: &str, value: &str, limits: &Limits) {
        match key {
            "line" | "lineNumber" => self.line = value.parse().ok(),
            "duration_ms" => {
                let millis = value
                    .parse::<f64>()
                    .ok()
                    .filter(|millis| millis.is_finite());
                self.seconds = millis.map(|millis| millis / 1000.0);
            }
            "location" | "at" => self.place(value, limits),
            _ => self.add(key, value, limits),
        }
    }

    /// `/path/a.js:3:1`.
    fn place(&mut self, value: &str, limits: &Limits) {
        let mut parts = value.trim_end_matches(')').rsplitn(3, ':');
        let (_column, line, file) = (parts.next(), parts.next(), parts.next());
        if let Some(file) = file {
            self.add("file", file.rsplit('(').next().unwrap_or(file), limits);
            self.line = line.and_then(|line| line.parse().ok());
        }
    }

    /// Adds a line to a field, up to its limit.
    fn add(&mut self, key: &str, line: &str, limits: &Limits) {
        if let Some((slot, limit)) = self.slot(key, limits) {
            let room = limit.saturating_sub(slot.len() + 1);
            let line = line
                .get(..line.floor_char_boundary(room))
                .unwrap_or_default();
            if !slot.is_empty() && room > 0 {
                slot.push('\n');
            }
            slot.push_str(line);
        }
    }

    /// The failure that the fields tell of; `text` is what was printed behind the point otherwise.
    pub(super) fn failure(self, text: &str) -> Failure {
        let stack = if self.stack.is_empty() {
            text
        } else {
            &self.stack
        };
        let mut failure = if let Some(failure) = fault::of_perl(stack) {
            failure
        } else if self.message.is_empty() {
            fault::of_javascript(None, Some(stack))
        } else {
            fault::of_parts(Some(&self.message), Some(stack))
        };
        if !self.kind.is_empty() {
            failure.kind = Some(self.kind);
        }
        if !self.file.is_empty() {
            failure.file = Some(self.file);
            failure.line = self.line;
        }
        failure
    }
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(value)
}
