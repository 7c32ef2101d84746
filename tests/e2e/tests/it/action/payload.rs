//! Event payloads: GitHub's own examples, with what the case needs laid over them.
//!
//! The examples are in the folder that `SPRAG_SHARED` names; without it an event has only what the case needs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// The repository of all cases.
pub(crate) const REPOSITORY: &str = "acme/shop";

/// A branch moved.
pub(crate) fn push(branch: &str, sha: &str) -> Value {
    example(
        "push/payload.json",
        json!({"ref": format!("refs/heads/{branch}"), "after": sha, "created": false, "deleted": false}),
    )
}

/// A pull request got a commit.
pub(crate) fn pull_request(number: u64, base: &str, (head_repo, head): (&str, &str)) -> Value {
    let side = |repo: &str, branch: &str, sha: &str| json!({"ref": branch, "sha": sha, "repo": {"full_name": repo, "fork": repo != REPOSITORY}});
    example(
        "pull_request/synchronize.json",
        json!({
            "number": number,
            "pull_request": {
                "number": number,
                "base": side(REPOSITORY, "main", base),
                "head": side(head_repo, "fix", head),
            },
        }),
    )
}

/// A merge queue asks for checks.
pub(crate) fn merge_group(base: &str, head: &str) -> Value {
    let reference = format!("refs/heads/gh-readonly-queue/main/pr-7-{base}");
    example(
        "merge_group/checks_requested.json",
        json!({"merge_group": {
            "base_ref": "refs/heads/main", "base_sha": base, "head_ref": reference, "head_sha": head,
        }}),
    )
}

/// Somebody starts a workflow by hand.
pub(crate) fn workflow_dispatch(inputs: Value) -> Value {
    example(
        "workflow_dispatch/payload.json",
        json!({"ref": "refs/heads/main", "inputs": inputs}),
    )
}

/// A run of the workflow `tests` ended.
pub(crate) fn workflow_run(
    run: u64,
    event: &str,
    conclusion: &str,
    head: (&str, &str, &str),
) -> Value {
    let (repo, branch, sha) = head;
    example(
        "workflow_run/completed.json",
        json!({"workflow_run": {
            "id": run, "run_attempt": 1, "name": "tests", "event": event, "status": "completed", "conclusion": conclusion,
            "head_branch": branch, "head_sha": sha, "head_repository": {"full_name": repo}, "pull_requests": [], "run_started_at": null,
            "html_url": format!("https://github.com/{REPOSITORY}/actions/runs/{run}"),
        }}),
    )
}

fn example(name: &str, case: Value) -> Value {
    let shared = std::env::var("SPRAG_SHARED").unwrap_or_else(|_| "../../../shared".to_owned());
    let path = Path::new(&shared).join("data/webhooks").join(name);
    let text = fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
    let mut payload: Value = serde_json::from_str(&text).unwrap();
    lay_over(&mut payload, case);
    lay_over(
        &mut payload,
        json!({"repository": {"full_name": REPOSITORY, "default_branch": "main"}}),
    );
    payload
}

fn lay_over(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}
