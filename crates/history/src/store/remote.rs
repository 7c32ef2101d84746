//! What a branch of a git repository must offer so that a history can live on it: reads by content, and two writes that fail when somebody was faster.

use std::fmt;

use bytes::Bytes;

use crate::Result;

/// A file of the newest commit of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its bytes.
    pub bytes: Bytes,
    /// The id of its blob.
    pub blob: String,
    /// The commit that it is of, where the answer says so.
    pub commit: Option<String>,
}

/// A file in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteEntry {
    /// Its path from the root of the tree.
    pub path: String,
    /// The id of its blob.
    pub blob: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteChange {
    /// Its path from the root of the tree.
    pub path: String,
    /// Its new bytes; `None` removes it.
    pub bytes: Option<Bytes>,
}

/// What a conditional write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is done; the branch is at this commit now, where the answer says so.
    Done(Option<String>),
    /// The branch is not where it was expected: nothing is written.
    Stale,
}

/// One branch of a repository that others write too.
///
/// Every function is one round trip or a few; none waits for other writers. A write whose answer is lost may give an error or [`Written::Stale`] though it is done:
/// the caller finds out by what it wrote.
///
/// # Errors
/// All functions: [`crate::ErrorKind::ReadOnly`] when a write is not permitted, [`crate::ErrorKind::Unavailable`] when the same may work later, [`crate::ErrorKind::NotFound`] for a
/// commit or blob that does not exist.
pub trait Remote: fmt::Debug + Send + Sync {
    /// The name of the place, for messages. Holds no secret.
    fn location(&self) -> String;

    /// A file of the newest commit; `None` when there is no such file or no branch.
    ///
    /// # Errors
    /// See the trait.
    fn file(&self, path: &str) -> Result<Option<RemoteFile>>;

    /// The newest commit; `None` when there is no branch.
    ///
    /// # Errors
    /// See the trait.
    fn newest(&self) -> Result<Option<String>>;

    /// A file of a commit.
    ///
    /// # Errors
    /// See the trait.
    fn file_at(&self, commit: &str, path: &str) -> Result<Option<RemoteFile>>;

    /// A blob by its id. The caller checks that the bytes are those of the id.
    ///
    /// # Errors
    /// See the trait.
    fn blob(&self, id: &str) -> Result<Bytes>;

    /// All files of a commit.
    ///
    /// # Errors
    /// See the trait.
    fn tree(&self, commit: &str) -> Result<Vec<RemoteEntry>>;

    /// Replaces one file in a commit of its own on top of the newest one, if the file still has the blob `expected`.
    ///
    /// # Errors
    /// See the trait.
    fn put(&self, path: &str, bytes: &Bytes, expected: &str, message: &str) -> Result<Written>;

    /// Makes a commit with some changes and moves the branch from `parent` to it, if it still is there; without a parent the branch must not exist.
    ///
    /// # Errors
    /// See the trait.
    fn advance(
        &self,
        parent: Option<&str>,
        changes: &[RemoteChange],
        message: &str,
    ) -> Result<Written>;

    /// Makes a commit without a parent that has the tree of `of` with some changes, and moves the branch to it, whatever commits it had before (`what` is the changes and the message); asks `safe`
    /// right before it does. [`Written::Stale`] when the branch was surely not moved.
    ///
    /// # Errors
    /// See the trait. [`crate::ErrorKind::Unavailable`] only when it is not known whether the branch was moved.
    fn replace(
        &self,
        of: &str,
        what: (&[RemoteChange], &str),
        safe: &dyn Fn() -> bool,
    ) -> Result<Written>;

    /// Whether [`Remote::replace`] fails when the branch is not at `of` any more. Where it is not, the caller keeps all writers away with a lock, and
    /// `replace` gives up rather than take longer than a few seconds.
    fn replaces_conditionally(&self) -> bool;
}
