//! `action.yml` and the workflows that this project ships agree with each other: no linter looks at the inputs of a local action.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::root;

/// How the shipped workflows name the action, and its part that fills a history.
pub(crate) const ACTION: &str = "sprag-ci/sprag@";
pub(crate) const BACKFILL: &str = "sprag-ci/sprag/backfill@";

#[test]
fn every_input_reaches_the_binary_under_its_own_name() {
    let action = yaml(&root().join("action.yml"));
    let environment = &action["runs"]["steps"][0]["env"];
    for input in keys(&action["inputs"]) {
        let variable = variable(&input);
        let value = format!("${{{{ inputs.{input} }}}}");
        assert_eq!(environment[&variable], value, "{variable}");
    }
    let inputs: BTreeSet<String> = keys(&action["inputs"]).map(|key| variable(&key)).collect();
    let of_no_input = keys(environment).filter(|name| !inputs.contains(name));
    assert_eq!(
        of_no_input.collect::<Vec<_>>(),
        ["SPRAG_ACTION_REPOSITORY", "SPRAG_LOGIN"]
    );
}

#[test]
fn every_output_comes_from_the_step() {
    let action = yaml(&root().join("action.yml"));
    for output in keys(&action["outputs"]) {
        let value = format!("${{{{ steps.sprag.outputs.{output} }}}}");
        assert_eq!(action["outputs"][&output]["value"], value);
    }
}

#[test]
fn shipped_workflows_set_only_inputs_that_the_action_has() {
    let mut uses = 0;
    for (prefix, action) in [(ACTION, "action.yml"), (BACKFILL, "backfill/action.yml")] {
        let action = yaml(&root().join(action));
        let inputs: BTreeSet<String> = keys(&action["inputs"]).collect();
        for path in shipped() {
            for step in uses_of(prefix, &yaml(&path)) {
                let mut unknown = keys(&step["with"]).filter(|key| !inputs.contains(key));
                assert_eq!(unknown.next(), None, "{}", path.display());
                uses += 1;
            }
        }
    }
    assert!(uses >= 5);
}

#[test]
fn shipped_workflows_read_only_outputs_that_the_action_has() {
    let action = yaml(&root().join("action.yml"));
    let outputs: BTreeSet<String> = keys(&action["outputs"]).collect();
    for path in shipped() {
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split("steps.sprag.outputs.").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-');
            let name = &rest[..end.unwrap_or(rest.len())];
            assert!(outputs.contains(name), "{}: {name}", path.display());
        }
    }
}

/// The folder of workflows to copy.
pub(crate) fn shipped() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("examples/workflows")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut shipped: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "yml"))
        .collect();
    shipped.sort();
    assert!(!shipped.is_empty());
    shipped
}

/// The steps of all jobs of a workflow.
pub(crate) fn steps(workflow: &Value) -> Vec<Value> {
    let jobs = workflow["jobs"].as_object().unwrap().values();
    let steps = jobs.flat_map(|job| job["steps"].as_array().cloned().unwrap_or_default());
    steps.collect()
}

/// The steps of a workflow that use an action.
fn uses_of(prefix: &str, workflow: &Value) -> Vec<Value> {
    let is_it = |step: &Value| {
        let uses = step["uses"].as_str();
        uses.is_some_and(|uses| uses.starts_with(prefix))
    };
    steps(workflow).into_iter().filter(is_it).collect()
}

/// A YAML file as a value.
pub(crate) fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn keys(map: &Value) -> impl Iterator<Item = String> {
    let keys = map.as_object().into_iter().flat_map(|map| map.keys());
    keys.cloned().collect::<Vec<_>>().into_iter()
}

/// The environment variable of an input: `fail-on` is `SPRAG_FAIL_ON`.
fn variable(input: &str) -> String {
    format!("SPRAG_{}", input.replace('-', "_").to_ascii_uppercase())
}
