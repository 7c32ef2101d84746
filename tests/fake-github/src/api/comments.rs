//! Comments on issues and pull requests, and reactions to them.

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::{Problem, Reply};
use crate::state::{Comment, World, seconds_of};
use crate::view::node_id;
use serde_json::json;

const READ: &str = "issues=read; pull_requests=read";
const WRITE: &str = "issues=write; pull_requests=write";

/// Characters that the body of a comment may have.
const LONGEST_BODY: usize = 65_536;

pub(super) const ROUTES: &[Route] = &[
    route("issues/list-comments", READ, list),
    route("issues/create-comment", WRITE, create),
    route("issues/get-comment", READ, get),
    route("issues/update-comment", WRITE, update),
    route("issues/delete-comment", WRITE, delete),
    route("reactions/create-for-issue-comment", WRITE, react),
];

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let number = call.number("issue_number")?;
    view.repo.issues.get(&number).ok_or_else(Reply::not_found)?;
    let since = call.asked("since").map(seconds_of).unwrap_or_default();
    let now = world.millis();
    let shown = view
        .repo
        .comments
        .values()
        .filter(|comment| comment.issue == number && comment.fresh.is_seen(now));
    let recent = shown.filter(|comment| seconds_of(&comment.updated) >= since);
    Ok(Reply::list(
        recent.map(|comment| view.comment(comment)).collect(),
    ))
}

fn body<'c>(call: &'c Call<'_>) -> Result<&'c str, Reply> {
    let body = call.required("body")?;
    if body.trim().is_empty() {
        return Err(Reply::invalid(
            "IssueComment",
            "body",
            Problem::Custom("body cannot be blank"),
        ));
    }
    if body.chars().count() > LONGEST_BODY {
        let problem = Problem::Custom("body is too long (maximum is 65536 characters)");
        return Err(Reply::invalid("IssueComment", "body", problem));
    }
    Ok(body)
}

fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let number = call.number("issue_number")?;
    call.repo(world)?
        .issues
        .get(&number)
        .ok_or_else(Reply::not_found)?;
    let (id, now) = (world.id(), world.now());
    let comment = Comment {
        id,
        issue: number,
        author: call.login(),
        app: call.app(),
        body: body(call)?.to_owned(),
        created: now.clone(),
        updated: now,
        reactions: std::collections::BTreeMap::new(),
        fresh: world.fresh(),
    };
    call.repo_mut(world)?.comments.insert(id, comment.clone());
    Ok(Reply::created(call.view(world)?.comment(&comment)))
}

fn found<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Comment, Reply> {
    let number = call.number("comment_id")?;
    let comment = call.repo(world)?.comments.get(&number);
    comment
        .filter(|comment| comment.fresh.is_seen(world.millis()))
        .ok_or_else(Reply::not_found)
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(call.view(world)?.comment(found(world, call)?)))
}

fn update(world: &mut World, call: &Call<'_>) -> Answer {
    let mut comment = found(world, call)?.clone();
    body(call)?.clone_into(&mut comment.body);
    comment.updated = world.now();
    call.repo_mut(world)?
        .comments
        .insert(comment.id, comment.clone());
    Ok(Reply::ok(call.view(world)?.comment(&comment)))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let id = found(world, call)?.id;
    call.repo_mut(world)?.comments.remove(&id);
    Ok(Reply::nothing())
}

fn react(world: &mut World, call: &Call<'_>) -> Answer {
    let mut comment = found(world, call)?.clone();
    let content = call.required("content")?.to_owned();
    let (id, now) = (world.id(), world.now());
    let key = (call.login(), content.clone());
    let status = if comment.reactions.contains_key(&key) {
        200
    } else {
        201
    };
    let reaction = *comment.reactions.entry(key).or_insert(id);
    call.repo_mut(world)?.comments.insert(comment.id, comment);
    let shown = json!({
        "id": reaction,
        "node_id": node_id("REA", reaction),
        "user": world.user_json(&call.login()),
        "content": content,
        "created_at": now,
    });
    Ok(Reply::json(status, shown))
}
