//! The tests of a snapshot that is one file: names in the order of the alphabet, which compresses best, without the ids that follow from them; every
//! other part says the place of a test in the list instead of its id. An id is eight random bytes, a place next to nothing.

use std::io::Read as _;

use model::{TestId, TestName};
use serde::{Deserialize, Serialize};
use verdict::{Baseline, suite_number};

use super::{WHOLE_ZSTD, pack, unpack};
use crate::{Error, Result, dictionary::Names};

const KEY: &str = "snapshot names";

/// No list of names is longer: 64 MiB are half a million names of a hundred characters.
const MOST_BYTES: u64 = 64 << 20;

/// All names together are no longer once they are whole, with their suites.
const MOST_WHOLE: u64 = 256 << 20;

/// How the parts of a snapshot say which test they mean: by its id, or by its place in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tests {
    /// In rising order, with the number of the suite that follows from the name.
    listed: Option<Vec<(TestId, u32)>>,
}

/// Names as they are written.
#[derive(Default, Serialize, Deserialize)]
struct Written {
    /// Suite and class, and how many of the names are in it.
    groups: Vec<(String, Option<String>, u64)>,
    lengths: Vec<u64>,
    names: String,
    /// Tests without a name, and those whose id is not that of their name.
    others: Vec<(i64, Option<TestName>)>,
}

impl Tests {
    /// All tests of a baseline.
    pub(super) fn of(baseline: &Baseline) -> Self {
        let named = baseline.names.keys().copied();
        let ids = named.chain(baseline.entries.keys().map(|(id, _)| *id));
        let ids = ids.chain(baseline.test_texts.keys().copied());
        Self::list(ids.collect(), &baseline.names)
    }

    fn list(mut ids: Vec<TestId>, names: &Names) -> Self {
        ids.sort_unstable();
        ids.dedup();
        let suite = |id: &TestId| names.get(id).map_or(0, suite_number);
        let listed = ids.into_iter().map(|id| (id, suite(&id)));
        Self {
            listed: Some(listed.collect()),
        }
    }

    pub(super) fn are_listed(&self) -> bool {
        self.listed.is_some()
    }

    fn place(&self, id: TestId) -> Option<usize> {
        let listed = self.listed.as_ref()?;
        listed.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    /// What stands for a test.
    pub(super) fn number(&self, id: TestId) -> i64 {
        let place = self.place(id).and_then(|place| i64::try_from(place).ok());
        place.unwrap_or(id.0)
    }

    /// The test that a number stands for.
    pub(super) fn id(&self, number: i64) -> Option<TestId> {
        match &self.listed {
            None => Some(TestId(number)),
            Some(listed) => Some(listed.get(usize::try_from(number).ok()?)?.0),
        }
    }

    /// The number of the suite of a test as it follows from its name; 0 where tests are not listed.
    pub(super) fn suite(&self, id: TestId) -> u32 {
        let listed = self.listed.as_ref().zip(self.place(id));
        let found = listed.and_then(|(listed, place)| listed.get(place));
        found.map_or(0, |(_, suite)| *suite)
    }
}

/// The bytes of the list of tests.
pub(super) fn encode(baseline: &Baseline, tests: &Tests) -> Result<Vec<u8>> {
    let mut written = Written::default();
    let mut named: Vec<&TestName> = Vec::new();
    for (id, _) in tests.listed.iter().flatten() {
        match baseline.names.get(id) {
            Some(name) if name.id() == *id => named.push(name),
            other => written.others.push((id.0, other.cloned())),
        }
    }
    named.sort_unstable();
    for name in named {
        written.push(name);
    }
    let packed = zstd::bulk::compress(&pack(&written)?, WHOLE_ZSTD);
    packed.map_err(|error| Error::corrupt(KEY, error))
}

/// The names, and what the numbers of the other parts stand for.
pub(super) fn decode(bytes: &[u8]) -> Result<(Names, Tests)> {
    let damaged = |error| Error::corrupt(KEY, error);
    let decoder = zstd::Decoder::with_buffer(bytes).map_err(damaged)?;
    let mut packed = Vec::new();
    let read = decoder.take(MOST_BYTES + 1).read_to_end(&mut packed);
    if read.map_err(damaged)? as u64 > MOST_BYTES {
        return Err(Error::corrupt(KEY, "it is too long"));
    }
    let written: Written = unpack(&packed)?;
    let mut names: Names = written.named()?.map(|name| (name.id(), name)).collect();
    let mut ids: Vec<TestId> = names.keys().copied().collect();
    for (id, name) in written.others {
        ids.push(TestId(id));
        names.extend(name.map(|name| (TestId(id), name)));
    }
    let tests = Tests::list(ids, &names);
    Ok((names, tests))
}

impl Written {
    fn push(&mut self, test: &TestName) {
        match self.groups.last_mut() {
            Some((suite, class, count)) if *suite == test.suite && *class == test.class => {
                *count += 1;
            }
            _ => self
                .groups
                .push((test.suite.clone(), test.class.clone(), 1)),
        }
        self.lengths.push(test.name.len() as u64);
        self.names.push_str(&test.name);
    }

