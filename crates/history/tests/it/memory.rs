//! A branch in memory with the rules of a real one, that can be told to fail: before or after it did what it was asked for.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use history::{
    BranchStore, Error, ErrorKind, History, Pace, Remote, RemoteChange, RemoteEntry, RemoteFile,
    Result, Written,
};
use model::Timestamp;

use crate::sample::START;

/// What goes wrong with a share of all calls, in hundredths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) seed: u64,
    /// No answer, and nothing done.
    pub(crate) refused: u64,
    /// No answer, but done.
    pub(crate) lost: u64,
    /// Stale, though nobody was faster.
    pub(crate) stale: u64,
}

/// How many of the next answers are not what is there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lies {
    /// Files that are said to be absent.
    pub(crate) absent: u64,
    /// Looks for the branch that do not find it.
    pub(crate) no_branch: u64,
    /// Files and blobs with a byte less.
    pub(crate) cut: u64,
    /// Blobs that are said not to exist.
    pub(crate) no_blob: u64,
    /// Parents of commits that are said not to exist.
    pub(crate) no_parent: u64,
}

fn counted(left: &mut u64) -> bool {
    let lies = *left > 0;
    *left = left.saturating_sub(1);
    lies
}

fn not_found(name: &str) -> Error {
    Error::new("asked", name, ErrorKind::NotFound)
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<String, Bytes>,
    commits: BTreeMap<String, BTreeMap<String, String>>,
    branch: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<&'static str>>,
    made: AtomicU64,
    /// Calls that are still answered; the rest is as if the caller was killed.
    left: Mutex<Option<u64>>,
    /// How long the objects of a squash take.
    slow: Mutex<Duration>,
    /// Answers that are not what is there.
    lies: Mutex<Lies>,
    conditional: bool,
    read_only: bool,
}

/// A branch that many stores can share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Shared>);

pub(crate) const QUICK: Pace = Pace {
    pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(40),
    patience: Duration::from_mins(5),
    lease: Duration::from_millis(400),
};

pub(crate) fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(i64::try_from(since.unwrap().as_millis()).unwrap())
}

impl Memory {
    /// A branch that is replaced only if it is where it was.
    pub(crate) fn conditional() -> Self {
        Self(Arc::new(Shared {
            conditional: true,
            ..Shared::default()
        }))
    }

    /// The same branch for somebody who may only read.
    pub(crate) fn read_only(&self) -> Self {
        let state = std::mem::take(&mut *self.0.state.lock().unwrap());
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            read_only: true,
            ..Shared::default()
        }))
    }

    pub(crate) fn fail(&self, faults: Faults) {
        *self.0.faults.lock().unwrap() = faults;
    }

    /// Commits that were ever made.
    pub(crate) fn commits(&self) -> u64 {
        self.0.made.load(Ordering::Relaxed)
    }

    pub(crate) fn slow(&self, pause: Duration) {
        *self.0.slow.lock().unwrap() = pause;
    }

    pub(crate) fn lie(&self, lies: Lies) {
        *self.0.lies.lock().unwrap() = lies;
    }

    /// A file as it is seen, which may be not as it is.
    fn seen(&self, file: Option<RemoteFile>) -> Option<RemoteFile> {
        let mut lies = self.0.lies.lock().unwrap();
        if counted(&mut lies.absent) {
            return None;
        }
        let mut file = file?;
        if counted(&mut lies.cut) {
            file.bytes.truncate(file.bytes.len() - 1);
            file.blob = history::blob_id(&file.bytes);
        }
        Some(file)
    }

    /// Answers so many more calls and no other.
    pub(crate) fn die_after(&self, calls: Option<u64>) {
        *self.0.left.lock().unwrap() = calls;
    }

    pub(crate) fn store(&self) -> Arc<BranchStore> {
        Arc::new(BranchStore::new(Box::new(self.clone()), QUICK, wall_clock))
    }

    /// A history as a new process opens it.
    pub(crate) fn history(&self) -> History {
        History::init_in(self.store(), START).unwrap()
    }

    /// The calls since the last time.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.calls.lock().unwrap())
    }

    fn call<T>(
        &self,
        name: &'static str,
        stale: Option<T>,
        work: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let number = {
            let mut calls = self.0.calls.lock().unwrap();
            calls.push(name);
            calls.len() as u64
        };
        let faults = *self.0.faults.lock().unwrap();
        let mixed = (faults.seed ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let draw = (mixed >> 33) % 100;
        let lost = || {
            Error::new(
                "asked",
                name,
                ErrorKind::Unavailable("no answer".to_owned()),
            )
        };
        let mut left = self.0.left.lock().unwrap();
        if left.is_some_and(|left| left == 0) || draw < faults.refused {
            return Err(lost());
        }
        *left = left.map(|left| left - 1);
        drop(left);
        if draw < faults.refused + faults.stale
            && let Some(stale) = stale
        {
            return Ok(stale);
        }
        let mut state = self.0.state.lock().unwrap();
        let done = work(&mut state)?;
        if (99 - draw) < faults.lost {
            return Err(lost());
        }
        Ok(done)
    }

    fn commit(
        &self,
        state: &mut State,
        mut tree: BTreeMap<String, String>,
        changes: &[RemoteChange],
    ) -> Result<Written> {
        if self.0.read_only {
            let kind = ErrorKind::ReadOnly("Resource not accessible by integration".to_owned());
            return Err(Error::new("cannot write to", "memory", kind));
        }
        for RemoteChange { path, bytes } in changes {
            match bytes {
                Some(bytes) => {
                    let id = history::blob_id(bytes);
                    state.blobs.insert(id.clone(), bytes.clone());
                    tree.insert(path.clone(), id);
                }
                None => assert!(tree.remove(path).is_some(), "{path} is not there"),
            }
        }
        let id = format!("{:040x}", self.0.made.fetch_add(1, Ordering::Relaxed) + 1);
        state.commits.insert(id.clone(), tree);
        state.branch = Some(id.clone());
        Ok(Written::Done(Some(id)))
    }
}

