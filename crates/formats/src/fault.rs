//! From the texts that test runners print to a [`Failure`]: type, message, place and the head of the stack.

use model::Failure;

/// See [`join`].
const JOINED_BYTES: usize = 4 << 10;

/// Without the escape sequences that colour a terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1B}') {
        out.push_str(before);
        rest = after_escape(after);
    }
    out.push_str(rest);
    out
}

/// What follows an escape sequence: `[`, parameters and one letter. Anything else loses the ESC alone.
fn after_escape(text: &str) -> &str {
    let Some(sequence) = text.strip_prefix('[') else {
        return text;
    };
    let parameters = |c: char| c.is_ascii_digit() || matches!(c, ';' | ':' | '?');
    let rest = sequence.trim_start_matches(parameters);
    rest.strip_prefix(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(rest)
}

/// Titles from the outermost on as one name; `None` without any. Cut at a length that no real nesting has, so that deep
/// nesting of long titles does not cost its square.
pub(crate) fn join(titles: impl Iterator<Item: AsRef<str>>) -> Option<String> {
    let mut joined = String::new();
    for title in titles {
        let title = title.as_ref();
        if joined.len() > JOINED_BYTES {
            break;
        }
        if title.is_empty() {
            continue;
        }
        joined.push_str(if joined.is_empty() { "" } else { " › " });
        joined.push_str(title);
    }
    (!joined.is_empty()).then_some(joined)
}

/// A failure of a text without known structure: the first line is the message, the whole is the stack.
pub(crate) fn of_text(text: &str) -> Failure {
    let text = plain(text);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let message = lines.next().unwrap_or_default().trim().to_owned();
    let more = lines.next().is_some();
    Failure {
        message,
        stack: if more { text } else { String::new() },
        ..Failure::default()
    }
}

/// A failure of a message, where there is one, and a text that may say more.
pub(crate) fn of_parts(message: Option<&str>, text: Option<&str>) -> Failure {
    let text = text.unwrap_or_default();
    let Some(message) = message.filter(|message| !message.trim().is_empty()) else {
        return of_text(text);
    };
    Failure {
        message: plain(message).trim().to_owned(),
        stack: plain(text),
        ..Failure::default()
    }
}

/// A failure of JavaScript: type and message in front (`TypeError: x is not a function`), then `at` lines.
pub(crate) fn of_javascript(message: Option<&str>, stack: Option<&str>) -> Failure {
    let stack = plain(stack.unwrap_or_default());
    let head = before_frames(&stack);
    let given = message.map(plain).unwrap_or_default();
    let message = if given.trim().is_empty() {
        head
    } else {
        &given
    };
    let (kind, message) = split_kind(message.trim());
    let kind = kind.or_else(|| split_kind(head.trim()).0);
    let place = stack.lines().find_map(javascript_frame);
    Failure {
        kind: kind.map(str::to_owned),
        message: message.to_owned(),
        file: place.map(|(file, _line)| file.to_owned()),
        line: place.map(|(_file, line)| line),
        stack,
    }
}

/// The text before the first line that begins with `at `.
fn before_frames(stack: &str) -> &str {
    let mut end = 0;
    for line in stack.split_inclusive('\n') {
        if line.trim_start().starts_with("at ") {
            break;
        }
        end += line.len();
    }
    stack.get(..end).unwrap_or(stack)
}

/// `TypeError: x` as type and message; a type is one word that ends in `Error` or `Exception` (with a code in brackets after it).
fn split_kind(text: &str) -> (Option<&str>, &str) {
    let Some((kind, message)) = text.split_once(": ") else {
        return (None, text);
    };
    let word = kind.split(" [").next().unwrap_or(kind);
    let named = word.ends_with("Error") || word.ends_with("Exception");
    if named && !word.contains(char::is_whitespace) {
        (Some(word), message)
    } else {
        (None, text)
    }
}

/// File and line of a line `at f (file:1:2)` that is the project's own.
fn javascript_frame(line: &str) -> Option<(&str, u32)> {
    let frame = line.trim_start().strip_prefix("at ")?;
    let place = frame.rsplit_once('(').map_or(frame, |(_, place)| place);
    let place = place.trim_end_matches(')');
    let (place, _column) = place.rsplit_once(':')?;
    let (file, line) = place.rsplit_once(':')?;
    let foreign = file.contains("node_modules") || file.starts_with("node:") || file.contains('<');
    let file = file.strip_prefix("file://").unwrap_or(file);
    let file = file.strip_prefix("async ").unwrap_or(file);
    (!foreign).then_some((file, line.parse().ok()?))
}

/// A failure of Rust: what a test printed, with `panicked at` in it.
pub(crate) fn of_rust(message: Option<&str>, output: &str) -> Failure {
    let output = plain(output);
    let Some(panic) = rust_panic(&output) else {
        return of_parts(message, Some(&output));
    };
    let mut failure = panic;
    failure.stack = output;
    failure
}

fn rust_panic(output: &str) -> Option<Failure> {
    let (before, after) = output.split_once(" panicked at ")?;
    if !before.lines().last()?.trim_start().starts_with("thread ") {
        return None;
    }
    // Before Rust 1.73 the message stands in quotes before the place.
    let (place, message) = if let Some(quoted) = after.strip_prefix('\'') {
        let (message, place) = quoted.split_once("', ")?;
        (place.lines().next()?, message)
    } else {
        let (place, message) = after.split_once('\n')?;
        (place.trim_end().trim_end_matches(':'), message)
    };
    let end = ["\nstack backtrace:", "\nnote: "].iter();
    let end = end.filter_map(|mark| message.find(mark)).min();
    let message = message.get(..end.unwrap_or(message.len()))?.trim();
    let (file, line) = rust_place(place);
    Some(Failure {
        kind: Some("panic".to_owned()),
        message: message.to_owned(),
        stack: String::new(),
        file,
        line,
    })
}

/// `src/lib.rs:8:78` as file and line.
fn rust_place(place: &str) -> (Option<String>, Option<u32>) {
    let mut parts = place.trim().rsplitn(3, ':');
    let (_column, line, file) = (parts.next(), parts.next(), parts.next());
    let line = line.and_then(|line| line.parse().ok());
    (file.map(str::to_owned), line)
}

/// A failure of Perl's `Test::More`: `Failed test 'a'`, `at t.pl line 1.`, what was got and expected; `None` for other text.
pub(crate) fn of_perl(text: &str) -> Option<Failure> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("Failed test"))?;
    let place = lines
        .clone()
        .find_map(|line| line.strip_prefix("at ")?.split_once(" line "));
    let said = lines.filter(|line| !line.starts_with("at ") && !line.starts_with("Looks like you"));
    let said: Vec<&str> = said.collect();
    Some(Failure {
        message: said.join("\n"),
        file: place.map(|(file, _)| file.to_owned()),
        line: place.and_then(|(_, line)| line.trim_end_matches('.').parse().ok()),
        stack: text.to_owned(),
        ..Failure::default()
    })
}

