//! Things of the fake as GitHub shows them.

mod check;
mod commit;
mod issue;
mod pull;
mod run;

use serde_json::{Value, json};

use crate::state::{App, Repo, World};
use crate::url::escape;

pub(crate) use commit::encoded;

/// A repository, as answers about it see it.
#[derive(Clone, Copy)]
pub(crate) struct View<'w> {
    pub(crate) world: &'w World,
    pub(crate) repo: &'w Repo,
}

/// GitHub's global name of a thing: opaque, unique.
pub(crate) fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{id:012x}")
}

impl World {
    /// The blank of a schema with these fields over it.
    pub(crate) fn filled(&self, schema: &str, fields: Value) -> Value {
        let mut blank = self.contract.blank(schema);
        if let (Value::Object(blank), Value::Object(fields)) = (&mut blank, fields) {
            blank.extend(fields);
        }
        blank
    }

    /// A user; null for nobody.
    pub(crate) fn user_json(&self, login: &str) -> Value {
        let Some(user) = self.users.get(&login.to_lowercase()) else {
            return Value::Null;
        };
        let url = format!("{}/users/{}", self.urls.api, escape(&user.login));
        let below = |path: &str| format!("{url}/{path}");
        json!({
            "login": user.login,
            "id": user.id,
            "node_id": node_id("U", user.id),
            "avatar_url": format!("{}/avatars/{}", self.urls.html, user.id),
            "gravatar_id": "",
            "url": url,
            "html_url": format!("{}/{}", self.urls.html, escape(&user.login)),
            "followers_url": below("followers"),
            "following_url": below("following{/other_user}"),
            "gists_url": below("gists{/gist_id}"),
            "starred_url": below("starred{/owner}{/repo}"),
            "subscriptions_url": below("subscriptions"),
            "organizations_url": below("orgs"),
            "repos_url": below("repos"),
            "events_url": below("events{/privacy}"),
            "received_events_url": below("received_events"),
            "type": user.kind,
            "site_admin": false,
        })
    }

    /// The App behind a check run or a comment; null for none.
    pub(crate) fn app_json(&self, id: Option<u64>) -> Value {
        let Some(app) = id.and_then(|id| self.apps.get(&id)) else {
            return Value::Null;
        };
        json!({
            "id": app.id,
            "slug": app.slug,
            "node_id": node_id("A", app.id),
            "owner": self.user_json("github"),
            "name": app.slug,
            "description": "",
            "external_url": self.urls.html,
            "html_url": format!("{}/apps/{}", self.urls.html, app.slug),
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "permissions": words(app),
            "events": [],
        })
    }
}

/// The permissions of an App as the API writes them.
pub(crate) fn words(app: &App) -> Value {
    app.permissions
        .iter()
        .map(|(scope, level)| (scope.clone(), Value::from(level.word())))
        .collect()
}

impl<'w> View<'w> {
    /// An address of the API below the repository.
    pub(crate) fn url(&self, path: &str) -> String {
        format!(
            "{}/repos/{}{path}",
            self.world.urls.api,
            self.repo.full_name()
        )
    }

    /// A page for people below the repository.
    pub(crate) fn html(&self, path: &str) -> String {
        format!("{}/{}{path}", self.world.urls.html, self.repo.full_name())
    }

    /// Another repository, seen in the same way.
    pub(crate) fn of(&self, full_name: &str) -> Option<View<'w>> {
        Some(View {
            world: self.world,
            repo: self.world.repo(full_name).ok()?,
        })
    }

    /// The repository by one of the schemas `full-repository`, `repository` and `minimal-repository`.
    pub(crate) fn repository(&self, schema: &str) -> Value {
        let repo = self.repo;
        self.world.filled(
            schema,
            json!({
                "id": repo.id,
                "node_id": node_id("R", repo.id),
                "name": repo.name,
                "full_name": repo.full_name(),
                "private": repo.private,
                "visibility": if repo.private { "private" } else { "public" },
                "owner": self.world.user_json(&repo.owner),
                "url": self.url(""),
                "html_url": self.html(""),
                "fork": repo.parent.is_some(),
                "default_branch": repo.default_branch,
                "disabled": false,
                "archived": false,
            }),
        )
    }
}
