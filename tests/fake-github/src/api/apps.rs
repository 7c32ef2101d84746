//! GitHub Apps: their installations and the tokens that they make.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::access::{APP, Caller};
use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{App, Kind, Level, Token, World, timestamp};
use crate::view::words;

/// Seconds that the token of an installation lives.
const LIFE: i64 = 3600;

pub(super) const ROUTES: &[Route] = &[
    route("apps/list-installations", APP, list),
    route("apps/get-repo-installation", APP, of_repo),
    route("apps/create-installation-access-token", APP, create_token),
];

fn app<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w App, Reply> {
    let id = if let Caller::App(id) = &call.caller {
        Some(id)
    } else {
        None
    };
    id.and_then(|id| world.apps.get(id))
        .ok_or_else(Reply::not_found)
}

fn shown(world: &World, app: &App, account: &str) -> Value {
    let url = format!("{}/app/installations/{}", world.urls.api, app.installation);
    let fields = json!({
        "id": app.installation,
        "app_id": app.id,
        "app_slug": app.slug,
        "account": account_of(world, account),
        "repository_selection": "all",
        "access_tokens_url": format!("{url}/access_tokens"),
        "repositories_url": format!("{}/installation/repositories", world.urls.api),
        "html_url": format!("{}/settings/installations/{}", world.urls.html, app.installation),
        "permissions": words(app),
        "target_type": "Organization",
    });
    world.filled("installation", fields)
}

/// The description wants an account that is a user and an enterprise at once where it lists installations.
fn account_of(world: &World, login: &str) -> Value {
    let mut shown = world.user_json(login);
    if let Value::Object(fields) = &mut shown {
        for field in ["name", "slug"] {
            fields.insert(field.to_owned(), Value::from(login));
        }
        for field in ["created_at", "updated_at"] {
            fields.insert(field.to_owned(), Value::from("2020-01-01T00:00:00Z"));
        }
    }
    shown
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let app = app(world, call)?;
    Ok(Reply::list(vec![shown(world, app, "github")]))
}

fn of_repo(world: &mut World, call: &Call<'_>) -> Answer {
    let app = app(world, call)?;
    let owner = &call.repo(world)?.owner;
    Ok(Reply::ok(shown(world, app, owner)))
}

fn create_token(world: &mut World, call: &Call<'_>) -> Answer {
    let app = app(world, call)?.clone();
    if app.installation != call.number("installation_id")? {
        return Err(Reply::not_found());
    }
    let asked = call.body.get("permissions").and_then(Value::as_object);
    let permissions = match asked {
        None => app.permissions.clone(),
        Some(asked) => granted(&app, asked)?,
    };
    let expires = world.seconds() + LIFE;
    let token = Token {
        name: format!("installation of {}", app.slug),
        login: format!("{}[bot]", app.slug),
        kind: Kind::App(app.id),
        permissions: permissions.clone(),
        expires: Some(expires),
    };
    let shown: Value = permissions
        .iter()
        .map(|(scope, level)| (scope.clone(), Value::from(level.word())))
        .collect();
    let secret = world.add_token(token);
    let body = json!({
        "token": secret,
        "expires_at": timestamp(expires),
        "permissions": shown,
        "repository_selection": "all",
    });
    Ok(Reply::json(201, body))
}

/// A token gets what was asked for, if the App has it.
fn granted(
    app: &App,
    asked: &serde_json::Map<String, Value>,
) -> Result<BTreeMap<String, Level>, Reply> {
    let mut granted = BTreeMap::new();
    for (scope, level) in asked {
        let level = level.as_str().and_then(Level::of);
        if level.is_none() || app.permissions.get(scope).copied() < level {
            let text = "The permissions requested are not granted to this installation.";
            return Err(Reply::unprocessable(text));
        }
        granted.extend(level.map(|level| (scope.clone(), level)));
    }
    Ok(granted)
}
