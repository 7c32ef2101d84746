//! The lock of a squash where a branch cannot be replaced conditionally.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use history::{BranchStore, History};
use model::Timestamp;

use crate::{
    branch::{NOW, numbers, pull_request},
    memory::{Memory, QUICK, wall_clock},
    sample::{START, run},
};

#[test]
fn a_lock_of_a_dead_squasher_is_broken_when_its_lease_is_over() {
    let memory = Memory::default();
    memory
        .history()
        .record_at(&run("linux", 1, 9), NOW)
        .unwrap();
    // The lock comes through, everything after it is not heard: as if the squasher was killed.
    let squasher = memory.history();
    memory.die_after(Some(3));
    assert!(squasher.squash(0).is_err());
    memory.die_after(None);
    let start = Instant::now();
    memory
        .history()
        .record_at(&pull_request(2, 9), NOW)
        .unwrap();
    assert!(start.elapsed() >= QUICK.lease / 2, "the lock was honoured");
    assert!(memory.history().squash(0).unwrap());
    assert_eq!(numbers(&memory.history()).len(), 2);
}

/// A machine that sleeps for an hour between any two looks at its clock.
fn sleepy_clock() -> Timestamp {
    static HOURS: AtomicI64 = AtomicI64::new(0);
    Timestamp(NOW.0 + HOURS.fetch_add(1, Ordering::Relaxed) * 3_600_000)
}

/// A machine whose clock is a day behind.
fn yesterday() -> Timestamp {
    Timestamp(wall_clock().0 - 86_400_000)
}

/// How long a pull request takes to be recorded.
fn time_of_a_write(memory: &Memory, n: u32) -> Duration {
    let start = Instant::now();
    memory
        .history()
        .record_at(&pull_request(n, 9), NOW)
        .unwrap();
    start.elapsed()
}

fn squasher(memory: &Memory, clock: fn() -> Timestamp) -> History {
    let store = BranchStore::new(Box::new(memory.clone()), QUICK, clock);
    History::init_in(Arc::new(store), START).unwrap()
}

#[test]
fn a_squasher_that_slept_or_was_slow_gives_its_lock_back() {
    let memory = Memory::default();
    memory
        .history()
        .record_at(&run("linux", 1, 9), NOW)
        .unwrap();
    assert!(!squasher(&memory, sleepy_clock).squash(0).unwrap());
    assert!(time_of_a_write(&memory, 2) < QUICK.lease);
    memory.slow(QUICK.lease);
    assert!(!squasher(&memory, wall_clock).squash(0).unwrap());
    assert!(time_of_a_write(&memory, 3) < QUICK.lease);
    assert_eq!(memory.commits(), 1 + 2 + 4 * 4, "locks, and nothing moved");
}

#[test]
fn a_lock_is_honoured_whatever_the_clocks_say() {
    let memory = Memory::default();
    memory
        .history()
        .record_at(&run("linux", 1, 9), NOW)
        .unwrap();
    let dead = squasher(&memory, yesterday);
    memory.die_after(Some(3));
    assert!(dead.squash(0).is_err());
    memory.die_after(None);
    assert!(time_of_a_write(&memory, 2) >= QUICK.lease);
}
