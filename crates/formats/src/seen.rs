//! Counts names in formats where two tests of one name are never attempts of one test, so that they can be kept apart.

use std::borrow::Cow;
use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

/// Names that are told apart in one file; a repeated name beyond them is taken for the first.
const NAMES: usize = 1 << 20;

/// How often each name was seen. Holds a hash, not the name: 12 bytes and the map's overhead.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    counts: BTreeMap<u64, u32>,
}

impl Seen {
    /// How often this name was seen, this time included.
    pub(crate) fn count(&mut self, name: &str) -> u32 {
        let hash = xxh3_64(name.as_bytes());
        if self.counts.len() >= NAMES && !self.counts.contains_key(&hash) {
            return 1;
        }
        let count = self.counts.entry(hash).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// The name, with ` (2)`, ` (3)`, ... behind it when `scope` already had it.
    pub(crate) fn unique<'a>(&mut self, scope: &str, name: &'a str) -> Cow<'a, str> {
        match self.count(&format!("{scope}\u{1F}{name}")) {
            1 => Cow::Borrowed(name),
            count => Cow::Owned(format!("{name} ({count})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn the_second_of_one_name_gets_a_number() {
        let mut seen = Seen::default();
        let mut unique = |scope, name| seen.unique(scope, name).into_owned();
        assert_eq!(unique("s", "a"), "a");
        assert_eq!(unique("s", "a"), "a (2)");
        assert_eq!(unique("t", "a"), "a");
    }
}
