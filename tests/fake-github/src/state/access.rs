//! Tokens: whose they are and what they may.

use std::collections::BTreeMap;

use super::{App, World};

/// What a token may do with one kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Read,
    Write,
    Admin,
}

impl Level {
    /// GitHub's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The `GITHUB_TOKEN` of a workflow run: the App `github-actions`.
    Actions,
    /// An installation of this App.
    App(u64),
    /// Of a person: may not write check runs.
    Personal,
}

/// The App behind every `GITHUB_TOKEN`: its number on github.com.
pub(crate) const ACTIONS_APP: u64 = 15368;
/// Who writes with a `GITHUB_TOKEN`.
pub(crate) const ACTIONS_LOGIN: &str = "github-actions[bot]";

/// A token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// What the log calls it; never the secret.
    pub(crate) name: String,
    pub(crate) login: String,
    pub(crate) kind: Kind,
    pub(crate) permissions: BTreeMap<String, Level>,
    /// Seconds since 1970.
    pub(crate) expires: Option<i64>,
}

impl Token {
    /// The App that acts.
    pub(crate) fn app(&self) -> Option<u64> {
        match self.kind {
            Kind::Actions => Some(ACTIONS_APP),
            Kind::App(id) => Some(id),
            Kind::Personal => None,
        }
    }

    /// Whether one of the alternatives of `needs` (`issues=write; pull_requests=write`) is held.
    pub(crate) fn may(&self, needs: &str) -> bool {
        needs
            .split("; ")
            .any(|set| set.split(", ").all(|need| self.holds(need)))
    }

    fn holds(&self, need: &str) -> bool {
        let (scope, level) = need.split_once('=').unwrap_or((need, "read"));
        ["metadata", "user"].contains(&scope)
            || self.permissions.get(scope).copied() >= Level::of(level)
    }
}

/// `issues: write` or `pull-requests=read`, as people and workflows write it, to the names of the API.
pub(crate) fn permissions<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Level> {
    let pair = |word: &'a str| word.split_once([':', '=']);
    words
        .into_iter()
        .filter_map(pair)
        .filter_map(|(scope, level)| {
            Some((scope.trim().replace('-', "_"), Level::of(level.trim())?))
        })
        .collect()
}

impl World {
    /// Those whom everything else refers to.
    pub(crate) fn first_users(&mut self) {
        for login in ["octocat", "github", "web-flow", ACTIONS_LOGIN] {
            self.user(login);
        }
        let all = permissions([
            "actions=write",
            "checks=write",
            "contents=write",
            "issues=write",
            "pull_requests=write",
            "statuses=write",
        ]);
        let app = App {
            id: ACTIONS_APP,
            slug: "github-actions".to_owned(),
            installation: 1,
            permissions: all,
        };
        self.apps.insert(ACTIONS_APP, app);
    }

    /// Adds a token and returns its secret.
    pub(crate) fn add_token(&mut self, token: Token) -> String {
        let prefix = match token.kind {
            Kind::Actions | Kind::App(_) => "ghs",
            Kind::Personal => "ghp",
        };
        let secret = format!("{prefix}_fake{:032}", self.id());
        self.user(&token.login);
        self.tokens.insert(secret.clone(), token);
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(words: &[&str]) -> Token {
        Token {
            name: "t".to_owned(),
            login: "t".to_owned(),
            kind: Kind::Actions,
            permissions: permissions(words.iter().copied()),
            expires: None,
        }
    }

    #[test]
    fn one_alternative_is_enough_and_write_holds_read() {
        let token = token(&["pull-requests: write"]);
        assert!(token.may("issues=write; pull_requests=write"));
        assert!(token.may("pull_requests=read"));
        assert!(token.may("metadata=read"));
        assert!(!token.may("contents=write, workflows=write"));
        assert!(!token.may("contents=read"));
    }
}
