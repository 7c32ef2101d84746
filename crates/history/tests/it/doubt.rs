//! Answers that are not what is there: a replica that lags behind, a connection that ends early. None of them makes the history forget anything.

use history::{
    BaselineOf, BaselineRead, CompactOptions, Draft, Durability, ExportFormat, Filter, GitRemote,
    History, Needed, Remote as _, Scan, Store as _,
};
use model::{RecordedRun, Timestamp};

use crate::{
    memory::{Lies, Memory},
    sample::{START, run},
};

const NOW: Timestamp = Timestamp(START.0 + 30 * 86_400_000);

/// Asks a question of a history of which the store fails after so many calls, until one is enough.
fn asked<T: PartialEq>(memory: &Memory, question: impl Fn(&History) -> history::Result<T>) {
    let whole = question(&memory.history()).unwrap();
    for calls in 0.. {
        let history = memory.history();
        memory.die_after(Some(calls));
        let answer = question(&history);
        memory.die_after(None);
        match answer {
            Ok(answer) => return assert!(answer == whole, "a hole after {calls} calls"),
            Err(error) => assert!(error.is_unavailable(), "{error}"),
        }
        assert!(calls < 99);
    }
}

fn pull_request(n: u32) -> RecordedRun {
    let mut run = run("linux", n, 12);
    run.info.pr = Some(u64::from(n));
    run
}

fn of() -> BaselineOf {
    BaselineOf {
        repo: "org/repo".to_owned(),
        branch: "main".to_owned(),
        at: NOW,
    }
}

/// Runs in compacted files, in run files, and in the head alone, and a part.
fn filled() -> Memory {
    let memory = Memory::default();
    for n in 0..3 {
        memory
            .history()
            .record_at(&run("linux", n, 12), NOW)
            .unwrap();
    }
    memory
        .history()
        .compact(&CompactOptions::at(START.plus_days(3.0)))
        .unwrap();
    memory
        .history()
        .record_at(&run("linux", 3, 12), NOW)
        .unwrap();
    memory.history().record_at(&pull_request(4), NOW).unwrap();
    memory.history().put_part(("g", "j"), b"part", NOW).unwrap();
    memory
}

/// Runs, and parts, after a proof that the history is whole.
fn held(memory: &Memory) -> (usize, usize) {
    let history = memory.history();
    assert_eq!(history.verify().unwrap().problems, []);
    let runs = history.runs(&Filter::default()).unwrap().count();
    (runs, history.parts("g").unwrap().len())
}

#[test]
fn a_head_that_is_not_seen_once_or_twice_is_not_made_anew() {
    for absent in 1..3 {
        let memory = filled();
        memory.lie(Lies {
            absent,
            ..Lies::default()
        });
        let history = memory.history();
        memory.lie(Lies {
            absent,
            ..Lies::default()
        });
        history.record_at(&run("linux", 5, 12), NOW).unwrap();
        memory.lie(Lies::default());
        assert_eq!(held(&memory), (6, 1), "{absent} absent");
    }
}

#[test]
fn a_branch_that_was_there_does_not_begin_anew() {
    let memory = filled();
    let history = memory.history();
    memory.lie(Lies {
        no_branch: 1,
        ..Lies::default()
    });
    history.snapshot(&of()).unwrap();
    assert_eq!(held(&memory), (5, 1));
    memory.lie(Lies {
        absent: 1,
        no_branch: 1,
        ..Lies::default()
    });
    // Who has never seen it takes it for new, and the branch itself refuses what is made of that.
    memory
        .history()
        .record_at(&run("linux", 6, 12), NOW)
        .unwrap();
    memory.lie(Lies::default());
    assert_eq!(held(&memory), (6, 1));
}

#[test]
fn bytes_that_are_cut_once_are_read_again() {
    let memory = filled();
    for cut in 1..4 {
        memory.lie(Lies {
            cut,
            ..Lies::default()
        });
        let read = memory.history().baseline(&of(), None).unwrap();
        assert_eq!((read.from_snapshot, read.problems), (true, vec![]), "{cut}");
    }
    memory.lie(Lies {
        cut: u64::MAX,
        ..Lies::default()
    });
    let refused = History::open_in(memory.store()).unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
}

#[test]
fn what_the_head_names_is_late_and_not_gone() {
    let memory = filled();
    let history = memory.history();
    memory.lie(Lies {
        no_blob: 1,
        ..Lies::default()
    });
    let needed = Needed {
        ids: &[],
        job: None,
    };
    let late = history.baseline(&of(), Some(&needed)).unwrap_err();
    assert!(late.is_unavailable(), "{late}");
    memory.lie(Lies {
        no_parent: 2,
        ..Lies::default()
    });
    history.record_at(&run("linux", 6, 12), NOW).unwrap();
    assert_eq!(held(&memory), (6, 1));
}

/// A run at some seconds from [`NOW`].
fn run_at(n: u32, seconds: i64) -> RecordedRun {
    let mut run = run("linux", n, 12);
    run.info.started_at = Timestamp(NOW.0 + seconds * 1000);
    run
}

