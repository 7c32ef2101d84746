//! The event that started a GitHub workflow: only what a comparison needs of it.

use serde::Deserialize;

/// The pull request of an event file (`GITHUB_EVENT_PATH`). Machines write it, so unknown fields are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestEvent {
    /// The number of the pull request.
    pub number: u64,
    /// The branch it wants to join.
    pub base_branch: String,
    /// The head of that branch when the event was sent.
    pub base_commit: String,
    /// The head of the pull request.
    pub head_commit: String,
}

#[derive(Deserialize)]
struct Event {
    pull_request: Option<PullRequest>,
}

#[derive(Deserialize)]
struct PullRequest {
    number: u64,
    base: Side,
    head: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
}

impl PullRequestEvent {
    /// Reads an event; `None` when it is not about a pull request or is no event at all.
    pub fn read(json: &str) -> Option<Self> {
        let event: Event = serde_json::from_str(json).ok()?;
        let pull = event.pull_request?;
        Some(Self {
            number: pull.number,
            base_branch: pull.base.branch,
            base_commit: pull.base.sha,
            head_commit: pull.head.sha,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PullRequestEvent;

    #[test]
    fn a_pull_request_event_names_both_sides() {
        let json = r#"{"action":"opened","pull_request":{"number":7,"title":"x",
            "base":{"ref":"main","sha":"aa"},"head":{"ref":"fix","sha":"bb"}}}"#;
        let event = PullRequestEvent::read(json).unwrap();
        assert_eq!((event.number, event.base_branch.as_str()), (7, "main"));
        assert_eq!(
            (event.base_commit.as_str(), event.head_commit.as_str()),
            ("aa", "bb")
        );
    }

    #[test]
    fn a_push_is_no_pull_request() {
        assert_eq!(PullRequestEvent::read(r#"{"ref":"refs/heads/main"}"#), None);
        assert_eq!(PullRequestEvent::read("not json"), None);
    }
}
