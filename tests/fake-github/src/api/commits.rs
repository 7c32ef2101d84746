//! Commits: by name, compared, merged, and the pull requests that they belong to.

use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::git::Sha;
use crate::reply::Reply;
use crate::state::{Issue, World};

/// Commits that a comparison lists without pages.
const MOST_COMMITS: usize = 250;
/// Files that a comparison lists.
const MOST_FILES: usize = 300;

pub(super) const ROUTES: &[Route] = &[
    route("repos/get-commit", "contents=read", get),
    route(
        "repos/list-pull-requests-associated-with-commit",
        "pull_requests=read; contents=read",
        pulls,
    ),
    route(
        "repos/compare-commits-with-basehead",
        "contents=read",
        compare,
    ),
    route("repos/merge", "contents=write", merge),
];

fn resolve(world: &World, call: &Call<'_>, reference: &str) -> Result<Sha, Reply> {
    let repo = call.repo(world)?;
    repo.resolve(reference, world.objects(repo))
        .ok_or_else(Reply::not_found)
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let reference = call.part("ref");
    let missing = |_| Reply::unprocessable(&format!("No commit found for SHA: {reference}"));
    let sha = resolve(world, call, reference).map_err(missing)?;
    if call.accept.contains("sha") {
        return Ok(Reply::raw("application/vnd.github.sha", sha.into()));
    }
    call.view(world)?
        .commit_with_files(&sha)
        .map(Reply::ok)
        .ok_or_else(Reply::not_found)
}

/// Pull requests that contain the commit: open ones by their head, merged ones by what they brought.
fn pulls(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let objects = world.objects(view.repo);
    let sha = resolve(world, call, call.part("commit_sha"))?;
    let has = |issue: &&Issue| {
        issue.pull.as_ref().is_some_and(|pull| {
            let merged = pull.merged.as_ref();
            let base = merged
                .map(|merged| &merged.base)
                .or_else(|| view.repo.head(&pull.base_ref));
            let is_merge = merged.is_some_and(|merged| merged.commit == sha);
            is_merge || base.is_some_and(|base| objects.since(base, &pull.head_sha).contains(&sha))
        })
    };
    let found = view.repo.issues.values().filter(has);
    Ok(Reply::list(
        found
            .map(|issue| view.pull(issue, "pull-request-simple"))
            .collect(),
    ))
}

fn compare(world: &mut World, call: &Call<'_>) -> Answer {
    let (base, head) = call
        .part("basehead")
        .split_once("...")
        .ok_or_else(Reply::not_found)?;
    let (base, head) = (side(world, call, base)?, side(world, call, head)?);
    let view = call.view(world)?;
    let objects = world.objects(view.repo);
    let fork = objects
        .merge_base(&base, &head)
        .ok_or_else(|| Reply::error(404, "No common ancestor"))?;
    let ahead = objects.since(&base, &head);
    let behind = objects.since(&head, &base);
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let mut files = view.changes(&fork, &head);
    files.truncate(MOST_FILES);
    let commits: Vec<Value> = ahead
        .iter()
        .take(MOST_COMMITS)
        .filter_map(|sha| view.commit(sha))
        .collect();
    let page = view.html(&format!("/compare/{base}...{head}"));
    Ok(Reply::ok(json!({
        "url": view.url(&format!("/compare/{base}...{head}")),
        "html_url": page,
        "permalink_url": page,
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "base_commit": view.commit(&base),
        "merge_base_commit": view.commit(&fork),
        "status": status,
        "ahead_by": ahead.len(),
        "behind_by": behind.len(),
        "total_commits": ahead.len(),
        "commits": commits,
        "files": files,
    })))
}

/// `ref`, or `owner:ref` of a fork.
fn side(world: &World, call: &Call<'_>, text: &str) -> Result<Sha, Reply> {
    let Some((owner, reference)) = text.split_once(':') else {
        return resolve(world, call, text);
    };
    let repo = call.repo(world)?;
    let owner = owner.split(':').next().unwrap_or_default();
    let is_it = |other: &&crate::state::Repo| {
        other.network == repo.network && other.owner.eq_ignore_ascii_case(owner)
    };
    let fork = world
        .repos
        .values()
        .find(is_it)
        .ok_or_else(Reply::not_found)?;
    fork.resolve(reference, world.objects(fork))
        .ok_or_else(Reply::not_found)
}

fn merge(world: &mut World, call: &Call<'_>) -> Answer {
    let (base, head) = (call.required("base")?, call.required("head")?);
    let sha = resolve(world, call, head).map_err(|_| Reply::error(404, "Head does not exist"))?;
    let usual = format!("Merge {head} into {base}");
    let message = call.text("commit_message").unwrap_or(&usual);
    match world.merge_into(&call.repo_name(), (base, &sha), message)? {
        None => Ok(Reply::nothing()),
        Some(commit) => call
            .view(world)?
            .commit(&commit)
            .map(Reply::created)
            .ok_or_else(Reply::not_found),
    }
}
