//! Failure texts that mean the same: mask what varies, hash what is left (`reference` C8: mask, then exact hash).

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes of a masked text count. Longer texts differ in their tails by dumps and timings, not by cause.
const SIGNIFICANT_BYTES: usize = 512;

/// The hash of a masked failure text: equal signatures mean "fails like this".
///
/// XXH3-64 of [`mask`]'s first 512 bytes, signed. Recorded in history, so a change of the masking needs a new schema version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(transparent)]
pub struct Signature(#[serde(with = "crate::hex")] pub i64);

impl Signature {
    /// The signature of a raw failure text.
    pub fn of(text: &str) -> Self {
        let masked = mask(text);
        let (significant, _tail) = masked.split_at(masked.floor_char_boundary(SIGNIFICANT_BYTES));
        Self(xxh3_64(significant.as_bytes()).cast_signed())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text with everything masked that differs between two failures of one cause: numbers, hex, UUIDs, addresses, times
/// and temporary paths become `#`; runs of white space become one blank.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(2 * SIGNIFICANT_BYTES));
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        flush(&mut word, &mut out);
        push_separator(c, &mut out);
        if out.len() > 2 * SIGNIFICANT_BYTES {
            break;
        }
    }
    flush(&mut word, &mut out);
    out.trim().to_owned()
}

fn push_separator(c: char, out: &mut String) {
    if !c.is_whitespace() {
        out.push(c);
    } else if !out.ends_with(' ') {
        out.push(' ');
    }
}

/// Appends a word, masked where it varies.
fn flush(word: &mut String, out: &mut String) {
    if word.is_empty() {
        return;
    }
    if is_hex(word) {
        out.push('#');
    } else {
        mask_digits(word, out);
    }
    word.clear();
}

fn is_hex(word: &str) -> bool {
    if let Some(digits) = word.strip_prefix("0x") {
        return digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    word.len() >= 8
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && word.bytes().any(|b| b.is_ascii_digit())
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

#[cfg(test)]
mod tests {
    use super::{Signature, mask};

    #[test]
    fn numbers_hex_and_addresses_are_masked() {
        assert_eq!(mask("took 12.5s at 0xDEADBEEF"), "took #.#s at #");
        assert_eq!(
            mask("id 550e8400-e29b-41d4-a716-446655440000"),
            "id #-e#b-#d#-a#-#"
        );
    }

    #[test]
    fn equal_causes_have_equal_signatures() {
        assert_eq!(
            Signature::of("timeout after 30 s\n  on 10.0.0.7:4123"),
            Signature::of("timeout after 8 s on 10.0.0.19:80")
        );
        assert_ne!(
            Signature::of("timeout after 30 s"),
            Signature::of("refused after 30 s")
        );
    }
}
