//! A history on a branch, of a real repository and by the API of GitHub, written by processes that are killed at any moment.
//!
//! The short form runs with every test; `SPRAG_CRASHES=200 cargo test -p e2e branch` is the long one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fake_github::{FakeGithub, Fault, Options, What, When};

use crate::binary;

const WRITERS: u64 = 12;

/// Recorders by the API in the short form, and how many of them run at once.
const RECORDERS: u64 = 50;
const AT_ONCE: usize = 10;

/// Tests of a run.
const TESTS: usize = 2;

fn crashes() -> Option<u64> {
    std::env::var("SPRAG_CRASHES").ok()?.parse().ok()
}

/// Where processes record.
struct Place {
    folder: tempfile::TempDir,
    history: &'static str,
    env: Vec<(&'static str, String)>,
}

impl Place {
    /// A bare repository that keeps account of every move of its branch.
    fn repository() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let mut git = Command::new("git");
            let git = git.args(arguments).current_dir(folder.path());
            assert!(git.status().unwrap().success());
        };
        run(&["init", "--quiet", "--bare", "history.git"]);
        run(&[
            "-C",
            "history.git",
            "config",
            "core.logAllRefUpdates",
            "always",
        ]);
        Self {
            folder,
            history: "git:history.git#sprag-history",
            env: Vec::new(),
        }
    }

    /// A repository of a fake GitHub.
    fn github(fake: &FakeGithub) -> Self {
        let readme = [("README.md", b"x".as_slice())];
        fake.repo("acme/shop").push_commit("main", &readme);
        Self {
            folder: tempfile::tempdir().unwrap(),
            history: "git:sprag-history",
            env: vec![
                ("GITHUB_TOKEN", fake.token(&["contents: write"])),
                ("GITHUB_API_URL", fake.url()),
                ("GITHUB_REPOSITORY", "acme/shop".to_owned()),
            ],
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary::command(self.folder());
        command.args(arguments).args(["--history", self.history]);
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command
    }

    fn quiet(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What a command prints that must end well.
    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Records run `number`, which starts now, so that no retention lets go of it: every third one of a pull request.
    fn record(&self, number: u64) -> Command {
        let results = format!("run-{number}.xml");
        let xml = format!(
            "<testsuite name=\"s\"><testcase name=\"a\"><failure message=\"a\"/></testcase><testcase name=\"b\"><failure message=\"run {number}\"/></testcase></testsuite>"
        );
        fs::write(self.folder().join(&results), xml).unwrap();
        let run = format!("run-{number}");
        let identity = ["--repo", "acme/shop", "--branch", "main", "--job", "unit"];
        let mut command = self.quiet(&["record", &results]);
        command.args(identity).args(["--run", &run]);
        if number.is_multiple_of(3) {
            command.args(["--pr", "7"]);
        }
        command
    }

    /// Compacts and replaces all commits by one.
    fn compact(&self) -> Command {
        self.quiet(&["history", "compact"])
    }

    /// The runs in the history, after a proof that each is there once and whole.
    fn runs(&self) -> BTreeSet<String> {
        self.said(&["history", "verify"]);
        let rows = self.said(&["history", "export", "--format", "ndjson"]);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let run = row["run"].as_str().unwrap().to_owned();
            *counts.entry(run).or_default() += 1;
        }
        let odd: Vec<_> = counts.iter().filter(|(_, rows)| **rows != TESTS).collect();
        assert!(
            odd.is_empty(),
            "runs that are there twice or in part: {odd:?}"
        );
        counts.into_keys().collect()
    }

    /// Every acknowledged run is there; then those that were killed are recorded again, and all are there.
    fn assert_whole(self, acknowledged: &BTreeSet<String>, all: std::ops::Range<u64>) {
        let held = self.runs();
        let lost: Vec<&String> = acknowledged.difference(&held).collect();
        if !lost.is_empty() {
            let kept = self.folder.keep();
            panic!(
                "acknowledged runs are lost: {lost:?}; look at {}",
                kept.display()
            );
        }
        // One that is there is recorded again too.
        let again = |number: &u64| *number == 0 || !held.contains(&name(*number));
        let again: Vec<u64> = all.clone().filter(again).collect();
        for some in again.chunks(AT_ONCE) {
            let record = |number: &u64| self.record(*number).spawn().unwrap();
            let started: Vec<Child> = some.iter().map(record).collect();
            for mut child in started {
                assert!(child.wait().unwrap().success());
            }
        }
        assert!(self.compact().status().unwrap().success());
        assert_eq!(self.runs(), all.map(name).collect());
    }
}

