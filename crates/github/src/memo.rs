//! What was read a moment ago, so that applying effects does not read it again.
//!
//! A caller that reads the comments of a pull request side by side with its other facts saves the call that [`crate::Repo::apply`] would make.
//! Old enough to be wrong is harmless where it matters: whoever adds a comment lists again afterwards, see `effects/comment`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::facts::{Comment, Label, Status};

/// How long something counts as just read.
const FRESH: Duration = Duration::from_secs(30);

type Kept<T> = Mutex<BTreeMap<String, (Instant, Vec<T>)>>;

#[derive(Debug, Default)]
pub(crate) struct Memo {
    comments: Kept<Comment>,
    labels: Kept<Label>,
    statuses: Kept<Status>,
    login: Mutex<Option<String>>,
}

impl Memo {
    pub(crate) fn keep_comments(&self, repo: &str, pr: u64, comments: &[Comment]) {
        keep(&self.comments, format!("{repo}#{pr}"), comments);
    }

    pub(crate) fn comments(&self, repo: &str, pr: u64) -> Option<Vec<Comment>> {
        fresh(&self.comments, &format!("{repo}#{pr}"))
    }

    pub(crate) fn keep_labels(&self, repo: &str, pr: u64, labels: &[Label]) {
        keep(&self.labels, format!("{repo}#{pr}"), labels);
    }

    pub(crate) fn labels(&self, repo: &str, pr: u64) -> Option<Vec<Label>> {
        fresh(&self.labels, &format!("{repo}#{pr}"))
    }

    pub(crate) fn keep_statuses(&self, repo: &str, sha: &str, statuses: &[Status]) {
        keep(&self.statuses, format!("{repo}@{sha}"), statuses);
    }

    pub(crate) fn statuses(&self, repo: &str, sha: &str) -> Option<Vec<Status>> {
        fresh(&self.statuses, &format!("{repo}@{sha}"))
    }

    /// They are about to change.
    pub(crate) fn forget_comments(&self, repo: &str, pr: u64) {
        lock(&self.comments).remove(&format!("{repo}#{pr}"));
    }

    /// They are about to change.
    pub(crate) fn forget_labels(&self, repo: &str, pr: u64) {
        lock(&self.labels).remove(&format!("{repo}#{pr}"));
    }

    /// A status that was just written.
    pub(crate) fn add_status(&self, repo: &str, sha: &str, status: Status) {
        let mut all = lock(&self.statuses);
        let kept = all.entry(format!("{repo}@{sha}"));
        let (at, statuses) = kept.or_insert_with(|| (Instant::now(), Vec::new()));
        *at = Instant::now();
        statuses.retain(|old| old.context != status.context);
        statuses.push(status);
    }

    /// The login that our comments are by, once GitHub has said it.
    pub(crate) fn login(&self) -> Option<String> {
        lock(&self.login).clone()
    }

    pub(crate) fn learn_login(&self, login: &str) {
        *lock(&self.login) = Some(login.to_owned());
    }
}

fn keep<T: Clone>(kept: &Kept<T>, key: String, list: &[T]) {
    let mut kept = lock(kept);
    kept.retain(|_, (at, _)| at.elapsed() < FRESH);
    kept.insert(key, (Instant::now(), list.to_vec()));
}

fn fresh<T: Clone>(kept: &Kept<T>, key: &str) -> Option<Vec<T>> {
    let kept = lock(kept);
    let (at, list) = kept.get(key)?;
    (at.elapsed() < FRESH).then(|| list.clone())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
