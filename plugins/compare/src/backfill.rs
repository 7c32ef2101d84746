//! `backfill`: a history from the artifacts of earlier runs, so that the first pull request need not wait for the first weeks.
//!
//! Recording is idempotent and runs that the history holds are not downloaded again, so that a backfill that was stopped, by a rate limit or
//! by a person, goes on where it was.

use std::fs::File;
use std::path::Path;

use formats::Limits;
use github::{Artifact, Repo, RunFilter, WorkflowRun};
use history::{BaselineOf, History, Recorded};
use host::{Exit, Progress};
use model::{RecordedRun, RunInfo, RunKey, Timestamp};
use serde::Serialize;

use crate::action::inputs::matches;
use crate::cli::Backfill;
use crate::context::Context;
use crate::error::Error;
use crate::{load, remote};

/// The largest artifact that is read, packed.
const MOST_ARTIFACT_BYTES: u64 = 512 << 20;

/// How many runs are recorded at once. A backfill that is stopped downloads these again.
const AT_ONCE: usize = 24;

/// What a backfill did, as `--json` prints it.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// Workflow runs that were looked at.
    runs: u64,
    /// Job runs that are new in the history.
    recorded: u64,
    /// Job runs that it held already.
    known: u64,
    /// Artifacts that hold no test results.
    empty: u64,
    /// Artifacts that have expired.
    expired: u64,
    /// Artifacts that cannot be read.
    unread: u64,
}

pub(crate) fn run(arguments: &Backfill, context: &Context) -> Result<Exit, Error> {
    let repo = context.repository()?.ok_or_else(|| {
        Error::argument(
            "there is no token for the GitHub API",
            "set GITHUB_TOKEN and GITHUB_REPOSITORY",
        )
    })?;
    let branch = match &arguments.branch {
        Some(branch) => branch.clone(),
        None => repo.info()?.default_branch,
    };
    let history = remote::init(&arguments.store.history, context)?;
    let work = Work {
        arguments,
        context,
        repo: &repo,
        branch: &branch,
        history: &history,
    };
    let done = work.play()?;
    let text = format!(
        "looked at {} runs of {branch}: recorded {} jobs, {} known already, {} without results, {} expired, {} unreadable\n",
        done.runs, done.recorded, done.known, done.empty, done.expired, done.unread
    );
    if arguments.json {
        let line = serde_json::to_string(&done).unwrap_or_default();
        context.print(&format!("{line}\n"))?;
    } else {
        context.print(&report::harmless(&text))?;
    }
    Ok(Exit::Clear)
}

struct Work<'a> {
    arguments: &'a Backfill,
    context: &'a Context,
    repo: &'a Repo,
    branch: &'a str,
    history: &'a History,
}

