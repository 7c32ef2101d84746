//! `workflow_run`: the results of a run that was not trusted, picked up from its artifacts by one that is.
//!
//! An artifact is hostile: its bytes go to the parser, which bounds archives, and nowhere else. What the run tested is asked of
//! GitHub, never read from a file: a fork could name any pull request.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use formats::Limits;
use github::{Artifact, Pull, Repo};
use host::{Exit, WorkflowRunEvent};

use super::Step;
use super::compare::Tested;
use super::target::{Target, WorkflowRun};
use crate::error::Error;
use crate::load::{self, Loaded};

/// The largest artifact that is read, packed.
const MOST_ARTIFACT_BYTES: u64 = 512 << 20;

/// The most that is read of one run, packed.
const MOST_RUN_BYTES: u64 = 2 << 30;

/// The most artifacts of one run: a matrix has no more jobs.
const MOST_ARTIFACTS: usize = 256;

impl Step<'_> {
    /// Compares or records what a finished run left.
    pub(super) fn pick_up(&self, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        let Some(repo) = &self.repo else {
            return self.undecided("artifacts cannot be read without `github-token`");
        };
        if ended.conclusion == "cancelled" || ended.conclusion == "skipped" {
            return self.skip(&format!("the run was {}", ended.conclusion));
        }
        match ended.event.as_str() {
            "pull_request" => self.pick_up_pull(repo, ended),
            "push" | "schedule" | "workflow_dispatch" => self.pick_up_branch(repo, ended),
            other => self.skip(&format!("runs on the event `{other}` are not picked up")),
        }
    }

    fn pick_up_pull(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        let Some(pull) = pull_of(repo, ended)? else {
            return self.skip("no open pull request has the commit of this run as its head: it was closed or has moved on");
        };
        let target = Target {
            pr: Some(pull.number),
            base_branch: pull.base.branch,
            base_commit: pull.base.sha,
            head_commit: ended.head_commit.clone(),
            may_write: true,
            in_checkout: false,
            run: WorkflowRun::of_event(ended),
        };
        let mut jobs = self.artifacts(repo, ended)?;
        if jobs.is_empty() {
            self.warn("the run left no artifact with results (input `artifacts`)");
            jobs.push(tested(self.inputs.job(""), Loaded::default()));
        }
        if ended.conclusion != "success" && !jobs.iter().any(fails) {
            self.warn("the run failed, but no artifact holds a failing test: a job failed before it left its results, or beside its tests");
            for job in &mut jobs {
                job.loaded.lost = true;
            }
        }
        self.compare(&target, jobs)
    }

    fn pick_up_branch(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        let own = ended.head_repo == ended.repo;
        if !own
            || !self
                .inputs
                .records(&ended.head_branch, &ended.default_branch)
        {
            return self.skip(&format!(
                "the branch {} is not recorded (input `record-branches`)",
                ended.head_branch
            ));
        }
        let target = Target {
            base_branch: ended.head_branch.clone(),
            head_commit: ended.head_commit.clone(),
            run: WorkflowRun::of_event(ended),
            ..Target::default()
        };
        for tested in self.artifacts(repo, ended)? {
            let started_at = tested.loaded.run.started_at.unwrap_or(self.now());
            self.record_run(target.info(&tested.job, started_at), &tested.loaded)?;
        }
        super::outputs::write_output(&self.context.env, "conclusion", "recorded")?;
        Ok(Exit::Clear)
    }

    /// The results in the artifacts of a run, a job each.
    fn artifacts(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Vec<Tested>, Error> {
        let held = repo.run_artifacts(ended.id)?;
        let folder = super::outputs::folder(&self.context.env).join(format!("sprag-{}", ended.id));
        fs::create_dir_all(&folder).map_err(|source| Error::Write {
            path: folder.clone(),
            source,
        })?;
        let mut left = MOST_RUN_BYTES;
        let mut jobs = Vec::new();
        let named = held.iter().filter_map(|artifact| {
            let job = self.inputs.job_of_artifact(&artifact.name)?;
            Some((job, artifact))
        });
        for (job, artifact) in named.take(MOST_ARTIFACTS) {
            let loaded = self.artifact(repo, artifact, &folder, &mut left)?;
            jobs.push(tested(job, loaded));
        }
        let _left_for_the_runner = fs::remove_dir_all(&folder);
        Ok(jobs)
    }

    /// One artifact. What cannot be read is lost input, so that the answer is not green.
    fn artifact(
        &self,
        repo: &Repo,
        artifact: &Artifact,
        folder: &Path,
        left: &mut u64,
    ) -> Result<Loaded, Error> {
        let lost = || Loaded {
            lost: true,
            ..Loaded::default()
        };
        let limit = MOST_ARTIFACT_BYTES.min(*left);
        if artifact.expired || artifact.size_in_bytes > limit {
            self.warn(&format!(
                "the artifact {} has expired or is larger than {limit} bytes",
                artifact.name
            ));
            return Ok(lost());
        }
        // Named by its id: a name of the artifact never becomes a path.
        let path = folder.join(format!("{}.zip", artifact.id));
        let mut file = File::create(&path).map_err(|source| written(&path, source))?;
        if let Err(error) = repo.download_artifact(artifact.id, limit, &mut file) {
            self.warn(&format!("the artifact {}: {error}", artifact.name));
            return Ok(lost());
        }
        *left = left.saturating_sub(artifact.size_in_bytes);
        Ok(load::collect(&[path], &Limits::default()))
    }
}

fn tested(job: String, loaded: Loaded) -> Tested {
    Tested {
        job_id: job.clone(),
        job,
        loaded,
    }
}

/// Whether a job has a failing test, or nothing at all, which is an outage.
fn fails(of: &Tested) -> bool {
    let results = &of.loaded.run.results;
    results.is_empty() || results.iter().any(|result| result.outcome().is_failure())
}

fn written(path: &Path, source: std::io::Error) -> Error {
    Error::Write {
        path: PathBuf::from(path),
        source,
    }
}

/// The open pull request whose head the run tested. GitHub leaves `workflow_run.pull_requests` empty for forks, so it is looked for by branch and
/// must have the very commit.
fn pull_of(repo: &Repo, ended: &WorkflowRunEvent) -> Result<Option<Pull>, Error> {
    let owner = ended.head_repo.split('/').next().unwrap_or_default();
    let is_it = |pull: &Pull| {
        let repo = pull.head.repo.as_ref().map(|repo| &repo.full_name);
        pull.head.sha == ended.head_commit && repo.is_none_or(|name| *name == ended.head_repo)
    };
    if !owner.is_empty() && !ended.head_branch.is_empty() {
        let head = format!("{owner}:{}", ended.head_branch);
        if let Some(pull) = repo.open_pulls_with_head(&head)?.into_iter().find(is_it) {
            return Ok(Some(pull));
        }
    }
    let of_commit = repo.pulls_of_commit(&ended.head_commit)?;
    Ok(of_commit
        .into_iter()
        .find(|pull| pull.state == "open" && is_it(pull)))
}
