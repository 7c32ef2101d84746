//! A branch by the API of GitHub: no checkout, no git, and a compare-and-swap in one call for the file that every writer rewrites.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use github::{Created, Limits, Moved, Put, PutFile, Repo};
use history::{
    Error, ErrorKind, Remote, RemoteChange, RemoteEntry, RemoteFile, Result, Written, blob_id,
};

/// How long the calls before a branch is moved by force may take together; far less than the lease of the lock that keeps other writers away.
const HURRY: Duration = Duration::from_secs(20);

/// Files that are sent side by side.
const AT_ONCE: usize = 4;

/// A branch of a repository at GitHub.
#[derive(Debug)]
pub(super) struct ApiRemote {
    repo: Repo,
    branch: String,
    /// Files that GitHub has: their ids follow from their bytes, so a second try need not send them again.
    sent: Mutex<BTreeSet<String>>,
    /// The trees of commits that are known.
    trees: Mutex<BTreeMap<String, String>>,
}

impl ApiRemote {
    pub(super) fn new(repo: Repo, branch: &str) -> Self {
        Self {
            repo,
            branch: branch.to_owned(),
            sent: Mutex::default(),
            trees: Mutex::default(),
        }
    }

    /// Sends what GitHub does not have yet, some files at a time.
    fn send(&self, repo: &Repo, changes: &[RemoteChange]) -> Result<()> {
        let files = changes.iter().filter_map(|change| change.bytes.as_ref());
        let files: Vec<(String, &Bytes)> = files.map(|bytes| (blob_id(bytes), bytes)).collect();
        let sent = locked(&self.sent).clone();
        let missing: Vec<_> = files
            .into_iter()
            .filter(|(id, _)| !sent.contains(id))
            .collect();
        for some in missing.chunks(AT_ONCE) {
            thread::scope(|scope| {
                let sending = some
                    .iter()
                    .map(|(id, bytes)| scope.spawn(move || self.send_one(repo, id, bytes)));
                let sending: Vec<_> = sending.collect();
                sending
                    .into_iter()
                    .try_for_each(|one| one.join().unwrap_or_else(|_panic| Err(internal())))
            })?;
        }
        Ok(())
    }

    fn send_one(&self, repo: &Repo, id: &str, bytes: &Bytes) -> Result<()> {
        let named = repo
            .create_blob(bytes)
            .map_err(|error| self.error("cannot write to", error))?;
        if named != id {
            return Err(unusable("GitHub names a file by another id than git"));
        }
        locked(&self.sent).insert(named);
        Ok(())
    }

    fn tree_of(&self, repo: &Repo, commit: &str) -> Result<String> {
        if let Some(tree) = locked(&self.trees).get(commit) {
            return Ok(tree.clone());
        }
        let tree = repo
            .commit_tree(commit)
            .map_err(|error| self.error("cannot read", error))?;
        locked(&self.trees).insert(commit.to_owned(), tree.clone());
        Ok(tree)
    }

    /// Makes a commit on no branch yet, with some changes to the tree of another.
    fn commit(
        &self,
        repo: &Repo,
        of: Option<&str>,
        parent: Option<&str>,
        (changes, message): (&[RemoteChange], &str),
    ) -> Result<String> {
        let base = thread::scope(|scope| {
            let base = scope.spawn(|| of.map(|commit| self.tree_of(repo, commit)).transpose());
            self.send(repo, changes)?;
            base.join().unwrap_or_else(|_panic| Err(internal()))
        })?;
        let ids = changes.iter().map(|change| {
            (
                change.path.clone(),
                change.bytes.as_ref().map(|bytes| blob_id(bytes)),
            )
        });
        let ids: BTreeMap<String, Option<String>> = ids.collect();
        let failed = |error| self.error("cannot write to", error);
        let tree = repo.create_tree(base.as_deref(), &ids).map_err(failed)?;
        let parents: Vec<&str> = parent.into_iter().collect();
        let commit = repo
            .create_commit(message, &tree, &parents)
            .map_err(failed)?;
        locked(&self.trees).insert(commit.clone(), tree);
        Ok(commit)
    }

    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
    fn error(&self, doing: &'static str, error: github::Error) -> Error {
        let said = error.to_string();
        let kind = if error.is_denied() || speaks_of_rules(&said) {
            ErrorKind::ReadOnly(said)
        } else if error.is_not_found() {
            ErrorKind::NotFound
        } else if error.is_temporary()
            || matches!(
                error,
                github::Error::Refused { .. } | github::Error::BadAnswer { .. }
            )
        {
            ErrorKind::Unavailable(said)
        } else {
            ErrorKind::UnfitStore(said)
        };
        Error::new(doing, &self.location(), kind)
    }
}

/// Rules of a repository that keep even a token with write rights from a branch.
fn speaks_of_rules(said: &str) -> bool {
    let said = said.to_lowercase();
    ["rule violation", "protected branch", "cannot force-push"]
        .iter()
        .any(|sign| said.contains(sign))
}