impl Work<'_> {
    fn play(&self) -> Result<Done, Error> {
        let mut done = Done::default();
        let mut taken = Vec::new();
        let runs = self.runs()?;
        let bar = Progress::new(self.context.console, "runs", runs.len() as u64);
        // The oldest first: history grows in the order of time, as it would have.
        for run in runs.iter().rev() {
            self.run(run, &mut taken, &mut done)?;
            if taken.len() >= AT_ONCE {
                self.record(&mut taken, &mut done)?;
            }
            done.runs += 1;
            bar.at(done.runs);
        }
        self.record(&mut taken, &mut done)?;
        if done.recorded > 0 {
            self.history.snapshot(&BaselineOf {
                repo: self.repo.name().to_owned(),
                branch: self.branch.to_owned(),
                at: self.context.now,
            })?;
        }
        Ok(done)
    }

    /// The runs to look at, the newest first.
    fn runs(&self) -> Result<Vec<WorkflowRun>, Error> {
        let filter = RunFilter {
            branch: Some(self.branch),
            status: Some("completed"),
            ..RunFilter::default()
        };
        let most = self.arguments.runs as usize;
        let since = self.context.now.plus_days(-f64::from(self.arguments.days));
        let mut runs = Vec::new();
        for page in self.repo.workflow_runs(&filter) {
            let page = page?;
            // The newest come first: a page that ends before the time asked for is the last one.
            let ends = page.last().is_some_and(|run| started_at(run) < since);
            let wanted = page.into_iter().filter(|run| started_at(run) >= since);
            runs.extend(wanted.filter(|run| self.takes(run)));
            if ends || runs.len() >= most {
                break;
            }
        }
        runs.truncate(most);
        Ok(runs)
    }

    fn takes(&self, run: &WorkflowRun) -> bool {
        let of_branch = matches!(
            run.event.as_str(),
            "push" | "schedule" | "workflow_dispatch"
        );
        let workflow = self.arguments.workflow.as_deref();
        // A fork may have a branch of the same name.
        let own = run.head_repository.full_name == self.repo.name();
        of_branch && own && workflow.is_none_or(|name| name == run.name)
    }

    /// Records runs in one change of the history, which on a branch is one commit.
    fn record(&self, taken: &mut Vec<RecordedRun>, done: &mut Done) -> Result<(), Error> {
        let recorded = self.history.batch("backfill", |history| {
            let mut new = 0;
            for run in taken.iter() {
                new += u64::from(history.record(run)? == Recorded::New);
            }
            Ok(new)
        })?;
        done.recorded += recorded;
        done.known += taken.len() as u64 - recorded;
        taken.clear();
        Ok(())
    }

    fn run(
        &self,
        run: &WorkflowRun,
        taken: &mut Vec<RecordedRun>,
        done: &mut Done,
    ) -> Result<(), Error> {
        for artifact in self.repo.run_artifacts(run.id)? {
            let Some(job) = matches(&self.arguments.artifacts, &artifact.name) else {
                continue;
            };
            let info = self.info(run, job, &artifact);
            if self.history.holds(&info)? {
                done.known += 1;
            } else if artifact.expired {
                done.expired += 1;
            } else {
                taken.extend(self.artifact(&artifact, info, done)?);
            }
        }
        Ok(())
    }

    fn info(&self, run: &WorkflowRun, job: String, artifact: &Artifact) -> RunInfo {
        // What was there before the newest attempt started is of an earlier one.
        let made = Timestamp::parse(&artifact.created_at).unwrap_or(started_at(run));
        let attempt = match u32::try_from(run.run_attempt) {
            Ok(newest) if made >= started_at(run) => newest.max(1),
            Ok(_) | Err(_) => 1,
        };
        RunInfo {
            key: RunKey {
                repo: self.repo.name().to_owned(),
                branch: self.branch.to_owned(),
                job,
                run: run.id.to_string(),
                attempt,
            },
            started_at: started_at(run),
            commit: run.head_sha.clone(),
            url: run.html_url.clone(),
            ..RunInfo::default()
        }
    }

    fn artifact(
        &self,
        artifact: &Artifact,
        mut info: RunInfo,
        done: &mut Done,
    ) -> Result<Option<RecordedRun>, Error> {
        let folder = crate::action::outputs::folder(&self.context.env);
        let path = folder.join(format!("sprag-backfill-{}.zip", artifact.id));
        let loaded = self.download(artifact, &path);
        let _gone_with_the_folder = std::fs::remove_file(&path);
        let loaded = match loaded {
            // One artifact that is gone or too large must not keep all later ones out.
            Err(Error::Github(error)) if !(error.is_temporary() || error.is_denied()) => {
                self.context
                    .console
                    .note(&format!("problem: the artifact {}: {error}", artifact.name));
                done.unread += 1;
                return Ok(None);
            }
            loaded => loaded?,
        };
        for problem in &loaded.problems {
            self.context.console.note(&format!("problem: {problem}"));
        }
        if loaded.run.results.is_empty() {
            done.empty += 1;
            return Ok(None);
        }
        info.partial |= loaded.lost;
        Ok(Some(RecordedRun::of(info, &loaded.run)))
    }

    fn download(&self, artifact: &Artifact, path: &Path) -> Result<load::Loaded, Error> {
        let mut file = File::create(path).map_err(|source| Error::Write {
            path: path.to_owned(),
            source,
        })?;
        self.repo
            .download_artifact(artifact.id, MOST_ARTIFACT_BYTES, &mut file)?;
        Ok(load::collect(&[path.to_owned()], &Limits::default()))
    }
}

/// When a run started; the beginning of time when GitHub does not say.
fn started_at(run: &WorkflowRun) -> Timestamp {
    let known = [&run.run_started_at, &run.created_at];
    let mut known = known
        .into_iter()
        .filter_map(|text| Timestamp::parse(text).ok());
    known.next().unwrap_or_default()
}
