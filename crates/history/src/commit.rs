//! The commit log: numbered files made with create-if-absent that say which compacted files make the lake.
//!
//! Whoever creates commit n has won it; everybody else reads it, looks again at what is left to do and tries n + 1. Every
//! sixteenth commit repeats the whole state, so that a reader needs few files and old commits can go.

use std::collections::BTreeMap;

use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Error, ErrorKind, Result,
    garbage::forget_old,
    key::{COMMITS, Partition, commit_object},
    store::{Created, Durability, Store},
};

/// The version of the commit log.
const COMMIT_VERSION: u32 = 1;

/// Every n-th commit repeats the whole state.
const CHECKPOINT_EVERY: u64 = 16;

/// What an object of the lake holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Rows of runs of one job.
    Rows,
    /// Counts by day and test of one job.
    Cells,
    /// Names of tests of one repository.
    Names,
    /// Failure texts of one repository.
    Texts,
}

/// One live object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    /// The job for rows and cells; only the repository for names and texts.
    pub(crate) of: Partition,
    /// `YYYY-MM-DD` or `YYYY-MM` for rows and cells, else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) period: String,
    pub(crate) size: u64,
    /// XXH3-64 of its bytes, in hex.
    pub(crate) xxh3: String,
    pub(crate) rows: u64,
    #[serde(default)]
    pub(crate) runs: u64,
    /// Start of its first run; 0 for names and texts.
    #[serde(default)]
    pub(crate) first: i64,
    /// Start of its last run; 0 for names and texts.
    #[serde(default)]
    pub(crate) last: i64,
}

/// What a removed object held, so that `verify` can do the sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removed {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) rows: u64,
    pub(crate) runs: u64,
}

/// Runs and rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) runs: u64,
    pub(crate) rows: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, runs: u64, rows: u64) {
        self.runs += runs;
        self.rows += rows;
    }
}

/// One step of the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    pub(crate) version: u32,
    pub(crate) number: u64,
    /// 64 random bits of the writer, so that it can tell its own commit after a lost answer.
    pub(crate) writer: String,
    pub(crate) at: Timestamp,
    pub(crate) added: Vec<FileEntry>,
    pub(crate) removed: Vec<Removed>,
    /// What came in from run files or an import.
    pub(crate) taken_in: Amount,
    /// What retention let go.
    pub(crate) expired: Amount,
    /// The whole state before this commit, in every sixteenth one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint: Option<State>,
}

/// An object that is no longer part of the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Garbage {
    pub(crate) key: String,
    pub(crate) since: Timestamp,
}

/// The lake after a number of commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The number of the next commit.
    pub(crate) next: u64,
    pub(crate) files: BTreeMap<String, FileEntry>,
    pub(crate) garbage: Vec<Garbage>,
    /// All that ever came in.
    pub(crate) taken_in: Amount,
    /// All that retention ever let go.
    pub(crate) expired: Amount,
}

impl State {
    pub(crate) fn apply(&mut self, commit: &Commit) {
        if let Some(checkpoint) = &commit.checkpoint {
            self.clone_from(checkpoint);
        }
        for removed in &commit.removed {
            self.files.remove(&removed.key);
            self.garbage.push(Garbage {
                key: removed.key.clone(),
                since: commit.at,
            });
        }
        let added = commit
            .added
            .iter()
            .map(|file| (file.key.clone(), file.clone()));
        self.files.extend(added);
        self.taken_in
            .add(commit.taken_in.runs, commit.taken_in.rows);
        self.expired.add(commit.expired.runs, commit.expired.rows);
        self.next = commit.number + 1;
    }

    /// The live files of a kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &FileEntry> {
        self.files.values().filter(move |file| file.kind == kind)
    }
}

/// A commit as it stands in the store.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    xxh3: String,
    #[serde(borrow)]
    commit: &'a RawValue,
}

fn seal(commit: &Commit) -> Result<Vec<u8>, serde_json::Error> {
    let body = serde_json::value::to_raw_value(commit)?;
    serde_json::to_vec(&Envelope {
        xxh3: format!("{:016x}", xxh3_64(body.get().as_bytes())),
        commit: &body,
    })
}

