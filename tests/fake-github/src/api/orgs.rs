//! Organisations and teams, and who the caller is.

use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Kind, Org, Team, World};

pub(super) const ROUTES: &[Route] = &[
    route("orgs/check-membership-for-user", "members=read", is_member),
    route(
        "teams/get-membership-for-user-in-org",
        "members=read",
        membership,
    ),
    route("teams/list-members-in-org", "members=read", members),
    route("users/get-authenticated", "user", user),
];

fn org<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Org, Reply> {
    world
        .orgs
        .get(&call.part("org").to_lowercase())
        .ok_or_else(Reply::not_found)
}

fn team<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Team, Reply> {
    org(world, call)?
        .teams
        .get(call.part("team_slug"))
        .ok_or_else(Reply::not_found)
}

fn is_member(world: &mut World, call: &Call<'_>) -> Answer {
    let known = org(world, call)?
        .members
        .contains(&call.part("username").to_lowercase());
    if known {
        Ok(Reply::nothing())
    } else {
        Err(Reply::empty(404))
    }
}

fn membership(world: &mut World, call: &Call<'_>) -> Answer {
    let login = call.part("username");
    let role = team(world, call)?
        .members
        .get(&login.to_lowercase())
        .ok_or_else(Reply::not_found)?;
    let place = format!(
        "/orgs/{}/teams/{}/memberships/{login}",
        call.part("org"),
        call.part("team_slug")
    );
    Ok(Reply::ok(
        json!({"url": format!("{}{place}", world.urls.api), "role": role, "state": "active"}),
    ))
}

fn members(world: &mut World, call: &Call<'_>) -> Answer {
    let wanted = call.asked("role").filter(|role| *role != "all");
    let its = team(world, call)?
        .members
        .iter()
        .filter(|(_, role)| wanted.is_none_or(|wanted| wanted == *role));
    Ok(Reply::list(
        its.map(|(login, _)| world.user_json(login)).collect(),
    ))
}

/// Apps, and so `GITHUB_TOKEN`, are nobody here: their permissions never hold `user`.
fn user(world: &mut World, call: &Call<'_>) -> Answer {
    let is_person = call
        .caller
        .token()
        .is_some_and(|token| token.kind == Kind::Personal);
    if !is_person {
        return Err(Reply::error(403, "Resource not accessible by integration"));
    }
    let known = world.user_json(&call.login());
    let mut shown = world.filled("public-user", known);
    if let Value::Object(fields) = &mut shown {
        fields.insert("name".to_owned(), Value::from(call.login()));
    }
    Ok(Reply::ok(shown))
}
