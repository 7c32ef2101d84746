//! The baseline of a branch in two small files, so that a check reads neither the lake nor many files.
//!
//! Derived data: whoever writes last is right, because everything in it follows from recorded runs. It says which runs it has seen; a reader
//! adds those that were recorded since, and gives the same baseline as a replay of the whole history.

mod coverage;
mod dense;
mod detail;

use std::sync::Arc;

use model::{Problem, RecordedRun, TestId, Timestamp};
use serde::{Deserialize, Serialize};
use verdict::Baseline;

use crate::{
    Error, ErrorKind, Result,
    dictionary::encode_names,
    history::History,
    key::{Lane, ROOT, encode},
    plan::Filter,
};
use coverage::Coverage;

/// Raised whenever the content changes: an older or newer snapshot is then made anew, never misread.
const SNAPSHOT_VERSION: u32 = 1;

/// Days of history that a replay looks at: what the baseline itself keeps.
const REPLAY_DAYS: f64 = verdict::KEEP_DAYS;

/// What writing a snapshot did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshotted {
    /// Runs that the snapshot had not seen.
    pub new_runs: u64,
    /// Whether it was made from nothing.
    pub rebuilt: bool,
    /// Bytes of the file that every check reads.
    pub bytes: u64,
    /// Bytes of the file that holds what only failing tests need.
    pub detail_bytes: u64,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A baseline, and where it is from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaselineRead {
    /// The baseline.
    pub baseline: Baseline,
    /// Whether a snapshot was used; else the history was replayed.
    pub from_snapshot: bool,
    /// Runs that were read besides the snapshot.
    pub runs_read: u64,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Which branch, and as of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineOf {
    /// The repository.
    pub repo: String,
    /// The base branch.
    pub branch: String,
    /// Nothing that started at this moment or later is used.
    pub at: Timestamp,
}

impl BaselineOf {
    fn folder(&self) -> String {
        format!(
            "{ROOT}/snapshot/repo={}/branch={}",
            encode(&self.repo),
            encode(&self.branch)
        )
    }

    fn filter(&self, from: Timestamp) -> Filter {
        Filter {
            lane: Some(Lane::Base),
            from: Some(from),
            until: Some(self.at),
            with_names: true,
            with_texts: true,
            ..Filter::base(&self.repo, &self.branch)
        }
    }
}

/// What stands in the metadata of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// The newest start that it has seen.
    newest: Timestamp,
    coverage: Coverage,
}

/// A snapshot that was read.
struct Loaded {
    head: Head,
    baseline: Baseline,
}

impl History {
    /// Brings the snapshot of a branch up to date.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read or written.
    pub fn snapshot(&self, of: &BaselineOf) -> Result<Snapshotted> {
        let read = self.baseline_and_coverage(of, None)?;
        let (BaselineRead { baseline, .. }, head) = &read;
        let mut done = Snapshotted {
            new_runs: read.0.runs_read,
            rebuilt: !read.0.from_snapshot,
            ..Snapshotted::default()
        };
        done.problems.clone_from(&read.0.problems);
        let folder = of.folder();
        let detail = detail::encode(baseline)?;
        let names = encode_names(&baseline.names)?;
        let dense = dense::encode(baseline, head)?;
        done.bytes = dense.len() as u64;
        done.detail_bytes = detail.len() as u64;
        self.store
            .replace(&format!("{folder}/names.parquet"), &names)?;
        self.store
            .replace(&format!("{folder}/detail.parquet"), &detail)?;
        self.store
            .replace(&format!("{folder}/baseline.parquet"), &dense)?;
        Ok(done)
    }

