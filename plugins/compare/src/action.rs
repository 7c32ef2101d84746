//! `action`: one step of a GitHub workflow. Inputs come from the environment (`action.yml` maps them), the event from its file.
//!
//! On a pull request the run is compared with history and recorded as data of that pull request; on anything else it is recorded.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use host::{Environment, Exit, PullRequestEvent};
use model::{Conclusion, Report, Verdict};

use crate::check;
use crate::cli::{Check, Record, RunArgs, Store};
use crate::context::Context;
use crate::error::Error;
use crate::history_verbs;
use crate::record;

/// An event file is a few hundred kilobytes at most; what is longer is not one.
const MOST_EVENT_BYTES: u64 = 25 << 20;

pub(crate) fn run(context: &Context) -> Result<Exit, Error> {
    let inputs = Inputs::of(&context.env)?;
    if let Some(event) = event(&context.env) {
        return compare(&inputs, &event, context);
    }
    if says_pull_request(&context.env) {
        write_output(
            &context.env,
            "conclusion",
            conclusion_word(Conclusion::Undecided),
        )?;
        context.console.note(
            "sprag-compare: this is a pull request, but its event file (GITHUB_EVENT_PATH) cannot be read",
        );
        return Ok(Exit::Undecided);
    }
    let exit = record::run(&inputs.record(None), context)?;
    history_verbs::maintain(&inputs.history, context)?;
    write_output(&context.env, "conclusion", "recorded")?;
    Ok(exit)
}

/// The inputs of `action.yml`.
struct Inputs {
    files: Vec<String>,
    history: String,
    job: Option<String>,
    base: Option<String>,
    fail_on: Option<String>,
    html: Option<String>,
    reports: PathBuf,
}

impl Inputs {
    fn of(env: &Environment) -> Result<Self, Error> {
        let text = |name: &str| env.get(name).map(str::to_owned);
        let files = text("SPRAG_FILES").ok_or_else(|| {
            Error::argument(
                "the input `files` is empty",
                "name the result files: `files: out/**/*.xml`",
            )
        })?;
        Ok(Self {
            files: vec![files],
            history: text("SPRAG_HISTORY").unwrap_or_else(|| "file:.sprag-history".to_owned()),
            job: text("SPRAG_JOB"),
            base: text("SPRAG_BASE"),
            fail_on: text("SPRAG_FAIL_ON"),
            html: text("SPRAG_HTML"),
            reports: text("RUNNER_TEMP").map_or_else(std::env::temp_dir, PathBuf::from),
        })
    }

    fn run_args(&self, event: Option<&PullRequestEvent>) -> RunArgs {
        RunArgs {
            job: self.job.clone(),
            pr: event.map(|event| event.number),
            commit: event.map(|event| event.head_commit.clone()),
            ..RunArgs::default()
        }
    }

    fn record(&self, event: Option<&PullRequestEvent>) -> Record {
        Record {
            files: self.files.clone(),
            store: self.store(),
            run: self.run_args(event),
            branch: self.base(event),
            ..Record::default()
        }
    }

    fn check(&self, event: &PullRequestEvent, markdown: &Path) -> Check {
        Check {
            files: self.files.clone(),
            store: self.store(),
            run: self.run_args(Some(event)),
            base: self.base(Some(event)),
            merge_base: Some(event.base_commit.clone()),
            fail_on: self.fail_on.clone(),
            html: self.html.clone(),
            markdown: Some(markdown.display().to_string()),
            ..Check::default()
        }
    }

    fn store(&self) -> Store {
        Store {
            history: self.history.clone(),
        }
    }

    fn base(&self, event: Option<&PullRequestEvent>) -> Option<String> {
        self.base
            .clone()
            .or_else(|| event.map(|event| event.base_branch.clone()))
    }
}

/// Whether the workflow was started by a pull request, whatever its event file says: then recording is no answer.
fn says_pull_request(env: &Environment) -> bool {
    env.get("GITHUB_EVENT_NAME")
        .is_some_and(|name| name.starts_with("pull_request"))
}

