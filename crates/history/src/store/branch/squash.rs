//! A branch that is rewritten with every run keeps all its versions for ever, unless its commits are replaced by one now and then.
//!
//! Where the remote replaces a branch only if it is where it was (plain git), that is all there is to it. GitHub's API moves a branch by force whatever it
//! is at, so there the writers have to be kept away for that moment: the one who squashes writes a lock into the head, with the same conditional write as every
//! other change. What read the head before that cannot be written any more, because the head has changed; who reads it after that sees the lock and waits.
//! So from the lock on the branch stands still, and the one commit that replaces it holds all that it held. The request is made early in the lease
//! of the lock or not at all, with a timeout far below the lease, and the lock is left to run out when its answer is lost; only then does the next writer
//! break it, by a conditional write again. [The decision](../../../../docs/decisions/009-history-on-a-branch.md) has the whole argument.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Inner, View,
    head::{HEAD, Head, Lock, blob_id},
    locked,
    pace::Work,
};
use crate::{
    Result,
    store::{RemoteChange, Written, random},
};

/// How often a squash is tried when others write in between; the next writer will try again.
const TRIES: u32 = 4;

/// The part of its lease after which the owner of a lock does not use it any more.
const USABLE: u32 = 2;

/// So many times as much may be written between two squashes where many write at once.
const STORM: u64 = 4;

/// What became of replacing the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaced {
    Done,
    /// Surely not done.
    Not,
    /// No answer, and the branch is not replaced yet.
    Unknown,
}

impl Inner {
    /// Whether nobody else holds the lock of a head; waits a while when somebody does.
    pub(super) fn may_write(&self, head: &Head) -> Result<bool> {
        let Some(lock) = &head.lock else {
            return Ok(true);
        };
        if self.has_run_out(lock) {
            return Ok(true);
        }
        self.is_patient()?;
        let since = locked(&self.lock_seen).as_ref().map(|(_, since)| *since);
        let waited = since.map_or(Duration::ZERO, |since| since.elapsed());
        thread::sleep(self.pace.pause_for_lock(waited));
        // One answer that does not come is no reason to begin the wait anew.
        match self.look(self.by_commit) {
            Err(error) if !error.is_unavailable() || self.is_away(true) => Err(error),
            Err(_) => Ok(false),
            Ok(_) => {
                self.is_away(false);
                Ok(false)
            }
        }
    }

    /// Whether a lock is older than its lease and half of it again, by the time that this process has seen it: that needs no clocks that agree.
    fn has_run_out(&self, lock: &Lock) -> bool {
        let lease = self.pace.lease;
        let mut seen = locked(&self.lock_seen);
        let since = match seen.take() {
            Some((owner, since)) if owner == lock.owner => since,
            Some(_) | None => Instant::now(),
        };
        *seen = Some((lock.owner.clone(), since));
        since.elapsed() > lease + lease / 2
    }

    /// Replaces the commits of the branch by one, when more than `above` bytes were written since the last time.
    pub(super) fn squash(self: &Arc<Self>, above: u64) -> Result<bool> {
        // Where many write at once, one of those whose turn comes later will do it: those who write now lose the race for it.
        let patient = locked(&self.contention).before;
        let above = if patient {
            above.saturating_mul(STORM)
        } else {
            above
        };
        let mut view = self.view()?;
        for _ in 0..TRIES {
            if view.head.since_squash <= above {
                return Ok(false);
            }
            if view.commit.is_none() {
                view = self.look(true)?;
            }
            let Some(commit) = view.commit.clone() else {
                return Ok(false);
            };
            let locked = view
                .head
                .lock
                .as_ref()
                .is_some_and(|lock| !self.has_run_out(lock));
            if view.blob.is_none() || locked {
                return Ok(false);
            }
            let done = if self.remote.replaces_conditionally() {
                matches!(self.replace(&view, &commit, &|| true)?, Replaced::Done)
            } else {
                self.replace_locked(&view)?
            };
            if done {
                return Ok(true);
            }
            self.wait(Duration::ZERO, Work::Small)?;
            view = self.look(true)?;
        }
        Ok(false)
    }

