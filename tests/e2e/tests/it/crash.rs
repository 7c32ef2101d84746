//! Crash and race: nothing recorded is lost or doubled (invariants 5 and 10).
//!
//! The short form runs with every test; `SPRAG_CRASHES=200 cargo test -p e2e crash` is the long one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::binary;

/// Tests in every recorded run.
const TESTS: usize = 40;
const WRITERS: usize = 16;

fn crashes() -> u64 {
    let wished = std::env::var("SPRAG_CRASHES").ok();
    wished.and_then(|text| text.parse().ok()).unwrap_or(40)
}

/// Results of run `number`: every test passes but one, which says the number.
fn write_results(folder: &Path, number: u64) -> String {
    let name = format!("run-{number}.xml");
    if folder.join(&name).exists() {
        return name;
    }
    let cases: String = (1..TESTS)
        .map(|i| format!("<testcase name=\"t{i}\" time=\"0.1\"/>"))
        .collect();
    let broken = format!("<testcase name=\"t0\"><failure message=\"run {number}\"/></testcase>");
    let xml = format!("<testsuite name=\"s\">{cases}{broken}</testsuite>");
    fs::write(folder.join(&name), xml).unwrap();
    name
}

fn record(folder: &Path, number: u64) -> Command {
    let results = write_results(folder, number);
    let day = 1 + number % 9;
    let time = format!("2026-03-0{day}T10:00:00Z");
    let run = format!("run-{number}");
    let mut command = binary::command(folder);
    command.args([
        "record",
        &results,
        "--history",
        "file:history",
        "--repo",
        "acme/shop",
    ]);
    command.args([
        "--branch", "main", "--job", "unit", "--run", &run, "--time", &time,
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn compact(folder: &Path) -> Command {
    let mut command = binary::command(folder);
    command.args(["history", "compact", "--history", "file:history"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Delays of a fixed pseudo-random sequence, so that kills fall on every step of the work.
fn delay(step: u64) -> Duration {
    let mixed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    Duration::from_micros(mixed % 9_000)
}

/// Kills a process after a while, unless it has ended: whether it ended well.
fn kill_after(mut child: Child, wait: Duration) -> bool {
    thread::sleep(wait);
    let _already_ended = child.kill();
    child.wait().unwrap().success()
}

/// How often each (run, test) stands in an export.
fn exported(folder: &Path) -> BTreeMap<(String, String), usize> {
    let rows = binary::stdout(
        folder,
        &[
            "history",
            "export",
            "--format",
            "ndjson",
            "--history",
            "file:history",
        ],
    );
    let mut counts = BTreeMap::new();
    for line in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        *counts.entry((text("run"), text("test"))).or_default() += 1;
    }
    counts
}

fn runs_of(rows: &BTreeMap<(String, String), usize>) -> BTreeSet<String> {
    rows.keys().map(|(run, _)| run.clone()).collect()
}

/// Every run is there as a whole and once.
fn assert_whole(folder: &Path, expected_runs: &BTreeSet<String>) {
    binary::stdout(folder, &["history", "verify", "--history", "file:history"]);
    let rows = exported(folder);
    assert_eq!(&runs_of(&rows), expected_runs);
    assert_eq!(rows.len(), expected_runs.len() * TESTS);
    assert!(
        rows.values().all(|count| *count == 1),
        "some rows are doubled"
    );
}

#[test]
fn killed_writers_and_compactors_lose_and_double_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    assert!(record(folder, 0).status().unwrap().success());
    let mut acknowledged = BTreeSet::from(["run-0".to_owned()]);
    for number in 1..=crashes() {
        let compactor = compact(folder).spawn().unwrap();
        let writer = record(folder, number).spawn().unwrap();
        if kill_after(writer, delay(number)) {
            acknowledged.insert(format!("run-{number}"));
        }
        kill_after(compactor, delay(number + 1_000_000));
    }
    let before = exported(folder);
    assert!(
        acknowledged.is_subset(&runs_of(&before)),
        "an acknowledged run is lost"
    );
    for number in 0..=crashes() {
        assert!(record(folder, number).status().unwrap().success());
    }
    assert!(compact(folder).status().unwrap().success());
    let all = (0..=crashes())
        .map(|number| format!("run-{number}"))
        .collect();
    assert_whole(folder, &all);
}

#[test]
fn sixteen_writers_at_once_lose_and_double_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let writers: Vec<Child> = (0..WRITERS as u64)
        .flat_map(|writer| {
            [
                record(folder, writer),
                record(folder, writer / 2),
                compact_if(folder, writer),
            ]
        })
        .map(|mut command| command.spawn().unwrap())
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_whole(
        folder,
        &(0..WRITERS).map(|number| format!("run-{number}")).collect(),
    );
}

/// Every fourth writer has a compactor beside it; the others record once more.
fn compact_if(folder: &Path, writer: u64) -> Command {
    if writer.is_multiple_of(4) {
        compact_or_nothing(folder)
    } else {
        record(folder, writer)
    }
}

/// A compactor may start before there is a history: then there is nothing to compact, which is no failure of this test.
fn compact_or_nothing(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    let binary = binary::sprag_compare().display().to_string();
    command.current_dir(folder).args([
        "-c",
        "\"$0\" history compact --history file:history || true",
        &binary,
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn recording_twice_is_recording_once() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    for _ in 0..2 {
        assert!(record(folder, 1).status().unwrap().success());
    }
    assert_whole(folder, &BTreeSet::from(["run-1".to_owned()]));
}