fn event(env: &Environment) -> Option<PullRequestEvent> {
    let path = Path::new(env.get("GITHUB_EVENT_PATH")?);
    let size = fs::metadata(path).ok()?.len();
    if size > MOST_EVENT_BYTES {
        return None;
    }
    PullRequestEvent::read(&fs::read_to_string(path).ok()?)
}

fn compare(inputs: &Inputs, event: &PullRequestEvent, context: &Context) -> Result<Exit, Error> {
    let markdown = inputs.reports.join("sprag-compare.md");
    // The first pull request may come before the first push: then the report says how many runs are missing.
    crate::remote::init(&inputs.history, context)?;
    let compared = check::compare(&inputs.check(event, &markdown), context)?;
    check::write_files(&inputs.check(event, &markdown), &compared)?;
    context.print(&report::terminal(&compared, &check::style(context)))?;
    summarise(&compared, inputs, &markdown, &context.env)?;
    record::run(&inputs.record(Some(event)), context)?;
    Ok(check::exit(&compared))
}

/// Tells the later steps of the workflow, and the person who reads the summary of the run.
fn summarise(
    compared: &Report,
    inputs: &Inputs,
    markdown: &Path,
    env: &Environment,
) -> Result<(), Error> {
    let json = inputs.reports.join("sprag-compare.json");
    write(&json, &report::json(compared))?;
    if let Some(summary) = env.get("GITHUB_STEP_SUMMARY") {
        let text = fs::read_to_string(markdown).unwrap_or_default();
        append(Path::new(summary), &text)?;
    }
    write_output(env, "conclusion", conclusion_word(compared.conclusion))?;
    write_output(
        env,
        "caused",
        &compared.counts.get(Verdict::Caused).to_string(),
    )?;
    write_output(env, "caused-tests", &caused_tests(compared))?;
    write_output(env, "json", &json.display().to_string())
}

fn conclusion_word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Clear => "clear",
        Conclusion::Blocked => "blocked",
        Conclusion::Undecided => "undecided",
    }
}

fn caused_tests(compared: &Report) -> String {
    let caused = compared
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Caused);
    let names: Vec<String> = caused
        .map(|finding| finding.test.to_string().replace(['\r', '\n'], " "))
        .collect();
    names.join("\n")
}

/// Writes a step output. The value is hostile: a line of it could be another output, so it stands between delimiters that it
/// does not hold (see "Multiline strings" in GitHub's workflow commands).
fn write_output(env: &Environment, name: &str, value: &str) -> Result<(), Error> {
    let Some(path) = env.get("GITHUB_OUTPUT") else {
        return Ok(());
    };
    let mut delimiter = "sprag-end".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('-');
    }
    append(
        Path::new(path),
        &format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"),
    )
}

fn append(path: &Path, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| failed(path, source))
}

/// Writes a file that the user asked for.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use host::Environment;

    use super::{event, says_pull_request, write_output};

    #[test]
    fn a_hostile_value_cannot_end_its_own_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let env = Environment::of(&[("GITHUB_OUTPUT", path.to_str().unwrap())]);
        write_output(&env, "caused-tests", "a\nsprag-end\nconclusion=clear").unwrap();
        insta::assert_snapshot!(std::fs::read_to_string(path).unwrap(), @r"
        caused-tests<<sprag-end-
        a
        sprag-end
        conclusion=clear
        sprag-end-
        ");
    }

    #[test]
    fn a_missing_event_is_no_pull_request() {
        assert_eq!(
            event(&Environment::of(&[("GITHUB_EVENT_PATH", "/nonexistent")])),
            None
        );
        assert_eq!(event(&Environment::of(&[])), None);
        let says = |name| says_pull_request(&Environment::of(&[("GITHUB_EVENT_NAME", name)]));
        assert!(says("pull_request") && says("pull_request_target") && !says("push"));
    }
}
