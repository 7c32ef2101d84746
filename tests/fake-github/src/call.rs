//! A request as its handler sees it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::access::Caller;
use crate::reply::Reply;
use crate::state::{Repo, Token, World};
use crate::url::decode;
use crate::view::View;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Still percent-encoded, without the query.
    pub(crate) path: String,
    /// After the question mark.
    pub(crate) query: String,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    /// Path and query.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// The query, decoded; of a name that comes twice the last counts.
    pub(crate) fn pairs(&self) -> BTreeMap<String, String> {
        let parts = self.query.split('&').filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (
                decode(&name.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        };
        parts.map(pair).collect()
    }
}

/// A request with its operation found and its caller known.
pub(crate) struct Call<'a> {
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    /// Null when there is none.
    pub(crate) body: Value,
    pub(crate) accept: &'a str,
    pub(crate) caller: Caller,
}

impl Call<'_> {
    /// A parameter of the path.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.path.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A parameter of the path that is a number.
    ///
    /// # Errors
    /// 404 when it is none.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Reply> {
        self.part(name).parse().map_err(|_| Reply::not_found())
    }

    /// A parameter of the query.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Whether the query leaves `name` out or asks for `value`.
    pub(crate) fn wants(&self, name: &str, value: &str) -> bool {
        self.asked(name).is_none_or(|asked| asked == value)
    }

    /// A string of the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// A string of the body that has to be there.
    ///
    /// # Errors
    /// 422 when it is not.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Reply> {
        let missing =
            || Reply::unprocessable(&format!("Invalid request.\n\n\"{name}\" wasn't supplied."));
        self.text(name).ok_or_else(missing)
    }

    /// `owner/repo` of the path.
    pub(crate) fn repo_name(&self) -> String {
        format!("{}/{}", self.part("owner"), self.part("repo"))
    }

    /// The repository of the path.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn repo<'w>(&self, world: &'w World) -> Result<&'w Repo, Reply> {
        world.repo(&self.repo_name())
    }

    /// The repository of the path, to change.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn repo_mut<'w>(&self, world: &'w mut World) -> Result<&'w mut Repo, Reply> {
        world.repo_mut(&self.repo_name())
    }

    /// The repository of the path as answers show it.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn view<'w>(&self, world: &'w World) -> Result<View<'w>, Reply> {
        Ok(View {
            world,
            repo: self.repo(world)?,
        })
    }

    /// The App that acts.
    pub(crate) fn app(&self) -> Option<u64> {
        self.caller.token().and_then(Token::app)
    }

    /// Who acts.
    pub(crate) fn login(&self) -> String {
        self.caller
            .token()
            .map_or_else(|| "ghost".to_owned(), |token| token.login.clone())
    }
}
