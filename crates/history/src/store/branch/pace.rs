//! How long to wait for others: growing pauses of random length, and an end.

use std::time::Duration;

use crate::store::random;

/// Waiting times of a store on a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The first pause after another writer was faster; it doubles with every further time.
    pub pause: Duration,
    /// The longest pause after work that takes no time; eight times it after any other.
    pub longest_pause: Duration,
    /// How long a writer tries before it gives up.
    pub patience: Duration,
    /// The lease of a lock: who holds one does nothing after a part of it, and who waits breaks it after half of it again. Longer than replacing a branch takes.
    pub lease: Duration,
}

/// By how much long work may stretch the longest pause.
const MOST_PAUSES: u32 = 8;

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
    /// The pause of who has waited for the lock of another for some time: short at first, for a squash takes seconds, and longer when its owner seems to be dead.
    pub(super) fn pause_for_lock(&self, waited: Duration) -> Duration {
        (waited / 4).clamp(self.lease / 60, self.lease / 8)
    }

    /// The pause after `tries` tries of which the last one took a while: between nothing and its bound, so that writers who met once do not meet again. Of writers who
    /// meet one gets through each time, so what pauses save is the work of the others: the longer the work, the longer the pause, and the longest for who writes files,
    /// which takes many calls. Who meets one often meets many, so already the first pause has room for some.
    pub(super) fn pause_after(&self, tries: u32, took: Duration, work: Work) -> Duration {
        let (first, most) = match work {
            Work::Small => (2, 16),
            Work::Files => (16, 64),
        };
        // A machine that is slow for other reasons must not wait for ever.
        let longest = took
            .saturating_mul(most)
            .min(self.longest_pause * MOST_PAUSES);
        let longest = longest.max(self.longest_pause);
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
            assert!(pause(100) <= pace.longest_pause * 8);
            assert_eq!(pace.pause_for_lock(Duration::ZERO), Duration::from_secs(1));
        }
    }
}
