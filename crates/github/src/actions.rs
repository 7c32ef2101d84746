//! Workflow runs, their jobs and their artifacts.

use std::io::Write;

use serde::Deserialize;

use crate::call::{Call, JSON};
use crate::client::{Exchange, Retry, gave_up};
use crate::error::{Error, Result};
use crate::facts::{Pull, RepoInfo, or_default};
use crate::pages::{Page, Pages};
use crate::policy::Next;
use crate::refusal;
use crate::repo::Repo;
use crate::transport::Head;

const NEEDS: &str = "actions: read";

/// A run of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WorkflowRun {
    /// Grows with time.
    pub id: u64,
    /// The name of the workflow.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The file of the workflow: `.github/workflows/ci.yml`.
    pub path: String,
    /// What started it: `push`, `pull_request` ...
    pub event: String,
    /// `completed`, `in_progress` ...
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// `success`, `failure` ...; empty while it runs.
    #[serde(deserialize_with = "or_default")]
    pub conclusion: String,
    /// The branch that it ran for, in its own repository.
    #[serde(deserialize_with = "or_default")]
    pub head_branch: String,
    /// The commit that it ran for.
    pub head_sha: String,
    /// Where the branch is: the fork, for a pull request from one.
    #[serde(deserialize_with = "or_default")]
    pub head_repository: RepoInfo,
    /// Open pull requests with this head. Empty for those from forks: look them up by branch and compare the commit.
    #[serde(deserialize_with = "or_default")]
    pub pull_requests: Vec<Pull>,
    /// Number of the attempt, from 1.
    pub run_attempt: u64,
    /// Number of the run within its workflow.
    pub run_number: u64,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; the start of this attempt.
    #[serde(deserialize_with = "or_default")]
    pub run_started_at: String,
    /// Its page.
    pub html_url: String,
}

/// Which runs of a workflow to list; none means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter<'a> {
    /// The branch.
    pub branch: Option<&'a str>,
    /// What started it.
    pub event: Option<&'a str>,
    /// `completed`, `success`, `failure` ...
    pub status: Option<&'a str>,
    /// `2026-11-01..2026-11-20`, `>=2026-11-01`.
    pub created: Option<&'a str>,
    /// The commit.
    pub head_sha: Option<&'a str>,
}

/// What a run uploaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Artifact {
    /// For [`Repo::download_artifact`].
    pub id: u64,
    /// Text of others.
    pub name: String,
    /// As a zip file, in bytes.
    pub size_in_bytes: u64,
    /// Whether it is gone already.
    pub expired: bool,
    /// RFC 3339.
    #[serde(deserialize_with = "or_default")]
    pub created_at: String,
}

/// A job of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Grows with time.
    pub id: u64,
    /// Its name, with the values of a matrix.
    pub name: String,
    /// `completed`, `in_progress` ...
    pub status: String,
    /// `success`, `failure` ...; empty while it runs.
    #[serde(deserialize_with = "or_default")]
    pub conclusion: String,
    /// The attempt that it belongs to.
    pub run_attempt: u64,
    /// Its page.
    #[serde(deserialize_with = "or_default")]
    pub html_url: String,
}

/// Workflow runs. Every call can fail with any [`Error`].
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for all of them, said above"
)]
impl Repo {
    /// A run of a workflow.
    pub fn workflow_run(&self, id: u64) -> Result<WorkflowRun> {
        self.read(
            &format!("/actions/runs/{id}"),
            "reading a workflow run",
            NEEDS,
        )
    }

    /// Runs of all workflows, newest first, page by page. GitHub lists 1,000 at most for a filter: narrow `created` for more.
    pub fn workflow_runs(&self, filter: &RunFilter<'_>) -> Pages<Runs> {
        let pairs = [
            ("branch", filter.branch),
            ("event", filter.event),
            ("status", filter.status),
            ("created", filter.created),
            ("head_sha", filter.head_sha),
            ("per_page", Some("100")),
        ];
        let target = self.at_query("/actions/runs", &pairs);
        self.list(target, "listing workflow runs", NEEDS)
    }

    /// What a run uploaded.
    pub fn run_artifacts(&self, run_id: u64) -> Result<Vec<Artifact>> {
        let rest = format!("/actions/runs/{run_id}/artifacts");
        let target = self.at_query(&rest, &[("per_page", Some("100"))]);
        self.list::<Artifacts>(target, "listing the artifacts of a run", NEEDS)
            .all()
    }

