//! What fails on other pull requests just now: evidence of a cause outside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use model::{RecordedRun, Signature, TestId, Timestamp};

/// Hours after which a failure on a pull request is forgotten, whatever the config asks for.
const KEPT_HOURS: f64 = 72.0;

/// One failure text on one pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    at: Timestamp,
    pr: u64,
    test: TestId,
}

/// The newest failures of pull requests, by signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherPrs {
    seen: BTreeMap<Signature, BTreeSet<Seen>>,
}

/// The other pull requests on which a text was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub(crate) same_test: BTreeSet<u64>,
    pub(crate) other_test: BTreeSet<u64>,
}

impl OtherPrs {
    /// Takes the failures of one recorded run of a pull request into account; runs of the base are ignored.
    pub fn observe(&mut self, run: &RecordedRun) {
        let Some(pr) = run.info.pr else { return };
        let at = run.info.started_at;
        for row in run.rows.iter().filter(|row| row.outcome.is_failure()) {
            if let Some(signature) = row.signature {
                let seen = Seen {
                    at,
                    pr,
                    test: row.id,
                };
                self.seen.entry(signature).or_default().insert(seen);
            }
        }
    }

    /// Forgets what is older than three days before `at`.
    pub fn forget(&mut self, at: Timestamp) {
        let oldest = at.plus_days(-KEPT_HOURS / 24.0);
        self.seen.retain(|_, seen| {
            seen.retain(|s| s.at >= oldest);
            !seen.is_empty()
        });
    }

    /// The pull requests other than `own` on which this text was seen within `span`.
    pub(crate) fn of(
        &self,
        test: TestId,
        signature: Signature,
        own: Option<u64>,
        span: RangeInclusive<Timestamp>,
    ) -> Elsewhere {
        let seen = self.seen.get(&signature).into_iter().flatten();
        let mut found = Elsewhere::default();
        for s in seen.filter(|s| span.contains(&s.at) && Some(s.pr) != own) {
            if s.test == test {
                found.same_test.insert(s.pr);
            } else {
                found.other_test.insert(s.pr);
            }
        }
        found
    }
}

impl Elsewhere {
    /// All of them, in rising order.
    pub(crate) fn prs(&self) -> Vec<u64> {
        self.same_test.union(&self.other_test).copied().collect()
    }
}
