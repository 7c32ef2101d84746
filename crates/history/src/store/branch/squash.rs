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
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Inner, View,
    head::{HEAD, Head, Lock, blob_id},
    locked,
};
use crate::{
    Result,
    store::{RemoteChange, Written, random},
};

/// How often a squash is tried when others write in between; the next writer will try again.
const TRIES: u32 = 4;

/// The part of its lease after which the owner of a lock does not use it any more.
const USABLE: u32 = 4;

/// After so many leases a lock is left over, whatever two clocks differ by.
const LONG_AGO: u32 = 5;

impl Inner {
    /// Whether nobody else holds the lock of a head; waits a while when somebody does.
    pub(super) fn may_write(&self, head: &Head) -> Result<bool> {
        let Some(lock) = &head.lock else {
            return Ok(true);
        };
        if self.has_run_out(lock) {
            return Ok(true);
        }
        let waited = self.wait(Duration::ZERO);
        self.look(false)?;
        waited.map(|()| false)
    }

    /// Whether a lock is older than its lease and half of it again: by the time that this process has seen it, which needs no clocks that agree, or, for one
    /// that was left long ago, by the wall clock with minutes to spare.
    fn has_run_out(&self, lock: &Lock) -> bool {
        let lease = self.pace.lease;
        let mut seen = locked(&self.lock_seen);
        let since = match seen.take() {
            Some((owner, since)) if owner == lock.owner => since,
            Some(_) | None => Instant::now(),
        };
        *seen = Some((lock.owner.clone(), since));
        let age = (self.clock)().0.saturating_sub(lock.at.0);
        let long_ago = i64::try_from((lease * LONG_AGO).as_millis()).unwrap_or(i64::MAX);
        // A lock of the far future is of a clock that is wrong.
        since.elapsed() > lease + lease / 2 || age > long_ago || age < -long_ago
    }

    /// Replaces the commits of the branch by one, when more than `above` bytes were written since the last time.
    pub(super) fn squash(self: &Arc<Self>, above: u64) -> Result<bool> {
        for _ in 0..TRIES {
            let view = self.look(true)?;
            let Some(commit) = view.commit.clone() else {
                return Ok(false);
            };
            let locked = view
                .head
                .lock
                .as_ref()
                .is_some_and(|lock| !self.has_run_out(lock));
            if view.head.since_squash <= above || view.blob.is_none() || locked {
                return Ok(false);
            }
            let done = if self.remote.replaces_conditionally() {
                self.replace(&view, &commit)?
            } else {
                self.replace_locked(&view)?
            };
            if done {
                return Ok(true);
            }
            self.wait(Duration::ZERO)?;
        }
        Ok(false)
    }

    /// Replaces the branch by one commit with its tree.
    fn replace(&self, view: &View, commit: &str) -> Result<bool> {
        let writer = format!("{:016x}", random());
        let (head, bytes) = signed(&view.head, &writer, None)?;
        let change = RemoteChange {
            path: HEAD.to_owned(),
            bytes: Some(bytes.clone()),
        };
        match self
            .remote
            .replace(commit, &[change], "one commit for all before")
        {
            Ok(Written::Done(commit)) => {
                self.wrote(view_of(head, &bytes, commit));
                Ok(true)
            }
            Ok(Written::Stale) => Ok(false),
            Err(error) if error.is_unavailable() => {
                let now = self.look(true).map_err(|_unreachable| error)?;
                Ok(now.head.is_signed_by(&writer))
            }
            Err(error) => Err(error),
        }
    }

    /// The same where only a lock keeps other writers away.
    fn replace_locked(&self, view: &View) -> Result<bool> {
        let Some(blob) = &view.blob else {
            return Ok(false);
        };
        let taken = Instant::now();
        let owner = format!("{:016x}", random());
        let lock = Lock {
            owner: owner.clone(),
            at: (self.clock)(),
        };
        let (head, bytes) = signed(&view.head, &owner, Some(lock))?;
        let (locked, commit) = match self.remote.put(HEAD, &bytes, blob, "lock") {
            Ok(Written::Done(Some(commit))) => {
                (view_of(head, &bytes, Some(commit.clone())), commit)
            }
            Err(error) if !error.is_unavailable() => return Err(error),
            // Somebody was faster, or the answer was lost.
            Ok(Written::Done(None) | Written::Stale) | Err(_) => match self.lock_of(&owner)? {
                Some(held) => held,
                None => return Ok(false),
            },
        };
        if taken.elapsed() > self.pace.lease / USABLE {
            // Too late to be safe: the lock is given back by a conditional write.
            return self.unlock(&locked).map(|()| false);
        }
        match self.replace(&locked, &commit) {
            Err(error) if !error.is_unavailable() => {
                // Refused: the branch was not touched, so the lock can be given back at once.
                self.unlock(&locked)?;
                Err(error)
            }
            done => done,
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
