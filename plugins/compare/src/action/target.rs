//! The change that is compared: a pull request or a merge group, and the workflow run that tested it.

use host::{CiFacts, MergeGroupEvent, PullRequestEvent, WorkflowRunEvent};
use model::{RunInfo, RunKey, Timestamp};

/// The workflow run that tested a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkflowRun {
    /// `owner/name`.
    pub(crate) repo: String,
    /// The id.
    pub(crate) id: String,
    /// The attempt, from 1.
    pub(crate) attempt: u32,
    /// The file of the workflow, or its name where the file is not known.
    pub(crate) workflow: String,
    /// When it started, where that is known.
    pub(crate) started_at: Option<Timestamp>,
    /// Where a person reads it.
    pub(crate) url: String,
}

impl WorkflowRun {
    /// The run that this process is part of.
    pub(crate) fn of_process(ci: &CiFacts, workflow: &str) -> Self {
        Self {
            repo: ci.repo.clone(),
            id: ci.run.clone(),
            attempt: ci.attempt.unwrap_or(1),
            workflow: file_of(workflow).to_owned(),
            started_at: None,
            url: ci.url.clone(),
        }
    }

    /// The run of an event.
    pub(crate) fn of_event(event: &WorkflowRunEvent) -> Self {
        Self {
            repo: event.repo.clone(),
            id: event.id.to_string(),
            attempt: event.attempt,
            workflow: match file_of(&event.path) {
                "" => event.workflow.clone(),
                file => file.to_owned(),
            },
            started_at: Timestamp::parse(&event.started_at).ok(),
            url: event.url.clone(),
        }
    }
}

/// `ci.yml` of `owner/name/.github/workflows/ci.yml@refs/heads/main`.
fn file_of(reference: &str) -> &str {
    let path = reference.split('@').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// A change and what it wants to join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// The pull request; `None` for a merge group.
    pub(crate) pr: Option<u64>,
    /// The base branch.
    pub(crate) base_branch: String,
    /// The commit of the base that the change was tested on.
    pub(crate) base_commit: String,
    /// The commit that gets the status.
    pub(crate) head_commit: String,
    /// Whether the token may write: not for a fork that tests itself.
    pub(crate) may_write: bool,
    /// Whether the files of the checkout are those of the change, so that what stands there may be of its author.
    pub(crate) in_checkout: bool,
    /// The workflow run.
    pub(crate) run: WorkflowRun,
}

impl Target {
    /// A pull request that is tested by the run of this process.
    pub(crate) fn of_pull_request(event: &PullRequestEvent, run: WorkflowRun) -> Self {
        Self {
            pr: Some(event.number),
            base_branch: event.base_branch.clone(),
            base_commit: event.base_commit.clone(),
            head_commit: event.head_commit.clone(),
            may_write: !event.is_from_fork(),
            in_checkout: true,
            run,
        }
    }

    /// The same, compared with another branch than the one that it wants to join, when one is named.
    pub(crate) fn with_base(self, base: &str) -> Self {
        if base.is_empty() {
            return self;
        }
        Self {
            base_branch: base.to_owned(),
            ..self
        }
    }

    /// A merge group that is tested by the run of this process.
    pub(crate) fn of_merge_group(event: &MergeGroupEvent, run: WorkflowRun) -> Self {
        Self {
            pr: None,
            base_branch: event.base_branch.clone(),
            base_commit: event.base_commit.clone(),
            head_commit: event.head_commit.clone(),
            may_write: true,
            in_checkout: true,
            run,
        }
    }

    /// The recorded identity of one job of the run.
    pub(crate) fn info(&self, job: &str, started_at: Timestamp) -> RunInfo {
        RunInfo {
            key: RunKey {
                repo: self.run.repo.clone(),
                branch: self.base_branch.clone(),
                job: job.to_owned(),
                run: self.run.id.clone(),
                attempt: self.run.attempt,
            },
            started_at: self.run.started_at.unwrap_or(started_at),
            commit: self.head_commit.clone(),
            pr: self.pr,
            url: self.run.url.clone(),
            ..RunInfo::default()
        }
    }
}
