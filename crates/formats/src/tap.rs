//! TAP 12, 13 and 14, and the kernel's KTAP.
//!
//! Leaves are counted: the point that closes a subtest counts only when the subtest had no points of its own, or when it
//! failed although all of them passed. `not ok # TODO` and `ok # SKIP` are skips, as test-summary counts them; `ok # TODO` passed.
//! TAP names no suite. The titles of the subtests around are the class; in a file that begins as tape writes it, with a
//! comment right before the first point, the last comment is. Points of one name stay apart.

use std::io::BufRead;

use model::{Failure, Outcome, Place};

use crate::json::Json;
use crate::lines::say;
use crate::seen::Seen;
use crate::{Case, Limits, Sink};

mod levels;
mod line;
mod yaml;

use levels::Levels;
use line::{Directive, Line, Point};
use yaml::{Ends, Fields, Yaml};

/// How much of a line is looked at.
const LINE_BYTES: usize = 16 << 10;

/// Reads TAP.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut lines = Json::lines(input, 0);
    let mut document = Document {
        limits,
        sink,
        levels: Levels::new(limits.depth),
        point: None,
        yaml: None,
        style: Style::Unknown,
        comment: None,
        seen: Seen::default(),
        number: 0,
        bailed: false,
    };
    document.sink.suite("", None);
    loop {
        document.number += 1;
        match lines.whole_line(LINE_BYTES) {
            Ok(Some(text)) => document.line(text.trim_end()),
            Ok(None) => break,
            Err(broken) => {
                let _ended = say(broken, Place::Line(document.number), document.sink);
                break;
            }
        }
    }
    document.finish();
}

/// Whether text is TAP: it has the version, a plan with a point, a plan at its start, or a point with a number.
pub(crate) fn is_tap(text: &str) -> bool {
    let mut plan = false;
    let mut first = true;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match Line::parse(line) {
            Line::Version => return true,
            Line::Plan(_) if first => return true,
            Line::Plan(_) => plan = true,
            Line::Point(point) | Line::Open(point) if plan || point.number.is_some() => {
                return true;
            }
            Line::Comment(_) => continue,
            Line::Point(_) | Line::Open(_) | Line::Close | Line::Bail(_) | Line::Other => {}
        }
        first = false;
    }
    false
}

/// Whether comments are titles.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// Nothing but the version was read yet.
    Unknown,
    /// The first line was a comment.
    Commented,
    /// The first comment stood right before a point: comments are titles.
    Tape,
    /// Comments are remarks.
    Plain,
}

struct Document<'a> {
    limits: &'a Limits,
    sink: &'a mut dyn Sink,
    levels: Levels,
    point: Option<Leaf>,
    yaml: Option<Yaml>,
    style: Style,
    comment: Option<String>,
    seen: Seen,
    number: u64,
    bailed: bool,
}

/// A point that waits for what is said about it on further lines.
struct Leaf {
    depth: usize,
    class: Option<String>,
    name: String,
    outcome: Outcome,
    reason: String,
    seconds: Option<f64>,
    fields: Fields,
    text: String,
}

