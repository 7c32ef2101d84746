//! Commit statuses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::{Page, Problem, Reply};
use crate::state::{Status, World};

/// Characters.
const LONGEST_DESCRIPTION: usize = 140;
/// Statuses of one context on one commit.
const MOST: usize = 1000;

pub(super) const ROUTES: &[Route] = &[
    route("repos/create-commit-status", "statuses=write", create),
    route(
        "repos/get-combined-status-for-ref",
        "statuses=read",
        combined,
    ),
    route("repos/list-commit-statuses-for-ref", "statuses=read", list),
];

fn custom(field: &str, message: &str) -> Reply {
    Reply::invalid("Status", field, Problem::Custom(message))
}

fn check(call: &Call<'_>) -> Result<(), Reply> {
    let state = call.required("state")?;
    if !["error", "failure", "pending", "success"].contains(&state) {
        return Err(custom("state", "state is not included in the list"));
    }
    let description = call.text("description").unwrap_or_default();
    if description.chars().count() > LONGEST_DESCRIPTION {
        return Err(custom(
            "description",
            "description is too long (maximum is 140 characters)",
        ));
    }
    let url = call.text("target_url").unwrap_or_default();
    if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
        return Err(custom("target_url", "target_url must use http(s) scheme"));
    }
    Ok(())
}

fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let sha = call.part("sha").to_owned();
    let repo = call.repo(world)?;
    if world.objects(repo).commit(&sha).is_none() {
        return Err(Reply::unprocessable(&format!(
            "No commit found for SHA: {sha}"
        )));
    }
    check(call)?;
    let context = call.text("context").unwrap_or("default");
    let same = |status: &&Status| status.context == context;
    if repo
        .statuses
        .get(&sha)
        .is_some_and(|all| all.iter().filter(same).count() >= MOST)
    {
        return Err(custom(
            "base",
            "This SHA and context has reached the maximum number of statuses.",
        ));
    }
    let status = made(world, call, context);
    call.repo_mut(world)?
        .statuses
        .entry(sha.clone())
        .or_default()
        .push(status.clone());
    Ok(Reply::created(call.view(world)?.status(&sha, &status)))
}

fn made(world: &mut World, call: &Call<'_>, context: &str) -> Status {
    Status {
        id: world.id(),
        state: call.text("state").unwrap_or_default().to_owned(),
        context: context.to_owned(),
        description: call.text("description").map(str::to_owned),
        url: call.text("target_url").map(str::to_owned),
        creator: call.login(),
        created: world.now(),
        fresh: world.fresh(),
    }
}

/// The commit that `ref` means, and its statuses that can be seen, newest first.
fn seen<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, Vec<&'w Status>), Reply> {
    let repo = call.repo(world)?;
    let sha = repo.resolve(call.part("ref"), world.objects(repo));
    let sha = sha.ok_or_else(|| {
        Reply::unprocessable(&format!("No commit found for SHA: {}", call.part("ref")))
    });
    let sha = sha.map_err(|_| Reply::not_found())?;
    let now = world.millis();
    let all = repo.statuses.get(&sha).into_iter().flatten().rev();
    Ok((
        sha,
        all.filter(|status| status.fresh.is_seen(now)).collect(),
    ))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let (sha, statuses) = seen(world, call)?;
    let view = call.view(world)?;
    Ok(Reply::list(
        statuses
            .into_iter()
            .map(|status| view.status(&sha, status))
            .collect(),
    ))
}

fn combined(world: &mut World, call: &Call<'_>) -> Answer {
    let (sha, statuses) = seen(world, call)?;
    let view = call.view(world)?;
    let mut latest: BTreeMap<&str, &Status> = BTreeMap::new();
    for status in statuses {
        latest.entry(&status.context).or_insert(status);
    }
    let url = view.url(&format!("/commits/{sha}"));
    let rest = json!({
        "state": state_of(&latest),
        "sha": sha,
        "total_count": latest.len(),
        "repository": view.repository("minimal-repository"),
        "commit_url": url,
        "url": format!("{url}/status"),
    });
    let items = latest
        .values()
        .map(|status| view.simple_status(&sha, status))
        .collect();
    let rest: Map<String, Value> = rest.as_object().cloned().unwrap_or_default();
    Ok(Reply::page(Page {
        items,
        field: Some("statuses"),
        rest,
    }))
}

/// Failure when any failed, pending when there is none or any is pending, else success.
fn state_of(latest: &BTreeMap<&str, &Status>) -> &'static str {
    let any = |states: &[&str]| {
        latest
            .values()
            .any(|status| states.contains(&status.state.as_str()))
    };
    match () {
        () if any(&["failure", "error"]) => "failure",
        () if latest.is_empty() || any(&["pending"]) => "pending",
        () => "success",
    }
}
