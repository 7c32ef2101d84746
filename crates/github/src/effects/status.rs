//! Commit statuses: the newest of a context counts.

use http::Method;
use model::{Effect, StatusState};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::effects::limits::status_description;
use crate::effects::{Done, Outcome};
use crate::error::{Error, Result};
use crate::facts::{Account, Status, or_default};
use crate::repo::Repo;

impl Repo {
    pub(crate) fn apply_status(&self, effect: &Effect) -> Outcome {
        let Effect::Status {
            sha,
            context,
            state,
            description,
            url,
        } = effect
        else {
            return Err(Error::settings("no status"));
        };
        let wanted = Status {
            context: context.clone(),
            state: StatusState::as_str(*state).to_owned(),
            description: status_description(description),
            target_url: url.clone(),
            created_at: String::new(),
        };
        let remembered = self.github.memo().statuses(self.name(), sha);
        let before = remembered.and_then(|all| of_context(all, context));
        if before.as_ref().is_some_and(|there| is_same(there, &wanted)) {
            return Ok((Done::Unchanged, url.clone()));
        }
        self.write_status(sha, &wanted)?;
        let done = before.map_or(Done::Created, |_| Done::Updated);
        self.github.memo().add_status(self.name(), sha, wanted);
        Ok((done, url.clone()))
    }

    fn write_status(&self, sha: &str, wanted: &Status) -> Result<()> {
        let rest = format!("/statuses/{sha}");
        let call = self.write(Method::POST, &rest, &body(wanted))?;
        let call = call.to(self.what("setting a status"), "statuses: write");
        let client = self.github.client();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.ask(&call) {
                Ok(answer) => {
                    let written: Written = answer.json(&call.what).unwrap_or_default();
                    self.learn_login(&written.creator.login);
                    return Ok(());
                }
                Err(error) => error,
            };
            // 422: GitHub keeps 1,000 statuses of a context. The one that counts may be right all the same.
            if !error.is_unavailable() && !error.is_refused(&[422]) {
                return Err(error);
            }
            client.back_off(attempt);
            let there = of_context(self.statuses(sha)?, &wanted.context);
            if there.is_some_and(|there| is_same(&there, wanted)) {
                return Ok(());
            }
            if error.is_refused(&[422]) || attempt >= client.settings.limits.attempts {
                return Err(error);
            }
        }
    }
}

/// The answer; it may be anything, the status is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    #[serde(deserialize_with = "or_default")]
    creator: Account,
}

fn body(wanted: &Status) -> Value {
    let mut body = json!({
        "state": wanted.state,
        "context": wanted.context,
        "description": wanted.description,
    });
    if let (Some(url), Some(body)) = (&wanted.target_url, body.as_object_mut()) {
        body.insert("target_url".to_owned(), url.as_str().into());
    }
    body
}

fn of_context(all: Vec<Status>, context: &str) -> Option<Status> {
    all.into_iter().find(|status| status.context == context)
}

fn is_same(there: &Status, wanted: &Status) -> bool {
    let url = |status: &Status| status.target_url.clone().filter(|url| !url.is_empty());
    there.state == wanted.state
        && there.description == wanted.description
        && url(there) == url(wanted)
}
