//! What the CI system says of the run, from its environment variables.

use std::collections::BTreeMap;

/// The environment of the process, read once, so that everything after it is a plain function.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    /// Names only: values hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }

    /// An environment of given variables.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            variables: variables.iter().map(owned).collect(),
        }
    }

    /// The value of a variable; `None` when it is unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        Some(value.as_str()).filter(|text| !text.is_empty())
    }

    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

/// What the CI system says of the run; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CiFacts {
    /// `owner/name`.
    pub repo: String,
    /// The branch that ran; for a pull request the branch it wants to join.
    pub branch: String,
    /// The commit under test; for a pull request its head.
    pub commit: String,
    /// The job.
    pub job: String,
    /// The run id.
    pub run: String,
    /// The attempt of the run, from 1.
    pub attempt: Option<u32>,
    /// The pull request.
    pub pr: Option<u64>,
    /// Where a person reads the run.
    pub url: String,
}

impl CiFacts {
    /// Reads GitHub Actions, Prow or GitLab CI, whichever is there.
    pub fn read(env: &Environment) -> Self {
        if env.get("GITHUB_ACTIONS").is_some() {
            github(env)
        } else if env.get("PROW_JOB_ID").is_some() {
            prow(env)
        } else if env.get("GITLAB_CI").is_some() {
            gitlab(env)
        } else {
            Self::default()
        }
    }
}

fn github(env: &Environment) -> CiFacts {
    let (server, repo) = (env.text("GITHUB_SERVER_URL"), env.text("GITHUB_REPOSITORY"));
    let run = env.text("GITHUB_RUN_ID");
    let base = env
        .get("GITHUB_BASE_REF")
        .or_else(|| env.get("GITHUB_REF_NAME"));
    CiFacts {
        url: if run.is_empty() {
            String::new()
        } else {
            format!("{server}/{repo}/actions/runs/{run}")
        },
        branch: base.unwrap_or_default().to_owned(),
        commit: env.text("GITHUB_SHA"),
        job: env.text("GITHUB_JOB"),
        attempt: number(env, "GITHUB_RUN_ATTEMPT"),
        pr: env.get("GITHUB_REF").and_then(pull_of_ref),
        repo,
        run,
    }
}

/// The number in `refs/pull/7/merge`.
fn pull_of_ref(reference: &str) -> Option<u64> {
    let rest = reference.strip_prefix("refs/pull/")?;
    rest.split('/').next()?.parse().ok()
}

/// Prow's own variables: <https://docs.prow.k8s.io/docs/jobs/#job-environment-variables>.
fn prow(env: &Environment) -> CiFacts {
    let head = env
        .get("PULL_PULL_SHA")
        .or_else(|| env.get("PULL_BASE_SHA"));
    CiFacts {
        repo: format!("{}/{}", env.text("REPO_OWNER"), env.text("REPO_NAME")),
        branch: env.text("PULL_BASE_REF"),
        commit: head.unwrap_or_default().to_owned(),
        job: env.text("JOB_NAME"),
        run: env.text("BUILD_ID"),
        attempt: None,
        pr: number(env, "PULL_NUMBER"),
        url: String::new(),
    }
}

fn gitlab(env: &Environment) -> CiFacts {
    let target = env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME");
    CiFacts {
        repo: env.text("CI_PROJECT_PATH"),
        branch: target
            .or_else(|| env.get("CI_COMMIT_REF_NAME"))
            .unwrap_or_default()
            .to_owned(),
        commit: env.text("CI_COMMIT_SHA"),
        job: env.text("CI_JOB_NAME"),
        run: env.text("CI_JOB_ID"),
        attempt: None,
        pr: number(env, "CI_MERGE_REQUEST_IID"),
        url: env.text("CI_JOB_URL"),
    }
}

fn number<T: std::str::FromStr>(env: &Environment, name: &str) -> Option<T> {
    env.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{CiFacts, Environment};

    #[test]
    fn github_names_the_base_of_a_pull_request() {
        let facts = CiFacts::read(&Environment::of(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_REF_NAME", "7/merge"),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_JOB", "unit"),
        ]));
        assert_eq!(
            (facts.branch.as_str(), facts.pr, facts.attempt),
            ("main", Some(7), Some(2))
        );
        assert_eq!(facts.url, "https://github.com/acme/shop/actions/runs/42");
    }

    #[test]
    fn prow_and_gitlab_speak_their_own_words() {
        let prow = CiFacts::read(&Environment::of(&[
            ("PROW_JOB_ID", "x"),
            ("REPO_OWNER", "acme"),
            ("REPO_NAME", "shop"),
            ("PULL_BASE_REF", "main"),
            ("PULL_NUMBER", "7"),
            ("PULL_PULL_SHA", "abc"),
        ]));
        assert_eq!(
            (prow.repo.as_str(), prow.pr, prow.commit.as_str()),
            ("acme/shop", Some(7), "abc")
        );
        let gitlab = CiFacts::read(&Environment::of(&[
            ("GITLAB_CI", "true"),
            ("CI_JOB_NAME", "unit"),
        ]));
        assert_eq!(gitlab.job, "unit");
    }

    #[test]
    fn no_ci_says_nothing_and_values_stay_out_of_debug() {
        let env = Environment::of(&[("TOKEN", "secret")]);
        assert_eq!(CiFacts::read(&env), CiFacts::default());
        assert_eq!(format!("{env:?}"), r#"{"TOKEN"}"#);
    }
}
