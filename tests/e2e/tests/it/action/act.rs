//! The same workflows on a real runner: nektos/act on this machine, without containers.
//!
//! `SPRAG_ACT` names the program, else it is looked for in `PATH`; `go install github.com/nektos/act@v0.2.87` makes it. The shipped
//! workflows run unchanged: their checkout copies the folder, and act takes this action and the stand-in for actions/upload-artifact
//! from folders instead of GitHub.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::bare::combinations;
use super::runner::{Job, Runner, Stage, Step, Trigger, upload_artifact};
use crate::workflows::{steps, yaml};

/// The runner.
pub(crate) struct Act {
    program: PathBuf,
}

impl Act {
    /// act, when it is on this machine.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os("SPRAG_ACT").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = named
            .into_iter()
            .chain(std::env::split_paths(&path).map(|folder| folder.join("act")));
        let program = candidates.find(|program| program.is_file())?;
        Some(Self { program })
    }

    fn command(&self, stage: &Stage, workflow: &str, trigger: &Trigger) -> Command {
        let event = stage.scratch().join("event.json");
        fs::write(&event, trigger.payload.to_string()).unwrap();
        let mut command = Command::new(&self.program);
        command
            .arg(trigger.event)
            .args(["--json", "--no-cache-server"])
            .arg("--directory")
            .arg(stage.checkout())
            .arg("--workflows")
            .arg(stage.workflow(workflow))
            .arg("--eventpath")
            .arg(event)
            .args(["--secret", "GITHUB_TOKEN"])
            .current_dir(stage.checkout())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", stage.scratch())
            .env("ACT_DISABLE_VERSION_CHECK", "1")
            .env("GITHUB_TOKEN", &trigger.token);
        for label in ["ubuntu-latest", "macos-latest", "windows-latest"] {
            command.args(["--platform", &format!("{label}=-self-hosted")]);
        }
        for (name, value) in variables(stage, trigger) {
            command.args(["--env", &format!("{name}={value}")]);
        }
        for (uses, folder) in replaced(stage, workflow) {
            command.args([
                "--local-repository",
                &format!("{uses}={}", folder.display()),
            ]);
        }
        command
    }
}

impl Runner for Act {
    fn name(&self) -> &'static str {
        "act"
    }

    fn run(&self, stage: &Stage, workflow: &str, trigger: &Trigger) -> Vec<Job> {
        git(stage);
        // One after the other: act gives the jobs of a matrix one folder, and their tests would write over each other.
        let matrices = matrices(stage, workflow);
        let ran = matrices.iter().map(|matrix| {
            let mut command = self.command(stage, workflow, trigger);
            for (axis, value) in matrix.as_object().into_iter().flatten() {
                command.args(["--matrix", &format!("{axis}:{}", value.as_str().unwrap())]);
            }
            run(command)
        });
        ran.collect::<Vec<_>>().concat()
    }
}

fn matrices(stage: &Stage, workflow: &str) -> Vec<Value> {
    let workflow = yaml(&stage.workflow(workflow));
    let jobs = workflow["jobs"].as_object().unwrap().values();
    jobs.flat_map(|job| combinations(&job["strategy"]["matrix"]))
        .collect()
}

fn run(mut command: Command) -> Vec<Job> {
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let messages: Vec<Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let jobs = jobs(&messages);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !jobs.is_empty() || output.status.success(),
        "act ran nothing: {errors}{lines}"
    );
    jobs
}

/// What act cannot know of the run. `SHA_REF` is its name for what it hands out as GITHUB_SHA.
fn variables(stage: &Stage, trigger: &Trigger) -> [(&'static str, String); 8] {
    let repository = &trigger.payload["repository"]["full_name"];
    [
        ("GITHUB_API_URL", trigger.api.clone()),
        ("GITHUB_REF", trigger.reference.clone()),
        ("GITHUB_REPOSITORY", repository.as_str().unwrap().to_owned()),
        ("GITHUB_RUN_ATTEMPT", trigger.attempt.to_string()),
        ("GITHUB_RUN_ID", trigger.run.to_string()),
        ("SHA_REF", trigger.sha.clone()),
        ("SPRAG_ARTIFACTS", stage.artifacts().display().to_string()),
        (
            "RUNNER_TOOL_CACHE",
            stage.scratch().join("tools").display().to_string(),
        ),
    ]
}

/// The actions of a workflow that come from folders.
fn replaced(stage: &Stage, workflow: &str) -> Vec<(String, PathBuf)> {
    let steps = steps(&yaml(&stage.workflow(workflow)));
    let uses = steps.iter().filter_map(|step| step["uses"].as_str());
    let replaced = |uses: &str| {
        let (name, version) = uses.split_once('@').unwrap();
        let (repository, folder) = match name {
            "actions/checkout" => return None,
            "actions/upload-artifact" => (name, upload_artifact()),
            "sprag-ci/sprag" | "sprag-ci/sprag/backfill" => ("sprag-ci/sprag", stage.action()),
            other => panic!("this harness does not know {other}"),
        };
        Some((format!("{repository}@{version}"), folder))
    };
    uses.filter_map(replaced).collect()
}

/// act wants a repository.
fn git(stage: &Stage) {
    if stage.checkout().join(".git").exists() {
        return;
    }
    for arguments in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@example.invalid",
            "commit",
            "--quiet",
            "--message",
            "first",
        ],
    ] {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(stage.checkout())
            .status();
        assert!(status.unwrap().success());
    }
}

/// The jobs that act's lines tell of.
fn jobs(messages: &[Value]) -> Vec<Job> {
    let ended = messages
        .iter()
        .filter(|message| message["jobResult"].is_string());
    let ran = ended.filter(|message| message["jobResult"] != "skipped");
    ran.map(|end| {
        let of_it: Vec<&Value> = messages
            .iter()
            .filter(|message| {
                message["jobID"] == end["jobID"] && message["matrix"] == end["matrix"]
            })
            .collect();
        job(end, &of_it)
    })
    .collect()
}

fn job(end: &Value, messages: &[&Value]) -> Job {
    let values = end["matrix"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values());
    let values: Vec<&str> = values.map(|value| value.as_str().unwrap()).collect();
    let id = end["jobID"].as_str().unwrap();
    Job {
        name: if values.is_empty() {
            id.to_owned()
        } else {
            format!("{id} ({})", values.join(", "))
        },
        green: end["jobResult"] == "success",
        step: step(messages),
        log: log(messages.iter().copied()),
    }
}

/// The step with the id `sprag` in `action.yml`, and what contains it.
fn step(messages: &[&Value]) -> Option<Step> {
    let of_it: Vec<&&Value> = messages
        .iter()
        .filter(|message| {
            let ids = message["stepID"].as_array();
            ids.is_some_and(|ids| ids.iter().any(|id| id == "sprag"))
        })
        .collect();
    let result = of_it
        .iter()
        .rev()
        .filter(|message| message["stage"] == "Main")
        .find_map(|message| message["stepResult"].as_str())
        .filter(|result| *result != "skipped")?;
    let set = of_it
        .iter()
        .filter(|message| message["command"] == "set-output");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(Step {
        green: result == "success",
        outputs: set
            .map(|message| (text(&message["name"]), text(&message["arg"])))
            .collect(),
        log: log(of_it.iter().map(|message| **message)),
        summary: of_it
            .iter()
            .find_map(|message| message["content"].as_str())
            .map(str::to_owned),
    })
}

fn log<'a>(messages: impl Iterator<Item = &'a Value>) -> String {
    let lines = messages.filter_map(|message| message["msg"].as_str());
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}
