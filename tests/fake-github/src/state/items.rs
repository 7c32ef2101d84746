//! The things of a repository.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::Lag;
use crate::git::Sha;

/// When a thing was written, and which readers do not see it yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fresh {
    until: i64,
    unseen: Cell<u32>,
}

impl Fresh {
    pub(super) fn new(now: i64, lag: Lag) -> Self {
        let millis = i64::try_from(lag.millis).unwrap_or(i64::MAX);
        let until = if lag.millis == 0 {
            0
        } else {
            now.saturating_add(millis)
        };
        Self {
            until,
            unseen: Cell::new(lag.reads),
        }
    }

    /// Whether a reader at `now` (milliseconds) sees it; counts the read.
    pub(crate) fn is_seen(&self, now: i64) -> bool {
        let unseen = self.unseen.get();
        self.unseen.set(unseen.saturating_sub(1));
        unseen == 0 && now >= self.until
    }
}

/// A label of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: Option<String>,
    pub(crate) fresh: Fresh,
}

/// A comment on an issue or pull request.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) author: String,
    /// The App that wrote it.
    pub(crate) app: Option<u64>,
    pub(crate) body: String,
    pub(crate) created: String,
    pub(crate) updated: String,
    /// `(login, content)` with the number of the reaction.
    pub(crate) reactions: BTreeMap<(String, String), u64>,
    pub(crate) fresh: Fresh,
}

/// A review of a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) state: &'static str,
    pub(crate) commit: Sha,
    pub(crate) submitted: String,
}

/// A milestone.
#[derive(Clone, Debug)]
pub(crate) struct Milestone {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) is_open: bool,
    pub(crate) due: Option<String>,
    pub(crate) created: String,
}

/// An issue; a pull request when `pull` says more.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: String,
    pub(crate) is_open: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) assignees: Vec<String>,
    pub(crate) milestone: Option<u64>,
    pub(crate) created: String,
    pub(crate) updated: String,
    pub(crate) closed: Option<String>,
    pub(crate) pull: Option<Pull>,
}

/// What a pull request has beyond an issue.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    /// `owner/name`, a fork or the repository itself.
    pub(crate) head_repo: String,
    pub(crate) head_ref: String,
    pub(crate) head_sha: Sha,
    pub(crate) base_ref: String,
    pub(crate) draft: bool,
    pub(crate) merged: Option<Merged>,
}

/// How a pull request was merged.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    pub(crate) at: String,
    pub(crate) by: String,
    pub(crate) commit: Sha,
    /// Where the base stood before.
    pub(crate) base: Sha,
}

/// A commit status.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) state: String,
    pub(crate) context: String,
    pub(crate) description: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) creator: String,
    pub(crate) created: String,
    pub(crate) fresh: Fresh,
}

/// A check run.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) app: u64,
    pub(crate) sha: Sha,
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) details_url: Option<String>,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) started: Option<String>,
    pub(crate) completed: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) created: String,
    pub(crate) fresh: Fresh,
}

/// A workflow run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) number: u64,
    pub(crate) attempt: u64,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) event: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) head_branch: String,
    pub(crate) head_sha: Sha,
    pub(crate) head_repo: String,
    pub(crate) actor: String,
    pub(crate) created: String,
}

/// A job of a workflow run.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) run: u64,
    pub(crate) attempt: u64,
    pub(crate) name: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) log: Bytes,
}

/// An artifact of a workflow run.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) id: u64,
    pub(crate) run: u64,
    pub(crate) name: String,
    pub(crate) zip: Bytes,
    pub(crate) created: String,
    pub(crate) expires: String,
}

/// A release.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) author: String,
    pub(crate) created: String,
    /// File names and contents.
    pub(crate) assets: BTreeMap<String, Bytes>,
}
