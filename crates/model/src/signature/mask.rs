//! Masking: everything that differs between two failures of one cause becomes `#`.

/// Bytes of masked text that are made: four times what a signature reads, because neighbours are joined at the end.
const MADE_BYTES: usize = 2048;

/// Bytes of a raw text that are read.
const READ_BYTES: usize = 16 * 1024;

/// Folders whose next part is made up for one run, or names a person.
const FOLDERS: [&str; 6] = ["/tmp/", "/T/", "/Temp/", "/_temp/", "/home/", "/Users/"];

/// Shortest word of letters and digits that may be a random name.
const LEAST_RANDOM: usize = 6;

/// The text with everything masked that differs between two failures of one cause: numbers with their sign, fraction, exponent and
/// unit of time, hex, UUIDs, addresses with ports, dates and times, random names, and the part of a path after a temporary or
/// home folder become `#`; lists of these become one; terminal colours go; runs of white space become one blank.
pub fn mask(text: &str) -> String {
    let head = text
        .get(..text.floor_char_boundary(READ_BYTES))
        .unwrap_or(text);
    let mut out = String::with_capacity(head.len().min(MADE_BYTES));
    let mut rest = head;
    while let Some(c) = rest.chars().next() {
        if out.len() > MADE_BYTES {
            break;
        }
        rest = if c == '\u{1b}' {
            after_escape(rest)
        } else if c.is_alphanumeric() {
            word(rest, &mut out)
        } else {
            push_separator(c, &mut out);
            after_folder(rest.get(c.len_utf8()..).unwrap_or(""), &mut out)
        };
    }
    joined(out.trim())
}

fn push_separator(c: char, out: &mut String) {
    if !c.is_whitespace() {
        // One kind of slash, so that a path masks alike on every system.
        out.push(if c == '\\' { '/' } else { c });
    } else if !out.ends_with(' ') {
        out.push(' ');
    }
}

/// What follows a terminal escape sequence (ESC, `[`, parameters, a letter).
fn after_escape(text: &str) -> &str {
    let after = text.get(1..).unwrap_or("");
    let Some(sequence) = after.strip_prefix('[') else {
        return after;
    };
    let end = sequence.find(|c: char| c.is_ascii_alphabetic());
    end.and_then(|end| sequence.get(end + 1..)).unwrap_or("")
}

/// Masks the next part of a path when what is written so far ends with a folder whose parts are made up.
fn after_folder<'a>(rest: &'a str, out: &mut String) -> &'a str {
    if !out.ends_with('/') || !FOLDERS.iter().any(|folder| out.ends_with(folder)) {
        return rest;
    }
    let end = |c: char| c.is_whitespace() || "/\\\"'`:,;)]}>".contains(c);
    let end = rest.find(end).unwrap_or(rest.len());
    if end > 0 {
        out.push('#');
    }
    rest.get(end..).unwrap_or("")
}

/// Masks the word (letters and digits) at the start of the text; gives what follows.
fn word<'a>(text: &'a str, out: &mut String) -> &'a str {
    if let Some(rest) = after_uuid(text) {
        out.push('#');
        return rest;
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if is_hex(word) || is_quantity(word) || is_random(word) {
        out.push('#');
    } else {
        mask_digits(word, out);
    }
    rest
}

/// What follows a UUID (8-4-4-4-12 hex digits) at the start of the text.
fn after_uuid(text: &str) -> Option<&str> {
    let uuid = text.get(..36)?;
    let mut parts = uuid.split('-');
    let fits = [8, 4, 4, 4, 12].into_iter().all(|len| {
        let part = parts.next().unwrap_or("");
        part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit())
    });
    let rest = text.get(36..)?;
    let ends = !rest.starts_with(char::is_alphanumeric);
    (fits && ends && parts.next().is_none()).then_some(rest)
}

/// `0x...`, or eight and more hex digits with a digit among them.
fn is_hex(word: &str) -> bool {
    if let Some(digits) = word.strip_prefix("0x") {
        return digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    word.len() >= 8
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && word.bytes().any(|b| b.is_ascii_digit())
}

/// Numbers with units, one after the other: `30s`, `1m30s`, `500ms`, `1e`, `02T03`, `05Z`, `512MiB`.
fn is_quantity(word: &str) -> bool {
    const UNITS: [&str; 27] = [
        "", "ns", "us", "µs", "μs", "ms", "s", "sec", "secs", "m", "min", "mins", "h", "hr", "d",
        "e", "E", "T", "Z", "B", "KB", "kB", "MB", "GB", "KiB", "MiB", "GiB",
    ];
    let mut rest = word;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(char::is_numeric);
        let end = after.find(char::is_numeric).unwrap_or(after.len());
        let unit = after.get(..end).unwrap_or("");
        if after.len() == rest.len() || !UNITS.contains(&unit) {
            return false;
        }
        rest = after.get(end..).unwrap_or("");
    }
    true
}

