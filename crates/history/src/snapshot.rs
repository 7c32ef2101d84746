//! The baseline of a branch in two small files, so that a check reads neither the lake nor many files.
//!
//! Derived data: whoever writes last is right, because everything in it follows from recorded runs. It says which runs it has seen; a reader
//! adds those that were recorded since, and gives the same baseline as a replay of the whole history.

mod coverage;
mod dense;
mod detail;
mod listed;
mod parts;
mod present;
mod states;
mod tables;
mod trouble;

use std::{collections::BTreeMap, sync::Arc};

use model::{Problem, RecordedRun, TestId, Timestamp};
use serde::{Deserialize, Serialize};
use verdict::{Baseline, Entry};

use crate::{
    Error, ErrorKind, Result,
    dictionary::{Names, encode_names, knows_all, read_names, read_names_of},
    history::History,
    key::{Lane, ROOT, encode},
    plan::Filter,
    run_file,
    run_table::RunTable,
};
use coverage::Coverage;
use listed::Tests;
use parts::{Part, Parts};
pub(crate) use present::CLOCKS_DIFFER_DAYS;
use tables::Tables;

/// Raised whenever the content changes: an older or newer snapshot is then made anew, never misread.
const SNAPSHOT_VERSION: u32 = 2;

/// The zstd level of a snapshot that is one file: every reader fetches it whole.
const WHOLE_ZSTD: i32 = 19;

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
    pub(crate) fn folder(&self) -> String {
        folder(&self.repo, &self.branch)
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

/// The folder of the snapshot of a branch.
pub(crate) fn folder(repo: &str, branch: &str) -> String {
    format!(
        "{ROOT}/snapshot/repo={}/branch={}",
        encode(repo),
        encode(branch)
    )
}

/// Which tests of a baseline are needed, and not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed<'a> {
    /// Tests, in rising order of id: what every job knows of them.
    pub ids: &'a [TestId],
    /// A job of which every test is needed besides.
    pub job: Option<&'a str>,
}

impl Needed<'_> {
    fn has(&self, id: TestId) -> bool {
        self.ids.binary_search(&id).is_ok()
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
    tests: Tests,
    tables: Tables,
}

impl History {
    /// Brings the snapshot of a branch up to date.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read or written.
    pub fn snapshot(&self, of: &BaselineOf) -> Result<Snapshotted> {
        self.batch("refresh a snapshot", |history| history.snapshot_once(of))
    }

    fn snapshot_once(&self, of: &BaselineOf) -> Result<Snapshotted> {
        let of = &self.at_present(of)?;
        let read = self.baseline_and_coverage(of, None)?;
        let (BaselineRead { baseline, .. }, head) = &read;
        let unseen = self.account(of, &read)?;
        let mut done = Snapshotted {
            new_runs: read.0.runs_read,
            rebuilt: !read.0.from_snapshot,
            ..Snapshotted::default()
        };
        done.problems.clone_from(&read.0.problems);
        let parts = parts_of(baseline, head, self.store.is_branch())?;
        done.bytes = parts.baseline.len() as u64;
        done.detail_bytes = parts.detail.len() as u64;
        self.write_parts(&of.folder(), &parts)?;
        self.store.set_unseen(&of.folder(), unseen.as_deref())?;
        Ok(done)
    }