/// A failure of Python: a traceback that ends in `ValueError: boom`.
pub(crate) fn of_python(text: &str) -> Failure {
    let text = plain(text);
    let Some((_, traceback)) = text.split_once("Traceback (most recent call last):") else {
        return of_text(&text);
    };
    let mut place = (None, None);
    let mut message = "";
    for line in traceback.lines() {
        if let Some(frame) = python_frame(line) {
            if place.0.is_none() || !is_library(frame.0) {
                place = (Some(frame.0.to_owned()), frame.1);
            }
            message = "";
        } else if message.is_empty() && !line.starts_with(char::is_whitespace) {
            message = line.trim();
        }
    }
    let (kind, message) = split_python_kind(message);
    Failure {
        kind: kind.map(str::to_owned),
        message: message.to_owned(),
        file: place.0,
        line: place.1,
        stack: text,
    }
}

/// Whether a file is part of Python or of an installed package.
fn is_library(file: &str) -> bool {
    file.contains("/site-packages/") || file.contains("/lib/python") || file.starts_with('<')
}

fn python_frame(line: &str) -> Option<(&str, Option<u32>)> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((file, digits.parse().ok()))
}

fn split_python_kind(line: &str) -> (Option<&str>, &str) {
    match line.split_once(": ") {
        Some((kind, message)) if !kind.contains(char::is_whitespace) => (Some(kind), message),
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use model::Failure;

    use super::{of_javascript, of_python, of_rust, of_text, plain};

    fn parts(failure: &Failure) -> (&str, &str, &str, u32) {
        let kind = failure.kind.as_deref().unwrap_or_default();
        let file = failure.file.as_deref().unwrap_or_default();
        let line = failure.line.unwrap_or_default();
        (kind, &failure.message, file, line)
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(plain("\u{1B}[31;1mred\u{1B}[0m \u{1B}(x\u{1B}"), "red (x");
    }

    #[test]
    fn a_javascript_error_is_taken_apart_and_blamed_on_the_projects_own_frame() {
        let stack = "TypeError [ERR_X]: no\n  more\n    at f (/p/node_modules/a.js:1:2)\n    at async g (/p/src/b.js:7:9)";
        let failure = of_javascript(None, Some(stack));
        assert_eq!(
            parts(&failure),
            ("TypeError", "no\n  more", "/p/src/b.js", 7)
        );
        let failure = of_javascript(Some("no"), Some(stack));
        assert_eq!(parts(&failure), ("TypeError", "no", "/p/src/b.js", 7));
    }

    #[test]
    fn rust_panics_of_old_and_new_compilers_are_read() {
        let new = "x\nthread 't::a' (31) panicked at src/lib.rs:8:78:\nassertion failed\n left: 1\nstack backtrace:\n 0: a";
        let failure = of_rust(None, new);
        assert_eq!(
            parts(&failure),
            ("panic", "assertion failed\n left: 1", "src/lib.rs", 8)
        );
        let old = "thread 'a' panicked at 'boom', src/a.rs:3:5\nnote: run with";
        assert_eq!(parts(&of_rust(None, old)), ("panic", "boom", "src/a.rs", 3));
        assert_eq!(of_rust(Some("did not panic"), "").message, "did not panic");
    }

    #[test]
    fn a_python_traceback_is_read_from_its_last_exception() {
        let text = "Traceback (most recent call last):\n  File \"/a.py\", line 3, in x\n    f()\n    ^\nValueError: boom\nsecond";
        assert_eq!(parts(&of_python(text)), ("ValueError", "boom", "/a.py", 3));
        assert_eq!(of_python("plain").message, "plain");
    }

    #[test]
    fn one_line_is_not_kept_twice() {
        assert_eq!(of_text("\n boom \n").stack, "");
        assert_eq!(of_text("boom\nat x").stack, "boom\nat x");
    }
}
