//! Which runs a snapshot has seen.

use std::collections::BTreeMap;

use model::{RunInfo, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{garbage::without_date, key::run_object};

/// Days for which seen runs are listed one by one; a run that is recorded later than that is not looked for.
const LISTED_DAYS: f64 = 62.0;

/// The runs that a snapshot has seen, by a hash of their key, with their start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Coverage {
    runs: BTreeMap<u64, i64>,
}

impl Coverage {
    pub(super) fn add(&mut self, info: &RunInfo) {
        self.runs.insert(hash(&run_object(info)), info.started_at.0);
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
        let horizon = self.horizon(newest).0;
        self.runs.retain(|_, start| *start >= horizon);
    }
}

fn hash(key: &str) -> u64 {
    xxh3_64(without_date(key).as_bytes())
}