/// A made-up name: `tmp` and four more, or letters and digits that change places three times and more.
fn is_random(word: &str) -> bool {
    if word
        .strip_prefix("tmp")
        .is_some_and(|name| name.len() >= 4 && name.chars().any(char::is_numeric))
    {
        return true;
    }
    let numeric = word.chars().map(char::is_numeric);
    let changes = numeric.clone().zip(numeric.skip(1)).filter(|(a, b)| a != b);
    word.len() >= LEAST_RANDOM && changes.count() >= 3
}

fn mask_digits(word: &str, out: &mut String) {
    let mut in_number = false;
    for c in word.chars() {
        if !c.is_numeric() {
            out.push(c);
        } else if !in_number {
            out.push('#');
        }
        in_number = c.is_numeric();
    }
}

/// Joins masks that belong together: `#.#`, `#:#`, `#-#`, `#, #` and a sign in front become one `#`.
fn joined(masked: &str) -> String {
    let mut out = String::with_capacity(masked.len());
    let mut rest = masked;
    while let Some(c) = rest.chars().next() {
        if c == '#' {
            drop_sign(&mut out);
            out.push('#');
            rest = after_list(rest);
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or("");
        }
    }
    out
}

/// Takes a sign that belongs to the number which follows.
fn drop_sign(out: &mut String) {
    let mut before = out.chars().rev();
    let sign = matches!(before.next(), Some('-' | '+'));
    let starts = before
        .next()
        .is_none_or(|c| c.is_whitespace() || "([{=,<>:".contains(c));
    if sign && starts {
        out.pop();
    }
}

/// What follows a list of masks at the start of the text.
fn after_list(text: &str) -> &str {
    const BETWEEN: [&str; 11] = [".", ",", ":", "-", "/", "+", ", ", ", -", "; ", ".-", ":-"];
    let mut rest = text.strip_prefix('#').unwrap_or(text);
    loop {
        let next = BETWEEN
            .iter()
            .find_map(|between| rest.strip_prefix(between)?.strip_prefix('#'));
        match next.or_else(|| rest.strip_prefix('#')) {
            Some(after) => rest = after,
            None => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::mask;

    #[test]
    fn what_differs_between_two_failures_of_one_cause_is_masked() {
        let cases = [
            ("took 12.5s at 0xDEADBEEF", "took # at #"),
            ("id 550e8400-e29b-41d4-a716-446655440000!", "id #!"),
            ("on 10.0.0.7:4123, port 80", "on #, port #"),
            ("at 2026-11-20T10:00:00.250Z ok", "at # ok"),
            ("in /tmp/pytest-of-ci/a.py:3", "in /tmp/#/a.py:#"),
            (
                "C:\\Users\\ci\\AppData\\Local\\Temp\\x1y2\\f",
                "C:/Users/#/AppData/Local/Temp/#/f",
            ),
            ("/home/runner/work/x", "/home/#/work/x"),
            ("waited 1m30s of 500ms", "waited # of #"),
            ("-0.0166 > 1e-05", "# > #"),
            ("[1, 2, -3]", "[#]"),
            ("shuffle-5e0c1b72 tmpab12cd", "shuffle-# #"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("python3 sha256 test_x1 utf8", "python# sha# test_x# utf#"),
        ];
        for (raw, masked) in cases {
            assert_eq!(mask(raw), masked, "{raw}");
        }
    }

    #[test]
    fn words_stay_words() {
        let plain =
            "TypeError: tax() got an unexpected keyword argument 'rate' (facade, decade, effaced)";
        assert_eq!(mask(plain), plain);
    }

    proptest! {
        #[test]
        fn numbers_tell_no_two_failures_apart(a in 0..100_000_u32, b in 0..65_536_u32) {
            let text = |a, b| mask(&format!("took {a} ms, expected {b} of 10.0.0.7:{b}"));
            prop_assert_eq!(text(a, b), text(1, 2));
        }

        #[test]
        fn any_text_is_masked_without_digits(text in any::<String>()) {
            prop_assert!(!mask(&text).chars().any(char::is_numeric));
        }
    }
}
