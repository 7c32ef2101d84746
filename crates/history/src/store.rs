//! Where objects are kept: the few operations that every store must have.
//!
//! The layout needs one conditional write, create-if-absent; nothing is ever overwritten but derived data. So a folder, a
//! bucket and a git branch can all be a store.

mod branch;
mod file;
mod git;
mod remote;

use std::{fmt, path::Path, sync::Arc};

use bytes::Bytes;
use model::Timestamp;

pub use branch::{BranchStore, Pace, blob_id};
pub use file::FileStore;
pub(crate) use file::random;
pub use git::{GitRemote, is_branch_name};
pub use remote::{Remote, RemoteChange, RemoteEntry, RemoteFile, Written};

use crate::{Error, ErrorKind, Result};

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its key: parts separated by `/`, below the root of the store.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
}

/// What a create-if-absent did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is new.
    New,
    /// An object of that key was there before; it is unchanged.
    Existed,
}

/// Whether a write must be on the disk when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power cut from now on.
    Now,
    /// It survives a power cut after [`Store::flush`]; it is visible and whole at once all the same.
    AtFlush,
}

/// The bytes of one object, read in parts.
pub trait Blob: fmt::Debug + Send + Sync {
    /// The size in bytes.
    fn size(&self) -> u64;

    /// Reads exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// When the store fails or the object ends before.
    fn read(&self, offset: u64, length: usize) -> Result<Bytes>;
}

/// A place for immutable objects.
pub trait Store: fmt::Debug + Send + Sync {
    /// The name of the place, for messages.
    fn location(&self) -> String;

    /// All objects whose key starts with the folder `prefix` (no trailing slash), in rising order of key. A missing folder is empty.
    ///
    /// # Errors
    /// When the store fails.
    fn list(&self, prefix: &str) -> Result<Vec<Object>>;

    /// Opens an object for reading.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none; others when the store fails.
    fn open(&self, key: &str) -> Result<Arc<dyn Blob>>;

    /// Makes an object visible, whole or not at all, unless the key exists. Of racing writers exactly one gets [`Created::New`].
    ///
    /// # Errors
    /// When the store fails; then nothing is visible.
    fn create(&self, key: &str, bytes: &[u8], durability: Durability) -> Result<Created>;

    /// Writes derived data, whole or not at all; the last writer wins.
    ///
    /// # Errors
    /// When the store fails.
    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()>;

    /// Deletes an object; one that is not there is deleted already.
    ///
    /// # Errors
    /// When the store fails.
    fn delete(&self, key: &str) -> Result<()>;

    /// Makes objects that were created with [`Durability::AtFlush`] survive a power cut.
    ///
    /// # Errors
    /// When the store fails.
    fn flush(&self, keys: &[String]) -> Result<()>;

    /// Removes what killed writers left behind before a moment; returns how many.
    ///
    /// # Errors
    /// When the store fails.
    fn sweep(&self, before: Timestamp) -> Result<u64> {
        let _ = before;
        Ok(0)
    }

    /// Whether all objects live in the commits of one branch. Then a round trip costs more than bytes, so what is read together is kept together; every
    /// reader sees one commit, so what the newest one does not name can go at once; and a store needs no probe of create-if-absent.
    fn is_branch(&self) -> bool {
        false
    }

    /// A private view of the store on which changes collect until they are published at once; `None` where every write stands for itself.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn draft(&self) -> Result<Option<Arc<dyn Draft>>> {
        Ok(None)
    }

    /// Whether a run was recorded, by the key of its run file, where the store can tell without reading compacted files.
    fn knows_run(&self, key: &str) -> Option<bool> {
        let _ = key;
        None
    }

    /// Lets [`Store::knows_run`] know of runs that came in without a run file, by the keys that their run files would have.
    ///
    /// # Errors
    /// When the store fails.
    fn remember_runs(&self, keys: &[String]) -> Result<()> {
        let _ = keys;
        Ok(())
    }

    /// The run files that a snapshot has not seen, by the folder of the snapshot; `None` where only a look at the whole log can tell.
    fn unseen(&self, snapshot: &str) -> Option<Vec<String>> {
        let _ = snapshot;
        None
    }

    /// Says which run files a snapshot has not seen; every run file of its branch that is created from now on joins them. `None` when runs came in another
    /// way, so that only a look at the whole log can tell.
    ///
    /// # Errors
    /// When the store fails.
    fn set_unseen(&self, snapshot: &str, keys: Option<&[String]>) -> Result<()> {
        let _ = (snapshot, keys);
        Ok(())
    }

    /// Gives back the space of what was replaced, where a store keeps it, when that is more than `above` bytes: `true` when it did.
    ///
    /// # Errors
    /// When the store fails; nothing is lost then.
    fn squash(&self, above: u64) -> Result<bool> {
        let _ = above;
        Ok(false)
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Blob::read`].
    fn get(&self, key: &str) -> Result<Bytes> {
        let blob = self.open(key)?;
        let size = usize::try_from(blob.size())
            .map_err(|_too_big| Error::corrupt(key, "it is too big for this machine"))?;
        blob.read(0, size)
    }
}

/// A store whose changes are visible to nobody else until they are published.
pub trait Draft: Store {
    /// Makes all changes visible at once. `false` when the store changed since the draft was taken: nothing is published then, and the work has to be done again
    /// on a new draft. It waits a while before it says so, so that many writers do not meet again.
    ///
    /// # Errors
    /// When the store fails or other writers were faster for too long; then nothing is published, or all of it.
    fn publish(&self, message: &str) -> Result<bool>;
}

/// Opens the store of a name: `file:PATH` or a bare path, `git:BRANCH` for a branch of the remote `origin` of the checkout that the process runs in,
/// `git:URL#BRANCH` for a branch of any repository.
///
/// # Errors
/// [`ErrorKind::BadLocation`] for a scheme that this build does not have, and for what is no path, branch or repository.
pub fn store_of(location: &str) -> Result<Arc<dyn Store>> {
    let bad =
        |why: String| Error::new("cannot open history", location, ErrorKind::BadLocation(why));
    let path = match location.split_once(':') {
        Some(("file", path)) => path.strip_prefix("//").unwrap_or(path),
        Some(("git", place)) => return Ok(Arc::new(branch_of(place)?)),
        Some((scheme, _)) if is_scheme(scheme) => {
            return Err(bad(format!("this build has no `{scheme}:` store")));
        }
        Some(_) | None => location,
    };
    if path.is_empty() {
        return Err(bad("the path is empty".to_owned()));
    }
    Ok(Arc::new(FileStore::new(path)))
}

/// `BRANCH` or `URL#BRANCH`, by plain git.
fn branch_of(place: &str) -> Result<BranchStore> {
    let remote = match place.rsplit_once('#') {
        Some((url, branch)) => GitRemote::new(url, branch)?,
        None => GitRemote::of_checkout(Path::new("."), place)?,
    };
    Ok(BranchStore::new(
        Box::new(remote),
        Pace::default(),
        wall_clock,
    ))
}

/// The time of this machine.
fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// A scheme has two letters or more: `C:\history` is a path.
fn is_scheme(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::store_of;

    #[test]
    fn a_bare_path_and_a_drive_letter_are_folders() {
        for name in ["file:a/b", "a/b", "C:\\b", "file:///a/b", "./x:y"] {
            assert!(store_of(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_with_a_hint() {
        let error = store_of("ftp://x").unwrap_err();
        insta::assert_snapshot!(error, @"cannot open history `ftp://x`: this build has no `ftp:` store (hint: write file:PATH, git:BRANCH or git:URL#BRANCH)");
        assert!(store_of("file:").is_err());
    }
}