/// Whether an answer says that nothing was done, and the same may work another time.
fn is_definite(error: &github::Error) -> bool {
    matches!(
        error,
        github::Error::Refused { .. }
            | github::Error::NotFound { .. }
            | github::Error::Stale { .. }
            | github::Error::RateLimited { .. }
    ) && !speaks_of_rules(&error.to_string())
}

fn internal() -> Error {
    unusable("an internal error")
}

/// An error before the branch was touched: nobody has to wait for what may still come.
fn untouched(error: Error) -> Error {
    if error.is_unavailable() {
        unusable(&error.to_string())
    } else {
        error
    }
}

fn unusable(why: &str) -> Error {
    Error::new(
        "cannot write to",
        "the branch of the history",
        ErrorKind::UnfitStore(why.to_owned()),
    )
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remote for ApiRemote {
    fn location(&self) -> String {
        format!("git:{} of {}", self.branch, self.repo.name())
    }

    fn file(&self, path: &str) -> Result<Option<RemoteFile>> {
        self.file_at(&self.branch, path)
    }

    fn newest(&self) -> Result<Option<String>> {
        let tip = self
            .repo
            .branch_tip(&self.branch)
            .map_err(|error| self.error("cannot read", error))?;
        Ok(tip.map(|tip| {
            locked(&self.trees).insert(tip.commit.clone(), tip.tree);
            tip.commit
        }))
    }

    fn file_at(&self, commit: &str, path: &str) -> Result<Option<RemoteFile>> {
        let read = self
            .repo
            .file(path, commit)
            .map_err(|error| self.error("cannot read", error))?;
        Ok(read.map(|file| RemoteFile {
            bytes: file.bytes,
            blob: file.sha,
            commit: None,
        }))
    }

    fn blob(&self, id: &str) -> Result<Bytes> {
        self.repo
            .blob(id)
            .map_err(|error| self.error("cannot read", error))
    }

    fn tree(&self, commit: &str) -> Result<Vec<RemoteEntry>> {
        let entries = self
            .repo
            .tree(commit, true)
            .map_err(|error| self.error("cannot list", error))?;
        let files = entries.into_iter().filter(|entry| entry.kind == "blob");
        Ok(files
            .map(|entry| RemoteEntry {
                path: entry.path,
                blob: entry.sha,
                size: entry.size,
            })
            .collect())
    }

    fn put(&self, path: &str, bytes: &Bytes, expected: &str, message: &str) -> Result<Written> {
        let write = PutFile {
            branch: &self.branch,
            path,
            bytes,
            expected: Some(expected),
            message,
        };
        match self.repo.put_file(&write) {
            Ok(Put::Done { commit, .. }) => Ok(Written::Done(commit)),
            Ok(Put::Stale) => Ok(Written::Stale),
            // The branch is gone.
            Err(error) if error.is_not_found() => Ok(Written::Stale),
            Err(error) => Err(self.error("cannot write to", error)),
        }
    }

    fn advance(
        &self,
        parent: Option<&str>,
        changes: &[RemoteChange],
        message: &str,
    ) -> Result<Written> {
        let commit = self.commit(&self.repo, parent, parent, (changes, message))?;
        let failed = |error| self.error("cannot write to", error);
        let done = if parent.is_some() {
            self.repo
                .move_branch(&self.branch, &commit, false)
                .map_err(failed)?
                == Moved::Moved
        } else {
            self.repo
                .create_branch(&self.branch, &commit)
                .map_err(failed)?
                == Created::Created
        };
        Ok(if done {
            Written::Done(Some(commit))
        } else {
            Written::Stale
        })
    }

    fn replace(
        &self,
        of: &str,
        (changes, message): (&[RemoteChange], &str),
        safe: &dyn Fn() -> bool,
    ) -> Result<Written> {
        let started = Instant::now();
        let failed = |error| self.error("cannot write to", error);
        let limits = Limits {
            patience: HURRY / 2,
            timeout: HURRY / 4,
            longest_wait: HURRY / 8,
            attempts: 2,
            ..Limits::default()
        };
        let hurried = self.repo.with_limits(limits).map_err(failed)?;
        let commit = self
            .commit(&hurried, Some(of), None, (changes, message))
            .map_err(untouched)?;
        if started.elapsed() > HURRY || !safe() {
            return Ok(Written::Stale);
        }
        // Asked once: a repetition could come when the lock is over.
        let once = self
            .repo
            .with_limits(Limits {
                attempts: 1,
                ..limits
            })
            .map_err(failed)?;
        match once.move_branch(&self.branch, &commit, true) {
            Ok(Moved::Moved) => Ok(Written::Done(Some(commit))),
            Ok(Moved::Stale) => Ok(Written::Stale),
            Err(error) if is_definite(&error) => Ok(Written::Stale),
            Err(error) => Err(failed(error)),
        }
    }

    fn replaces_conditionally(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
