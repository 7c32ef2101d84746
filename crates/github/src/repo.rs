//! One repository: names and numbers in, calls out.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{Answer, Call};
use crate::error::{Error, Result, one_line};
use crate::pages::{Page, Pages};
use crate::{Github, call};

/// A repository on a [`Github`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Repo {
    pub(crate) github: Github,
    name: String,
}

impl Repo {
    pub(crate) fn new(github: Github, name: &str) -> Result<Self> {
        let bad = || {
            let shown = one_line(name);
            Error::settings(format!(
                "`{shown}` is no repository (hint: write OWNER/NAME)"
            ))
        };
        let (owner, repo) = name.split_once('/').ok_or_else(bad)?;
        if !is_name(owner) || !is_name(repo) {
            return Err(bad());
        }
        let name = name.to_owned();
        Ok(Self { github, name })
    }

    /// `owner/name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The owner: a person or an organisation.
    pub fn owner(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// The same repository for a caller with another patience, with connections of its own.
    ///
    /// # Errors
    /// As [`Github::new`].
    pub fn with_limits(&self, limits: crate::Limits) -> Result<Self> {
        let settings = crate::Settings {
            limits,
            ..self.github.client().settings.clone()
        };
        Self::new(Github::new(settings)?, &self.name)
    }

    /// The [`Github`] that it is on.
    pub fn github(&self) -> &Github {
        &self.github
    }

    /// The target of something in this repository.
    pub(crate) fn at(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.name)
    }

    /// As [`Repo::at`], with a query; pairs without a value are left out.
    pub(crate) fn at_query(&self, rest: &str, pairs: &[(&str, Option<&str>)]) -> String {
        self.at(&format!("{rest}?{}", call::query(pairs)))
    }

    /// "reading the comments of #7" with the repository behind it.
    pub(crate) fn what(&self, what: &str) -> String {
        format!("{what} in {}", self.name)
    }

    pub(crate) fn ask(&self, call: &Call) -> Result<Answer> {
        self.github.client().ask(&self.name, call)
    }

    pub(crate) fn ask_json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.ask(call)?.json(&call.what)
    }

    /// A read of one object of this repository.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        rest: &str,
        what: &str,
        needs: &'static str,
    ) -> Result<T> {
        self.ask_json(&Call::get(self.at(rest), self.what(what), needs))
    }

    /// A read of a list of this repository.
    pub(crate) fn list<P: Page>(
        &self,
        target: String,
        what: &str,
        needs: &'static str,
    ) -> Pages<P> {
        Pages::new(self.clone(), Call::get(target, self.what(what), needs))
    }

    /// A write with a JSON body.
    pub(crate) fn write(
        &self,
        method: http::Method,
        rest: &str,
        body: &impl Serialize,
    ) -> Result<Call> {
        Call::write(method, self.at(rest), body)
    }
}

/// Names of GitHub: letters, digits, `-`, `_` and `.`.
fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(allowed)
        && !name.starts_with("..")
        && name != "."
}

/// Only full hashes: a short one or a name would move.
pub(crate) fn checked_sha(sha: &str) -> Result<&str> {
    let is_hash = matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit());
    let shown = one_line(sha);
    is_hash
        .then_some(sha)
        .ok_or_else(|| Error::settings(format!("`{shown}` is no full commit hash")))
}

/// Absence as none.
pub(crate) fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{checked_sha, is_name};

    #[test]
    fn names_are_github_s() {
        for good in ["acme", "a-b_c.d", ".github"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "..", ".", "a b", "a/b", "a?b", "%2e"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn only_full_hashes_are_hashes() {
        assert!(checked_sha(&"a1".repeat(20)).is_ok());
        for bad in ["", "main", "abc123", "../../../../x"] {
            assert!(checked_sha(bad).is_err(), "{bad}");
        }
    }
}
