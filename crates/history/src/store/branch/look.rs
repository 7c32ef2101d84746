//! Reading the branch as it is. An answer that something is absent is believed only when the tree of the commit says the same: a replica that lags behind
//! says it too, and a writer that believed it would publish a head without all that stands in it.

use bytes::Bytes;

use super::{
    Inner, View,
    head::{HEAD, Head, blob_id},
    locked,
};
use crate::{
    Error, ErrorKind, Result,
    store::{RemoteEntry, RemoteFile},
};

/// How often a blob is asked for when its bytes are not those of its id.
const BLOB_TRIES: u32 = 2;

impl View {
    fn of(file: RemoteFile) -> Result<Self> {
        Ok(Self {
            head: Head::decode(&file.bytes)?,
            blob: Some(file.blob),
            commit: file.commit,
            size: file.bytes.len() as u64,
        })
    }
}

impl Inner {
    /// The branch by the name of the branch, in one call where all is well.
    pub(super) fn read(&self) -> Result<View> {
        match self.remote.file(HEAD)?.map(View::of) {
            Some(Ok(view)) => Ok(view),
            Some(Err(_)) | None => self.read_at_commit(),
        }
    }

    /// The branch by its newest commit.
    pub(super) fn read_at_commit(&self) -> Result<View> {
        let Some(commit) = self.remote.newest()? else {
            return self.without_branch();
        };
        let view = match self.remote.file_at(&commit, HEAD)?.map(View::of) {
            Some(Ok(view)) => view,
            Some(Err(_)) | None => self.read_by_tree(&commit)?,
        };
        Ok(View {
            commit: Some(commit),
            ..view
        })
    }

    /// The branch before anybody wrote to it. One that was there a moment ago is not gone, or so lately that others have to be asked again.
    fn without_branch(&self) -> Result<View> {
        let was_there = locked(&self.view)
            .as_ref()
            .is_some_and(|view| view.blob.is_some());
        if !was_there {
            return Ok(View::default());
        }
        let kind = ErrorKind::Unavailable("the branch is not there any more".to_owned());
        Err(Error::new("cannot read", &self.remote.location(), kind))
    }

    /// The head that the tree of a commit names, or one made of a tree that never had any.
    fn read_by_tree(&self, commit: &str) -> Result<View> {
        let entries = self.remote.tree(commit).map_err(Error::lagging)?;
        if let Some(entry) = entries.iter().find(|entry| entry.path == HEAD) {
            return View::of(RemoteFile {
                bytes: self.named_blob(HEAD, &entry.blob)?,
                blob: entry.blob.clone(),
                commit: None,
            });
        }
        if entries.iter().any(was_written_with_a_head) {
            let why = "its files are there, but not the one that lists them";
            let kind = ErrorKind::Unavailable(why.to_owned());
            return Err(Error::new("cannot read", HEAD, kind));
        }
        Ok(View {
            head: Head::of_tree(entries),
            ..View::default()
        })
    }

    /// A blob that the branch names, so that it exists.
    pub(super) fn named_blob(&self, key: &str, id: &str) -> Result<Bytes> {
        for _ in 0..BLOB_TRIES {
            let bytes = self.remote.blob(id).map_err(Error::lagging)?;
            if blob_id(&bytes) == id {
                return Ok(bytes);
            }
        }
        let why = "other bytes came than those that the branch names".to_owned();
        Err(Error::new("cannot read", key, ErrorKind::Unavailable(why)))
    }
}

/// Whether a file is one of those that compaction makes, which it names in a commit log that stands in the head.
fn was_written_with_a_head(entry: &RemoteEntry) -> bool {
    ["v1/commit/", "v1/compact/", "v1/compact-pr/"]
        .iter()
        .any(|folder| entry.path.starts_with(folder))
}