#[test]
fn a_run_that_was_compacted_before_a_snapshot_saw_it_is_in_the_baseline() {
    let later = BaselineOf {
        at: NOW.plus_days(1.0),
        ..of()
    };
    // What the recorder took for now, and what those who came after did.
    for (seconds, recorded, done) in [
        (10, 10, 0),
        (10, 0, 0),
        (1200, 1200, 0),
        (1200, 0, 0),
        (-10, 0, -20),
    ] {
        let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1000);
        let memory = Memory::default();
        let folder = tempfile::tempdir().unwrap();
        let plain = History::init(folder.path().to_str().unwrap(), START).unwrap();
        for (n, seconds, recorded) in [(1, -3600, 0), (2, seconds, recorded)] {
            let run = run_at(n, seconds);
            plain.record(&run).unwrap();
            memory.history().record_at(&run, at(recorded)).unwrap();
        }
        memory
            .history()
            .compact(&CompactOptions::at(at(done)))
            .unwrap();
        let present = BaselineOf {
            at: at(done + 1),
            ..of()
        };
        memory.history().snapshot(&present).unwrap();
        let replayed = plain.baseline(&later, None).unwrap().baseline;
        let read = memory.history().baseline(&later, None).unwrap();
        let case = (seconds, recorded, done);
        assert!(
            read.baseline == replayed,
            "{case:?}: {:?}",
            read.baseline.runs
        );
        memory.history().record_at(&run_at(3, 60), at(61)).unwrap();
        plain.record(&run_at(3, 60)).unwrap();
        let runs = |read: BaselineRead| read.baseline.entries.values().map(|e| e.runs).max();
        let replayed = plain.baseline(&later, None).unwrap();
        let read = memory.history().baseline(&later, None).unwrap();
        assert_eq!(runs(read), runs(replayed), "{case:?}");
    }
}

#[test]
fn clocks_that_differ_a_little_do_not_replay_the_history() {
    let memory = Memory::default();
    memory.history().record_at(&run_at(1, 120), NOW).unwrap();
    memory.history().record_at(&run_at(2, 0), NOW).unwrap();
    memory.calls();
    let history = memory.history();
    let read = history.baseline_now(&of(), None).unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 0));
    assert_eq!(memory.calls(), ["file", "blob"]);
    let past = history.baseline(&of(), None).unwrap();
    assert!(
        !past.from_snapshot,
        "a moment that is asked for is that moment"
    );
}

#[test]
fn a_tree_without_a_head_is_taken_only_where_none_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.git").display().to_string();
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git")
            .args(["-C", &path])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    std::fs::create_dir(&path).unwrap();
    git(&["init", "--quiet", "--bare"]);
    let remote = || GitRemote::new(&path, "sprag-history").unwrap();
    let file = |path: &str| history::RemoteChange {
        path: path.to_owned(),
        bytes: Some(bytes::Bytes::from_static(b"x")),
    };
    let open = || {
        let store = history::BranchStore::new(
            Box::new(remote()),
            crate::memory::QUICK,
            crate::memory::wall_clock,
        );
        History::open_in(std::sync::Arc::new(store))
    };
    remote().advance(None, &[file("v1/other")], "x").unwrap();
    assert!(open().unwrap_err().is_absent());
    let tip = remote().newest().unwrap();
    let change = [file("v1/compact/a/b.parquet")];
    remote().advance(tip.as_deref(), &change, "x").unwrap();
    let refused = open().unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
}

#[test]
fn a_file_that_git_cannot_fetch_is_not_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.git");
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git")
            .arg("-C")
            .arg(&path)
            .args(arguments)
            .status()
            .unwrap();
        assert!(done.success(), "{arguments:?}");
    };
    std::fs::create_dir(&path).unwrap();
    git(&["init", "--quiet", "--bare"]);
    git(&["config", "uploadpack.allowFilter", "true"]);
    git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let remote = || GitRemote::new(&path.display().to_string(), "b").unwrap();
    let change = history::RemoteChange {
        path: "v1/head".to_owned(),
        bytes: Some(bytes::Bytes::from_static(b"x")),
    };
    remote().advance(None, &[change], "x").unwrap();
    let reader = remote();
    let commit = reader.newest().unwrap().unwrap();
    let away = folder.path().join("away.git");
    std::fs::rename(&path, &away).unwrap();
    let read = reader.file_at(&commit, "v1/head");
    assert!(read.is_err_and(|error| error.is_unavailable()));
    assert!(reader.tree(&commit).is_err());
    std::fs::rename(&away, &path).unwrap();
    assert!(reader.file_at(&commit, "v1/head").unwrap().is_some());
    assert!(reader.file_at(&commit, "v1/other").unwrap().is_none());
    assert_eq!(reader.tree(&commit).unwrap().len(), 1);
}

