//! Which run this is: what the user says, else the CI environment, else git, else a plain default.

use host::{CiFacts, GitFacts};
use model::{RunInfo, RunKey, Timestamp};

use crate::cli::RunArgs;

/// Everything an identity is drawn from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The CI environment.
    pub(crate) ci: CiFacts,
    /// The checkout.
    pub(crate) git: GitFacts,
}

/// The run that `args` and `sources` describe. `branch` and `tree` stand beside because `check` has no such flags.
pub(crate) fn identify(
    args: &RunArgs,
    sources: &Sources,
    branch: Option<&str>,
    started_at: Timestamp,
) -> RunInfo {
    let Sources { ci, git } = sources;
    let commit = first(args.commit.as_deref(), &[&ci.commit, &git.commit], "");
    RunInfo {
        key: RunKey {
            repo: first(args.repo.as_deref(), &[&ci.repo, &git.repo], "local"),
            branch: first(branch, &[&ci.branch, &git.branch], "main"),
            job: first(args.job.as_deref(), &[&ci.job], "default"),
            run: first(
                args.run.as_deref(),
                &[&ci.run],
                &format!("local-{}", started_at.0),
            ),
            attempt: args.attempt.or(ci.attempt).unwrap_or(1),
        },
        started_at,
        tree: if commit == git.commit {
            git.tree.clone()
        } else {
            String::new()
        },
        commit,
        pr: args.pr.or(ci.pr),
        url: first(args.url.as_deref(), &[&ci.url], ""),
        partial: args.partial,
        unlisted_passes: None,
    }
}

fn first(given: Option<&str>, known: &[&str], default: &str) -> String {
    let known = known.iter().copied().find(|text| !text.is_empty());
    // An empty flag is a variable that was not set.
    given
        .filter(|text| !text.is_empty())
        .or(known)
        .unwrap_or(default)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use host::{CiFacts, GitFacts};
    use model::Timestamp;

    use super::{Sources, identify};
    use crate::cli::RunArgs;

    fn sources() -> Sources {
        Sources {
            ci: CiFacts {
                repo: "acme/shop".to_owned(),
                run: "42".to_owned(),
                attempt: Some(2),
                ..CiFacts::default()
            },
            git: GitFacts {
                repo: "me/fork".to_owned(),
                commit: "abc".to_owned(),
                tree: "def".to_owned(),
                branch: "topic".to_owned(),
            },
        }
    }

    #[test]
    fn flags_win_over_ci_and_ci_over_git() {
        let args = RunArgs {
            run: Some("7".to_owned()),
            repo: Some(String::new()),
            ..RunArgs::default()
        };
        let info = identify(&args, &sources(), None, Timestamp(0));
        assert_eq!(
            (info.key.repo.as_str(), info.key.run.as_str()),
            ("acme/shop", "7")
        );
        assert_eq!((info.key.branch.as_str(), info.key.attempt), ("topic", 2));
        assert_eq!((info.commit.as_str(), info.tree.as_str()), ("abc", "def"));
    }

    #[test]
    fn the_tree_of_the_checkout_is_not_that_of_another_commit() {
        let args = RunArgs {
            commit: Some("other".to_owned()),
            ..RunArgs::default()
        };
        assert_eq!(identify(&args, &sources(), None, Timestamp(0)).tree, "");
    }

    #[test]
    fn with_nothing_known_the_run_is_named_by_its_time() {
        let info = identify(
            &RunArgs::default(),
            &Sources::default(),
            Some("dev"),
            Timestamp(5),
        );
        assert_eq!(info.key.run, "local-5");
        assert_eq!(
            (info.key.branch.as_str(), info.key.job.as_str()),
            ("dev", "default")
        );
    }
}
