//! Changes to a branch that are published with one conditional write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use bytes::Bytes;

use super::{
    Inner, View,
    head::{HEAD, Head, blob_id},
    locked, objects, pace, whole,
};
use crate::{
    Error, ErrorKind, Result,
    store::{Blob, Created, Draft, Durability, Object, RemoteChange, Store, Written, random},
};

/// Bytes of a commit and its trees, roughly.
const COMMIT_BYTES: u64 = 3_000;

/// A private view of a branch on which changes collect.
#[derive(Debug)]
pub(super) struct BranchDraft {
    inner: Arc<Inner>,
    base: Arc<View>,
    /// When it was taken.
    taken: Instant,
    work: Mutex<Work>,
    /// The first read that got no answer. Work that goes on without it may add, but what it deletes or replaces after that must not be published.
    unanswered: Mutex<Option<String>>,
}

#[derive(Clone, Debug, Default)]
struct Work {
    head: Head,
    /// Files to write.
    files: BTreeMap<String, Bytes>,
    /// Files to remove.
    dropped: BTreeSet<String>,
    changed: bool,
    /// Why it must not be published.
    blind: Option<String>,
}

impl Work {
    fn put(&mut self, key: &str, bytes: &[u8]) {
        self.changed = true;
        let was_file = self.head.files.contains_key(key);
        if !self.head.put(key, bytes) {
            self.dropped.remove(key);
            self.files
                .insert(key.to_owned(), Bytes::copy_from_slice(bytes));
        } else if was_file {
            self.drop_file(key);
        }
    }

    fn remove(&mut self, key: &str) {
        if self.head.has(key) {
            self.changed = true;
            if self.head.remove(key) {
                self.drop_file(key);
            }
        }
    }

    /// A file that is not written yet needs no removal, but removing what is not there is refused by some remotes: only what the base has is dropped.
    fn drop_file(&mut self, key: &str) {
        self.files.remove(key);
        self.dropped.insert(key.to_owned());
    }
}

/// What is written at once.
struct Write {
    head: Head,
    bytes: Bytes,
    /// Besides the head.
    changes: Vec<RemoteChange>,
    message: String,
}

impl BranchDraft {
    pub(super) fn new(inner: Arc<Inner>, base: Arc<View>) -> Self {
        let work = Work {
            head: base.head.clone(),
            ..Work::default()
        };
        Self {
            inner,
            base,
            taken: Instant::now(),
            work: Mutex::new(work),
            unanswered: Mutex::default(),
        }
    }

    /// A file as it is on the branch.
    fn blob(&self, key: &str, id: &str) -> Result<Bytes> {
        self.inner.blob(key, id).inspect_err(|error| {
            if !error.is_damage() {
                locked(&self.unanswered).get_or_insert_with(|| error.to_string());
            }
        })
    }

