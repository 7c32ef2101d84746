//! A runner of its own: reads a workflow and `action.yml`, and runs each step with bash and the files and variables that a GitHub
//! runner gives it. Works everywhere; `act`, where it is installed, proves that this one does not flatter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::expression::{holds, interpolate, shown};
use super::runner::{Job, Runner, Stage, Step, Trigger, upload_artifact};
use crate::workflows::{ACTION, BACKFILL, yaml};

/// The runner.
pub(crate) struct Bare;

impl Runner for Bare {
    fn name(&self) -> &'static str {
        "bare"
    }

    fn run(&self, stage: &Stage, workflow: &str, trigger: &Trigger) -> Vec<Job> {
        let workflow = yaml(&stage.workflow(workflow));
        let listens = workflow["on"].get(trigger.event).is_some();
        assert!(listens, "the workflow does not listen to {}", trigger.event);
        let jobs = workflow["jobs"].as_object().unwrap();
        let ran = jobs
            .iter()
            .map(|(id, job)| run_job(id, job, stage, trigger, &workflow));
        ran.collect::<Vec<_>>().concat()
    }
}

/// Runs a job once for every combination of its matrix.
fn run_job(id: &str, job: &Value, stage: &Stage, trigger: &Trigger, workflow: &Value) -> Vec<Job> {
    let combinations = combinations(&job["strategy"]["matrix"]);
    let total = combinations.len();
    let run_one = |matrix: Value| {
        let mut frame = Frame {
            stage,
            base: variables(id, stage, trigger, workflow),
            context: context(id, &matrix, total, trigger, workflow),
            action: None,
            log: String::new(),
            ours: None,
        };
        if !holds(job["if"].as_str(), &frame.context) {
            return None;
        }
        frame.run_steps(&job["steps"]);
        Some(Job {
            name: job_name(id, &matrix),
            green: frame.context["failed"] == false,
            step: frame.ours,
            log: frame.log,
        })
    };
    combinations.into_iter().filter_map(run_one).collect()
}

fn job_name(id: &str, matrix: &Value) -> String {
    let values = matrix.as_object().into_iter().flat_map(|map| map.values());
    let values: Vec<&str> = values.map(|value| value.as_str().unwrap()).collect();
    if values.is_empty() {
        return id.to_owned();
    }
    format!("{id} ({})", values.join(", "))
}

/// Every combination of the values of a matrix; one of nothing without a matrix.
pub(crate) fn combinations(matrix: &Value) -> Vec<Value> {
    let Some(axes) = matrix.as_object() else {
        return vec![Value::Null];
    };
    let mut combinations = vec![json!({})];
    for (axis, values) in axes {
        let extended = combinations.iter().flat_map(|combination| {
            values.as_array().unwrap().iter().map(move |value| {
                let mut combination = combination.clone();
                combination[axis] = value.clone();
                combination
            })
        });
        combinations = extended.collect();
    }
    combinations
}

fn context(id: &str, matrix: &Value, total: usize, trigger: &Trigger, workflow: &Value) -> Value {
    json!({
        "failed": false,
        "matrix": matrix,
        "strategy": {"job-total": total},
        "steps": {},
        "inputs": trigger.payload["inputs"],
        "runner": {"os": "Linux", "arch": "X64"},
        "env": {},
        "github": {
            "event": trigger.payload,
            "event_name": trigger.event,
            "ref": trigger.reference,
            "sha": trigger.sha,
            "run_id": trigger.run.to_string(),
            "run_attempt": trigger.attempt.to_string(),
            "repository": trigger.payload["repository"]["full_name"],
            "workflow": workflow["name"],
            "job": id,
            "token": trigger.token,
            "action_repository": "sprag-ci/sprag",
        },
    })
}

/// The variables that a runner sets for every step.
fn variables(
    id: &str,
    stage: &Stage,
    trigger: &Trigger,
    workflow: &Value,
) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let temp = stage.scratch().join("temp");
    fs::create_dir_all(&temp).unwrap();
    let event = temp.join("event.json");
    fs::write(&event, trigger.payload.to_string()).unwrap();
    let pull = &trigger.payload["pull_request"];
    let short = trigger.reference.trim_start_matches("refs/");
    let path = |path: &Path| path.display().to_string();
    let pairs = [
        ("CI", "true".to_owned()),
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_API_URL", trigger.api.clone()),
        ("GITHUB_BASE_REF", text(&pull["base"]["ref"])),
        ("GITHUB_EVENT_NAME", trigger.event.to_owned()),
        ("GITHUB_EVENT_PATH", path(&event)),
        ("GITHUB_HEAD_REF", text(&pull["head"]["ref"])),
        ("GITHUB_JOB", id.to_owned()),
        ("GITHUB_REF", trigger.reference.clone()),
        (
            "GITHUB_REF_NAME",
            short
                .trim_start_matches("heads/")
                .trim_start_matches("pull/")
                .to_owned(),
        ),
        (
            "GITHUB_REPOSITORY",
            text(&trigger.payload["repository"]["full_name"]),
        ),
        ("GITHUB_RUN_ATTEMPT", trigger.attempt.to_string()),
        ("GITHUB_RUN_ID", trigger.run.to_string()),
        ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
        ("GITHUB_SHA", trigger.sha.clone()),
        ("GITHUB_WORKFLOW", text(&workflow["name"])),
        ("GITHUB_WORKSPACE", path(&stage.checkout())),
        ("RUNNER_ARCH", "X64".to_owned()),
        ("RUNNER_OS", "Linux".to_owned()),
        ("RUNNER_TEMP", path(&temp)),
        ("RUNNER_TOOL_CACHE", path(&stage.scratch().join("tools"))),
        ("SPRAG_ARTIFACTS", path(&stage.artifacts())),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A list of steps that is being run: of a job, or of a composite action inside one.
struct Frame<'a> {
    stage: &'a Stage,
    base: BTreeMap<String, String>,
    context: Value,
    /// The folder of the composite action.
    action: Option<PathBuf>,
    log: String,
    /// The step of this action.
    ours: Option<Step>,
}