impl Document<'_> {
    fn line(&mut self, text: &str) {
        if self.in_yaml(text) {
            return;
        }
        let body = text.trim_start_matches(' ');
        let indent = text.len() - body.len();
        if body == "---" && self.point.is_some() {
            self.yaml = Some(Yaml::new(indent));
            return;
        }
        let line = Line::parse(body);
        if self.is_noise(&line, indent) {
            return self.other(text);
        }
        let depth = indent / 4;
        self.note_style(&line);
        match line {
            Line::Comment(comment) => self.comment(comment, depth),
            Line::Point(point) => self.close_and_take(&point, depth),
            Line::Open(point) => self.open(&point, depth),
            Line::Close => self.close_braces(depth),
            Line::Plan(count) => self.plan(count, depth),
            Line::Bail(reason) => self.bail(reason),
            Line::Version if depth == 0 => self.restart(),
            Line::Version | Line::Other => {}
        }
    }

    /// Takes a line of a YAML block; false when it belongs to none.
    fn in_yaml(&mut self, text: &str) -> bool {
        let Some(mut yaml) = self.yaml.take() else {
            return false;
        };
        let ends = yaml.ends(text);
        if ends == Ends::Not {
            yaml.line(text, self.limits);
            self.yaml = Some(yaml);
        } else if let Some(point) = &mut self.point {
            point.fields = yaml.into_fields();
            point.seconds = point.fields.seconds.or(point.seconds);
        }
        ends != Ends::Before
    }

    /// Whether a line is what a program printed: an indented point needs a number, or a subtest that is open there.
    fn is_noise(&self, line: &Line<'_>, indent: usize) -> bool {
        let known = indent < 4 || self.levels.is_open(indent / 4);
        match line {
            Line::Other => true,
            Line::Point(point) | Line::Open(point) => {
                !indent.is_multiple_of(4) || (!known && point.number.is_none())
            }
            Line::Plan(_) | Line::Close => !indent.is_multiple_of(4),
            Line::Version | Line::Bail(_) | Line::Comment(_) => false,
        }
    }

    /// Text behind a point, as mocha writes its stack.
    fn other(&mut self, text: &str) {
        if let Some(point) = &mut self.point {
            let room = self.limits.stack_bytes.saturating_sub(point.text.len() + 1);
            let text = text
                .get(..text.floor_char_boundary(room))
                .unwrap_or_default();
            point.text.push_str(text);
            point.text.push('\n');
        }
    }

    fn note_style(&mut self, line: &Line<'_>) {
        let title = |text: &str| text.starts_with(' ') && !text.trim().starts_with("Subtest");
        self.style = match (self.style, line) {
            (Style::Unknown, Line::Version) => Style::Unknown,
            (Style::Unknown, Line::Comment(text)) if title(text) => Style::Commented,
            (Style::Commented, Line::Point(_)) => Style::Tape,
            (Style::Unknown | Style::Commented, _) => Style::Plain,
            (style, _) => style,
        };
    }

    fn comment(&mut self, raw: &str, depth: usize) {
        let text = raw.trim();
        if let Some(title) = text.strip_prefix("Subtest:") {
            self.flush();
            let title = line::unescape(title.trim());
            self.levels.announce(depth, &title, self.limits.name_bytes);
        } else if depth == 0 && matches!(self.style, Style::Commented | Style::Tape) {
            self.flush();
            self.comment = Some(text.to_owned());
        } else if raw.starts_with("  ") {
            // Perl writes why a test failed in comments that it indents.
            self.other(text);
        }
    }

    /// Takes a point; it closes what is open below it.
    fn close_and_take(&mut self, point: &Point<'_>, depth: usize) {
        self.flush();
        self.close_below(depth);
        let children = self.levels.take_children(depth);
        self.levels.count(depth);
        let leaf = self.leaf(point, depth);
        if children.is_told(leaf.outcome) {
            self.point = Some(leaf);
        }
    }

    /// Takes a point whose subtest follows in braces.
    fn open(&mut self, point: &Point<'_>, depth: usize) {
        self.flush();
        self.close_below(depth);
        self.levels.count(depth);
        let leaf = self.leaf(point, depth);
        self.levels.open_braces(depth, leaf);
    }

    fn close_braces(&mut self, depth: usize) {
        self.flush();
        self.close_below(depth);
        if let Some((leaf, children)) = self.levels.close_braces(depth)
            && children.is_told(leaf.outcome)
        {
            self.tell(leaf);
        }
    }

    fn leaf(&self, point: &Point<'_>, depth: usize) -> Leaf {
        let (outcome, reason) = match (point.ok, &point.directive) {
            (true, Some(Directive::Skip(reason))) | (false, Some(Directive::Todo(reason))) => {
                (Outcome::Skip, *reason)
            }
            (true, _) => (Outcome::Pass, ""),
            (false, _) => (Outcome::Fail, ""),
        };
        let seconds = match &point.directive {
            Some(Directive::Seconds(seconds)) => Some(*seconds),
            _ => None,
        };
        let place = point.number.unwrap_or_else(|| self.levels.points(depth));
        let unnamed = point.name.is_empty();
        let tape = self
            .comment
            .as_ref()
            .filter(|_| self.style == Style::Tape && depth == 0);
        Leaf {
            depth,
            class: tape.cloned().or_else(|| self.levels.class(depth)),
            name: if unnamed {
                format!("test {place}")
            } else {
                point.name.clone()
            },
            outcome,
            reason: reason.to_owned(),
            seconds,
            fields: Fields::default(),
            text: String::new(),
        }
    }

    /// Tells the point that was waiting.
    fn flush(&mut self) {
        if let Some(point) = self.point.take() {
            self.tell(point);
        }
    }

    fn tell(&mut self, leaf: Leaf) {
        self.levels.told(leaf.depth, leaf.outcome.is_failure());
        let name = self
            .seen
            .unique(leaf.class.as_deref().unwrap_or_default(), &leaf.name);
        let failure = match leaf.outcome {
            Outcome::Pass => None,
            Outcome::Skip => (!leaf.reason.is_empty()).then(|| Failure::of(&leaf.reason)),
            Outcome::Fail | Outcome::Error => Some(leaf.fields.failure(&leaf.text)),
        };
        self.sink.case(Case {
            suite: "",
            class: leaf.class.as_deref(),
            name: &name,
            outcome: leaf.outcome,
            seconds: leaf.seconds,
            failure,
            before: Vec::new(),
        });
    }

    fn plan(&mut self, count: u64, depth: usize) {
        self.flush();
        if depth == 0 && self.levels.is_complete() {
            self.restart();
        }
        self.close_below(depth);
        self.levels.plan(depth, count);
    }

    fn close_below(&mut self, depth: usize) {
        for mismatch in self.levels.close_below(depth) {
            self.say_mismatch(mismatch);
        }
    }

    fn say_mismatch(&mut self, (planned, points): (u64, u64)) {
        if !self.bailed {
            let what = format!("the plan says {planned} tests, there are {points}");
            let hint = "the run was cut short or the plan is wrong";
            self.sink.problem(Place::Line(self.number), what, hint);
        }
    }

    fn bail(&mut self, reason: &str) {
        self.flush();
        if !self.bailed {
            let what = format!("the run bailed out: {reason}");
            let hint = "the tests after this line did not run";
            self.sink.problem(Place::Line(self.number), what, hint);
        }
        self.bailed = true;
    }

    /// Another document in the same stream.
    fn restart(&mut self) {
        self.finish();
        self.levels = Levels::new(self.limits.depth);
        self.bailed = false;
        self.comment = None;
    }

    fn finish(&mut self) {
        if let (Some(yaml), Some(point)) = (self.yaml.take(), &mut self.point) {
            point.fields = yaml.into_fields();
        }
        self.flush();
        self.close_below(0);
        if let Some(mismatch) = self.levels.mismatch() {
            self.say_mismatch(mismatch);
        }
    }
}

#[cfg(test)]
#[path = "tap/tests.rs"]
mod tests;
