//! A branch of a git repository as a store: a file an object, and one small file, [`head::HEAD`], that every writer rewrites.
//!
//! A reader asks for that file and has the list of all objects, with the ids of their blobs, and the small objects of the last days themselves. A writer works
//! on a [`draft::BranchDraft`] and publishes it with one conditional write; when somebody was faster the work is done again on the new state. So a history
//! on a branch goes from one whole state to the next, and nobody ever sees anything between.

mod draft;
mod head;
mod look;
mod pace;
mod squash;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::Timestamp;

pub use pace::Pace;

use super::{Blob, Created, Draft, Durability, Object, Remote, Store};
use crate::{Error, ErrorKind, Result, run_file::Whole};
use draft::BranchDraft;
use head::Head;
pub use head::blob_id;
use pace::Work;

/// Bytes of blobs that are kept in memory once they are read.
const CACHE_BYTES: usize = 64 << 20;

/// How often in a row a write may fail without an answer.
const FAILURES: u32 = 8;

/// A branch of a git repository as a store.
#[derive(Clone, Debug)]
pub struct BranchStore {
    inner: Arc<Inner>,
}

struct Inner {
    remote: Box<dyn Remote>,
    pace: Pace,
    /// Whether the first look is at the commit, which a write of files is made on.
    by_commit: bool,
    /// Tells the time, for locks only.
    clock: fn() -> Timestamp,
    view: Mutex<Option<Arc<View>>>,
    /// Objects that go along with the next write.
    pending: Mutex<BTreeMap<String, Bytes>>,
    blobs: Mutex<BTreeMap<String, Bytes>>,
    contention: Mutex<Contention>,
    /// The lock that was seen last, by its owner, and since when.
    lock_seen: Mutex<Option<(String, Instant)>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Branch").field(&self.remote).finish()
    }
}

/// The branch as it was at one moment.
#[derive(Clone, Debug, Default)]
struct View {
    head: Head,
    /// The blob of the head; `None` when the branch has no head yet.
    blob: Option<String>,
    /// The commit, where it is known. `None` with `blob` means that there is no branch.
    commit: Option<String>,
    /// Bytes of the head.
    size: u64,
}

