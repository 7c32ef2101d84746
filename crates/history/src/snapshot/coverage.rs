//! Which runs a snapshot has seen.

use std::collections::BTreeMap;

use model::{RunInfo, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{garbage::without_date, key::run_object};

/// Days for which seen runs are listed one by one; a run that is recorded later than that is not looked for.
const LISTED_DAYS: f64 = 62.0;

/// Bytes of a hash that are kept. A run that another one of the last 1,860 is mistaken for would not count: once in 10^11 runs.
const HASH_BYTES: usize = 6;

/// The runs that a snapshot has seen, by a hash of their key, with the day they started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ByDay", into = "ByDay")]
pub(super) struct Coverage {
    runs: BTreeMap<[u8; HASH_BYTES], i64>,
}

/// How it is written: hashes are random, days are not.
type ByDay = BTreeMap<i64, Vec<[u8; HASH_BYTES]>>;

impl From<ByDay> for Coverage {
    fn from(days: ByDay) -> Self {
        let runs = days
            .into_iter()
            .flat_map(|(day, runs)| runs.into_iter().map(move |run| (run, day)));
        Self {
            runs: runs.collect(),
        }
    }
}

impl From<Coverage> for ByDay {
    fn from(coverage: Coverage) -> Self {
        let mut days = Self::new();
        for (run, day) in coverage.runs {
            days.entry(day).or_default().push(run);
        }
        days
    }
}

impl Coverage {
    pub(super) fn add(&mut self, info: &RunInfo) {
        let day = info.started_at.day_number();
        self.runs.insert(hash(&run_object(info)), day);
    }

    pub(super) fn has(&self, info: &RunInfo) -> bool {
        self.has_key(&run_object(info))
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.runs.contains_key(&hash(key))
    }

    /// Runs before this moment are not looked for any more.
    #[expect(clippy::unused_self, reason = "a question to the coverage")]
    pub(super) fn horizon(&self, newest: Timestamp) -> Timestamp {
        newest.plus_days(-LISTED_DAYS)
    }

    pub(super) fn forget(&mut self, newest: Timestamp) {
        let horizon = self.horizon(newest).day_number();
        self.runs.retain(|_, day| *day >= horizon);
    }
}

fn hash(key: &str) -> [u8; HASH_BYTES] {
    let hash = xxh3_64(without_date(key).as_bytes()).to_le_bytes();
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
