//! A history on a branch: few calls, and nothing lost among many writers, lost answers and squashes.

use std::{collections::BTreeSet, process::Command, sync::Arc, thread, time::Duration};

use history::{
    BaselineOf, BranchStore, CompactOptions, Filter, GitRemote, History, Lane, Needed, Pace,
    Recorded, Remote as _,
};
use model::{RecordedRun, TestId, Timestamp};

use crate::{
    memory::{Faults, Memory, wall_clock},
    sample::{START, run},
};

pub(crate) const NOW: Timestamp = Timestamp(START.0 + 30 * 86_400_000);

fn of() -> BaselineOf {
    BaselineOf {
        repo: "org/repo".to_owned(),
        branch: "main".to_owned(),
        at: NOW,
    }
}

pub(crate) fn pull_request(n: u32, tests: u32) -> RecordedRun {
    let mut run = run("linux", n, tests);
    run.info.pr = Some(u64::from(n));
    run
}

fn recorded(history: &History, filter: &Filter) -> Vec<RecordedRun> {
    let mut runs = history.runs(filter).unwrap();
    let read = runs.by_ref().collect();
    assert_eq!(runs.finish().unwrap(), []);
    read
}

/// The runs that are there, each checked to be there once and whole.
pub(crate) fn numbers(history: &History) -> BTreeSet<String> {
    let proof = history.verify().unwrap();
    assert_eq!((proof.problems, proof.doubled_runs), (vec![], 0));
    let runs = recorded(history, &Filter::default());
    let names: BTreeSet<String> = runs.iter().map(|run| run.info.key.run.clone()).collect();
    assert_eq!(names.len(), runs.len());
    names
}

fn expected(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|n| format!("run/{n}")).collect()
}

#[test]
fn a_check_costs_two_calls_and_a_recorded_pull_request_one() {
    let memory = Memory::default();
    for n in 0..30 {
        memory
            .history()
            .record_at(&run("linux", n, 60), NOW)
            .unwrap();
    }
    memory
        .history()
        .compact(&CompactOptions::at(START.plus_days(3.0)))
        .unwrap();
    memory.history().snapshot(&of()).unwrap();
    for n in 700..710 {
        memory
            .history()
            .record_at(&pull_request(n, 60), NOW)
            .unwrap();
    }
    memory.calls();

    let history = memory.history();
    let ids: Vec<TestId> = run("linux", 1, 60).rows.iter().map(|row| row.id).collect();
    let needed = Needed {
        ids: &ids,
        job: Some("linux"),
    };
    let read = history.baseline(&of(), Some(&needed)).unwrap();
    assert!(read.from_snapshot && read.runs_read == 0);
    let recent = Filter {
        lane: Some(Lane::Pr),
        from: Some(NOW.plus_days(-3.0)),
        ..Filter::base("org/repo", "main")
    };
    assert_eq!(recorded(&history, &recent).len(), 10);
    assert_eq!(memory.calls(), ["file", "blob"]);

    history.record_at(&pull_request(800, 60), NOW).unwrap();
    assert_eq!(memory.calls(), ["put"]);
    assert_eq!(
        history.record_at(&run("linux", 3, 60), NOW).unwrap(),
        Recorded::Known
    );
    assert_eq!(
        memory.calls(),
        [""; 0],
        "known from the head, though it was compacted"
    );
}

#[test]
fn the_baseline_of_a_branch_is_that_of_a_replay() {
    let memory = Memory::default();
    let folder = tempfile::tempdir().unwrap();
    let plain = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..50 {
        let history = memory.history();
        history.record_at(&run("linux", n * 5, 30), NOW).unwrap();
        plain.record(&run("linux", n * 5, 30)).unwrap();
        if n % 20 == 19 {
            history
                .compact(&CompactOptions::at(START.plus_days(f64::from(n))))
                .unwrap();
        }
    }
    let read = memory.history().baseline(&of(), None).unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 0));
    assert_eq!(read.baseline, plain.baseline(&of(), None).unwrap().baseline);
    let runs = recorded(&plain, &Filter::default());
    assert_eq!(memory.history().record_all(&runs, NOW).unwrap().runs, 0);
}

#[test]
fn imported_runs_are_seen_by_the_next_snapshot() {
    let memory = Memory::default();
    memory
        .history()
        .record_at(&run("linux", 100, 30), NOW)
        .unwrap();
    let imported: Vec<RecordedRun> = (0..20).map(|n| run("linux", n, 30)).collect();
    assert_eq!(
        memory.history().record_all(&imported, NOW).unwrap().runs,
        20
    );
    assert_eq!(memory.history().record_all(&imported, NOW).unwrap().runs, 0);
    let read = memory.history().baseline(&of(), None).unwrap();
    assert_eq!(read.runs_read, 20);
    memory
        .history()
        .record_at(&run("linux", 101, 30), NOW)
        .unwrap();
    let again = memory.history().baseline(&of(), None).unwrap();
    assert_eq!(again.runs_read, 0);
}

