//! `action`: one step of a GitHub workflow. Inputs come from the environment (`action.yml` maps them), the event from its file.
//!
//! A branch is recorded; a pull request or a merge group is compared with history, published and recorded as what it is; the end
//! of an untrusted run (`workflow_run`) is picked up from its artifacts.

mod branch;
mod compare;
mod explain;
mod gather;
pub(crate) mod inputs;
mod meeting;
pub(crate) mod outputs;
mod parts;
mod pickup;
mod publish;
#[cfg(test)]
mod table;
mod target;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use github::Repo;
use host::{Event, Exit};
use model::Conclusion;

use self::inputs::{Inputs, OnUndecided, Publishing};
use self::outputs::{conclusion_word, write_output};
use self::target::{Target, WorkflowRun};
use crate::context::Context;
use crate::error::Error;

/// An event file is a few hundred kilobytes at most; what is longer is not one.
const MOST_EVENT_BYTES: u64 = 25 << 20;

/// A step at work.
#[derive(Debug)]
struct Step<'a> {
    inputs: &'a Inputs,
    publishing: Publishing,
    context: &'a Context,
    /// The repository at GitHub; `None` without a token.
    repo: Option<Repo>,
    /// The change, as soon as it is known.
    target: OnceLock<Target>,
}

pub(crate) fn run(inputs: &Inputs, context: &Context) -> Result<Exit, Error> {
    let publishing = inputs.publishing()?;
    inputs.settings("")?;
    inputs.jobs()?;
    inputs.jobs_of_id()?;
    inputs.outcome()?;
    let step = Step {
        inputs,
        context,
        repo: context.repository_of(&inputs.github_token, publishing.dry_run)?,
        publishing,
        target: OnceLock::new(),
    };
    match step.play() {
        Err(error) if error.exit() == Exit::Undecided => {
            step.undecided(&error.to_string(), step.tests_pass())
        }
        Err(error) => {
            write_output(
                &context.env,
                "conclusion",
                conclusion_word(Conclusion::Undecided),
            )?;
            Err(error)
        }
        Ok(exit) => Ok(exit),
    }
}

impl Step<'_> {
    fn play(&self) -> Result<Exit, Error> {
        let env = &self.context.env;
        let name = env.get("GITHUB_EVENT_NAME");
        let workflow = env
            .get("GITHUB_WORKFLOW_REF")
            .or(env.get("GITHUB_WORKFLOW"));
        let workflow = workflow.unwrap_or_default();
        if name == Some("pull_request_target") {
            return Err(Error::argument(
                "`pull_request_target` runs with write rights, so the code of a pull request must not run there",
                "test on `pull_request` and compare on `workflow_run`: examples/workflows/tests.yml and sprag.yml",
            ));
        }
        let run = WorkflowRun::of_process(&self.context.ci(), workflow);
        match read_event(name, env.get("GITHUB_EVENT_PATH")) {
            Some(Event::PullRequest(pull)) => {
                let target = Target::of_pull_request(&pull, run);
                self.compare_checkout(target.with_base(&self.inputs.base))
            }
            Some(Event::MergeGroup(group)) => {
                let target = Target::of_merge_group(&group, run);
                self.compare_checkout(target.with_base(&self.inputs.base))
            }
            Some(Event::WorkflowRun(ended)) => self.pick_up(&ended),
            Some(Event::Branch(branch)) => self.record_checkout(&branch),
            None if name.is_none_or(|name| !needs_payload(name)) => {
                self.record_checkout(&host::BranchEvent::default())
            }
            Some(Event::Other) => self.skip(&format!(
                "nothing to do on the event `{}`",
                name.unwrap_or_default()
            )),
            None => self.undecided(
                "the event file (GITHUB_EVENT_PATH) cannot be read",
                self.tests_pass(),
            ),
        }
    }

    /// Says that there was nothing to do.
    fn skip(&self, why: &str) -> Result<Exit, Error> {
        self.notice(why);
        write_output(&self.context.env, "conclusion", "skipped")?;
        Ok(Exit::Clear)
    }

    /// Says that Sprag could not decide: never the user's failure, and never a green status.
    fn undecided(&self, why: &str, tests_pass: bool) -> Result<Exit, Error> {
        self.warn(&format!("sprag could not decide: {why}"));
        let word = conclusion_word(Conclusion::Undecided);
        write_output(&self.context.env, "conclusion", word)?;
        if let Some(target) = self.target.get() {
            self.publish_undecided(target, why);
        }
        Ok(self.exit(Conclusion::Undecided, tests_pass))
    }

    /// Whether there are results and none of them fails.
    fn tests_pass(&self) -> bool {
        self.load().is_ok_and(|loaded| {
            let results = &loaded.run.results;
            !loaded.lost
                && !results.is_empty()
                && !results.iter().any(|of| of.outcome().is_failure())
        })
    }

    /// The exit code of a conclusion. Neutral is to end as the tests did: what could not be decided excuses no failing test.
    fn exit(&self, conclusion: Conclusion, tests_pass: bool) -> Exit {
        match (conclusion, self.publishing.on_undecided) {
            (Conclusion::Clear, _) => Exit::Clear,
            (Conclusion::Blocked, _) => Exit::Blocked,
            (Conclusion::Undecided, OnUndecided::Neutral) if tests_pass => Exit::Clear,
            (Conclusion::Undecided, _) => Exit::Undecided,
        }
    }

    fn notice(&self, text: &str) {
        self.command("notice", text);
    }

    fn warn(&self, text: &str) {
        self.command("warning", text);
    }

    /// A workflow command in Actions, a line elsewhere.
    fn command(&self, level: &str, text: &str) {
        if self.context.env.get("GITHUB_ACTIONS").is_some() {
            let escaped = text
                .replace('%', "%25")
                .replace('\r', "%0D")
                .replace('\n', "%0A");
            let line = format!("::{level} title=Sprag::{escaped}\n");
            // Nobody is left to tell when the log is closed.
            let _unheard = self.context.print(&line);
        } else {
            self.context.console.note(&format!("sprag-compare: {text}"));
        }
    }
}

/// Events whose payload names what is tested: without it, recording would be no answer.
fn needs_payload(name: &str) -> bool {
    name.starts_with("pull_request") || name == "merge_group" || name == "workflow_run"
}

/// The event; without a name a payload that holds a pull request is one.
fn read_event(name: Option<&str>, path: Option<&str>) -> Option<Event> {
    let path = Path::new(path?);
    if fs::metadata(path).ok()?.len() > MOST_EVENT_BYTES {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    match name {
        Some(name) => Event::read(name, &text),
        None => Event::read("pull_request", &text),
    }
}

#[cfg(test)]
mod tests {
    use super::{needs_payload, read_event};

    #[test]
    fn a_missing_event_is_none() {
        assert_eq!(read_event(Some("push"), Some("/nonexistent")), None);
        assert_eq!(read_event(Some("pull_request"), None), None);
    }

    #[test]
    fn a_pull_request_without_its_payload_is_never_recorded_as_a_branch() {
        for name in [
            "pull_request",
            "pull_request_target",
            "merge_group",
            "workflow_run",
        ] {
            assert!(needs_payload(name), "{name}");
        }
        assert!(!needs_payload("push") && !needs_payload("schedule"));
    }
}
