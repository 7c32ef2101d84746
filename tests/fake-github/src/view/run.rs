//! Workflow runs, jobs, artifacts and releases.

use serde_json::{Value, json};

use super::{View, node_id};
use crate::state::{Artifact, Issue, Job, Release, Run, seconds_of};

impl View<'_> {
    pub(crate) fn run(&self, run: &Run) -> Value {
        let url = self.url(&format!("/actions/runs/{}", run.id));
        let page = self.html(&format!("/actions/runs/{}", run.id));
        let head = self.of(&run.head_repo).unwrap_or(*self);
        let below = |path: &str| format!("{url}/{path}");
        self.world.filled(
            "workflow-run",
            json!({
                "id": run.id,
                "name": run.name,
                "display_title": run.name,
                "node_id": node_id("WFR", run.id),
                "check_suite_id": run.suite,
                "head_branch": run.head_branch,
                "head_sha": run.head_sha,
                "path": run.path,
                "run_number": run.number,
                "run_attempt": run.attempt,
                "event": run.event,
                "status": run.status,
                "conclusion": run.conclusion,
                "workflow_id": 1,
                "url": url,
                "html_url": page,
                "jobs_url": below("jobs"),
                "logs_url": below("logs"),
                "artifacts_url": below("artifacts"),
                "cancel_url": below("cancel"),
                "rerun_url": below("rerun"),
                "previous_attempt_url": null,
                "check_suite_url": self.url(&format!("/check-suites/{}", run.suite)),
                "workflow_url": self.url("/actions/workflows/1"),
                "created_at": run.created,
                "updated_at": run.created,
                "run_started_at": run.created,
                "actor": self.world.user_json(&run.actor),
                "triggering_actor": self.world.user_json(&run.actor),
                "head_commit": self.short_commit(&run.head_sha),
                "repository": self.repository("minimal-repository"),
                "head_repository": head.repository("minimal-repository"),
                "pull_requests": self.pulls_of_run(run),
            }),
        )
    }

    /// GitHub names the pull requests of a run only when its head is in the repository itself.
    fn pulls_of_run(&self, run: &Run) -> Vec<Value> {
        let own = self.repo.full_name();
        let is_its = |issue: &&Issue| {
            let pull = issue.pull.as_ref().filter(|_| issue.is_open);
            pull.is_some_and(|pull| {
                pull.head_ref == run.head_branch && pull.head_repo == own && run.head_repo == own
            })
        };
        self.repo
            .issues
            .values()
            .filter(is_its)
            .map(|issue| self.small_pull(issue))
            .collect()
    }

    pub(crate) fn job(&self, job: &Job, run: &Run) -> Value {
        self.world.filled(
            "job",
            json!({
                "id": job.id,
                "run_id": run.id,
                "run_attempt": job.attempt,
                "run_url": self.url(&format!("/actions/runs/{}", run.id)),
                "node_id": node_id("J", job.id),
                "head_sha": run.head_sha,
                "head_branch": run.head_branch,
                "workflow_name": run.name,
                "url": self.url(&format!("/actions/jobs/{}", job.id)),
                "html_url": self.html(&format!("/actions/runs/{}/job/{}", run.id, job.id)),
                "check_run_url": self.url(&format!("/check-runs/{}", job.id)),
                "status": if job.conclusion.is_some() { "completed" } else { "in_progress" },
                "conclusion": job.conclusion,
                "created_at": run.created,
                "started_at": run.created,
                "completed_at": job.conclusion.as_ref().map(|_| &run.created),
                "name": job.name,
                "steps": [],
                "labels": ["ubuntu-latest"],
            }),
        )
    }

    pub(crate) fn artifact(&self, artifact: &Artifact) -> Value {
        let url = self.url(&format!("/actions/artifacts/{}", artifact.id));
        json!({
            "id": artifact.id,
            "node_id": node_id("MDg", artifact.id),
            "name": artifact.name,
            "size_in_bytes": artifact.zip.len(),
            "url": url,
            "archive_download_url": format!("{url}/zip"),
            "expired": self.is_expired(artifact),
            "created_at": artifact.created,
            "updated_at": artifact.created,
            "expires_at": artifact.expires,
            "workflow_run": self.repo.runs.get(&artifact.run).map(|run| self.run_of_artifact(run)),
        })
    }

    /// Whether the artifact is gone.
    pub(crate) fn is_expired(&self, artifact: &Artifact) -> bool {
        seconds_of(&artifact.expires) <= self.world.seconds()
    }

    fn run_of_artifact(&self, run: &Run) -> Value {
        let head = self.of(&run.head_repo).unwrap_or(*self);
        json!({
            "id": run.id,
            "repository_id": self.repo.id,
            "head_repository_id": head.repo.id,
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
        })
    }

    pub(crate) fn release(&self, release: &Release) -> Value {
        let url = self.url(&format!("/releases/{}", release.id));
        let page = self.html(&format!("/releases/tag/{}", release.tag));
        let assets: Vec<Value> = release
            .assets
            .iter()
            .map(|(name, bytes)| self.asset(release, name, bytes.len()))
            .collect();
        json!({
            "id": release.id,
            "node_id": node_id("RE", release.id),
            "url": url,
            "html_url": page,
            "assets_url": format!("{url}/assets"),
            "upload_url": format!("{url}/assets{{?name,label}}"),
            "tarball_url": self.url(&format!("/tarball/{}", release.tag)),
            "zipball_url": self.url(&format!("/zipball/{}", release.tag)),
            "tag_name": release.tag,
            "target_commitish": self.repo.default_branch,
            "name": release.tag,
            "body": "",
            "draft": false,
            "prerelease": false,
            "immutable": false,
            "created_at": release.created,
            "published_at": release.created,
            "author": self.world.user_json(&release.author),
            "assets": assets,
        })
    }

    fn asset(&self, release: &Release, name: &str, size: usize) -> Value {
        let fields = json!({
            "name": name,
            "size": size,
            "state": "uploaded",
            "content_type": "application/octet-stream",
            "url": self.url(&format!("/releases/assets/{}", release.id)),
            "browser_download_url": self.html(&format!("/releases/download/{}/{name}", release.tag)),
        });
        self.world.filled("release-asset", fields)
    }
}
