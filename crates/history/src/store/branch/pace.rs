//! How long to wait for others: growing pauses of random length, and an end.

use std::time::Duration;

use crate::store::random;

/// Waiting times of a store on a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The first pause after another writer was faster; it doubles with every further time.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long a writer tries before it gives up.
    pub patience: Duration,
    /// The lease of a lock: who holds one does nothing after a part of it, and who waits breaks it after half of it again. Longer than replacing a branch takes.
    pub lease: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(8),
            patience: Duration::from_mins(5),
            lease: Duration::from_mins(1),
        }
    }
}

impl Pace {
    /// The pause of who waits for the lock of another: that one does not take part in the race, so there is no reason to wait longer each time.
    pub(super) fn pause_for_lock(&self) -> Duration {
        self.lease / 60
    }

    /// The pause after `tries` tries of which the last one took a while: between nothing and its bound, so that writers who met once do not meet again. Of writers who
    /// meet one gets through each time, so what pauses save is the work of the others: the longer the work, the longer the pause, and the longest for who writes files,
    /// which takes many calls. Who meets one often meets many, so already the first pause has room for some.
    pub(super) fn pause_after(&self, tries: u32, took: Duration, work: Work) -> Duration {
        let (first, most) = match work {
            Work::Small => (2, 16),
            Work::Files => (16, 64),
        };
        let longest = self.longest_pause.max(took.saturating_mul(most));
        let bound = self.pause.max(took.saturating_mul(first));
        let bound = bound.saturating_mul(1 << tries.min(16)).min(longest);
        let share = f64::from(u32::try_from(random() >> 32).unwrap_or(0)) / f64::from(u32::MAX);
        bound.mul_f64(share)
    }
}

/// What a try writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// The head alone.
    Small,
    /// Files too.
    Files,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Pace, Work};

    #[test]
    fn pauses_grow_and_have_a_bound() {
        let pace = Pace::default();
        for tries in 0..40 {
            let pause = |took| pace.pause_after(tries, Duration::from_secs(took), Work::Files);
            assert!(pause(0) <= pace.longest_pause);
            assert!(pause(0) <= pace.pause * (1 << tries.min(16)));
            assert!(pause(100) <= Duration::from_secs(6400));
            assert!(pace.pause_for_lock() >= Duration::from_secs(1));
        }
    }
}
