//! Cases: a folder each below `cases`, with its input files, `steps` (one command a line) and `expected` (all that was printed).
//!
//! `SPRAG_UPDATE=1 cargo test -p e2e` writes `expected` anew; read the difference before you commit it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::binary;

#[test]
fn every_case_prints_what_it_is_expected_to() {
    let mut wrong = Vec::new();
    for case in cases() {
        let printed = play(&case);
        let expected = case.join("expected");
        if std::env::var_os("SPRAG_UPDATE").is_some() {
            fs::write(&expected, &printed).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != printed {
            wrong.push(format!("{}:\n{printed}", case.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// Runs the steps of a case in a copy of its folder.
fn play(case: &Path) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("case");
    copy(case, &folder);
    let mut printed = String::new();
    for step in fs::read_to_string(case.join("steps")).unwrap().lines() {
        if !step.is_empty() && !step.starts_with('#') {
            play_step(step, &folder, &mut printed);
        }
    }
    printed.replace(&folder.display().to_string(), "CASE")
}

fn play_step(step: &str, folder: &Path, printed: &mut String) {
    let (variables, words): (Vec<_>, Vec<_>) =
        words(step).into_iter().partition(|w| is_variable(w));
    let mut command = binary::command(folder);
    command.args(words);
    for variable in &variables {
        let (name, value) = variable.split_once('=').unwrap();
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let code = output.status.code().unwrap();
    writeln!(printed, "$ {step}").unwrap();
    printed.push_str(&String::from_utf8_lossy(&output.stdout));
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        writeln!(printed, "! {line}").unwrap();
    }
    writeln!(printed, "= {code}\n").unwrap();
}

/// `NAME=value` in front of a step sets a variable.
fn is_variable(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Words between blanks; single quotes hold blanks together.
fn words(step: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in step.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
