//! Durations as runners write them: plain seconds, locale numbers, clock times.

/// Seconds of a `time` attribute. `Ok(None)` when it is empty.
///
/// # Errors
/// When it is not a finite, non-negative duration.
pub(crate) fn seconds(text: &str) -> Result<Option<f64>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text
        .parse()
        .ok()
        .or_else(|| clock(text))
        .or_else(|| with_unit(text))
        .or_else(|| locale(text));
    match parsed {
        Some(value) if f64::is_finite(value) && value >= 0.0 => Ok(Some(value)),
        _ => Err(()),
    }
}

/// Seconds of a raw attribute that is a plain decimal number, as nearly all are; `None` for anything else.
///
/// Exact: below 2^53 both parts of the quotient are, and so the quotient is rounded once.
pub(crate) fn plain_seconds(raw: &[u8]) -> Option<f64> {
    const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    if raw.is_empty() || raw.len() > 15 {
        return None;
    }
    let (mut digits, mut decimals, mut dotted) = (0_u64, 0_usize, false);
    for byte in raw {
        match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + u64::from(byte - b'0');
                decimals += usize::from(dotted);
            }
            b'.' if !dotted => dotted = true,
            _ => return None,
        }
    }
    (raw != b".").then_some(digits as f64 / POWERS.get(decimals)?)
}

/// `h:mm:ss.fff`, `mm:ss`, or `d.hh:mm:ss.fffffff` as .NET writes it.
pub(crate) fn clock(text: &str) -> Option<f64> {
    let (days, text) = match text.split_once('.') {
        Some((days, rest)) if rest.contains(':') => (days.parse::<u32>().ok()?, rest),
        _ => (0, text),
    };
    let mut parts = text.rsplit(':');
    let mut total: f64 = number(parts.next()?)?;
    let mut unit = 60.0;
    let mut count = 0;
    for part in parts {
        total += number(part)? * unit;
        unit *= 60.0;
        count += 1;
    }
    (1..=2)
        .contains(&count)
        .then_some(f64::from(days).mul_add(86_400.0, total))
}

/// Digits with an optional dot, nothing else.
fn number(text: &str) -> Option<f64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|_| digits)
}

fn with_unit(text: &str) -> Option<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ')?;
    let (value, unit) = text.split_at_checked(split)?;
    let factor = match unit.trim() {
        "s" | "sec" | "secs" | "seconds" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        "m" | "min" => 60.0,
        _ => return None,
    };
    Some(number(value.trim())? * factor)
}

/// `1,234.5`, `1.234,5`, `1 234,5`, `1'234.5`, `0,160`.
///
/// A single separator is a decimal one; of two kinds the last is; one that repeats groups digits.
fn locale(text: &str) -> Option<f64> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", text),
    };
    let ungrouped: String = body
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{A0}' | '\u{202F}' | '\'' | '’'))
        .collect();
    let last = ungrouped.rfind([',', '.'])?;
    let separator = ungrouped.get(last..=last)?;
    let groups = ungrouped.matches(separator).count() > 1;
    let digits = |part: &str| part.replace([',', '.'], "");
    let whole = digits(ungrouped.get(..last)?);
    let rest = digits(ungrouped.get(last + 1..)?);
    let plain = whole
        .bytes()
        .chain(rest.bytes())
        .all(|b| b.is_ascii_digit());
    let text = if groups {
        format!("{sign}{whole}{rest}")
    } else {
        format!("{sign}{whole}.{rest}")
    };
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{plain_seconds, seconds};

    proptest! {
        #[test]
        fn the_quick_way_gives_the_very_same_number(text in r"[0-9]{0,7}(\.[0-9]{0,9})?") {
            if let Some(quick) = plain_seconds(text.as_bytes()) {
                prop_assert_eq!(Ok(quick), text.parse::<f64>());
            }
        }
    }

    #[test]
    fn every_way_to_write_a_duration_is_read() {
        let cases = [
            ("1.5", 1.5),
            (" 2 ", 2.0),
            ("1e-3", 0.001),
            ("1,234.5", 1234.5),
            ("14,029.255", 14_029.255),
            ("1,234,567", 1_234_567.0),
            ("1.234,5", 1234.5),
            ("0,160", 0.16),
            ("1 234,5", 1234.5),
            ("0:00:01.250", 1.25),
            ("01:02:03", 3723.0),
            ("1.00:00:01.5", 86_401.5),
            ("12ms", 0.012),
            ("0.5s", 0.5),
        ];
        for (text, expected) in cases {
            let read = seconds(text).ok().flatten().unwrap_or(-1.0);
            assert!((read - expected).abs() < 1e-9, "{text}: {read}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "NaN",
            "inf",
            "-1",
            "-1,5",
            "whatever",
            "2026-11-20T10:00:00",
            "1,2x",
            "x:y",
        ] {
            assert_eq!(seconds(text), Err(()), "{text}");
        }
        assert_eq!(seconds(" "), Ok(None));
    }
}
