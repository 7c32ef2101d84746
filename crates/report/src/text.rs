//! Text that came from a pull request, made harmless to show, and the few ways to write a number.

use std::fmt;

use model::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The longest name, path or sentence that is shown, in characters. Names of parameterised tests reach a few hundred.
pub(crate) const NAME_CHARS: usize = 300;

/// Combining marks in a row that are shown; more of them only serve to smear over the neighbouring lines.
const COMBINING_MARKS: usize = 3;

/// Appends formatted text to a `String`.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {
        $crate::text::append(&mut $out, format_args!($($format)*))
    };
}
pub(crate) use put;

/// What `put!` stands for.
pub(crate) fn append(out: &mut String, text: fmt::Arguments<'_>) {
    // A `String` takes everything; there is no error to lose.
    fmt::Write::write_fmt(out, text).unwrap_or_default();
}

/// One line of text with everything that could act on a terminal or a reader made visible: control characters as
/// their Unicode pictures, characters without width and those that turn the direction of writing as `<U+202E>`.
///
/// No more than `limit` characters of `text` are kept; `…` says that there was more.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let mut chars = text.trim().chars();
    let mut out = visible(chars.by_ref().take(limit));
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

fn visible(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut marks = 0;
    for c in chars {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        push_visible(c, marks, &mut out);
    }
    out
}

/// Text of several lines that names tests, jobs or runs, made harmless for a terminal and for the log of a CI system: control
/// characters and those that turn the direction of writing become visible, and no line is a command.
pub fn harmless(text: &str) -> String {
    let lines = text.lines().map(|line| visible(line.chars()) + "\n");
    without_commands(&lines.collect::<String>())
}

/// A name or a path, as [`line()`] shows it.
pub(crate) fn name(text: &str) -> String {
    line(text, NAME_CHARS)
}

/// The most that is shown of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Lines.
    pub(crate) lines: usize,
    /// Characters of a line.
    pub(crate) chars: usize,
}

/// The lines of a text that there is room for, each as [`line()`] shows it and with tabs as blanks.
/// Empty lines at both ends are dropped; a last line `…` says that there was more.
pub(crate) fn lines(text: &str, room: Room) -> Vec<String> {
    let mut all = text.trim().lines();
    let mut out: Vec<String> = all
        .by_ref()
        .take(room.lines)
        .map(|l| indented(l, room.chars))
        .collect();
    if all.next().is_some() {
        out.push("…".to_owned());
    }
    out
}

/// A line whose indent is kept.
fn indented(text: &str, limit: usize) -> String {
    let text = text.replace('\t', "    ");
    let indent = text.len() - text.trim_start().len();
    format!("{}{}", " ".repeat(indent.min(24)), line(&text, limit))
}

fn push_visible(c: char, marks: usize, out: &mut String) {
    match c {
        '\0'..='\x1f' => out.push(picture(u32::from(c))),
        '\x7f' => out.push('␡'),
        _ if is_invisible(c) || marks > COMBINING_MARKS => out.push_str(&code_point(c)),
        _ => out.push(c),
    }
}

/// The picture of a control character: U+2400 and on.
fn picture(code: u32) -> char {
    char::from_u32(0x2400 + code).unwrap_or('�')
}

fn code_point(c: char) -> String {
    format!("<U+{:04X}>", u32::from(c))
}

/// Whether a character shows nothing itself and changes how others are read: C1 controls, separators of lines, signs of
/// direction, joiners, blanks without width, fillers, tags, and variation selectors beyond the emoji ones.
///
/// Source: Unicode 16, `Default_Ignorable_Code_Point` and `Bidi_Control`, and the list of CVE-2021-42574.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text for a log, in which no line is a command to the CI system that shows the log. Every line ends with a line break.
///
/// GitHub takes a line that starts with `::` after any blanks, and `##[` anywhere; Azure and `TeamCity` take `##vso[` and
/// `##teamcity[`. A blank inside keeps them readable and stops them.
pub(crate) fn without_commands(text: &str) -> String {
    let mut out = inert(text);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// The same lines, none of which is a command to a CI system: a page may be printed, too.
pub(crate) fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start();
        let (blanks, _) = line.split_at(line.len() - rest.len());
        match rest.strip_prefix("::") {
            Some(rest) => put!(out, "{blanks}: :{rest}"),
            None => out.push_str(line),
        }
    }
    for command in ["##[", "##vso[", "##teamcity["] {
        if out.contains(command) {
            out = out.replace(command, &command.replacen("##", "# #", 1));
        }
    }
    out
}

/// Columns that a text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// A probability as a person reads it: `97 %`, never `100 %` or `0 %`, for no count proves either.
pub(crate) fn percent(p: f64) -> String {
    if p.is_nan() {
        "unknown".to_owned()
    } else if p > 0.99 {
        "> 99 %".to_owned()
    } else if p < 0.01 {
        "< 1 %".to_owned()
    } else {
        format!("{:.0} %", p * 100.0)
    }
}

