//! Why GitHub did not do what was asked: what was asked, why not, and what helps.

use model::Timestamp;

/// The result of asking GitHub.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why GitHub did not do what was asked. No variant holds a token, and texts of the other side are one short line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token lacks a permission.
    #[error(
        "{what}: GitHub refuses it with {status} (hint: the token needs `{permission}`; the token of a pull request from a fork can only read)"
    )]
    Denied {
        /// What was asked.
        what: String,
        /// The permission as written in a workflow: `pull-requests: write`. From GitHub's answer where it says, from our table otherwise.
        permission: String,
        /// 403, or 404 for a write that GitHub hides from a token without rights.
        status: u16,
    },
    /// The token itself is wrong, expired or revoked.
    #[error("{what}: GitHub does not know this token (hint: the token of a job ends with the job)")]
    BadCredentials {
        /// What was asked.
        what: String,
    },
    /// There is no such thing, or the token may not see it.
    #[error("{what}: there is no such thing, or this token cannot see it")]
    NotFound {
        /// What was asked.
        what: String,
    },
    /// A rate limit that lasts longer than the patience of the settings.
    #[error("{what}: the rate limit is used up{} (hint: run it again later)", until_text(*until))]
    RateLimited {
        /// What was asked.
        what: String,
        /// When it ends, if GitHub said so.
        until: Option<Timestamp>,
    },
    /// No usable answer in time. For a write it is not known whether it took effect.
    #[error("{what}: {why} (hint: run it again)")]
    Unavailable {
        /// What was asked.
        what: String,
        /// What came instead of an answer.
        why: String,
    },
    /// There is no way to GitHub as this machine is set up: a certificate that it does not trust, a proxy that refuses. Nothing took effect.
    #[error("{what}: {why} (hint: {hint})")]
    Unreachable {
        /// What was asked.
        what: String,
        /// What stands in the way, with its host.
        why: String,
        /// What helps.
        hint: String,
    },
    /// Somebody else was faster.
    #[error("{what}: it has changed since it was read (hint: run it again)")]
    Stale {
        /// What was asked.
        what: String,
    },
    /// GitHub understood and refuses.
    #[error("{what}: GitHub refuses it with {status}: {why}")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's reason.
        why: String,
    },
    /// The answer cannot be understood.
    #[error("{what}: the answer cannot be used: {why}")]
    BadAnswer {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A text or an answer over a limit.
    #[error("{what}: more than {limit} {unit}")]
    TooLarge {
        /// What was asked, or which text.
        what: String,
        /// The limit.
        limit: u64,
        /// What is counted: `bytes`, `characters`, `pages`.
        unit: &'static str,
    },
    /// A setting or an argument that cannot be used; nothing was sent.
    #[error("{why}")]
    BadSettings {
        /// What is wrong, with a hint.
        why: String,
    },
    /// What was downloaded could not be written.
    #[error("{what}: {why}")]
    Write {
        /// What was asked.
        what: String,
        /// The error of the writer.
        why: String,
    },
}

fn until_text(until: Option<Timestamp>) -> String {
    until.map_or_else(String::new, |at| format!(" until {at}"))
}

impl Error {
    /// Whether a permission is missing: the caller degrades, it does not fail the user's job.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::BadCredentials { .. })
    }

    /// Whether there is no such thing (or the token may not see it).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the same may work later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Stale { .. }
        )
    }

    /// The permission that is missing, as written in a workflow.
    pub fn permission(&self) -> Option<&str> {
        if let Self::Denied { permission, .. } = self {
            Some(permission)
        } else {
            None
        }
    }

    /// Whether GitHub refused what it understood, with one of these statuses.
    pub(crate) fn is_refused(&self, statuses: &[u16]) -> bool {
        matches!(self, Self::Refused { status, .. } if statuses.contains(status))
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(crate) fn settings(why: impl Into<String>) -> Self {
        Self::BadSettings { why: why.into() }
    }

    pub(crate) fn unavailable(what: &str, why: impl AsRef<str>) -> Self {
        Self::Unavailable {
            what: what.to_owned(),
            why: one_line(why.as_ref()),
        }
    }

    pub(crate) fn bad_answer(what: &str, why: impl AsRef<str>) -> Self {
        Self::BadAnswer {
            what: what.to_owned(),
            why: one_line(why.as_ref()),
        }
    }
}

/// Longest text of the other side in an error.
const LONGEST_REASON: usize = 200;

/// Text of the other side as one short line that cannot act on a terminal or a runner.
pub(crate) fn one_line(text: &str) -> String {
    let harmless = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(LONGEST_REASON).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::{Error, one_line};

    #[test]
    fn a_missing_permission_is_named_as_a_workflow_writes_it() {
        let error = Error::Denied {
            what: "commenting on #7 of acme/shop".to_owned(),
            permission: "pull-requests: write".to_owned(),
            status: 403,
        };
        assert!(error.is_denied());
        assert_eq!(error.permission(), Some("pull-requests: write"));
        assert!(error.to_string().contains("`pull-requests: write`"));
    }

    #[test]
    fn the_end_of_a_rate_limit_is_shown_as_a_time() {
        let error = Error::RateLimited {
            what: "reading x".to_owned(),
            until: Some(Timestamp(0)),
        };
        assert!(error.to_string().contains("until 1970-01-01T00:00:00"));
    }

    #[test]
    fn reasons_of_the_other_side_are_short_and_harmless() {
        assert_eq!(one_line("a\n::error::b\u{1b}"), "a ::error::b ");
        assert_eq!(one_line(&"x".repeat(1_000_000)).len(), 200);
    }
}