/// How often others were faster since this store last wrote.
#[derive(Debug, Default)]
struct Contention {
    since: Option<Instant>,
    tries: u32,
    /// How often the other side did not answer.
    failures: u32,
    /// Whether others were faster than the last write that came through.
    before: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BranchStore {
    /// As [`BranchStore::new`], for a process that is about to write files (a run of the base, compaction): it reads the branch by its commit at once.
    pub fn for_files(remote: Box<dyn Remote>, pace: Pace, clock: fn() -> Timestamp) -> Self {
        Self::with(remote, pace, clock, true)
    }

    /// The store on a branch. `clock` tells the time; it only matters for the locks of remotes that cannot replace a branch conditionally.
    pub fn new(remote: Box<dyn Remote>, pace: Pace, clock: fn() -> Timestamp) -> Self {
        Self::with(remote, pace, clock, false)
    }

    fn with(
        remote: Box<dyn Remote>,
        pace: Pace,
        clock: fn() -> Timestamp,
        by_commit: bool,
    ) -> Self {
        let inner = Inner {
            remote,
            pace,
            by_commit,
            clock,
            view: Mutex::default(),
            pending: Mutex::default(),
            blobs: Mutex::default(),
            contention: Mutex::default(),
            lock_seen: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Does one change by itself.
    fn once<T>(&self, message: &str, change: impl Fn(&BranchDraft) -> Result<T>) -> Result<T> {
        loop {
            let draft = self.inner.draft()?;
            let done = change(&draft)?;
            if draft.publish(message)? {
                return Ok(done);
            }
        }
    }
}

impl Inner {
    /// The branch as it was last seen, read when it never was.
    fn view(&self) -> Result<Arc<View>> {
        if let Some(view) = locked(&self.view).clone() {
            return Ok(view);
        }
        self.look(self.by_commit)
    }

    /// Reads the branch anew; with `commit`, so that a write can be made on top of the commit.
    fn look(&self, commit: bool) -> Result<Arc<View>> {
        let view = Arc::new(if commit {
            self.read_at_commit()?
        } else {
            self.read()?
        });
        *locked(&self.view) = Some(Arc::clone(&view));
        Ok(view)
    }

    fn draft(self: &Arc<Self>) -> Result<BranchDraft> {
        let view = self.view()?;
        let draft = BranchDraft::new(Arc::clone(self), view);
        for (key, bytes) in locked(&self.pending).iter() {
            draft.put_new(key, bytes);
        }
        Ok(draft)
    }

    /// A write is done: this is the branch now.
    fn wrote(&self, view: View) {
        locked(&self.pending).retain(|key, _| !view.head.has(key));
        *locked(&self.view) = Some(Arc::new(view));
        let mut contention = locked(&self.contention);
        *contention = Contention {
            before: contention.tries > 0,
            ..Contention::default()
        };
    }

    /// Others were faster, after work that took a while: waits a while, or gives up.
    fn wait(&self, took: Duration, work: Work) -> Result<()> {
        self.is_patient()?;
        let tries = {
            let mut contention = locked(&self.contention);
            contention.tries += 1;
            contention.tries
        };
        thread::sleep(self.pace.pause_after(tries - 1, took, work));
        Ok(())
    }

    /// Whether there is time for another try.
    fn is_patient(&self) -> Result<()> {
        let mut contention = locked(&self.contention);
        let since = *contention.since.get_or_insert_with(Instant::now);
        if since.elapsed() <= self.pace.patience {
            return Ok(());
        }
        let kind = ErrorKind::Contended(contention.tries);
        Err(Error::new("cannot write to", &self.remote.location(), kind))
    }

    /// Counts the times in a row that the other side did not answer; `true` when it is too often.
    fn is_away(&self, failed: bool) -> bool {
        let mut contention = locked(&self.contention);
        contention.failures = if failed { contention.failures + 1 } else { 0 };
        contention.failures > FAILURES
    }

    fn blob(&self, key: &str, id: &str) -> Result<Bytes> {
        if let Some(bytes) = locked(&self.blobs).get(id) {
            return Ok(bytes.clone());
        }
        let bytes = self.named_blob(key, id)?;
        self.keep(id, &bytes);
        Ok(bytes)
    }

    fn keep(&self, id: &str, bytes: &Bytes) {
        let mut blobs = locked(&self.blobs);
        if blobs.values().map(Bytes::len).sum::<usize>() + bytes.len() > CACHE_BYTES {
            blobs.clear();
        }
        blobs.insert(id.to_owned(), bytes.clone());
    }

    /// An object that a head names.
    fn object(&self, head: &Head, key: &str) -> Result<Bytes> {
        if let Some(bytes) = head.inline(key) {
            return bytes;
        }
        match head.files.get(key) {
            Some(file) => self.blob(key, &file.id),
            None => Err(Error::new("cannot open", key, ErrorKind::NotFound)),
        }
    }
}

/// A whole object in memory.
fn whole(bytes: Bytes) -> Arc<dyn Blob> {
    Arc::new(Whole(bytes))
}

fn objects(listed: Vec<(String, u64)>) -> Vec<Object> {
    listed
        .into_iter()
        .map(|(key, size)| Object { key, size })
        .collect()
}

impl Store for BranchStore {
    fn location(&self) -> String {
        self.inner.remote.location()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let mut listed = self.inner.view()?.head.list(prefix);
        let below = format!("{prefix}/");
        let pending = locked(&self.inner.pending);
        let pending = pending.iter().filter(|(key, _)| key.starts_with(&below));
        listed.extend(pending.map(|(key, bytes)| (key.clone(), bytes.len() as u64)));
        listed.sort_unstable();
        listed.dedup_by(|a, b| a.0 == b.0);
        Ok(objects(listed))
    }

    fn open(&self, key: &str) -> Result<Arc<dyn Blob>> {
        if let Some(bytes) = locked(&self.inner.pending).get(key) {
            return Ok(whole(bytes.clone()));
        }
        let view = self.inner.view()?;
        self.inner.object(&view.head, key).map(whole)
    }

    fn create(&self, key: &str, bytes: &[u8], durability: Durability) -> Result<Created> {
        if durability == Durability::AtFlush {
            if self.inner.view()?.head.has(key) {
                return Ok(Created::Existed);
            }
            let bytes = Bytes::copy_from_slice(bytes);
            let before = locked(&self.inner.pending).insert(key.to_owned(), bytes);
            return Ok(if before.is_none() {
                Created::New
            } else {
                Created::Existed
            });
        }
        self.once("add an object", |draft| {
            draft.create(key, bytes, durability)
        })
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.once("replace an object", |draft| draft.replace(key, bytes))
    }

    fn delete(&self, key: &str) -> Result<()> {
        locked(&self.inner.pending).remove(key);
        self.once("delete an object", |draft| draft.delete(key))
    }

    fn flush(&self, keys: &[String]) -> Result<()> {
        let pending = locked(&self.inner.pending);
        let wanted = keys.iter().any(|key| pending.contains_key(key));
        drop(pending);
        if wanted {
            return self.once("add objects", |_draft| Ok(()));
        }
        Ok(())
    }

    fn is_branch(&self) -> bool {
        true
    }

    fn draft(&self) -> Result<Option<Arc<dyn Draft>>> {
        Ok(Some(Arc::new(self.inner.draft()?)))
    }

    fn knows_run(&self, key: &str) -> Option<bool> {
        self.inner.view().ok()?.head.knows_run(key)
    }

    fn remember_runs(&self, keys: &[String]) -> Result<()> {
        self.once("remember runs", |draft| draft.remember_runs(keys))
    }

    fn unseen(&self, snapshot: &str) -> Option<Vec<String>> {
        self.inner.view().ok()?.head.unseen.get(snapshot).cloned()
    }

    fn set_unseen(&self, snapshot: &str, keys: Option<&[String]>) -> Result<()> {
        self.once("update a snapshot", |draft| {
            draft.set_unseen(snapshot, keys)
        })
    }

    fn squash(&self, above: u64) -> Result<bool> {
        self.inner.squash(above)
    }
}