    /// The baseline of a branch as of a moment: from the snapshot and the runs recorded since where that is possible, else by a replay of the last
    /// half year. With `needed`, when the snapshot knows all its tests and no run was recorded since, only those are filled in
    /// (a test that only the job needs without what only failing tests have); else everything is.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn baseline(&self, of: &BaselineOf, needed: Option<&Needed<'_>>) -> Result<BaselineRead> {
        self.baseline_and_coverage(of, needed).map(|(read, _)| read)
    }

    /// The entries of some tests (in rising order) from the snapshot alone, without what only failing tests have: the cheapest answer there is.
    ///
    /// # Errors
    /// When there is no snapshot, or none that this build reads.
    pub fn snapshot_entries(&self, of: &BaselineOf, ids: &[TestId]) -> Result<Baseline> {
        let needed = Needed { ids, job: None };
        let folder = of.folder();
        let tests = if self.store.is_branch() {
            listed::decode(&self.part(&folder, Part::Names)?)?.1
        } else {
            Tests::default()
        };
        let dense = self.part(&folder, Part::Baseline)?;
        Ok(dense::decode(dense, tests, Some(&needed))?.baseline)
    }

    fn baseline_and_coverage(
        &self,
        of: &BaselineOf,
        needed: Option<&Needed<'_>>,
    ) -> Result<(BaselineRead, Head)> {
        let head = self.snapshot_head(of)?;
        let Some(head) = head.filter(|head| head.newest < of.at) else {
            return self.replay(of);
        };
        let horizon = head.coverage.horizon(head.newest);
        let unseen = self.unseen(of, &head.coverage, horizon)?;
        let needed = needed.filter(|_| unseen.is_empty());
        match self.load_snapshot(of, needed) {
            Ok(loaded) if loaded.head == head => {
                let fresh = self.fresh_runs(of, unseen, &loaded)?;
                Ok(catch_up(loaded, fresh))
            }
            Err(error) if !error.is_damage() => Err(error),
            // Replaced or damaged in between: it is derived data, so the history itself answers.
            Ok(_) | Err(_) => self.replay(of),
        }
    }

    /// The head of the snapshot; `None` when there is none that this build reads.
    fn snapshot_head(&self, of: &BaselineOf) -> Result<Option<Head>> {
        let bytes = self.part(&of.folder(), Part::Baseline);
        match bytes.and_then(dense::head) {
            Err(error) if !error.is_damage() => Err(error),
            head => Ok(head.ok()),
        }
    }

    fn load_snapshot(&self, of: &BaselineOf, needed: Option<&Needed<'_>>) -> Result<Loaded> {
        let folder = of.folder();
        if self.store.is_branch() {
            return load_whole(self.parts_on_branch(&folder)?, needed);
        }
        let key = Part::Names.key(&folder);
        let names = self.part(&folder, Part::Names)?;
        if let Some(needed) = needed
            && knows_all(&key, &names, needed.ids)?
        {
            let mut loaded = self.load_entries(&folder, Some(needed))?;
            let Baseline {
                entries, names: of, ..
            } = &mut loaded.baseline;
            read_names_of(&key, names, |id| is_wanted(needed, entries, id), of)?;
            return Ok(loaded);
        }
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut all = Names::new();
                read_names(&key, names, &mut all).map(|()| all)
            });
            let mut loaded = self.load_entries(&folder, None)?;
            let torn = |_panic| Error::corrupt(&key, "its content makes no sense");
            loaded.baseline.names = reading.join().map_err(torn)??;
            Ok(loaded)
        })
    }

    /// A snapshot without names.
    fn load_entries(&self, folder: &str, needed: Option<&Needed<'_>>) -> Result<Loaded> {
        let dense = self.part(folder, Part::Baseline)?;
        let mut loaded = dense::decode(dense, Tests::default(), needed)?;
        let blob = self.store.open(&Part::Detail.key(folder))?;
        let ids = needed.map(|needed| needed.ids);
        detail::decode_into(blob, ids, &mut loaded)?;
        Ok(loaded)
    }

    /// What was recorded since a horizon and is not in a snapshot.
    fn unseen(&self, of: &BaselineOf, coverage: &Coverage, horizon: Timestamp) -> Result<Unseen> {
        let filter = of.filter(horizon);
        if let Some(run_files) = self.told_unseen(of, coverage) {
            return Ok(Unseen {
                filter,
                in_chunks: false,
                run_files,
                problems: Vec::new(),
            });
        }
        let plan = self.plan(&filter)?;
        let whole = plan
            .chunks
            .iter()
            .filter(|(_, table)| !table.failures_only());
        let in_chunks = whole
            .into_iter()
            .any(|(_, table)| holds_unseen(table, &filter, coverage));
        let mut run_files = plan.run_files;
        run_files.retain(|key| !coverage.has_key(key));
        Ok(Unseen {
            filter,
            in_chunks,
            run_files,
            problems: plan.problems,
        })
    }

    /// The runs that a snapshot has not seen, in the order of time.
    fn fresh_runs(&self, of: &BaselineOf, unseen: Unseen, loaded: &Loaded) -> Result<Fresh> {
        if unseen.in_chunks {
            let mut runs = self.runs(&unseen.filter)?;
            let coverage = &loaded.head.coverage;
            let fresh = runs.by_ref().filter(|run| !coverage.has(&run.info));
            return Ok((fresh.collect(), runs.finish()?));
        }
        let named = named(&loaded.baseline, of.at);
        let mut problems = unseen.problems;
        let mut fresh = Vec::new();
        for read in self.read_side_by_side(&unseen.run_files, &named) {
            match read {
                Ok(run) if unseen.filter.takes(&run.info) => fresh.push(run),
                Ok(_) => {}
                Err(error) => crate::plan::tell(error, &mut problems)?,
            }
        }
        fresh.sort_by(|a, b| {
            crate::history::run_order(&a.info).cmp(&crate::history::run_order(&b.info))
        });
        Ok((fresh, problems))
    }

    /// Reads run files in two threads, in order.
    fn read_side_by_side(&self, keys: &[String], named: &[TestId]) -> Vec<Result<RecordedRun>> {
        let read = |key: &String| {
            let bytes = self.store.get(key)?;
            run_file::decode_without(key, &bytes, |id| named.binary_search(&id).is_ok())
        };
        let (left, right) = keys.split_at(keys.len() / 2);
        if left.is_empty() {
            return right.iter().map(read).collect();
        }
        std::thread::scope(|scope| {
            let other = scope.spawn(|| right.iter().map(read).collect::<Vec<_>>());
            let mut all: Vec<_> = left.iter().map(read).collect();
            let torn = |_panic| vec![Err(Error::corrupt("run files", "an internal error"))];
            all.extend(other.join().unwrap_or_else(torn));
            all
        })
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
            tests: Tests::default(),
            tables: Tables::default(),
        };
        let fresh = runs.by_ref().collect();
        let (mut read, head) = catch_up(empty, (fresh, runs.finish()?));
        read.from_snapshot = false;
        Ok((read, head))
    }
}