/// A whole number with a comma between thousands.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 run`, `2 runs`, `0 runs`.
pub(crate) fn count(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(n))
}

/// A length of time in days: `14 days`, `1 day`, `2.5 days`, `less than a day`.
pub(crate) fn days(days: f64) -> String {
    if days < 0.5 {
        return "less than a day".to_owned();
    }
    let step = if days < 10.0 { 10.0 } else { 1.0 };
    let rounded = (days * step).round() / step;
    let plural = if (rounded - 1.0).abs() < 0.05 {
        ""
    } else {
        "s"
    };
    format!("{rounded} day{plural}")
}

/// A length of time in the unit that gives two or three digits: `12 ms`, `1.4 s`, `3 min 5 s`.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 0.9995 {
        format!("{:.0} ms", seconds.max(0.0) * 1000.0)
    } else if seconds < 99.5 {
        format!("{seconds:.1} s")
    } else {
        let whole = seconds.round();
        format!("{} min {} s", (whole / 60.0).floor(), whole % 60.0)
    }
}

/// A moment to the minute: `2026-11-20 10:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    let full = at.to_string();
    match (full.get(..10), full.get(11..16)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        _ => full,
    }
}

/// The first twelve characters of a commit.
pub(crate) fn short_commit(commit: &str) -> String {
    name(commit).chars().take(12).collect()
}

/// A web address, or nothing when it is no `https://` or `http://` one or holds anything that could end it early.
pub(crate) fn safe_url(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&*+,;=%".contains(&b);
    let fits = !rest.is_empty() && url.len() <= 2000;
    (fits && rest.bytes().all(plain)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::without_commands;
    use super::{
        Room, count, days, grouped, harmless, line, lines, moment, percent, safe_url, seconds,
    };
    use model::Timestamp;

    #[test]
    fn what_acts_on_a_terminal_becomes_visible() {
        assert_eq!(line("a\x1b[31mred\x07\n\u{9b}", 99), "a␛[31mred␇␊<U+009B>");
        assert_eq!(
            line("user\u{202e}gpj.exe\u{200b}", 99),
            "user<U+202E>gpj.exe<U+200B>"
        );
        assert_eq!(
            line("e\u{301}\u{301}\u{301}\u{301}", 99),
            "e\u{301}\u{301}\u{301}<U+0301>"
        );
        assert_eq!(line("größer 大 ☃", 99), "größer 大 ☃");
    }

    #[test]
    fn no_line_of_a_log_is_a_command() {
        assert_eq!(
            without_commands("a ::b\n   ::error::x\n::::y\n##[group]##vso[z]\n"),
            "a ::b\n   : :error::x\n: :::y\n# #[group]# #vso[z]\n"
        );
    }

    #[test]
    fn text_of_several_lines_keeps_its_lines_and_nothing_that_acts() {
        assert_eq!(
            harmless("  test \x1b[2J\r\n::error::x\nb\u{202e}\n"),
            "  test ␛[2J\n: :error::x\nb<U+202E>\n"
        );
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(
            lines("\n a\r\n\tb\n\nc\nd", Room { lines: 4, chars: 9 }),
            ["a", "    b", "", "c", "…"]
        );
    }

    #[test]
    fn a_probability_is_never_certain() {
        let shown = [0.0, 0.004, 0.01, 0.5, 0.97, 0.99, 0.991, 1.0, f64::NAN].map(percent);
        assert_eq!(
            shown,
            [
                "< 1 %", "< 1 %", "1 %", "50 %", "97 %", "99 %", "> 99 %", "> 99 %", "unknown"
            ]
        );
    }

    #[test]
    fn counts_and_times_read_like_prose() {
        assert_eq!(
            (grouped(999), grouped(1_234_567)),
            ("999".into(), "1,234,567".into())
        );
        assert_eq!(
            [0, 1, 2].map(|n| count(n, "run")),
            ["0 runs", "1 run", "2 runs"]
        );
        assert_eq!(
            [1.0, 14.2, 2.46].map(days),
            ["1 day", "14 days", "2.5 days"]
        );
        assert_eq!(
            [0.0123, 1.44, 185.2].map(seconds),
            ["12 ms", "1.4 s", "3 min 5 s"]
        );
        assert_eq!(moment(Timestamp(1_795_132_800_250)), "2026-11-20 00:00 UTC");
    }

    #[test]
    fn only_plain_web_addresses_become_links() {
        assert!(safe_url("https://ci.example/run/1?a=b#c").is_some());
        for bad in [
            "javascript:alert(1)",
            "https://",
            "https://a b",
            "https://a\"b",
            "https://a(b)",
            "//x",
        ] {
            assert_eq!(safe_url(bad), None, "{bad}");
        }
    }
}
