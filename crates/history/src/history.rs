//! A history: opened or made in a store, written run by run.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use model::{RecordedRun, RunInfo, RunKey, Timestamp};

use crate::{
    Error, ErrorKind, Result,
    chunk::Chunk,
    commit::{self, FileEntry, Kind, State},
    key::{Lane, Partition, ROOT, run_object, unique_name},
    run_file,
    run_table::RunTable,
    snapshot::{BaselineOf, CLOCKS_DIFFER_DAYS},
    store::{Created, Durability, Store, store_of},
};

/// What recording did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The run is in the history now.
    New,
    /// It was there before: nothing changed.
    Known,
}

/// A recorded history in a store.
///
/// Cheap to clone; clones share what they have read. All functions are synchronous; none reads a clock.
#[derive(Clone, Debug)]
pub struct History {
    pub(crate) store: Arc<dyn Store>,
    tables: Arc<Mutex<BTreeMap<String, Arc<RunTable>>>>,
}

/// The object that says that a folder is a history.
const MARKER: &str = "v1/history.json";

const MARKER_TEXT: &str = "{\"format\":\"sprag-history\",\"version\":1}\n";

/// Run files of the base on a branch before they are compacted. A run of 5,000 tests takes 57 kB as a file of its own and 9 kB in that of its day.
const RUN_FILES_ON_A_BRANCH: usize = 8;

/// Runs that a snapshot may lack after many recorders met: refreshing it is most of the work of a try.
const UNSEEN_IN_A_STORM: usize = 4;

impl History {
    /// Opens a history that exists.
    ///
    /// # Errors
    /// [`ErrorKind::BadLocation`], [`ErrorKind::NoHistory`] when there is no history, [`ErrorKind::TooNew`].
    pub fn open(location: &str) -> Result<Self> {
        Self::open_in(store_of(location)?)
    }

    /// Opens a history, or makes an empty one after a probe that the store honours create-if-absent.
    ///
    /// # Errors
    /// [`ErrorKind::BadLocation`], [`ErrorKind::UnfitStore`] when the probe fails, [`ErrorKind::Io`].
    pub fn init(location: &str, now: Timestamp) -> Result<Self> {
        Self::init_in(store_of(location)?, now)
    }

    /// As [`History::open`], in a store of the caller's.
    ///
    /// # Errors
    /// As [`History::open`].
    pub fn open_in(store: Arc<dyn Store>) -> Result<Self> {
        match store.get(MARKER) {
            Ok(marker) => check_marker(&marker)?,
            Err(error) if error.is_not_found() => {
                let location = store.location();
                return Err(Error::new(
                    "cannot open history",
                    &location,
                    ErrorKind::NoHistory,
                ));
            }
            Err(error) => return Err(error),
        }
        Ok(Self {
            store,
            tables: Arc::default(),
        })
    }

    /// As [`History::init`], in a store of the caller's.
    ///
    /// # Errors
    /// As [`History::init`].
    pub fn init_in(store: Arc<dyn Store>, now: Timestamp) -> Result<Self> {
        match store.open(MARKER) {
            Ok(_) => {}
            // The marker goes along with the first run: who only reads needs no right to write.
            Err(error) if error.is_not_found() && store.is_branch() => {
                store.create(MARKER, MARKER_TEXT.as_bytes(), Durability::AtFlush)?;
            }
            Err(error) if store.is_branch() => return Err(error),
            Err(_) => {
                probe(store.as_ref(), now)?;
                store.create(MARKER, MARKER_TEXT.as_bytes(), Durability::Now)?;
            }
        }
        Self::open_in(store)
    }

    /// Whether the history lives on a branch: see [`Store::is_branch`].
    pub fn is_branch(&self) -> bool {
        self.store.is_branch()
    }

    /// The name of the store.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// Records a run. Recording a run twice, at once or later, is recording it once; the first one stays.
    ///
    /// # Errors
    /// When the store fails; then the run is not recorded.
    pub fn record(&self, run: &RecordedRun) -> Result<Recorded> {
        self.record_with(run, |_history| Ok(()))
    }

