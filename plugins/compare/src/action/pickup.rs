//! `workflow_run`: the results of a run that was not trusted, picked up from its artifacts by one that is.
//!
//! An artifact is hostile: its bytes go to the parser, which bounds archives, and nowhere else. What the run tested is asked of
//! GitHub, never read from a file: a fork could name any pull request.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use formats::Limits;
use github::{Artifact, Pull, Repo};
use host::{Exit, WorkflowRunEvent};
use model::Timestamp;

use super::Step;
use super::compare::Tested;
use super::explain::{problem_of_run, unexplained};
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
    /// Compares or records what a finished run left. What is not decided ends as the run did.
    pub(super) fn pick_up(&self, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        let passed = ended.conclusion == "success";
        let Some(repo) = &self.repo else {
            return self.undecided("artifacts cannot be read without `github-token`", passed);
        };
        // Cancelled, or waiting for somebody who lets a newcomer's run start.
        if ["cancelled", "skipped", "stale", "action_required"].contains(&ended.conclusion.as_str())
        {
            return self.skip(&format!("the run ended with `{}`", ended.conclusion));
        }
        let picked_up = match ended.event.as_str() {
            "pull_request" => self.pick_up_pull(repo, ended),
            "merge_group" => self.pick_up_group(repo, ended),
            "push" | "schedule" | "workflow_dispatch" => self.pick_up_branch(repo, ended),
            other => self.skip(&format!("runs on the event `{other}` are not picked up")),
        };
        match picked_up {
            Err(error) if error.exit() == Exit::Undecided => {
                self.undecided(&error.to_string(), passed)
            }
            done => done,
        }
    }

    fn pick_up_pull(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        // Whatever goes wrong from here on, this commit has no answer.
        self.target.get_or_init(|| target_of(ended));
        let mut pulls = pulls_of(repo, ended)?;
        let Some(pull) = pulls.pop() else {
            return self.skip("no open pull request has the commit of this run as its head: it was closed or has moved on");
        };
        let target = Target {
            pr: Some(pull.number),
            base_branch: pull.base.branch,
            base_commit: pull.base.sha,
            ..target_of(ended)
        };
        if let Some(other) = pulls.pop() {
            // Which of them the run tested GitHub does not say for a fork, and they may want to join different branches.
            let why = format!(
                "the pull requests {} and {} are of one branch and commit: close one of them and run the tests again",
                other.number, pull.number
            );
            return self.undecided(&why, ended.conclusion == "success");
        }
        let target = target.with_base(&self.inputs.base);
        self.compare(&target, self.tested(repo, ended)?)
    }

    /// A merge queue whose tests run without rights.
    fn pick_up_group(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        let Some((base, commit)) = queued_on(&ended.head_branch).filter(|_| is_own(ended)) else {
            return self.skip(&format!(
                "`{}` is no branch of the merge queue",
                ended.head_branch
            ));
        };
        let target = Target {
            base_branch: base.to_owned(),
            base_commit: commit.to_owned(),
            ..target_of(ended)
        };
        let target = self
            .target
            .get_or_init(|| target.with_base(&self.inputs.base));
        self.compare(target, self.tested(repo, ended)?)
    }

    /// The results of a run that tested a change. What is missing from them is lost, so that the answer is not green.
    fn tested(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Vec<Tested>, Error> {
        let mut jobs = self.artifacts(repo, ended)?;
        if jobs.is_empty() {
            self.warn("the run left no artifact with results (input `artifacts`)");
            jobs.push(tested(self.inputs.job(""), Loaded::default(), true));
        }
        if ended.conclusion != "success" {
            self.note_unexplained(repo, ended, &mut jobs);
        }
        Ok(jobs)
    }

    /// A run that failed for more than its artifacts show is not green: a job failed before it left its results, or beside its tests.
    fn note_unexplained(&self, repo: &Repo, ended: &WorkflowRunEvent, tested: &mut [Tested]) {
        let problems = match repo.run_jobs(ended.id) {
            Ok(jobs) => unexplained(&jobs, tested, ended.attempt),
            Err(error) => vec![problem_of_run(&format!("its jobs cannot be read: {error}"))],
        };
        for problem in &problems {
            self.warn(&problem.to_string());
        }
        for (at, of) in tested.iter_mut().enumerate() {
            of.loaded.lost |= !problems.is_empty();
            let told = problems.iter().filter(|_| at == 0);
            of.loaded.problems.extend(told.cloned());
        }
    }

    fn pick_up_branch(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Exit, Error> {
        let branch = &ended.head_branch;
        let records = self.inputs.records(branch, &ended.default_branch);
        if !is_own(ended) || !records {
            return self.skip(&format!(
                "the branch {branch} is not recorded (input `record-branches`)"
            ));
        }
        // The event does not tell a tag from a branch.
        if *branch != ended.default_branch && repo.branch_head(branch)?.is_none() {
            return self.skip(&format!("{branch} is no branch"));
        }
        let target = Target {
            base_branch: branch.clone(),
            ..target_of(ended)
        };
        let mut jobs = self.artifacts(repo, ended)?;
        if ended.conclusion != "success" {
            // Recorded as a run that lists only some of its tests.
            self.note_unexplained(repo, ended, &mut jobs);
        }
        for tested in jobs.into_iter().filter(|of| of.is_new) {
            let started_at = tested.loaded.run.started_at.unwrap_or(self.now());
            let info = target.info(&tested.job, started_at);
            self.record_run(info, &tested.loaded)?;
        }
        super::outputs::write_output(&self.context.env, "conclusion", "recorded")?;
        Ok(Exit::Clear)
    }

    /// The results in the artifacts of a run, a job each.
    fn artifacts(&self, repo: &Repo, ended: &WorkflowRunEvent) -> Result<Vec<Tested>, Error> {
        let held = repo.run_artifacts(ended.id)?;
        let folder = super::outputs::folder(&self.context.env).join(format!("sprag-{}", ended.id));
        fs::create_dir_all(&folder).map_err(|source| written(&folder, source))?;
        let named = self.named(&held);
        let mut left = MOST_RUN_BYTES;
        let mut jobs = Vec::new();
        for (job, artifact) in named.iter().take(MOST_ARTIFACTS) {
            let loaded = self.artifact(repo, artifact, &folder, &mut left)?;
            jobs.push(tested(job.clone(), loaded, is_new(artifact, ended)));
        }
        if named.len() > MOST_ARTIFACTS {
            self.warn(&format!(
                "of {} artifacts only {MOST_ARTIFACTS} are read",
                named.len()
            ));
            for of in &mut jobs {
                of.loaded.lost = true;
            }
        }
        let _left_for_the_runner = fs::remove_dir_all(&folder);
        Ok(jobs)
    }

    /// The artifacts that hold results, with the job of each; those of one job go by their whole names, so that none stands for the other.
    fn named<'a>(&self, held: &'a [Artifact]) -> Vec<(String, &'a Artifact)> {
        // A rerun can leave a second artifact of one name: the newer one counts.
        let is_newest = |artifact: &&Artifact| {
            !held
                .iter()
                .any(|of| of.name == artifact.name && of.id > artifact.id)
        };
        let named = held.iter().filter(is_newest).filter_map(|artifact| {
            let job = self.inputs.job_of_artifact(&artifact.name)?;
            Some((job, artifact))
        });
        let named: Vec<(String, &Artifact)> = named.collect();
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for (job, _) in &named {
            *times.entry(job.clone()).or_default() += 1;
        }
        let whole = |(job, artifact): (String, &'a Artifact)| match times.get(&job) {
            Some(1) | None => (job, artifact),
            Some(_) => (artifact.name.clone(), artifact),
        };
        named.into_iter().map(whole).collect()
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

fn tested(job: String, loaded: Loaded, is_new: bool) -> Tested {
    Tested {
        job_id: job.clone(),
        job,
        loaded,
        is_new,
    }
}

/// What all targets of a finished run have in common.
fn target_of(ended: &WorkflowRunEvent) -> Target {
    Target {
        head_commit: ended.head_commit.clone(),
        may_write: true,
        in_checkout: false,
        run: WorkflowRun::of_event(ended),
        ..Target::default()
    }
}

/// Whether what was tested lies in the repository itself.
fn is_own(ended: &WorkflowRunEvent) -> bool {
    ended.head_repo == ended.repo
}

/// Whether an artifact is of the attempt that ended, and not one that an earlier attempt left.
fn is_new(artifact: &Artifact, ended: &WorkflowRunEvent) -> bool {
    let (made, started) = (
        Timestamp::parse(&artifact.created_at),
        Timestamp::parse(&ended.started_at),
    );
    ended.attempt <= 1
        || made
            .ok()
            .zip(started.ok())
            .is_none_or(|(made, started)| made >= started)
}

/// The base branch of a branch of a merge queue, and the commit that its newest pull request stands on: `gh-readonly-queue/main/pr-7-<commit>`.
fn queued_on(branch: &str) -> Option<(&str, &str)> {
    let (base, last) = branch
        .strip_prefix("gh-readonly-queue/")?
        .rsplit_once('/')?;
    let (_, commit) = last.strip_prefix("pr-")?.split_once('-')?;
    Some((base, commit))
}

fn written(path: &Path, source: std::io::Error) -> Error {
    Error::Write {
        path: PathBuf::from(path),
        source,
    }
}

/// The open pull requests whose head the run tested. GitHub leaves `workflow_run.pull_requests` empty for forks, so they are looked for by branch and must have the
/// very commit.
fn pulls_of(repo: &Repo, ended: &WorkflowRunEvent) -> Result<Vec<Pull>, Error> {
    let owner = ended.head_repo.split('/').next().unwrap_or_default();
    let is_it = |pull: &Pull| {
        let repo = pull.head.repo.as_ref().map(|repo| &repo.full_name);
        pull.state == "open"
            && pull.head.sha == ended.head_commit
            && repo.is_none_or(|name| *name == ended.head_repo)
    };
    let mut pulls = Vec::new();
    if !owner.is_empty() && !ended.head_branch.is_empty() {
        let head = format!("{owner}:{}", ended.head_branch);
        pulls = repo.open_pulls_with_head(&head)?;
        pulls.retain(is_it);
    }
    if pulls.is_empty() {
        pulls = repo.pulls_of_commit(&ended.head_commit)?;
        pulls.retain(is_it);
    }
    Ok(pulls)
}

#[cfg(test)]
mod tests {
    use super::queued_on;

    #[test]
    fn a_branch_of_the_queue_names_its_base() {
        let branch = "gh-readonly-queue/release/1.2/pr-7-0123abc";
        assert_eq!(queued_on(branch), Some(("release/1.2", "0123abc")));
        assert_eq!(queued_on("feature/pr-7-0123abc"), None);
    }
}
