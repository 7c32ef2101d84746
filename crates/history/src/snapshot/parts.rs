//! The files of a snapshot: three, so that a check reads no more than it needs; on a branch, where a round trip costs more than bytes, one with all three in it.
//! And what a store knows of the runs that a snapshot has not seen.

use std::collections::BTreeSet;

use bytes::Bytes;
use model::Timestamp;

use super::{BaselineOf, BaselineRead, Coverage, Head, REPLAY_DAYS, holds_unseen};
use crate::{Error, Result, history::History, key::Lane, plan::start_of_day};

/// The first bytes of the file with all three.
const MAGIC: &[u8; 8] = b"SPRAGSN1";

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What every test has.
    Baseline,
    /// What only tests that failed have.
    Detail,
    Names,
}

impl Part {
    pub(super) fn key(self, folder: &str) -> String {
        let name = match self {
            Self::Baseline => "baseline",
            Self::Detail => "detail",
            Self::Names => "names",
        };
        format!("{folder}/{name}.parquet")
    }
}

/// All three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) baseline: Bytes,
    pub(super) detail: Bytes,
    pub(super) names: Bytes,
}

impl Parts {
    fn all(&self) -> [(Part, &Bytes); 3] {
        [
            (Part::Names, &self.names),
            (Part::Detail, &self.detail),
            (Part::Baseline, &self.baseline),
        ]
    }

    /// As one file: the length of each, then each.
    fn pack(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for (_, bytes) in self.all() {
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        }
        for (_, bytes) in self.all() {
            out.extend_from_slice(bytes);
        }
        out
    }

    fn unpack(file: &Bytes) -> Option<Self> {
        let mut rest = file.clone();
        let mut take = |length: usize| (length <= rest.len()).then(|| rest.split_to(length));
        if take(MAGIC.len())?.as_ref() != MAGIC {
            return None;
        }
        let mut lengths = [0; 3];
        for length in &mut lengths {
            let bytes = take(8)?.as_ref().try_into().ok()?;
            *length = usize::try_from(u64::from_le_bytes(bytes)).ok()?;
        }
        let [names, detail, baseline] = lengths.map(take);
        let (names, detail, baseline) = (names?, detail?, baseline?);
        Some(Self {
            baseline,
            detail,
            names,
        })
    }

    fn take(self, part: Part) -> Bytes {
        match part {
            Part::Baseline => self.baseline,
            Part::Detail => self.detail,
            Part::Names => self.names,
        }
    }
}

impl BaselineOf {
    /// The one object that holds the snapshot on a branch: who knows that it will be needed can ask for it early.
    pub fn snapshot_object(&self) -> String {
        packed_key(&self.folder())
    }
}

fn packed_key(folder: &str) -> String {
    format!("{folder}/all.bin")
}

impl History {
    pub(super) fn write_parts(&self, folder: &str, parts: &Parts) -> Result<()> {
        if self.store.is_branch() {
            return self.store.replace(&packed_key(folder), &parts.pack());
        }
        for (part, bytes) in parts.all() {
            self.store.replace(&part.key(folder), bytes)?;
        }
        Ok(())
    }

    /// One file of a snapshot, whole.
    pub(super) fn part(&self, folder: &str, part: Part) -> Result<Bytes> {
        if !self.store.is_branch() {
            return self.store.get(&part.key(folder));
        }
        Ok(self.parts_on_branch(folder)?.take(part))
    }

    pub(super) fn parts_on_branch(&self, folder: &str) -> Result<Parts> {
        let key = packed_key(folder);
        let parts = Parts::unpack(&self.store.get(&key)?);
        parts.ok_or_else(|| Error::corrupt(&key, "it is no snapshot"))
    }

    /// The run files that a snapshot has not seen, where the store keeps account of them and still has them.
    pub(super) fn told_unseen(&self, of: &BaselineOf, coverage: &Coverage) -> Option<Vec<String>> {
        let mut unseen = self.store.unseen(&of.folder())?;
        unseen.retain(|key| !coverage.has_key(key));
        if !unseen.is_empty() {
            let there: BTreeSet<String> = self
                .list_run_files(&all_runs(of))
                .ok()?
                .into_iter()
                .collect();
            if !unseen.iter().all(|key| there.contains(key)) {
                return None;
            }
        }
        Some(unseen)
    }

