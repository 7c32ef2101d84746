//! `/_control/*`: the fake by HTTP, for who runs it as a process. It needs no token and is not part of GitHub.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::call::Request;
use crate::fault::Fault;
use crate::page::Sent;
use crate::pipeline::Core;
use crate::reply::Reply;
use crate::seed::{Seed, TokenSeed};
use crate::state::{Issue, Repo, World};
use crate::view::View;

/// Answers a request to the control endpoints.
pub(crate) fn answer(core: &Arc<Core>, request: &Request, path: &str) -> Sent {
    let result = match (request.method.as_str(), path) {
        ("GET", "state") => Ok(state(&core.world())),
        ("GET", "log") => shown(&core.record().log),
        ("GET", "violations") => shown(&core.record().violations),
        ("GET", "operations") => shown(&core.record().operations),
        ("DELETE", "log") => {
            core.record().log.clear();
            Ok(json!({}))
        }
        ("POST", "seed") => seed(core, request),
        ("POST", "token") => {
            read::<TokenSeed>(request).map(|token| json!({"token": token.plant(&mut core.world())}))
        }
        ("POST", "faults") => read::<Vec<Fault>>(request).map(|faults| {
            core.faults().set(faults);
            json!({})
        }),
        ("POST", "advance") => read::<u64>(request).map(|seconds| advance(core, seconds)),
        _ => Err(format!(
            "no such control: {} {path}; see --help",
            request.method
        )),
    };
    Sent::of(result.map_or_else(|text| Reply::error(400, &text), Reply::ok))
}

fn read<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

fn shown(value: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn seed(core: &Arc<Core>, request: &Request) -> Result<Value, String> {
    Seed::read(&String::from_utf8_lossy(&request.body))?.plant(core)
}

fn advance(core: &Core, seconds: u64) -> Value {
    let mut world = core.world();
    world.move_clock(Duration::from_secs(seconds));
    json!({"now": world.now()})
}

/// Everything that a test asserts on, by repository.
fn state(world: &World) -> Value {
    let repos: Map<String, Value> = world
        .repos
        .values()
        .map(|repo| (repo.full_name(), repo_state(&View { world, repo })))
        .collect();
    json!({"url": world.urls.api, "repos": repos})
}

fn repo_state(view: &View<'_>) -> Value {
    let repo = view.repo;
    let branches: Map<String, Value> = repo
        .refs
        .iter()
        .filter_map(|(name, sha)| {
            Some((
                name.strip_prefix("refs/heads/")?.to_owned(),
                branch(view, sha),
            ))
        })
        .collect();
    let issues: Map<String, Value> = repo
        .issues
        .values()
        .map(|issue| (issue.number.to_string(), issue_state(view, issue)))
        .collect();
    let statuses: Map<String, Value> = repo
        .statuses
        .iter()
        .map(|(sha, all)| {
            (
                sha.clone(),
                all.iter().map(|status| view.status(sha, status)).collect(),
            )
        })
        .collect();
    json!({
        "branches": branches,
        "issues": issues,
        "labels": repo.labels.values().map(|label| view.label(label)).collect::<Vec<_>>(),
        "statuses": statuses,
        "check_runs": repo.checks.values().map(|check| view.check(check)).collect::<Vec<_>>(),
        "artifacts": repo.artifacts.values().map(|artifact| view.artifact(artifact)).collect::<Vec<_>>(),
        "dispatches": dispatches(repo),
    })
}

fn dispatches(repo: &Repo) -> Vec<Value> {
    repo.dispatches
        .iter()
        .map(|(name, payload)| json!({"name": name, "payload": payload}))
        .collect()
}

/// The head, the number of commits, and the size of every file in bytes.
fn branch(view: &View<'_>, sha: &str) -> Value {
    let objects = view.world.objects(view.repo);
    let size = |sha: &str| objects.blob(sha).map_or(0, bytes::Bytes::len);
    let files: Map<String, Value> = objects
        .files(sha)
        .into_iter()
        .map(|(path, entry)| (path, Value::from(size(&entry.sha))))
        .collect();
    json!({"sha": sha, "commits": objects.ancestors(sha).len(), "files": files})
}

fn issue_state(view: &View<'_>, issue: &Issue) -> Value {
    let comments = view
        .repo
        .comments
        .values()
        .filter(|comment| comment.issue == issue.number);
    let pull = issue.pull.as_ref();
    json!({
        "title": issue.title,
        "open": issue.is_open,
        "labels": issue.labels,
        "head": pull.map(|pull| json!({"repo": pull.head_repo, "ref": pull.head_ref, "sha": pull.head_sha})),
        "comments": comments.map(|comment| view.comment(comment)).collect::<Vec<_>>(),
    })
}