#[test]
fn a_store_that_fails_leaves_no_hole_in_an_answer() {
    let memory = filled();
    // As after an import: no account of what the snapshot has not seen.
    let imported: Vec<RecordedRun> = (7..9).map(|n| run("linux", n, 12)).collect();
    memory.history().record_all(&imported, NOW).unwrap();
    let all = Filter {
        with_names: true,
        with_texts: true,
        ..Filter::default()
    };
    asked(&memory, |history| {
        history.baseline(&of(), None).map(|read| read.baseline)
    });
    asked(&memory, |history| {
        let mut runs = history.runs(&all)?;
        let read: Vec<RecordedRun> = runs.by_ref().collect();
        Ok((read, runs.finish()?))
    });
    asked(&memory, |history| {
        let scan = Scan {
            windows: vec![Timestamp(0)..NOW],
            ..Scan::default()
        };
        history.scan(&all, &scan)
    });
    asked(&memory, History::verify);
    asked(&memory, History::stat);
    asked(&memory, History::partitions);
    asked(&memory, |history| history.find_tests("test", &all));
    asked(&memory, |history| {
        let mut text = Vec::new();
        history.export(&all, ExportFormat::Csv, &mut text)?;
        Ok(text)
    });
}

/// Does work of which the store fails after so many calls, until one is enough: it is done, or nothing is.
fn tried(work: impl Fn(&History) -> history::Result<()>, done: (usize, usize)) {
    for calls in 0.. {
        assert!(calls < 40, "it never ends");
        let memory = filled();
        let history = memory.history();
        memory.die_after(Some(calls));
        let tried = work(&history);
        memory.die_after(None);
        let expected = if tried.is_ok() { done } else { (5, 1) };
        assert_eq!(held(&memory), expected, "{calls} calls");
        if tried.is_ok() {
            return;
        }
    }
}

#[test]
fn work_of_which_a_read_failed_changes_nothing() {
    let options = CompactOptions::at(NOW);
    tried(|history| history.compact(&options).map(drop), (5, 1));
    let imported: Vec<RecordedRun> = (0..9).map(|n| run("linux", n, 12)).collect();
    let import = |history: &History| history.record_all(&imported, NOW).map(drop);
    // Run 4 of the pull request is another one than run 4 of the base.
    tried(import, (10, 1));
}

#[test]
fn a_draft_that_did_not_see_something_adds_and_takes_nothing_away() {
    let memory = filled();
    let store = memory.store();
    let key = &store.list("v1/snapshot").unwrap()[0].key;
    let blind = || {
        let draft = store.draft().unwrap().unwrap();
        memory.lie(Lies {
            no_blob: 1,
            ..Lies::default()
        });
        assert!(draft.get(key).unwrap_err().is_unavailable());
        draft
    };
    for take in [
        &|draft: &dyn Draft| draft.delete("v1/parts"),
        &|draft: &dyn Draft| draft.replace("v1/parts/x", b"x"),
    ] as [&dyn Fn(&dyn Draft) -> history::Result<()>; 2]
    {
        let draft = blind();
        take(draft.as_ref()).unwrap();
        assert!(draft.publish("x").unwrap_err().is_unavailable());
    }
    let draft = blind();
    draft.create("v1/names/x", b"x", Durability::Now).unwrap();
    assert!(draft.publish("x").unwrap());
    assert_eq!(memory.store().get("v1/names/x").unwrap(), &b"x"[..]);
}

#[test]
fn a_run_is_recorded_in_a_batch_also_when_its_snapshot_cannot_be_read() {
    let memory = filled();
    let history = memory.history();
    memory.lie(Lies {
        no_blob: u64::MAX,
        ..Lies::default()
    });
    history
        .batch("two runs", |history| {
            history.record_at(&run("linux", 8, 12), NOW)?;
            history.record_at(&pull_request(9), NOW)
        })
        .unwrap();
    memory.lie(Lies::default());
    assert_eq!(held(&memory), (7, 1));
    let read = memory.history().baseline(&of(), None).unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 1));
}

#[test]
fn what_waits_for_the_next_write_survives_a_squash() {
    let memory = filled();
    let store = memory.store();
    store
        .create("v1/names/x", b"x", Durability::AtFlush)
        .unwrap();
    assert!(store.squash(0).unwrap());
    store.flush(&["v1/names/x".to_owned()]).unwrap();
    assert_eq!(memory.store().get("v1/names/x").unwrap(), &b"x"[..]);
}

#[test]
fn imported_runs_that_are_older_than_a_snapshot_looks_for_come_into_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let memory = Memory::default();
    for history in [memory.history(), History::init(path, START).unwrap()] {
        let old: Vec<RecordedRun> = (0..20).map(|n| run("linux", n, 12)).collect();
        let late = START.plus_days(100.0);
        let of = BaselineOf { at: late, ..of() };
        let mut newer = run("linux", 99, 12);
        newer.info.started_at = START.plus_days(99.0);
        history.record(&newer).unwrap();
        history.snapshot(&of).unwrap();
        history.record_all(&old, late).unwrap();
        history.snapshot(&of).unwrap();
        let read = history.baseline(&of, None).unwrap();
        assert_eq!((read.from_snapshot, read.baseline.runs.len()), (true, 21));
    }
}