fn name(number: u64) -> String {
    format!("run-{number}")
}

/// Delays of a fixed pseudo-random sequence, so that kills fall on every step of the work.
fn delay(step: u64, longest: u64) -> Duration {
    let mixed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    Duration::from_millis(mixed % longest)
}

/// Kills a process after a while, unless it has ended: whether it ended well.
fn kill_after(mut child: Child, wait: Duration) -> bool {
    thread::sleep(wait);
    let _already_ended = child.kill();
    child.wait().unwrap().success()
}

#[test]
fn killed_writers_and_squashers_of_a_branch_lose_nothing() {
    let place = Place::repository();
    let crashes = crashes().unwrap_or(8);
    assert!(place.record(0).status().unwrap().success());
    let mut acknowledged = BTreeSet::from([name(0)]);
    for number in 1..=crashes {
        let compactor = place.compact().spawn().unwrap();
        let writer = place.record(number).spawn().unwrap();
        if kill_after(writer, delay(number, 2_000)) {
            acknowledged.insert(name(number));
        }
        kill_after(compactor, delay(number + 1_000_000, 2_000));
    }
    place.assert_whole(&acknowledged, 0..crashes + 1);
}

#[test]
fn writers_of_a_branch_that_start_together_all_land() {
    let place = Place::repository();
    let start = |number| place.record(number).spawn().unwrap();
    let writers: Vec<Child> = (0..WRITERS).map(start).collect();
    let compactor = place.compact().spawn().unwrap();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    // It may have started before there was anything.
    compactor.wait_with_output().unwrap();
    let all: BTreeSet<String> = (0..WRITERS).map(name).collect();
    place.assert_whole(&all, 0..WRITERS);
}

/// What GitHub does on a bad day.
fn bad_day() -> Vec<Fault> {
    let status = |status| What::Status {
        status,
        retry_after: None,
    };
    let all = [
        ("GET *", 0.03, status(502)),
        ("GET *", 0.03, What::Truncated),
        ("POST *", 0.03, status(500)),
        ("POST *", 0.03, What::Reset),
        ("POST *", 0.02, status(422)),
        ("PUT *", 0.05, status(409)),
        ("PUT *", 0.05, What::ResetAfterHandling),
        ("PUT *", 0.05, status(503)),
        ("PATCH *", 0.05, status(422)),
        ("PATCH *", 0.05, What::ResetAfterHandling),
        ("PATCH *", 0.05, status(500)),
    ];
    let seeds = 1..;
    let fault = |((on, probability, what), seed): ((&str, f64, What), u64)| Fault {
        on: on.to_owned(),
        when: When::Chance { probability, seed },
        what,
    };
    all.into_iter().zip(seeds).map(fault).collect()
}

#[test]
fn killed_recorders_by_the_api_lose_nothing_on_a_bad_day() {
    let fake = FakeGithub::start(Options::default());
    let place = Place::github(&fake);
    fake.faults(bad_day());
    let recorders = crashes().unwrap_or(RECORDERS);
    let mut acknowledged = BTreeSet::new();
    let numbers: Vec<u64> = (0..recorders).collect();
    for some in numbers.chunks(AT_ONCE) {
        // The lock of a killed squasher holds all others up for a minute and a half: only in the long form.
        let compactor = crashes().map(|_| place.compact().spawn().unwrap());
        thread::scope(|scope| {
            let record = |number: u64| {
                let child = place.record(number).spawn().unwrap();
                scope.spawn(move || kill_after(child, delay(number, 5_000)).then(|| name(number)))
            };
            let started: Vec<_> = some.iter().copied().map(record).collect();
            let ended = started.into_iter().filter_map(|one| one.join().unwrap());
            acknowledged.extend(ended);
        });
        compactor.map(|child| kill_after(child, delay(some[0] + 1_000_000, 2_000)));
    }
    fake.faults(Vec::new());
    println!("{} of {recorders} were acknowledged", acknowledged.len());
    place.assert_whole(&acknowledged, 0..recorders);
    fake.assert_clean();
}
