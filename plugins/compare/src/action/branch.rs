//! A run of a branch: recorded when the branch is one of those that are.

use std::path::Path;

use formats::Limits;
use history::Recorded;
use host::{BranchEvent, Exit};
use model::{RecordedRun, Timestamp};

use super::Step;
use super::gather::{config_of_checkout, text_at};
use super::outputs::write_output;
use crate::cli::RunArgs;
use crate::context::Context;
use crate::error::Error;
use crate::identify::{Sources, identify};
use crate::load::{self, Loaded};
use crate::settings::{self, Retention};
use crate::{history_verbs, remote};

impl Step<'_> {
    /// Records the results in the checkout as a run of the branch that is checked out.
    pub(super) fn record_checkout(&self, event: &BranchEvent) -> Result<Exit, Error> {
        let env = &self.context.env;
        let branch = self.context.ci().branch;
        if env.get("GITHUB_REF_TYPE") == Some("tag") {
            return self.skip("a tag is not recorded");
        }
        if !self.inputs.records(&branch, &event.default_branch) {
            return self.skip(&format!(
                "the branch {branch} is not recorded (input `record-branches`)"
            ));
        }
        let files = host::expand(&self.inputs.patterns())?;
        let mut loaded = load::collect(&files, &Limits::default());
        self.note_outcome(&mut loaded)?;
        let started_at = loaded.run.started_at.unwrap_or(self.context.now);
        let sources = Sources {
            ci: self.context.ci(),
            git: Context::git(),
        };
        let args = RunArgs {
            job: Some(self.inputs.job(&sources.ci.job)),
            ..RunArgs::default()
        };
        let info = identify(&args, &sources, Some(&branch), started_at);
        self.record_run(info, &loaded)?;
        write_output(env, "conclusion", "recorded")?;
        Ok(Exit::Clear)
    }

    /// Records a run of a branch and looks after the history.
    pub(super) fn record_run(
        &self,
        mut info: model::RunInfo,
        loaded: &Loaded,
    ) -> Result<(), Error> {
        for problem in &loaded.problems {
            self.context.console.note(&format!("problem: {problem}"));
        }
        if loaded.run.results.is_empty() {
            let why = "the files hold no test results, so nothing is recorded";
            self.warn(why);
            return Ok(());
        }
        info.partial |= loaded.lost;
        let run = RecordedRun::of(info, &loaded.run);
        if self.publishing.dry_run {
            let (tests, key) = (run.rows.len(), &run.info.key);
            self.notice(&format!(
                "dry run: would record {tests} tests of job {}",
                key.job
            ));
            return Ok(());
        }
        let history = remote::init_for(&run.info, self.inputs.history(), self.context)?;
        let recorded = history.record_at(&run, self.context.now)?;
        self.say_recorded(&run, recorded)?;
        let retention = || self.retention(&run.info.commit);
        history_verbs::look_after(&history, &run.info.key, self.context, retention)
    }

    /// How long the repository wants its history kept, asked of GitHub, because nothing may be checked out. It is asked seldom.
    fn retention(&self, commit: &str) -> Result<Retention, Error> {
        let path = self.config_path();
        let text = match &self.repo {
            Some(repo) => text_at(repo, path, commit)?,
            None => config_of_checkout(Path::new(self.inputs.config())),
        };
        settings::retention_of(&text, path)
    }

    pub(super) fn say_recorded(&self, run: &RecordedRun, recorded: Recorded) -> Result<(), Error> {
        let what = match recorded {
            Recorded::New => "recorded",
            Recorded::Known => "known already:",
        };
        let key = &run.info.key;
        self.context.print(&report::harmless(&format!(
            "{what} {} tests of run {} (attempt {}), job {}, branch {}\n",
            run.rows.len(),
            key.run,
            key.attempt,
            key.job,
            key.branch
        )))
    }

    /// The moment a run without a time of its own is put at.
    pub(super) fn now(&self) -> Timestamp {
        self.context.now
    }
}
