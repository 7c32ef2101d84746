//! Commit statuses, check runs and check suites.

use serde_json::{Value, json};

use super::{View, node_id};
use crate::state::{Check, Issue, Status};
use crate::url::escape;

impl View<'_> {
    pub(crate) fn status(&self, sha: &str, status: &Status) -> Value {
        json!({
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "url": self.url(&format!("/statuses/{sha}")),
            "avatar_url": format!("{}/avatars/{}", self.world.urls.html, escape(&status.creator)),
            "state": status.state,
            "description": status.description,
            "target_url": status.url,
            "context": status.context,
            "created_at": status.created,
            "updated_at": status.created,
            "creator": self.world.user_json(&status.creator),
        })
    }

    /// A status inside a combined status: without its creator.
    pub(crate) fn simple_status(&self, sha: &str, status: &Status) -> Value {
        let mut shown = self.status(sha, status);
        if let Value::Object(fields) = &mut shown {
            fields.remove("creator");
        }
        shown
    }

    pub(crate) fn check(&self, check: &Check) -> Value {
        let url = self.url(&format!("/check-runs/{}", check.id));
        let page = self.html(&format!("/runs/{}", check.id));
        json!({
            "id": check.id,
            "node_id": node_id("CR", check.id),
            "head_sha": check.sha,
            "external_id": check.external_id.clone().unwrap_or_default(),
            "url": url,
            "html_url": page,
            "details_url": check.details_url.clone().unwrap_or(page),
            "name": check.name,
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": check.started,
            "completed_at": check.completed,
            "output": {
                "title": check.title,
                "summary": check.summary,
                "text": check.text,
                "annotations_count": check.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": {"id": check.suite},
            "app": self.world.app_json(Some(check.app)),
            "pull_requests": self.pulls_at(&check.sha),
        })
    }

    /// The open pull requests of this repository (not of forks) whose head is the commit.
    fn pulls_at(&self, sha: &str) -> Vec<Value> {
        let own = self.repo.full_name();
        let is_here = |issue: &&Issue| {
            let pull = issue.pull.as_ref().filter(|_| issue.is_open);
            pull.is_some_and(|pull| pull.head_sha == sha && pull.head_repo == own)
        };
        self.repo
            .issues
            .values()
            .filter(is_here)
            .map(|issue| self.small_pull(issue))
            .collect()
    }

    /// All check runs of one App on one commit.
    pub(crate) fn suite(&self, sha: &str, checks: &[&Check]) -> Value {
        let Some(first) = checks.first() else {
            return Value::Null;
        };
        let is_done = checks.iter().all(|check| check.status == "completed");
        let failed = checks
            .iter()
            .any(|check| check.conclusion.as_deref() == Some("failure"));
        let conclusion = is_done.then_some(if failed { "failure" } else { "success" });
        let url = self.url(&format!("/check-suites/{}", first.suite));
        json!({
            "id": first.suite,
            "node_id": node_id("CS", first.suite),
            "head_branch": self.branch_at(sha),
            "head_sha": sha,
            "status": if is_done { "completed" } else { "in_progress" },
            "conclusion": conclusion,
            "url": url,
            "check_runs_url": format!("{url}/check-runs"),
            "before": null,
            "after": sha,
            "created_at": first.created,
            "updated_at": first.created,
            "app": self.world.app_json(Some(first.app)),
            "repository": self.repository("minimal-repository"),
            "head_commit": self.short_commit(sha),
            "latest_check_runs_count": checks.len(),
            "pull_requests": self.pulls_at(sha),
        })
    }

    fn branch_at(&self, sha: &str) -> Option<&str> {
        let found = self
            .repo
            .refs
            .iter()
            .find(|(name, head)| name.starts_with("refs/heads/") && *head == sha);
        found.and_then(|(name, _)| name.strip_prefix("refs/heads/"))
    }
}
