//! A run of a branch: recorded when the branch is one of those that are.

use formats::Limits;
use history::Recorded;
use host::{BranchEvent, Exit};
use model::{RecordedRun, Timestamp};

use super::Step;
use super::outputs::write_output;
use crate::cli::RunArgs;
use crate::context::Context;
use crate::error::Error;
use crate::identify::{Sources, identify};
use crate::load::{self, Loaded};
use crate::{history_verbs, remote};

impl Step<'_> {
    /// Records the results in the checkout as a run of the branch that is checked out.
    pub(super) fn record_checkout(&self, event: &BranchEvent) -> Result<Exit, Error> {
        let env = &self.context.env;
        let branch = match self.inputs.base.as_str() {
            "" => self.context.ci().branch,
            branch => branch.to_owned(),
        };
        if env.get("GITHUB_REF_TYPE") == Some("tag") {
            return self.skip("a tag is not recorded");
        }
        if !self.inputs.records(&branch, &event.default_branch) {
            return self.skip(&format!(
                "the branch {branch} is not recorded (input `record-branches`)"
            ));
        }
        let files = host::expand(&self.inputs.patterns())?;
        let loaded = load::collect(&files, &Limits::default());
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
        let history = remote::init(self.inputs.history(), self.context)?;
        let recorded = history.record_at(&run, self.context.now)?;
        self.say_recorded(&run, recorded)?;
        history_verbs::look_after(&history, &run.info.key, self.context)
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