#[test]
fn who_may_only_read_reads_everything_and_is_told_so() {
    let memory = Memory::default();
    let empty = Memory::default().read_only();
    assert_eq!(recorded(&empty.history(), &Filter::default()), []);
    assert!(
        empty
            .history()
            .record(&run("linux", 1, 9))
            .unwrap_err()
            .is_read_only()
    );
    memory
        .history()
        .record_at(&run("linux", 1, 9), NOW)
        .unwrap();
    let forked = memory.read_only();
    assert_eq!(numbers(&forked.history()), expected(1..2));
    let refused = forked
        .history()
        .record_at(&pull_request(2, 9), NOW)
        .unwrap_err();
    assert!(refused.is_read_only());
    insta::assert_snapshot!(refused, @"cannot write to `memory`: Resource not accessible by integration (hint: everything that was recorded can still be read)");
    let refused = forked
        .history()
        .put_part(("g", "j"), b"x", NOW)
        .unwrap_err();
    assert!(refused.is_read_only());
}

/// Many writers of every kind at once, each a process of its own as far as the store can tell.
fn storm(memory: &Memory, writers: u32, squash: bool) {
    thread::scope(|scope| {
        for n in 0..writers {
            let memory = memory.clone();
            scope.spawn(move || {
                retried(|| memory.open_and(|history| history.record_at(&run("linux", n, 12), NOW)));
                retried(|| {
                    memory.open_and(|history| history.record_at(&pull_request(1000 + n, 12), NOW))
                });
                retried(|| {
                    memory.open_and(|history| {
                        history.put_part(("run", &format!("job {n}")), b"part", NOW)
                    })
                });
                if squash && n % 5 == 0 {
                    retried(|| memory.open_and(|history| history.squash(0)));
                }
            });
        }
    });
}

/// What a person does when the other side is away: the same again.
fn retried<T>(work: impl Fn() -> history::Result<T>) -> T {
    loop {
        match work() {
            Ok(done) => return done,
            Err(error) if error.is_unavailable() => {}
            refused => return refused.unwrap(),
        }
    }
}

impl Memory {
    fn open_and<T>(&self, work: impl Fn(&History) -> history::Result<T>) -> history::Result<T> {
        work(&History::init_in(self.store(), START)?)
    }
}

fn assert_all_landed(memory: &Memory, writers: u32) {
    memory.fail(Faults::default());
    let mut all = expected(0..writers);
    all.extend(expected(1000..1000 + writers));
    assert_eq!(numbers(&memory.history()), all);
    assert_eq!(
        memory.history().parts("run").unwrap().len(),
        writers as usize
    );
}

/// Runs that the snapshot has not seen.
fn unseen(memory: &Memory) -> u64 {
    let read = memory.history().baseline(&of(), None).unwrap();
    assert!(read.from_snapshot);
    read.runs_read
}

/// Every run is counted once in the baseline, whatever the snapshot has seen. (What fades depends on the order in which runs come in.)
fn assert_counted_once(memory: &Memory, writers: u32) {
    let expected = counts(|baseline| {
        for n in 0..writers {
            baseline.observe(&run("linux", n, 12));
        }
    });
    let read = memory.history().baseline(&of(), None).unwrap();
    assert_eq!(read.problems, []);
    assert!(counts(|baseline| *baseline = read.baseline.clone()) == expected);
}

/// Runs and failures by test.
fn counts(fill: impl FnOnce(&mut verdict::Baseline)) -> Vec<(TestId, u32, u32)> {
    let mut baseline = verdict::Baseline::default();
    fill(&mut baseline);
    let entries = baseline.entries.iter();
    entries
        .map(|((id, _), entry)| (*id, entry.runs, entry.failures))
        .collect()
}

#[test]
fn compaction_is_due_for_some_of_many_and_not_for_what_it_leaves() {
    let memory = Memory::default();
    let day = |days: f64| START.plus_days(days);
    let record = |n: u32, days: f64, pr: bool| {
        let mut run = run("linux", n, 3);
        run.info.started_at = day(days);
        run.info.pr = pr.then_some(7);
        let history = memory.history();
        history.record_at(&run, day(days)).unwrap();
        history.is_compaction_due(day(days)).unwrap()
    };
    let due: Vec<bool> = (0..3).map(|n| record(n, f64::from(n), true)).collect();
    assert_eq!(due, [false; 3], "compaction leaves them for four days");
    let due = (10..50).map(|n| record(n, 3.0, false));
    let due: Vec<u32> = (1..)
        .zip(due)
        .filter(|(_, due)| *due)
        .map(|(n, _)| n)
        .collect();
    assert_eq!(due, [9, 17, 25, 33, 34, 35, 36, 37, 38, 39, 40]);
    let due: Vec<bool> = (50..53).map(|n| record(n, 3.0, true)).collect();
    assert_eq!(due, [true; 3], "more than 32");
    memory
        .history()
        .compact(&CompactOptions::at(day(3.0)))
        .unwrap();
    assert!(!memory.history().is_compaction_due(day(3.1)).unwrap());
    let late: Vec<bool> = (60..62).map(|n| record(n, 3.1, false)).collect();
    assert_eq!(late, [false; 2]);
    let due: Vec<bool> = (70..73).map(|n| record(n, 4.0, false)).collect();
    assert_eq!(
        due,
        [true, false, false],
        "the first of a day takes care of the day before"
    );
    memory
        .history()
        .compact(&CompactOptions::at(day(4.0)))
        .unwrap();
    assert!(
        record(80, 9.0, true),
        "the pull requests are old enough now"
    );
}