    /// Bytes that the suites and classes of all names take, each beside its name; `None` for more than there can be.
    fn whole(&self) -> Option<u64> {
        let left = self.lengths.len() as u64;
        let mut all: u64 = 0;
        for (suite, class, count) in &self.groups {
            let scope = suite.len() + class.as_ref().map_or(0, String::len);
            all = all.checked_add((*count).min(left).checked_mul(scope as u64)?)?;
        }
        Some(all).filter(|all| *all <= MOST_WHOLE)
    }

    fn named(&self) -> Result<impl Iterator<Item = TestName>> {
        if self.whole().is_none() {
            return Err(Error::corrupt(KEY, "its suites are too long"));
        }
        let mut rest = self.names.as_str();
        let mut cut = |length: &u64| {
            let (name, after) = rest.split_at_checked(usize::try_from(*length).ok()?)?;
            rest = after;
            Some(name)
        };
        let names: Option<Vec<&str>> = self.lengths.iter().map(&mut cut).collect();
        let names = names.ok_or_else(|| Error::corrupt(KEY, "a name is cut off"))?;
        let groups = self.groups.iter().flat_map(|(suite, class, count)| {
            std::iter::repeat_n((suite, class), usize::try_from(*count).unwrap_or(0))
        });
        Ok(names
            .into_iter()
            .zip(groups)
            .map(|(name, (suite, class))| TestName::new(suite, class.as_deref(), name)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{TestId, TestName};
    use proptest::prelude::*;
    use verdict::Baseline;

    use super::{Tests, Written, decode, encode, pack};

    #[test]
    fn a_short_file_cannot_ask_for_all_memory() {
        let written = Written {
            groups: vec![("s".repeat(1 << 20), None, 1 << 20)],
            lengths: vec![0; 1 << 20],
            ..Written::default()
        };
        let packed = zstd::bulk::compress(&pack(&written).unwrap(), 3).unwrap();
        assert!(packed.len() < 2_000);
        let error = decode(&packed).unwrap_err().to_string();
        assert!(error.contains("too long"), "{error}");
    }

    fn back(names: BTreeMap<TestId, TestName>) -> (Baseline, Tests) {
        let mut baseline = Baseline {
            names,
            ..Baseline::default()
        };
        // A test without a name.
        baseline.test_texts.entry(TestId(-7)).or_default();
        let tests = Tests::of(&baseline);
        let bytes = encode(&baseline, &tests).unwrap();
        let (names, read) = decode(&bytes).unwrap();
        assert_eq!(read, tests);
        baseline.names = names;
        (baseline, tests)
    }

    #[test]
    fn a_test_is_its_place_in_the_list_and_its_id_follows_from_its_name() {
        let names = ["b", "a"].map(|name| TestName::new("suite", None, name));
        let mut names: BTreeMap<_, _> = names.into_iter().map(|name| (name.id(), name)).collect();
        names.insert(TestId(5), TestName::new("of another id", Some("c"), "d"));
        let (baseline, tests) = back(names.clone());
        assert_eq!(baseline.names, names);
        for id in names.keys().copied().chain([TestId(-7)]) {
            assert_eq!(tests.id(tests.number(id)), Some(id));
        }
        assert_eq!(tests.id(4), None);
        assert_eq!(Tests::default().id(4), Some(TestId(4)));
    }

    proptest! {
        #[test]
        fn names_come_back(names: Vec<(String, Option<String>, String)>) {
            let names = names.iter().map(|(s, c, n)| TestName::new(s, c.as_deref(), n));
            let names: BTreeMap<_, _> = names.map(|name| (name.id(), name)).collect();
            prop_assert_eq!(back(names.clone()).0.names, names);
        }

        #[test]
        fn hostile_bytes_are_an_error(bytes: Vec<u8>) {
            let packed = zstd::bulk::compress(&bytes, 1).unwrap();
            let _no_panic = (decode(&bytes), decode(&packed));
        }
    }
}