fn file(state: &State, commit: &str, path: &str) -> Option<RemoteFile> {
    let blob = state.commits[commit].get(path)?;
    Some(RemoteFile {
        bytes: state.blobs[blob].clone(),
        blob: blob.clone(),
        commit: None,
    })
}

impl Remote for Memory {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn file(&self, path: &str) -> Result<Option<RemoteFile>> {
        self.call("file", None, |state| {
            let tip = state.branch.clone();
            Ok(self.seen(tip.and_then(|tip| file(state, &tip, path))))
        })
    }

    fn newest(&self) -> Result<Option<String>> {
        self.call("newest", None, |state| {
            let lies = counted(&mut self.0.lies.lock().unwrap().no_branch);
            Ok(state.branch.clone().filter(|_| !lies))
        })
    }

    fn file_at(&self, commit: &str, path: &str) -> Result<Option<RemoteFile>> {
        self.call("file_at", None, |state| {
            Ok(self.seen(file(state, commit, path)))
        })
    }

    fn blob(&self, id: &str) -> Result<Bytes> {
        self.call("blob", None, |state| {
            let mut lies = self.0.lies.lock().unwrap();
            if counted(&mut lies.no_blob) {
                return Err(not_found(id));
            }
            let mut bytes = state.blobs[id].clone();
            if counted(&mut lies.cut) {
                bytes.truncate(bytes.len() - 1);
            }
            Ok(bytes)
        })
    }

    fn tree(&self, commit: &str) -> Result<Vec<RemoteEntry>> {
        self.call("tree", None, |state| {
            let entry = |(path, id): (&String, &String)| RemoteEntry {
                path: path.clone(),
                blob: id.clone(),
                size: state.blobs[id].len() as u64,
            };
            Ok(state.commits[commit].iter().map(entry).collect())
        })
    }

    fn put(&self, path: &str, bytes: &Bytes, expected: &str, _message: &str) -> Result<Written> {
        self.call("put", Some(Written::Stale), |state| {
            let Some(tip) = state.branch.clone() else {
                return Ok(Written::Stale);
            };
            let tree = state.commits[&tip].clone();
            if tree.get(path).map(String::as_str) != Some(expected) {
                return Ok(Written::Stale);
            }
            let change = RemoteChange {
                path: path.to_owned(),
                bytes: Some(bytes.clone()),
            };
            self.commit(state, tree, &[change])
        })
    }

    fn advance(
        &self,
        parent: Option<&str>,
        changes: &[RemoteChange],
        _message: &str,
    ) -> Result<Written> {
        self.call("advance", Some(Written::Stale), |state| {
            if counted(&mut self.0.lies.lock().unwrap().no_parent) {
                return Err(not_found("a commit"));
            }
            if state.branch.as_deref() != parent {
                return Ok(Written::Stale);
            }
            let tree = parent
                .map(|id| state.commits[id].clone())
                .unwrap_or_default();
            self.commit(state, tree, changes)
        })
    }

    fn replace(
        &self,
        of: &str,
        (changes, _message): (&[RemoteChange], &str),
        safe: &dyn Fn() -> bool,
    ) -> Result<Written> {
        thread::sleep(*self.0.slow.lock().unwrap());
        self.call("replace", Some(Written::Stale), |state| {
            if !self.0.conditional && !safe() {
                return Ok(Written::Stale);
            }
            if self.0.conditional && state.branch.as_deref() != Some(of) {
                return Ok(Written::Stale);
            }
            let tree = state.commits[of].clone();
            self.commit(state, tree, changes)
        })
    }

    fn replaces_conditionally(&self) -> bool {
        self.0.conditional
    }
}