    /// The baseline of a branch as of a moment: from the snapshot and the runs recorded since where that is possible, else by a replay of the last
    /// half year. With `ids` (in rising order), and when no run was recorded since, only those tests are filled in.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn baseline(&self, of: &BaselineOf, ids: Option<&[TestId]>) -> Result<BaselineRead> {
        self.baseline_and_coverage(of, ids).map(|(read, _)| read)
    }

    /// The entries of some tests (in rising order) from the snapshot alone, without what only failing tests have: the cheapest answer there is.
    ///
    /// # Errors
    /// When there is no snapshot, or none that this build reads.
    pub fn snapshot_entries(&self, of: &BaselineOf, ids: &[TestId]) -> Result<Baseline> {
        let key = format!("{}/baseline.parquet", of.folder());
        Ok(dense::decode(self.store.get(&key)?, Some(ids))?.baseline)
    }

    fn baseline_and_coverage(
        &self,
        of: &BaselineOf,
        ids: Option<&[TestId]>,
    ) -> Result<(BaselineRead, Head)> {
        let head = self.snapshot_head(of);
        let Some(head) = head.filter(|head| head.newest < of.at) else {
            return self.replay(of);
        };
        let horizon = head.coverage.horizon(head.newest);
        let fresh = self.fresh_runs(of, &head.coverage, horizon)?;
        let ids = ids.filter(|_| fresh.0.is_empty());
        match self.load_snapshot(of, ids) {
            Ok(loaded) if loaded.head == head => Ok(catch_up(loaded, fresh)),
            // Replaced or damaged in between: it is derived data, so the history itself answers.
            Ok(_) | Err(_) => self.replay(of),
        }
    }

    /// The head of the snapshot; `None` when there is none that this build reads.
    fn snapshot_head(&self, of: &BaselineOf) -> Option<Head> {
        let bytes = self
            .store
            .get(&format!("{}/baseline.parquet", of.folder()))
            .ok()?;
        dense::head(bytes).ok()
    }

    fn load_snapshot(&self, of: &BaselineOf, ids: Option<&[TestId]>) -> Result<Loaded> {
        let folder = of.folder();
        let mut loaded =
            dense::decode(self.store.get(&format!("{folder}/baseline.parquet"))?, ids)?;
        let blob = self.store.open(&format!("{folder}/detail.parquet"))?;
        detail::decode_into(blob, ids, &mut loaded.baseline)?;
        if ids.is_none() {
            let key = format!("{folder}/names.parquet");
            let names = &mut loaded.baseline.names;
            crate::dictionary::read_names(&key, self.store.get(&key)?, names)?;
        }
        Ok(loaded)
    }

    /// The runs since a horizon that a snapshot has not seen, in the order of time.
    fn fresh_runs(
        &self,
        of: &BaselineOf,
        coverage: &Coverage,
        horizon: Timestamp,
    ) -> Result<Fresh> {
        let filter = of.filter(horizon);
        let plan = self.plan(&filter)?;
        let unseen_chunk = plan.chunks.iter().any(|(_, table)| {
            let mut infos = table.runs.iter().map(|run| &run.info);
            infos.any(|info| filter.takes_moment(info.started_at) && !coverage.has(info))
        });
        if unseen_chunk {
            let mut runs = self.runs(&filter)?;
            let fresh = runs
                .by_ref()
                .filter(|run| !coverage.has(&run.info))
                .collect();
            return Ok((fresh, runs.take_problems()));
        }
        let mut problems = plan.problems;
        let mut fresh = Vec::new();
        for key in plan.run_files.iter().filter(|key| !coverage.has_key(key)) {
            let read = self
                .store
                .get(key)
                .and_then(|bytes| crate::run_file::decode(key, &bytes));
            match read {
                Ok(run) if filter.takes(&run.info) => fresh.push(run),
                Ok(_) => {}
                Err(error) => problems.push(crate::plan::problem_of(&error)),
            }
        }
        fresh.sort_by(|a, b| {
            crate::history::run_order(&a.info).cmp(&crate::history::run_order(&b.info))
        });
        Ok((fresh, problems))
    }

    fn replay(&self, of: &BaselineOf) -> Result<(BaselineRead, Head)> {
        let filter = of.filter(of.at.plus_days(-REPLAY_DAYS));
        let mut runs = self.runs(&filter)?;
        let empty = Loaded {
            head: Head {
                version: SNAPSHOT_VERSION,
                newest: Timestamp(i64::MIN),
                coverage: Coverage::default(),
            },
            baseline: Baseline::default(),
        };
        let fresh = runs.by_ref().collect();
        let (mut read, head) = catch_up(empty, (fresh, runs.take_problems()));
        read.from_snapshot = false;
        Ok((read, head))
    }
}

/// Runs that a snapshot has not seen, and what could not be read.
type Fresh = (Vec<RecordedRun>, Vec<Problem>);

fn catch_up(loaded: Loaded, (fresh, problems): Fresh) -> (BaselineRead, Head) {
    let Loaded {
        mut head,
        mut baseline,
    } = loaded;
    for run in &fresh {
        baseline.observe(run);
        head.newest = head.newest.max(run.info.started_at);
        head.coverage.add(&run.info);
    }
    head.coverage.forget(head.newest);
    let read = BaselineRead {
        baseline,
        from_snapshot: true,
        runs_read: fresh.len() as u64,
        problems,
    };
    (read, head)
}

/// Packs a value into bytes.
fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_allocvec(value).map_err(|error| Error::corrupt("new snapshot", error))
}

/// Unpacks a value.
fn unpack<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|error| Error::corrupt("snapshot", error))
}

fn check_version(head: &Head) -> Result<()> {
    if head.version == SNAPSHOT_VERSION {
        return Ok(());
    }
    let kind = ErrorKind::TooNew {
        found: head.version,
        known: SNAPSHOT_VERSION,
    };
    Err(Error::new("cannot read", "snapshot", kind))
}

fn in_memory(key: &str, bytes: bytes::Bytes) -> crate::pq::Source {
    crate::pq::Source::new(key, Arc::new(crate::run_file::Whole(bytes)))
}