    /// As [`History::record`]; on a branch (see [`Store::is_branch`]) a run of the base also refreshes the snapshot of its branch in the same commit, so that
    /// no reader ever has to fetch runs that a snapshot has not seen. `now` bounds what the snapshot takes.
    ///
    /// # Errors
    /// As [`History::record`]; [`ErrorKind::ReadOnly`].
    pub fn record_at(&self, run: &RecordedRun, now: Timestamp) -> Result<Recorded> {
        let started = run.info.started_at;
        let ahead = now.plus_days(CLOCKS_DIFFER_DAYS);
        let at = Some(started).filter(|at| *at <= ahead).max(Some(now));
        let of = BaselineOf {
            repo: run.info.key.repo.clone(),
            branch: run.info.key.branch.clone(),
            at: Timestamp(at.unwrap_or(now).0.saturating_add(1)),
        };
        if !self.store.is_branch() || Lane::of(&run.info) != Lane::Base {
            return self.record(run);
        }
        let tries = Cell::new(0);
        let refreshed = self.record_with(run, |history| {
            tries.set(tries.get() + 1);
            if tries.get() > 1 && history.has_few_unseen(&of) {
                return Ok(());
            }
            history.snapshot(&of).map(drop)
        });
        match refreshed {
            // The run matters more than the snapshot, which counts it as not seen then.
            Err(error) if error.is_unavailable() => self.record(run),
            done => done,
        }
    }

    /// Whether a snapshot lacks so few runs that one more does not matter to its readers.
    fn has_few_unseen(&self, of: &BaselineOf) -> bool {
        let unseen = self.store.unseen(&of.folder());
        unseen.is_some_and(|unseen| unseen.len() <= UNSEEN_IN_A_STORM)
    }

    fn record_with(
        &self,
        run: &RecordedRun,
        after: impl Fn(&Self) -> Result<()>,
    ) -> Result<Recorded> {
        let key = run_object(&run.info);
        let lean = self.store.is_branch() && Lane::of(&run.info) == Lane::Pr;
        let bytes = if lean {
            run_file::encode(&crate::lean::lean(run))?
        } else {
            run_file::encode(run)?
        };
        self.batch("record a run", |history| {
            if history.holds(&run.info)? {
                return Ok(Recorded::Known);
            }
            match history.store.create(&key, &bytes, Durability::Now)? {
                Created::New => after(history).map(|()| Recorded::New),
                Created::Existed => Ok(Recorded::Known),
            }
        })
    }

    /// Gives back the space of what was replaced, where the store keeps it (a branch of a git repository does) and it is more than `above` bytes: `true` when
    /// it did.
    ///
    /// # Errors
    /// When the store fails; nothing is lost then.
    pub fn squash(&self, above: u64) -> Result<bool> {
        self.store.squash(above)
    }