#[test]
fn fifty_writers_at_once_all_land() {
    let memory = Memory::default();
    storm(&memory, 50, false);
    assert_all_landed(&memory, 50);
    assert!(unseen(&memory) <= 4);
    assert_counted_once(&memory, 50);
}

#[test]
fn writers_squashers_and_faults_lose_nothing() {
    for seed in 1..9 {
        let memory = if seed % 2 == 0 {
            Memory::conditional()
        } else {
            Memory::default()
        };
        memory.fail(Faults {
            seed,
            refused: 5,
            lost: 5,
            stale: 5,
        });
        storm(&memory, 12, true);
        assert_all_landed(&memory, 12);
        assert_counted_once(&memory, 12);
        // A run whose snapshot could not be refreshed waits for the next one.
        memory
            .history()
            .record_at(&run("linux", 12, 12), NOW)
            .unwrap();
        assert!(unseen(&memory) <= 4, "a lock may have been in its way");
        assert_counted_once(&memory, 13);
    }
}

fn bare() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.git").display().to_string();
    let made = Command::new("git")
        .args(["init", "--quiet", "--bare", &path])
        .status()
        .unwrap();
    assert!(made.success());
    (folder, path)
}

fn on_git(path: &str) -> History {
    let remote = GitRemote::new(path, "sprag-history").unwrap();
    let pace = Pace {
        patience: Duration::from_mins(4),
        ..Pace::default()
    };
    let store = BranchStore::new(Box::new(remote), pace, wall_clock);
    History::init_in(Arc::new(store), START).unwrap()
}

#[test]
fn a_real_repository_holds_a_history() {
    let (_folder, path) = bare();
    for n in 0..6 {
        let history = on_git(&path);
        assert_eq!(
            history.record_at(&run("linux", n, 20), NOW).unwrap(),
            Recorded::New
        );
        assert_eq!(
            history.record_at(&run("linux", n, 20), NOW).unwrap(),
            Recorded::Known
        );
        on_git(&path)
            .record_at(&pull_request(1000 + n, 20), NOW)
            .unwrap();
    }
    on_git(&path)
        .compact(&CompactOptions::at(START.plus_days(3.0)))
        .unwrap();
    on_git(&path).squash(0).unwrap();
    let mut all = expected(0..6);
    all.extend(expected(1000..1006));
    assert_eq!(numbers(&on_git(&path)), all);
    assert_eq!(commits(&path), 1);
    let folder = tempfile::tempdir().unwrap();
    let plain = History::init(folder.path().to_str().unwrap(), START).unwrap();
    for n in 0..6 {
        plain.record(&run("linux", n, 20)).unwrap();
    }
    let read = on_git(&path).baseline(&of(), None).unwrap();
    assert_eq!(
        (read.runs_read, read.baseline),
        (0, plain.baseline(&of(), None).unwrap().baseline)
    );
}

fn commits(path: &str) -> usize {
    let counted = Command::new("git")
        .args(["-C", path, "rev-list", "--count", "sprag-history"])
        .output()
        .unwrap();
    String::from_utf8(counted.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn writers_and_squashers_of_a_real_repository_lose_nothing() {
    let (_folder, path) = bare();
    thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || {
                on_git(path).record_at(&run("linux", n, 12), NOW).unwrap();
                on_git(path)
                    .put_part(("run", &format!("job {n}")), b"part", NOW)
                    .unwrap();
                if n % 3 == 0 {
                    on_git(path).squash(0).unwrap();
                }
            });
        }
    });
    assert_eq!(numbers(&on_git(&path)), expected(0..8));
    assert_eq!(on_git(&path).parts("run").unwrap().len(), 8);
    on_git(&path).squash(0).unwrap();
    assert_eq!(commits(&path), 1);
    let fsck = Command::new("git")
        .args(["-C", &path, "fsck", "--strict", "--no-dangling"])
        .output()
        .unwrap();
    assert!(fsck.status.success());
}

#[test]
fn what_is_no_repository_and_what_is_no_branch_are_told_apart() {
    let (_folder, path) = bare();
    let absent = GitRemote::new(&path, "sprag-history").unwrap();
    assert_eq!(absent.newest().unwrap(), None);
    let nowhere = GitRemote::new("/nonexistent/repository", "sprag-history").unwrap();
    assert!(nowhere.newest().unwrap_err().is_unavailable());
    for bad in ["", "-x", "a..b", "a b", "a.lock", "x/.y", "a~1", "@"] {
        assert!(GitRemote::new(&path, bad).is_err(), "{bad}");
    }
    assert!(GitRemote::new("--upload-pack=x", "main").is_err());
}
