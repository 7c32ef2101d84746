//! One line of TAP, without its indent.

/// What a line is.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// `TAP version 14`, `KTAP version 1`.
    Version,
    /// `1..4`, and whether everything is skipped.
    Plan(u64),
    /// `ok 1 - name`.
    Point(Point<'a>),
    /// `ok 1 - name {`: the points of the subtest follow.
    Open(Point<'a>),
    /// `}`: the end of such a subtest.
    Close,
    /// `Bail out! reason`.
    Bail(&'a str),
    /// `# text`.
    Comment(&'a str),
    /// Anything else.
    Other,
}

/// A test point.
#[derive(Debug, PartialEq)]
pub(super) struct Point<'a> {
    /// Whether it says `ok`.
    pub(super) ok: bool,
    /// Its number.
    pub(super) number: Option<u64>,
    /// Its description, escapes and directive taken off; may be empty.
    pub(super) name: String,
    /// Its directive.
    pub(super) directive: Option<Directive<'a>>,
}

/// What stands behind the `#` of a point.
#[derive(Debug, PartialEq)]
pub(super) enum Directive<'a> {
    /// It did not run, because.
    Skip(&'a str),
    /// It is known to fail, because.
    Todo(&'a str),
    /// node-tap: how long it took, in seconds.
    Seconds(f64),
}

impl<'a> Line<'a> {
    /// Reads a line.
    pub(super) fn parse(text: &'a str) -> Self {
        if let Some(comment) = text.strip_prefix('#') {
            return Self::Comment(comment);
        }
        if let Some(rest) = text.strip_prefix("Bail out!") {
            return Self::Bail(rest.trim());
        }
        if text == "}" {
            return Self::Close;
        }
        if text.starts_with("TAP version ") || text.starts_with("KTAP version ") {
            return Self::Version;
        }
        plan(text).or_else(|| point(text)).unwrap_or(Self::Other)
    }
}

fn plan(text: &str) -> Option<Line<'_>> {
    let (first, rest) = text.split_once("..")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (last, rest) = rest.split_at_checked(digits)?;
    let rest = rest.trim_start();
    if first.parse::<u64>().is_err() || !(rest.is_empty() || rest.starts_with('#')) {
        return None;
    }
    Some(Line::Plan(last.parse().ok()?))
}

fn point(text: &str) -> Option<Line<'_>> {
    let (ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, '-' | '#');
    if !(rest.is_empty() || rest.starts_with(ends)) {
        return None;
    }
    let (number, rest) = number(rest.trim_start());
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim();
    let (rest, opens) = match rest.strip_suffix('{') {
        Some(before) if before.is_empty() || before.ends_with(' ') => (before.trim_end(), true),
        _ => (rest, false),
    };
    let (name, directive) = split_directive(rest);
    let (name, directive) = match directive {
        None => split_timing(name),
        some => (name, some),
    };
    let name = unescape(name.trim());
    let point = Point {
        ok,
        number,
        name,
        directive,
    };
    Some(if opens {
        Line::Open(point)
    } else {
        Line::Point(point)
    })
}

/// A number that ends with its word.
fn number(text: &str) -> (Option<u64>, &str) {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at_checked(digits).unwrap_or(("", text));
    if rest.is_empty() || rest.starts_with([' ', '\t', '-', '#']) {
        (number.parse().ok(), rest)
    } else {
        (None, text)
    }
}

/// Takes off the time that bats writes behind a name: `adds in 31ms`.
fn split_timing(text: &str) -> (&str, Option<Directive<'_>>) {
    let split = text.rsplit_once(" in ");
    let split = split.filter(|(_, time)| time.ends_with("ms"));
    let timed = split.and_then(|(name, time)| Some((name, seconds(time)?)));
    match timed {
        Some((name, seconds)) => (name, Some(Directive::Seconds(seconds))),
        None => (text, None),
    }
}

/// Splits at the first `#` that is not escaped and begins a directive.
fn split_directive(text: &str) -> (&str, Option<Directive<'_>>) {
    for (at, _) in text.match_indices('#') {
        let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
        let escapes = before.len() - before.trim_end_matches('\\').len();
        let directive = after
            .strip_prefix('#')
            .map(str::trim_start)
            .and_then(directive);
        if escapes.is_multiple_of(2) && directive.is_some() {
            return (before, directive);
        }
    }
    (text, None)
}

fn directive(text: &str) -> Option<Directive<'_>> {
    let starts = |prefix: &str| {
        let head = text.get(..prefix.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    // Looked at first: a line of nothing but `#` must not cost its square.
    if !(starts("skip") || starts("todo") || starts("time=")) {
        return None;
    }
    let reason = || {
        text.split_once(char::is_whitespace)
            .map_or("", |(_, reason)| reason.trim())
    };
    if starts("skip") {
        return Some(Directive::Skip(reason()));
    }
    let head = text.get(..text.floor_char_boundary(32)).unwrap_or_default();
    let word = head.split(char::is_whitespace).next().unwrap_or_default();
    if word.eq_ignore_ascii_case("todo") || word.eq_ignore_ascii_case("todo:") {
        return Some(Directive::Todo(reason()));
    }
    Some(Directive::Seconds(seconds(word.strip_prefix("time=")?)?))
}

/// `12.5ms` or `1.2s` in seconds.
fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1000.0),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let digits = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = number.parse().ok().filter(|_| digits)?;
    Some(number / unit)
}

