//! Failure texts that mean the same: mask what varies, hash what is left.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

mod mask;

pub use mask::mask;

/// How many bytes of a masked text count. Longer texts differ in their tails by dumps and timings, not by cause.
const SIGNIFICANT_BYTES: usize = 512;

/// The hash of a masked failure text: equal signatures mean "fails like this".
///
/// XXH3-64 of [`mask()`]'s first 512 bytes, signed. Recorded in history, so a change of the masking needs a new schema version.
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

#[cfg(test)]
mod tests {
    use super::Signature;

    #[test]
    fn equal_causes_have_equal_signatures() {
        assert_eq!(
            Signature::of("timeout after 30 s\n  on 10.0.0.7:4123"),
            Signature::of("timeout after 8.5 s on 10.0.0.19:80")
        );
        assert_ne!(
            Signature::of("timeout after 30 s"),
            Signature::of("refused after 30 s")
        );
    }

    #[test]
    fn only_the_head_of_a_long_text_counts() {
        let head = "expected ".repeat(100);
        let (a, b) = (format!("{head} a dump"), format!("{head} another"));
        assert_eq!(Signature::of(&a), Signature::of(&b));
    }
}
