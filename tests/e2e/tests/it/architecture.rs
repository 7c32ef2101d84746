//! The invariants of `ARCHITECTURE.md` that a compiler does not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::binary::root;

const CORE: [&str; 5] = ["model", "formats", "stats", "verdict", "report"];
const SHELL: [&str; 2] = ["history", "host"];
const NETWORK: [&str; 9] = [
    "axum", "curl", "hyper", "mio", "octocrab", "reqwest", "socket2", "tokio", "ureq",
];
const LONGEST_FILE: usize = 500;
const LONGEST_MAIN: usize = 15;

#[test]
fn core_crates_do_no_io() {
    for name in CORE {
        let head = fs::read_to_string(root().join(format!("crates/{name}/src/lib.rs"))).unwrap();
        for lint in ["clippy::disallowed_methods", "clippy::disallowed_types"] {
            assert!(head.contains(lint), "crates/{name} does not deny {lint}");
        }
    }
}

#[test]
fn core_crates_know_no_shell_crate() {
    let normal = dependencies();
    for name in CORE {
        let reached = reachable(name, &normal);
        for shell in SHELL {
            assert!(!reached.contains(shell), "{name} reaches {shell}");
        }
    }
}

/// `github` talks to the API that it is given, and `fake-github` listens on loopback; nobody else can reach a network.
#[test]
fn only_github_opens_a_socket() {
    let normal = dependencies();
    for (name, direct) in &normal {
        let ours = CORE.contains(&name.as_str())
            || SHELL.contains(&name.as_str())
            || name.starts_with("sprag-");
        for library in NETWORK {
            assert!(
                !(ours && direct.contains(library)),
                "{name} names {library}"
            );
        }
    }
    for name in CORE.iter().chain(&SHELL) {
        let reached = reachable(name, &normal);
        for library in NETWORK {
            assert!(!reached.contains(library), "{name} reaches {library}");
        }
    }
    assert!(reachable("github", &normal).contains("hyper"));
}

#[test]
fn source_files_stay_short() {
    let too_long: Vec<String> = sources()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, path)| *lines > limit(path))
        .map(|(lines, path)| format!("{lines} {}", path.display()))
        .collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
}

fn limit(path: &Path) -> usize {
    let is_plugin_main = path.ends_with("src/main.rs");
    if is_plugin_main {
        LONGEST_MAIN
    } else {
        LONGEST_FILE
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    // Unit tests that outgrew the foot of their file belong to that file.
    let of_its_own = |path: &PathBuf| !path.ends_with("tests.rs");
    let silent: Vec<PathBuf> = sources()
        .into_iter()
        .filter(of_its_own)
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn the_code_map_names_every_crate() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for name in CORE.iter().chain(&SHELL) {
        assert!(
            map.contains(&format!("`crates/{name}`")),
            "{name} is not on the map"
        );
    }
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["crates", "plugins", "tests"] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 20);
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The normal (not build, not dev) dependencies of every package in the resolved tree.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<&str, &str> = packages
        .iter()
        .map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap()))
        .collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let entry = graph
            .entry(names[node["id"].as_str().unwrap()].to_owned())
            .or_default();
        let normal = node["deps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dep| is_normal(dep));
        entry.extend(normal.map(|dep| names[dep["pkg"].as_str().unwrap()].to_owned()));
    }
    graph
}

fn is_normal(dependency: &Value) -> bool {
    dependency["dep_kinds"]
        .as_array()
        .unwrap()
        .iter()
        .any(|kind| kind["kind"].is_null() && runs_here(kind))
}

/// Whether the dependency is for every platform: those of other systems do not count.
fn runs_here(kind: &Value) -> bool {
    kind["target"].is_null()
}

fn reachable(name: &str, graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        for dependency in graph.get(&next).into_iter().flatten() {
            if reached.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    assert!(
        reached.contains("model") || name == "model" || name == "stats",
        "{name} reaches no model"
    );
    reached
}