impl Frame<'_> {
    fn run_steps(&mut self, steps: &Value) {
        for step in steps.as_array().unwrap() {
            if holds(step["if"].as_str(), &self.context) {
                self.run_step(step);
            }
        }
    }

    fn run_step(&mut self, step: &Value) {
        let done = match step["uses"].as_str() {
            None => self.command(step),
            Some(uses) => self.uses(uses, step),
        };
        if let Some(id) = step["id"].as_str() {
            let outcome = if done.green { "success" } else { "failure" };
            self.context["steps"][id] = json!({"outputs": done.outputs, "outcome": outcome});
        }
        writeln!(self.log, "{}", done.log).unwrap();
        let forgiven = match &step["continue-on-error"] {
            Value::String(text) => interpolate(text, &self.context) == "true",
            value => value == true,
        };
        if !done.green && !forgiven {
            self.context["failed"] = true.into();
        }
    }

    fn uses(&mut self, uses: &str, step: &Value) -> Step {
        if uses.starts_with("actions/checkout@") {
            return Step {
                green: true,
                ..Step::default()
            };
        }
        if uses.starts_with("actions/upload-artifact@") {
            return self.composite(&upload_artifact(), step);
        }
        if uses.starts_with(BACKFILL) {
            return self.composite(&self.stage.action().join("backfill"), step);
        }
        assert!(
            uses.starts_with(ACTION),
            "this harness does not know {uses}"
        );
        let done = self.composite(&self.stage.action(), step);
        self.ours = Some(done.clone());
        done
    }

    /// Runs the steps of a composite action in a frame of their own.
    fn composite(&self, folder: &Path, step: &Value) -> Step {
        let action = yaml(&folder.join("action.yml"));
        let mut context = self.context.clone();
        context["inputs"] = self.inputs(&action["inputs"], &step["with"]);
        context["steps"] = json!({});
        context["failed"] = false.into();
        let mut inner = Frame {
            stage: self.stage,
            base: self.base.clone(),
            context,
            action: Some(folder.to_path_buf()),
            log: String::new(),
            ours: None,
        };
        inner.run_steps(&action["runs"]["steps"]);
        inner.finished(&action["outputs"])
    }

    /// What a composite action got: what the step says, and for the rest the defaults.
    fn inputs(&self, declared: &Value, with: &Value) -> Value {
        let mut inputs = json!({});
        for (name, input) in declared.as_object().unwrap() {
            let given = if with[name].is_null() {
                &input["default"]
            } else {
                &with[name]
            };
            inputs[name] = interpolate(&shown(given), &self.context).into();
        }
        inputs
    }

    /// What a composite action gives back.
    fn finished(self, declared: &Value) -> Step {
        let outputs = declared.as_object().into_iter().flatten();
        let outputs = outputs.map(|(name, output)| {
            let value = interpolate(output["value"].as_str().unwrap(), &self.context);
            (name.clone(), value)
        });
        Step {
            green: self.context["failed"] == false,
            outputs: outputs.collect(),
            summary: fs::read_to_string(self.file("GITHUB_STEP_SUMMARY")).ok(),
            log: self.log,
        }
    }

    /// Runs the script of a step as a runner does.
    fn command(&self, step: &Value) -> Step {
        let script = self.file("script");
        fs::write(
            &script,
            interpolate(step["run"].as_str().unwrap(), &self.context),
        )
        .unwrap();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(script)
            .current_dir(self.stage.checkout())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.stage.scratch())
            .envs(&self.base)
            .envs(self.environment(&step["env"]));
        if let Some(action) = &self.action {
            command.env("GITHUB_ACTION_PATH", action);
        }
        let output = command.output().unwrap();
        Step {
            green: output.status.success(),
            outputs: outputs(&fs::read_to_string(self.file("GITHUB_OUTPUT")).unwrap()),
            log: String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
            summary: None,
        }
    }

    /// The variables of a step, and fresh files for what it says.
    fn environment(&self, declared: &Value) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for name in [
            "GITHUB_OUTPUT",
            "GITHUB_STEP_SUMMARY",
            "GITHUB_ENV",
            "GITHUB_STATE",
            "GITHUB_PATH",
        ] {
            let file = self.file(name);
            fs::write(&file, "").unwrap();
            variables.insert(name.to_owned(), file.display().to_string());
        }
        for (name, value) in declared.as_object().into_iter().flatten() {
            let value = interpolate(value.as_str().unwrap(), &self.context);
            variables.insert(name.clone(), value);
        }
        variables
    }

    fn file(&self, name: &str) -> PathBuf {
        self.stage.scratch().join(name)
    }
}

/// What a step wrote to `GITHUB_OUTPUT`: `name=value`, or lines between `name<<END` and `END`.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line
            .split_once("<<")
            .filter(|(name, _)| !name.contains('='))
        {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').expect("an output has a value");
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}