/// Whether a compacted file holds a run that passes and that a snapshot has not seen.
fn holds_unseen(table: &RunTable, filter: &Filter, coverage: &Coverage) -> bool {
    let mut infos = table.runs.iter().map(|run| &run.info);
    infos.any(|info| filter.takes_moment(info.started_at) && !coverage.has(info))
}

/// A baseline as files; in one that is read whole tests are listed.
fn parts_of(baseline: &Baseline, head: &Head, whole: bool) -> Result<Parts> {
    let tables = Tables::of(baseline);
    let (tests, names) = if whole {
        let tests = Tests::of(baseline);
        let names = listed::encode(baseline, &tests)?;
        (tests, names)
    } else {
        (Tests::default(), encode_names(&baseline.names)?)
    };
    Ok(Parts {
        baseline: dense::encode(baseline, head, (&tests, &tables))?.into(),
        detail: detail::encode(baseline, &tests, &tables)?.into(),
        names: names.into(),
    })
}

/// A snapshot that is one file; with `needed`, if it names all its tests, only those.
fn load_whole(parts: Parts, needed: Option<&Needed<'_>>) -> Result<Loaded> {
    let (mut names, tests) = listed::decode(&parts.names)?;
    let needed = needed.filter(|of| of.ids.iter().all(|id| names.contains_key(id)));
    let mut loaded = dense::decode(parts.baseline, tests, needed)?;
    let detail = Arc::new(run_file::Whole(parts.detail));
    detail::decode_into(detail, needed.map(|needed| needed.ids), &mut loaded)?;
    if let Some(needed) = needed {
        names.retain(|id, _| is_wanted(needed, &loaded.baseline.entries, *id));
    }
    loaded.baseline.names = names;
    Ok(loaded)
}

/// Whether the name of a test is needed.
fn is_wanted(needed: &Needed<'_>, entries: &BTreeMap<(TestId, u32), Entry>, id: TestId) -> bool {
    needed.has(id) || entries.range((id, 0)..=(id, u32::MAX)).next().is_some()
}

/// What a snapshot has not seen.
struct Unseen {
    filter: Filter,
    /// Whether compacted files hold some of it.
    in_chunks: bool,
    run_files: Vec<String>,
    problems: Vec<Problem>,
}

impl Unseen {
    fn is_empty(&self) -> bool {
        !self.in_chunks && self.run_files.is_empty()
    }
}

/// The tests whose names a run before `at` need not bring, in rising order: named already, and seen so lately that no sweep in between
/// forgets them.
fn named(baseline: &Baseline, at: Timestamp) -> Vec<TestId> {
    let kept = at.plus_days(-verdict::KEEP_DAYS);
    let entries = baseline.entries.iter();
    let lately = entries.filter(|(_, entry)| entry.rate.at >= kept);
    let mut ids: Vec<TestId> = lately.map(|((id, _), _)| *id).collect();
    ids.dedup();
    ids.retain(|id| baseline.names.contains_key(id));
    ids
}

/// Runs that a snapshot has not seen, and what could not be read.
type Fresh = (Vec<RecordedRun>, Vec<Problem>);

fn catch_up(loaded: Loaded, (fresh, problems): Fresh) -> (BaselineRead, Head) {
    let Loaded {
        mut head,
        mut baseline,
        ..
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
    crate::pq::Source::new(key, Arc::new(run_file::Whole(bytes)))
}

#[cfg(test)]
mod tests;