    /// Replaces the branch by one commit with its tree.
    fn replace(&self, view: &View, commit: &str, safe: &dyn Fn() -> bool) -> Result<Replaced> {
        let writer = format!("{:016x}", random());
        let (head, bytes) = signed(&view.head, &writer, None)?;
        let change = RemoteChange {
            path: HEAD.to_owned(),
            bytes: Some(bytes.clone()),
        };
        let what: (&[RemoteChange], &str) = (&[change], "one commit for all before");
        match self.remote.replace(commit, what, safe) {
            Ok(Written::Done(commit)) => {
                self.wrote(view_of(head, &bytes, commit));
                Ok(Replaced::Done)
            }
            Ok(Written::Stale) => Ok(Replaced::Not),
            Err(error) if error.is_unavailable() => {
                let now = self.look(true).map_err(|_unreachable| error)?;
                if now.head.is_signed_by(&writer) {
                    return Ok(Replaced::Done);
                }
                Ok(Replaced::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    /// The same where only a lock keeps other writers away.
    fn replace_locked(&self, view: &View) -> Result<bool> {
        let taken = Instant::now();
        let lock = Lock {
            owner: format!("{:016x}", random()),
            at: (self.clock)(),
        };
        let Some((locked, commit)) = self.lock(view, &lock)? else {
            return Ok(false);
        };
        // By both clocks: one of them may have stood still while the machine slept.
        let safe = || taken.elapsed() < self.pace.lease / USABLE && self.is_young(&lock);
        if !safe() {
            return self.unlock(&locked).map(|()| false);
        }
        match self.replace(&locked, &commit, &safe) {
            Ok(Replaced::Done) => Ok(true),
            // What was not heard of may still come, so the lock has to run out.
            Ok(Replaced::Unknown) => Ok(false),
            Ok(Replaced::Not) => self.unlock(&locked).map(|()| false),
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => self.unlock(&locked).and(Err(error)),
        }
    }

    /// Whether a lock of our own can still be used, by the wall clock.
    fn is_young(&self, lock: &Lock) -> bool {
        let usable = i64::try_from((self.pace.lease / USABLE).as_millis()).unwrap_or(i64::MAX);
        let age = (self.clock)().0.saturating_sub(lock.at.0);
        (0..usable).contains(&age)
    }

    /// Writes a lock; `None` when somebody was faster.
    fn lock(&self, view: &View, lock: &Lock) -> Result<Option<(View, String)>> {
        let Some(blob) = &view.blob else {
            return Ok(None);
        };
        let (head, bytes) = signed(&view.head, &lock.owner, Some(lock.clone()))?;
        match self.remote.put(HEAD, &bytes, blob, "lock") {
            Ok(Written::Done(Some(commit))) => {
                Ok(Some((view_of(head, &bytes, Some(commit.clone())), commit)))
            }
            Err(error) if !error.is_unavailable() => Err(error),
            // Somebody was faster, or the answer was lost.
            Ok(Written::Done(None) | Written::Stale) | Err(_) => self.lock_of(&lock.owner),
        }
    }

    /// The branch with the lock of an owner, when that one holds it.
    fn lock_of(&self, owner: &str) -> Result<Option<(View, String)>> {
        let now = self.look(true)?;
        let held = now
            .head
            .lock
            .as_ref()
            .is_some_and(|lock| lock.owner == owner);
        Ok(now
            .commit
            .clone()
            .filter(|_| held)
            .map(|commit| (View::clone(&now), commit)))
    }

    /// Gives a lock back.
    fn unlock(&self, locked: &View) -> Result<()> {
        let Some(blob) = &locked.blob else {
            return Ok(());
        };
        let mut head = locked.head.clone();
        head.lock = None;
        head.sign(&format!("{:016x}", random()));
        let bytes = Bytes::from(head.encode()?);
        if let Written::Done(commit) = self.remote.put(HEAD, &bytes, blob, "unlock")? {
            self.wrote(view_of(head, &bytes, commit));
        }
        Ok(())
    }
}

/// The next version of a head, locked or squashed.
fn signed(head: &Head, writer: &str, lock: Option<Lock>) -> Result<(Head, Bytes)> {
    let mut head = head.clone();
    head.sign(writer);
    if lock.is_none() {
        head.since_squash = 0;
    }
    head.lock = lock;
    let bytes = head.encode()?.into();
    Ok((head, bytes))
}

fn view_of(head: Head, bytes: &Bytes, commit: Option<String>) -> View {
    View {
        head,
        blob: Some(blob_id(bytes)),
        commit,
        size: bytes.len() as u64,
    }
}