/// Reads one commit and checks its checksum.
pub(crate) fn read(store: &dyn Store, key: &str) -> Result<Commit> {
    let bytes = store.get(key)?;
    let damaged = crate::pq::damaged(key);
    let envelope: Envelope<'_> = serde_json::from_slice(&bytes).map_err(&damaged)?;
    let body = envelope.commit.get();
    if envelope.xxh3 != format!("{:016x}", xxh3_64(body.as_bytes())) {
        return Err(Error::corrupt(key, "its checksum is wrong"));
    }
    let commit: Commit = serde_json::from_str(body).map_err(&damaged)?;
    if commit.version <= COMMIT_VERSION {
        return Ok(commit);
    }
    let kind = ErrorKind::TooNew {
        found: commit.version,
        known: COMMIT_VERSION,
    };
    Err(Error::new("cannot read", key, kind))
}

/// How often reading the log starts again when old commits are deleted in between.
const READ_AGAIN: u32 = 8;

/// Reads the state of the lake.
pub(crate) fn load(store: &dyn Store) -> Result<State> {
    for _ in 1..READ_AGAIN {
        match load_once(store) {
            Err(error) if error.is_not_found() => {}
            loaded => return loaded,
        }
    }
    load_once(store)
}

fn load_once(store: &dyn Store) -> Result<State> {
    let keys: Vec<String> = store.list(COMMITS)?.into_iter().map(|o| o.key).collect();
    let mut tail = Vec::new();
    for key in keys.iter().rev() {
        let commit = read(store, key)?;
        let done = commit.checkpoint.is_some();
        tail.push(commit);
        if done {
            break;
        }
    }
    let mut state = State::default();
    for commit in tail.iter().rev() {
        if commit.checkpoint.is_none() && commit.number != state.next {
            let why = format!("commit {} is missing before it", state.next);
            return Err(Error::corrupt(&commit_object(commit.number), why));
        }
        state.apply(commit);
    }
    Ok(state)
}

/// Tries to make a commit the next one. `false` when another writer was first.
pub(crate) fn try_commit(store: &dyn Store, state: &State, mut commit: Commit) -> Result<bool> {
    commit.version = COMMIT_VERSION;
    commit.number = state.next;
    commit.writer = format!("{:016x}", crate::store::random());
    if commit.number % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1 {
        let mut checkpoint = state.clone();
        forget_old(&mut checkpoint, commit.at);
        commit.checkpoint = Some(checkpoint);
    }
    let key = commit_object(commit.number);
    let bytes = seal(&commit).map_err(crate::pq::damaged(&key))?;
    let keys: Vec<String> = commit.added.iter().map(|file| file.key.clone()).collect();
    store.flush(&keys)?;
    Ok(store.create(&key, &bytes, Durability::Now)? == Created::New)
}

#[cfg(test)]
mod tests {
    use super::{Commit, Kind, State, load, read, try_commit};
    use crate::{
        key::{Partition, commit_object},
        store::{FileStore, Store as _},
    };

    fn entry(key: &str) -> super::FileEntry {
        super::FileEntry {
            key: key.to_owned(),
            kind: Kind::Rows,
            of: Partition::default(),
            period: String::new(),
            size: 0,
            xxh3: String::new(),
            rows: 1,
            runs: 1,
            first: 0,
            last: 0,
        }
    }

    fn adding(store: &FileStore, key: &str) -> Commit {
        store.create(key, b"", crate::Durability::AtFlush).unwrap();
        Commit {
            added: vec![entry(key)],
            ..Commit::default()
        }
    }

    #[test]
    fn the_state_is_the_same_with_and_without_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path());
        let mut expected = State::default();
        for n in 0..40 {
            let state = load(&store).unwrap();
            assert_eq!(state.files, expected.files);
            let commit = adding(&store, &format!("v1/x/{n}"));
            assert!(try_commit(&store, &state, commit.clone()).unwrap());
            assert!(!try_commit(&store, &state, commit.clone()).unwrap());
            expected.apply(&commit);
        }
        assert_eq!(load(&store).unwrap().next, 40);
        assert!(
            read(&store, &commit_object(31))
                .unwrap()
                .checkpoint
                .is_some()
        );
    }

    #[test]
    fn a_flipped_byte_in_a_commit_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path());
        let commit = adding(&store, "v1/x/1");
        assert!(try_commit(&store, &State::default(), commit).unwrap());
        let path = folder.path().join(commit_object(0));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("v1/x/1", "v1/x/2")).unwrap();
        assert!(load(&store).is_err());
    }
}