    /// The work, for a change that takes something away.
    fn seeing(&self) -> MutexGuard<'_, Work> {
        let unanswered = locked(&self.unanswered).clone();
        let mut work = locked(&self.work);
        work.blind = work.blind.take().or(unanswered);
        work
    }

    /// Puts an object in unless it is there.
    pub(super) fn put_new(&self, key: &str, bytes: &[u8]) -> Created {
        let mut work = locked(&self.work);
        if work.head.has(key) {
            return Created::Existed;
        }
        work.put(key, bytes);
        Created::New
    }

    /// Makes what is written of what has changed.
    fn write_of(&self, mut work: Work, writer: &str, message: &str) -> Result<Write> {
        work.head.sign(writer);
        work.head.lock = None;
        for (key, bytes) in work.head.spill()? {
            work.files.insert(key, bytes);
        }
        let files: u64 = work.files.values().map(|bytes| bytes.len() as u64).sum();
        work.head.since_squash += files + self.base.size + COMMIT_BYTES;
        let bytes = Bytes::from(work.head.encode()?);
        let put = work.files.into_iter().map(|(path, bytes)| RemoteChange {
            path,
            bytes: Some(bytes),
        });
        let mut changes: Vec<RemoteChange> = put.collect();
        let base = &self.base.head.files;
        let dropped = work
            .dropped
            .into_iter()
            .filter(|key| base.contains_key(key) && !work.head.files.contains_key(key));
        changes.extend(dropped.map(|path| RemoteChange { path, bytes: None }));
        Ok(Write {
            head: work.head,
            bytes,
            changes,
            message: message.to_owned(),
        })
    }

    /// One conditional write.
    fn write(&self, write: &Write) -> Result<Written> {
        let remote = &self.inner.remote;
        if let (Some(blob), true) = (&self.base.blob, write.changes.is_empty()) {
            return remote.put(HEAD, &write.bytes, blob, &write.message);
        }
        let mut changes = write.changes.clone();
        changes.push(RemoteChange {
            path: HEAD.to_owned(),
            bytes: Some(write.bytes.clone()),
        });
        if self.base.commit.is_some() || self.base.blob.is_none() {
            return remote.advance(self.base.commit.as_deref(), &changes, &write.message);
        }
        // The base was read without its commit: the newest commit will do if it has the same head.
        let now = self.inner.look(true)?;
        if now.blob != self.base.blob {
            return Ok(Written::Stale);
        }
        remote.advance(now.commit.as_deref(), &changes, &write.message)
    }

    /// What became of a write: `true` when it is done.
    fn settle(&self, written: Result<Written>, write: Write, writer: &str) -> Result<bool> {
        // The commit that the write is made on was read a moment ago, so it exists.
        let lost = match written.map_err(Error::lagging) {
            Ok(Written::Done(commit)) => {
                self.inner.wrote(View {
                    blob: Some(blob_id(&write.bytes)),
                    size: write.bytes.len() as u64,
                    head: write.head,
                    commit,
                });
                return Ok(true);
            }
            Ok(Written::Stale) => None,
            Err(error) if error.is_unavailable() => Some(error),
            Err(error) => return Err(error),
        };
        let away = self.inner.is_away(lost.is_some());
        // Not done, or done and the answer was lost: the branch itself says. It is read after the pause, so that the next try starts from it.
        let work = if write.changes.is_empty() {
            pace::Work::Small
        } else {
            pace::Work::Files
        };
        let waited = self.inner.wait(self.taken.elapsed(), work);
        let now = self.inner.look(!write.changes.is_empty());
        let now = match (now, lost) {
            (Ok(now), Some(lost)) if away && !now.head.is_signed_by(writer) => return Err(lost),
            (Ok(now), _) => now,
            (Err(why), lost) => return Err(lost.unwrap_or(why)),
        };
        if now.head.is_signed_by(writer) {
            self.inner.wrote(View::clone(&now));
            return Ok(true);
        }
        waited.map(|()| false)
    }
}

impl Draft for BranchDraft {
    fn publish(&self, message: &str) -> Result<bool> {
        let work = locked(&self.work).clone();
        if let Some(why) = work.blind {
            let kind = ErrorKind::Unavailable(why);
            return Err(Error::new("cannot write to", &self.location(), kind));
        }
        if !work.changed {
            return Ok(true);
        }
        if !self.inner.may_write(&self.base.head)? {
            return Ok(false);
        }
        let writer = format!("{:016x}", random());
        let write = self.write_of(work, &writer, message)?;
        let written = self.write(&write);
        self.settle(written, write, &writer)
    }
}

impl Store for BranchDraft {
    fn location(&self) -> String {
        self.inner.remote.location()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        Ok(objects(locked(&self.work).head.list(prefix)))
    }

    fn open(&self, key: &str) -> Result<Arc<dyn Blob>> {
        let head = {
            let work = locked(&self.work);
            if let Some(bytes) = work.files.get(key) {
                return Ok(whole(bytes.clone()));
            }
            if let Some(bytes) = work.head.inline(key) {
                return bytes.map(whole);
            }
            work.head.files.get(key).map(|file| file.id.clone())
        };
        match head {
            Some(id) => self.blob(key, &id).map(whole),
            None => Err(Error::new("cannot open", key, ErrorKind::NotFound)),
        }
    }

    fn create(&self, key: &str, bytes: &[u8], _durability: Durability) -> Result<Created> {
        Ok(self.put_new(key, bytes))
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.seeing().put(key, bytes);
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.seeing().remove(key);
        Ok(())
    }

    fn flush(&self, _keys: &[String]) -> Result<()> {
        Ok(())
    }

    fn is_branch(&self) -> bool {
        true
    }

    fn draft(&self) -> Result<Option<Arc<dyn Draft>>> {
        // Work inside of work joins it.
        Ok(None)
    }

    fn knows_run(&self, key: &str) -> Option<bool> {
        locked(&self.work).head.knows_run(key)
    }

    fn remember_runs(&self, keys: &[String]) -> Result<()> {
        let mut work = locked(&self.work);
        work.changed |= !keys.is_empty();
        for key in keys {
            work.head.remember(key);
        }
        Ok(())
    }

    fn unseen(&self, snapshot: &str) -> Option<Vec<String>> {
        locked(&self.work).head.unseen.get(snapshot).cloned()
    }

    fn set_unseen(&self, snapshot: &str, keys: Option<&[String]>) -> Result<()> {
        let mut work = locked(&self.work);
        work.changed = true;
        work.head.set_unseen(snapshot, keys);
        Ok(())
    }
}
