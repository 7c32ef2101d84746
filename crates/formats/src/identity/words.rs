//! Words inside a name that vary from run to run.

use std::ops::Range;

/// The name with such words replaced by `#`; `None` when there are none.
pub(super) fn mask(name: &str) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    while at < name.len() {
        match varying(name, at) {
            Some(range) => {
                out.push_str(name.get(done..range.start).unwrap_or_default());
                out.push('#');
                done = range.end;
                at = range.end;
            }
            None => at = next_word(name, at),
        }
    }
    if done == 0 {
        return None;
    }
    out.push_str(name.get(done..).unwrap_or_default());
    Some(out)
}

/// Where the word after the one at `at` begins.
fn next_word(name: &str, at: usize) -> usize {
    let rest = name.get(at..).unwrap_or_default();
    let word = word_len(rest).max(1);
    let mut next = at + word;
    while !name.is_char_boundary(next) {
        next += 1;
    }
    next
}

/// How many bytes of letters and digits a text begins with.
fn word_len(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len())
}

fn digits_len(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The varying part that begins at the word at `at`.
fn varying(name: &str, at: usize) -> Option<Range<usize>> {
    let rest = name.get(at..)?;
    let before = name.get(..at)?;
    let range = |len: usize| at..at + len;
    temporary(rest)
        .map(|(start, len)| at + start..at + start + len)
        .or_else(|| uuid(rest).map(range))
        .or_else(|| date_time(rest).map(range))
        .or_else(|| stamp(rest).map(range))
        .or_else(|| address(before, rest).map(range))
        .or_else(|| numbered(rest).map(|(start, len)| at + start..at + start + len))
}

/// The directory below `/tmp/` and its like, and pytest's numbered ones: where it starts and how long it is.
fn temporary(rest: &str) -> Option<(usize, usize)> {
    let roots = [
        "/tmp/",
        "/var/folders/",
        "/private/var/folders/",
        "pytest-of-",
    ];
    let root = roots.into_iter().find(|root| rest.starts_with(root))?;
    let below = rest.get(root.len()..)?;
    let parts = if root.ends_with("folders/") {
        4
    } else {
        1 + usize::from(root == "pytest-of-")
    };
    let end = below
        .match_indices(['/', '\\', ' '])
        .nth(parts - 1)
        .map_or(below.len(), |(end, _)| end);
    Some((root.len(), end)).filter(|(_, len)| *len > 0 && !below.starts_with('#'))
}

fn uuid(rest: &str) -> Option<usize> {
    let text = rest.get(..36)?;
    let fits = text.bytes().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    });
    (fits && word_len(rest.get(36..)?) == 0).then_some(36)
}

/// `2026-11-20`, with a time of day or without.
fn date_time(rest: &str) -> Option<usize> {
    let date = rest.get(..10)?;
    let fits = date.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => matches!(b, b'-' | b'/' | b'_' | b'.'),
        _ => b.is_ascii_digit(),
    });
    if !fits || !(date.starts_with("19") || date.starts_with("20")) {
        return None;
    }
    let time = rest.get(10..).unwrap_or_default();
    let len = time
        .find(|c: char| {
            !(c.is_ascii_digit() || matches!(c, 'T' | 'Z' | ':' | '.' | '+' | '-' | '_' | ' '))
        })
        .unwrap_or(time.len());
    let time = time.get(..len).unwrap_or_default();
    let last_digit = time.rfind(|c: char| c.is_ascii_digit() || c == 'Z');
    Some(10 + last_digit.map_or(0, |at| at + 1))
}

/// A whole word of digits that is a moment: `20261120085502`, seconds or milliseconds since 1970 from 2001 on.
fn stamp(rest: &str) -> Option<usize> {
    let len = digits_len(rest);
    let whole = word_len(rest) == len;
    let plausible = match len {
        14 | 17 => rest.starts_with("20") || rest.starts_with("19"),
        10 | 13 | 16 | 19 => rest.starts_with('1') || rest.starts_with('2'),
        _ => false,
    };
    (whole && plausible).then_some(len)
}

/// `0x7f3a2b`; hexadecimal digits behind `@`, as Java prints an object.
fn address(before: &str, rest: &str) -> Option<usize> {
    let len = word_len(rest);
    let word = rest.get(..len)?;
    let hex = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if word.strip_prefix("0x").is_some_and(hex) {
        return Some(len);
    }
    let object = before.ends_with('@') && (5..=16).contains(&len);
    (object && hex(word) && word.bytes().any(|b| b.is_ascii_digit())).then_some(len)
}

/// Words whose number says which process or repetition it was.
const COUNTERS: [&str; 9] = [
    "shard",
    "worker",
    "pid",
    "attempt",
    "retry",
    "thread",
    "gw",
    "partition",
    "runner",
];

/// `shard 3/8`, `worker-1`, `pid=411`, `gw3`: where the number starts, and how long it is.
fn numbered(rest: &str) -> Option<(usize, usize)> {
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = rest.get(..letters)?;
    let counter = COUNTERS
        .into_iter()
        .find(|c| word.eq_ignore_ascii_case(c))?;
    let after = rest.get(letters..)?;
    let gap = after
        .bytes()
        .take_while(|b| matches!(b, b' ' | b'-' | b'_' | b'=' | b':' | b'#'))
        .count();
    if gap == 0 && counter != "gw" || gap > 2 || (counter == "gw") != (gap == 0) {
        return None;
    }
    let number = after.get(gap..)?;
    let len = fraction_len(number)?;
    (word_len(number.get(len..)?) == 0).then_some((letters + gap, len))
}

/// `3`, `3/8`, `3 of 8`, `3_of_8`.
fn fraction_len(text: &str) -> Option<usize> {
    let first = digits_len(text);
    if first == 0 {
        return None;
    }
    let rest = text.get(first..)?;
    let joints = ["/", " of ", "_of_", "-of-"];
    let second = joints.into_iter().find_map(|joint| {
        let len = digits_len(rest.strip_prefix(joint)?);
        (len > 0).then_some(joint.len() + len)
    });
    Some(first + second.unwrap_or(0))
}