    /// Lets go of a snapshot that would never take in some new runs, because they are older than the runs that it looks for: the next one is made anew.
    pub(crate) fn drop_outdated_snapshot(
        &self,
        (repo, branch): (&str, &str),
        starts: &[Timestamp],
    ) -> Result<()> {
        let of = BaselineOf {
            repo: repo.to_owned(),
            branch: branch.to_owned(),
            at: Timestamp(i64::MAX),
        };
        let Some(head) = self.snapshot_head(&of)? else {
            return Ok(());
        };
        let replayed = head.newest.plus_days(-REPLAY_DAYS)..head.coverage.horizon(head.newest);
        if !starts.iter().any(|start| replayed.contains(start)) {
            return Ok(());
        }
        let folder = of.folder();
        if self.store.is_branch() {
            return self.store.delete(&packed_key(&folder));
        }
        let all = [Part::Baseline, Part::Detail, Part::Names];
        all.iter()
            .try_for_each(|part| self.store.delete(&part.key(&folder)))
    }

    /// The run files that a new snapshot has not seen: runs of the future, and runs that cannot be read. `None` when compacted files may hold such a run, so
    /// that readers have to look there.
    pub(super) fn account(
        &self,
        of: &BaselineOf,
        (read, head): &(BaselineRead, Head),
    ) -> Result<Option<Vec<String>>> {
        if !self.store.is_branch() || !read.problems.is_empty() {
            return Ok(None);
        }
        let horizon = head.coverage.horizon(head.newest);
        let is_open = |key: &String| !head.coverage.has_key(key) && can_start_after(key, horizon);
        let mut unseen = self.list_run_files(&all_runs(of))?;
        unseen.retain(is_open);
        // A snapshot that was brought up to date has seen all that the one before had: what neither has seen is in the account of that one.
        let before = self.store.unseen(&of.folder());
        let elsewhere = match before.filter(|_| read.from_snapshot) {
            Some(before) => before
                .iter()
                .any(|key| is_open(key) && !unseen.contains(key)),
            None => self.chunks_hold_unseen(of, horizon, &head.coverage)?,
        };
        Ok((!elsewhere).then_some(unseen))
    }

    fn chunks_hold_unseen(
        &self,
        of: &BaselineOf,
        horizon: Timestamp,
        coverage: &Coverage,
    ) -> Result<bool> {
        let filter = crate::Filter {
            from: Some(horizon),
            ..all_runs(of)
        };
        let plan = self.plan(&filter)?;
        // Of a table of failures no snapshot can see a run.
        let tables = plan.chunks.iter().map(|(_, table)| table);
        let mut tables = tables.filter(|table| !table.failures_only());
        let held = tables.any(|table| holds_unseen(table, &filter, coverage));
        Ok(held || !plan.problems.is_empty())
    }
}

fn all_runs(of: &BaselineOf) -> crate::Filter {
    crate::Filter {
        lane: Some(Lane::Base),
        ..crate::Filter::base(&of.repo, &of.branch)
    }
}

fn can_start_after(key: &str, moment: Timestamp) -> bool {
    start_of_day(key).is_none_or(|start| start.plus_days(1.0) > moment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Parts;

    proptest! {
        #[test]
        fn one_file_holds_all_parts(names: Vec<u8>, detail: Vec<u8>, baseline: Vec<u8>) {
            let parts = Parts { names: names.into(), detail: detail.into(), baseline: baseline.into() };
            let packed = parts.pack().into();
            prop_assert_eq!(Parts::unpack(&packed), Some(parts));
        }

        #[test]
        fn a_hostile_file_is_no_snapshot_or_some_parts(mut bytes: Vec<u8>, magic: bool) {
            if magic {
                bytes.splice(0..0, *super::MAGIC);
            }
            let _no_panic = Parts::unpack(&bytes.into());
        }
    }
}
