//! A repository itself, its branches, people, milestones, releases and uploads.

use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::limits::Budget;
use crate::reply::Reply;
use crate::state::{Milestone, World};

const METADATA: &str = "metadata=read";

pub(super) const ROUTES: &[Route] = &[
    route("repos/get", METADATA, get),
    route("rate-limit/get", METADATA, get),
    route("repos/get-branch", "contents=read", branch),
    route(
        "repos/get-branch-protection",
        "administration=read",
        protection,
    ),
    route("repos/get-branch-rules", METADATA, rules),
    route("repos/check-collaborator", METADATA, is_collaborator),
    route(
        "repos/get-collaborator-permission-level",
        METADATA,
        permission,
    ),
    route(
        "issues/list-milestones",
        "issues=read; pull_requests=read",
        milestones,
    ),
    route(
        "issues/get-milestone",
        "issues=read; pull_requests=read",
        milestone,
    ),
    route("repos/get-release-by-tag", "contents=read", release),
    route("repos/list-attestations", "attestations=read", attestations),
    route(
        "code-scanning/upload-sarif",
        "security_events=write",
        upload_sarif,
    ),
];

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(call.view(world)?.repository("full-repository")))
}

fn branch(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let name = call.part("branch");
    let missing = || Reply::error(404, "Branch not found");
    let head = view.repo.head(name).ok_or_else(missing)?;
    let protection = view.repo.protection.get(name);
    let page = view.html(&format!("/tree/{name}"));
    let url = view.url(&format!("/branches/{name}"));
    Ok(Reply::ok(json!({
        "name": name,
        "commit": view.commit(head),
        "_links": {"self": url, "html": page},
        "protected": protection.is_some(),
        "protection": protection.cloned().unwrap_or_else(|| json!({"enabled": false})),
        "protection_url": format!("{url}/protection"),
    })))
}

fn protection(world: &mut World, call: &Call<'_>) -> Answer {
    let found = call.repo(world)?.protection.get(call.part("branch"));
    found
        .cloned()
        .map(Reply::ok)
        .ok_or_else(|| Reply::error(404, "Branch not protected"))
}

fn rules(world: &mut World, call: &Call<'_>) -> Answer {
    let found = call.repo(world)?.rules.get(call.part("branch"));
    Ok(Reply::list(found.cloned().unwrap_or_default()))
}

fn is_collaborator(world: &mut World, call: &Call<'_>) -> Answer {
    let known = call
        .repo(world)?
        .collaborators
        .contains_key(&call.part("username").to_lowercase());
    if known {
        Ok(Reply::nothing())
    } else {
        Err(Reply::empty(404))
    }
}

/// The old words know neither `triage` nor `maintain`; `role_name` does.
fn permission(world: &mut World, call: &Call<'_>) -> Answer {
    let login = call.part("username");
    if !world.users.contains_key(&login.to_lowercase()) {
        return Err(Reply::error(404, &format!("{login} is not a user")));
    }
    let repo = call.repo(world)?;
    let public = if repo.private { "none" } else { "read" };
    let role = repo
        .collaborators
        .get(&login.to_lowercase())
        .map_or(public, String::as_str);
    let word = match role {
        "maintain" => "write",
        "triage" => "read",
        word => word,
    };
    let mut user = world.user_json(login);
    if let Value::Object(fields) = &mut user {
        fields.insert("role_name".to_owned(), Value::from(role));
    }
    Ok(Reply::ok(
        json!({"permission": word, "role_name": role, "user": user}),
    ))
}

fn milestones(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let state = call.asked("state").unwrap_or("open");
    let in_state =
        |milestone: &&Milestone| state == "all" || (state == "open") == milestone.is_open;
    let found = view.repo.milestones.values().filter(in_state);
    Ok(Reply::list(
        found.map(|milestone| view.milestone(milestone)).collect(),
    ))
}

fn milestone(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let found = view.repo.milestones.get(&call.number("milestone_number")?);
    found
        .map(|milestone| Reply::ok(view.milestone(milestone)))
        .ok_or_else(Reply::not_found)
}

fn release(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let found = view.repo.releases.get(call.part("tag"));
    found
        .map(|release| Reply::ok(view.release(release)))
        .ok_or_else(Reply::not_found)
}

fn attestations(world: &mut World, call: &Call<'_>) -> Answer {
    let found = call
        .repo(world)?
        .attestations
        .get(call.part("subject_digest"))
        .cloned();
    Ok(Reply::ok(
        json!({"attestations": found.unwrap_or_default()}),
    ))
}

fn upload_sarif(world: &mut World, call: &Call<'_>) -> Answer {
    let repo = call.repo(world)?;
    if world
        .objects(repo)
        .commit(call.required("commit_sha")?)
        .is_none()
    {
        return Err(Reply::error(400, "commit not found"));
    }
    let id = format!("{:08x}", world.id());
    call.repo_mut(world)?.sarifs.push(call.body.clone());
    let url = call
        .view(world)?
        .url(&format!("/code-scanning/sarifs/{id}"));
    Ok(Reply::json(202, json!({"id": id, "url": url})))
}

/// The answer of `GET /rate_limit`.
pub(crate) fn rate_limit(budget: &Budget) -> Value {
    let shown = json!({
        "limit": budget.limit,
        "used": budget.used,
        "remaining": budget.remaining(),
        "reset": budget.reset,
    });
    json!({"resources": {"core": shown, "search": shown}, "rate": shown})
}