/// TAP 14 writes `#` and `\` of a description as `\#` and `\\`.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escaped = (c == '\\').then(|| rest.next_if(|next| matches!(next, '#' | '\\')));
        out.push(escaped.flatten().unwrap_or(c));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Directive, Line};

    #[track_caller]
    fn point(text: &str) -> (bool, Option<u64>, String, Option<Directive<'_>>) {
        let Line::Point(point) = Line::parse(text) else {
            panic!("no point: {text}");
        };
        (point.ok, point.number, point.name, point.directive)
    }

    #[test]
    fn points_are_read_as_loosely_as_they_are_written() {
        assert_eq!(point("ok"), (true, None, String::new(), None));
        assert_eq!(
            point("ok 2-description"),
            (true, Some(2), "description".to_owned(), None)
        );
        assert_eq!(
            point("not ok-no number"),
            (false, None, "no number".to_owned(), None)
        );
        assert_eq!(
            point("ok 2nd thing"),
            (true, None, "2nd thing".to_owned(), None)
        );
        assert_eq!(Line::parse("okay then"), Line::Other);
        assert_eq!(Line::parse("ok: done"), Line::Other);
    }

    #[test]
    fn directives_are_told_from_descriptions() {
        let directive = |text| point(text).3;
        assert_eq!(
            directive("ok 15-# skip skip 15"),
            Some(Directive::Skip("skip 15"))
        );
        assert_eq!(directive("ok 1 # SKIPPED: no"), Some(Directive::Skip("no")));
        assert_eq!(
            directive("not ok 1 a # TODO later"),
            Some(Directive::Todo("later"))
        );
        assert_eq!(
            directive("ok 1 a # time=1500ms"),
            Some(Directive::Seconds(1.5))
        );
        assert_eq!(point("ok 1 adds in 31ms").2, "adds");
        assert_eq!(point("ok 1 ends in ms").2, "ends in ms");
        assert_eq!(directive("ok 1 a \\# TODO later"), None);
        assert_eq!(point("ok 1 - issue #42 \\#1 \\\\ b").2, "issue #42 #1 \\ b");
    }

    #[test]
    fn plans_are_read() {
        assert_eq!(Line::parse("1..4"), Line::Plan(4));
        assert_eq!(Line::parse("1..0 # skip because"), Line::Plan(0));
        assert_eq!(Line::parse("1..4 apples"), Line::Other);
        assert_eq!(Line::parse("1..99999999999999999999999"), Line::Other);
    }
}