    /// The jobs of the latest attempt of a run.
    pub fn run_jobs(&self, run_id: u64) -> Result<Vec<Job>> {
        let rest = format!("/actions/runs/{run_id}/jobs");
        let target = self.at_query(&rest, &[("per_page", Some("100"))]);
        self.list::<Jobs>(target, "listing the jobs of a run", NEEDS)
            .all()
    }

    /// Downloads an artifact, a zip file of others, piece by piece; its length in bytes.
    ///
    /// The storage that GitHub redirects to never sees the token. A broken connection is taken up where it broke.
    /// [`Error::TooLarge`] as soon as more than `max_bytes` come, [`Error::NotFound`] when it has expired.
    pub fn download_artifact(&self, id: u64, max_bytes: u64, to: &mut dyn Write) -> Result<u64> {
        let target = self.at(&format!("/actions/artifacts/{id}/zip"));
        let call = Call::get(target, self.what("downloading an artifact"), NEEDS).accept(JSON);
        let mut download = Download {
            repo: self,
            call: &call,
            max_bytes,
            written: 0,
            to,
        };
        let mut retry = Retry::new(&call);
        loop {
            retry.attempt += 1;
            let before = download.written;
            let seen = match download.attempt() {
                Ok(()) => return Ok(download.written),
                Err(Exchange::Fatal(error)) => return Err(*error),
                Err(seen) => seen,
            };
            // Progress is no failure.
            if download.written > before {
                retry.attempt = 1;
            }
            match self.github.client().next_for(&seen, &retry) {
                Next::Wait(wait) => self.github.client().wait(wait, &seen),
                Next::GiveUp(why) => return Err(gave_up(&call, &seen, why)),
                Next::Done => return Err(refused(&call, seen)),
            }
        }
    }
}

struct Download<'a> {
    repo: &'a Repo,
    call: &'a Call,
    max_bytes: u64,
    written: u64,
    to: &'a mut dyn Write,
}

impl Download<'_> {
    fn attempt(&mut self) -> Result<(), Exchange> {
        let client = self.repo.github.client();
        let mut head = client.open(self.repo.name(), self.call, self.written)?;
        // A storage that knows no ranges begins again.
        let mut skip = match head.status {
            200 => self.written,
            206 => 0,
            _ => return Err(Exchange::Answer(Box::new(rest_of(client, self.call, head)))),
        };
        while let Some(bytes) = client.piece(self.call, &mut head)? {
            let old = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
            skip -= old as u64;
            self.write(bytes.get(old..).unwrap_or_default())?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Exchange> {
        let what = || self.call.what.clone();
        if self.written + bytes.len() as u64 > self.max_bytes {
            return Err(Exchange::from(Error::TooLarge {
                what: what(),
                limit: self.max_bytes,
                unit: "bytes",
            }));
        }
        self.to.write_all(bytes).map_err(|error| {
            Exchange::from(Error::Write {
                what: what(),
                why: error.to_string(),
            })
        })?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// A refusal is short; what is longer says nothing more.
const LONGEST_REFUSAL: usize = 64 * 1024;

fn rest_of(client: &crate::client::Client, call: &Call, mut head: Head) -> crate::call::Answer {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = client.piece(call, &mut head) {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST_REFUSAL {
            break;
        }
    }
    crate::call::Answer {
        status: head.status,
        headers: head.headers,
        body: body.into(),
    }
}

fn refused(call: &Call, seen: Exchange) -> Error {
    match seen {
        Exchange::Answer(answer) => refusal::error_of(call, &answer),
        Exchange::Fatal(error) => *error,
        Exchange::Lost(why) => Error::unavailable(&call.what, why),
    }
}

/// A page of [`Repo::workflow_runs`].
#[derive(Debug, Deserialize)]
pub struct Runs {
    #[serde(default)]
    workflow_runs: Vec<WorkflowRun>,
}

impl Page for Runs {
    type Item = WorkflowRun;
    fn items(self) -> Vec<WorkflowRun> {
        self.workflow_runs
    }
}

#[derive(Deserialize)]
struct Artifacts {
    #[serde(default)]
    artifacts: Vec<Artifact>,
}

impl Page for Artifacts {
    type Item = Artifact;
    fn items(self) -> Vec<Artifact> {
        self.artifacts
    }
}

#[derive(Deserialize)]
struct Jobs {
    #[serde(default)]
    jobs: Vec<Job>,
}

impl Page for Jobs {
    type Item = Job;
    fn items(self) -> Vec<Job> {
        self.jobs
    }
}