    /// Whether run files wait to be compacted: of days that are over, and on a branch, where run files are the larger part of a day, more than
    /// a few of the base. Of many writers of a branch that ask at once only some are told so.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn is_compaction_due(&self, now: Timestamp) -> Result<bool> {
        let base = self.store.list(Lane::Base.runs())?;
        let pr = self.store.list(Lane::Pr.runs())?;
        let today = now.date();
        if !self.store.is_branch() {
            let mut all = base.iter().chain(&pr);
            return Ok(all.any(|object| is_before(&object.key, &today)));
        }
        let kept = crate::compact::recent(now);
        let of_today = base.iter().filter(|o| !is_before(&o.key, &today)).count();
        let old_pr = |key: &str| is_before(key, &today) && !crate::compact::is_recent_pr(key, kept);
        let is_over = of_today < base.len() || pr.iter().any(|object| old_pr(&object.key));
        Ok(is_much(base.len()) || is_over && leads(of_today))
    }

    /// Whether a run was recorded.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn holds(&self, info: &RunInfo) -> Result<bool> {
        let key = run_object(info);
        if let Some(known) = self.store.knows_run(&key) {
            return Ok(known);
        }
        match self.store.open(&key) {
            Err(error) if error.is_not_found() => self.is_compacted(info),
            opened => opened.map(|_there| true),
        }
    }

    /// Does work whose changes become visible at once or not at all, where the store can do that (see [`Store::draft`]); elsewhere each write stands for
    /// itself, as without it. The work may be done several times, each time on the newest state: it must start anew each time.
    ///
    /// # Errors
    /// Those of the work, and those of the store when it publishes.
    pub fn batch<T>(&self, message: &str, mut work: impl FnMut(&Self) -> Result<T>) -> Result<T> {
        loop {
            let Some(draft) = self.store.draft()? else {
                return work(self);
            };
            let view = Self {
                store: Arc::clone(&draft) as Arc<dyn Store>,
                tables: Arc::clone(&self.tables),
            };
            let done = work(&view)?;
            if draft.publish(message)? {
                return Ok(done);
            }
        }
    }

    /// Whether a compacted file of the run's month holds the run.
    fn is_compacted(&self, info: &RunInfo) -> Result<bool> {
        let state = self.state()?;
        let partition = Partition::of(info);
        let month = info.started_at.month();
        for file in state.of_kind(Kind::Rows) {
            if file.of != partition || !file.period.starts_with(&month) {
                continue;
            }
            let table = self.table(file)?;
            if table.runs.iter().any(|run| run.info.key == info.key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn state(&self) -> Result<State> {
        commit::load(self.store.as_ref())
    }

    /// The run table of a compacted file. Files never change, so it is read once.
    pub(crate) fn table(&self, file: &FileEntry) -> Result<Arc<RunTable>> {
        if let Some(table) = self.tables().get(&file.key) {
            return Ok(Arc::clone(table));
        }
        let chunk = Chunk::open(self.store.as_ref(), &file.key)?;
        self.tables()
            .insert(file.key.clone(), Arc::clone(&chunk.table));
        Ok(chunk.table)
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<RunTable>>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a run file is of an earlier day.
fn is_before(key: &str, today: &str) -> bool {
    let (_, rest) = key.rsplit_once("/date=").unwrap_or_default();
    let date = rest.split('/').next().unwrap_or_default();
    !date.is_empty() && date < today
}

/// Whether run files of the base on a branch are to be compacted. Each of the recorders that finish together sees another number, so that one in eight does it.
fn is_much(run_files: usize) -> bool {
    let leads = run_files > RUN_FILES_ON_A_BRANCH && run_files % RUN_FILES_ON_A_BRANCH == 1;
    leads || run_files > 4 * RUN_FILES_ON_A_BRANCH
}

/// Whether a recorder takes care of earlier days: the first of the day, and one in eight after it, when the first one did not.
fn leads(runs_of_today: usize) -> bool {
    runs_of_today == 0 || runs_of_today % RUN_FILES_ON_A_BRANCH == 1
}

fn check_marker(bytes: &[u8]) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Marker {
        version: u32,
    }
    let marker: Marker = serde_json::from_slice(bytes).map_err(crate::pq::damaged(MARKER))?;
    if marker.version == 1 {
        return Ok(());
    }
    let kind = ErrorKind::TooNew {
        found: marker.version,
        known: 1,
    };
    Err(Error::new("cannot open", MARKER, kind))
}

/// Creates one object twice: a store that lets both through would lose runs.
fn probe(store: &dyn Store, now: Timestamp) -> Result<()> {
    let key = format!("{ROOT}/probe/{}", unique_name(now));
    let first = store.create(&key, b"1", Durability::Now)?;
    let second = store.create(&key, b"2", Durability::Now)?;
    let kept = store.get(&key)?;
    store.delete(&key)?;
    if first == Created::New && second == Created::Existed && kept.as_ref() == b"1" {
        return Ok(());
    }
    let why = "it overwrites objects that exist, so two writers would lose runs (hint: use another store)";
    let kind = ErrorKind::UnfitStore(why.to_owned());
    Err(Error::new("refused", &store.location(), kind))
}

/// Order of runs everywhere: start, then key.
pub(crate) fn run_order(info: &RunInfo) -> (Timestamp, &RunKey) {
    (info.started_at, &info.key)
}
