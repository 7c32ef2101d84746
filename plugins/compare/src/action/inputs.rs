//! The inputs of the Action: one struct from which `action.yml`, `docs/action.md` and `sprag-compare action --help` are made.
//!
//! An input `check-name` is the flag `--check-name` and the variable `SPRAG_CHECK_NAME`; an empty value is one that was not set.

use clap::Args;
use secrecy::SecretString;
use verdict::Config;

use crate::error::Error;
use crate::settings;

const HISTORY: &str = "git:sprag-history";
const CONFIG: &str = ".sprag.yaml";
const NAME: &str = "sprag/compare";
const ARTIFACTS: &str = "sprag-results-*";

/// Inputs of the Action.
#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Result files, folders or globs, one a line (`**` crosses folders, `!` excludes); any format. Not needed on `workflow_run`
    #[arg(long, env = "SPRAG_FILES", default_value = "")]
    files: String,
    /// The same as `files`, under the name that other actions use
    #[arg(long, env = "SPRAG_REPORT_PATHS", default_value = "")]
    report_paths: String,
    /// How the step with the tests ended, the expression `steps.ID.outcome`, several with a blank between: when it failed and no test in its results did, something crashed or did not compile, and nothing is green
    #[arg(long, env = "SPRAG_OUTCOME", default_value = "")]
    outcome: String,
    /// Job in the history; default: the job id and its matrix values, such as `unit (3.12, ubuntu-24.04)`
    #[arg(long, env = "SPRAG_JOB", default_value = "")]
    pub(crate) job: String,
    /// Matrix values of the job as JSON; the default is right
    #[arg(long, env = "SPRAG_MATRIX", default_value = "")]
    matrix: String,
    /// How many results the workflow has for one commit, all its jobs together: until all are there, no status is green; default: only the jobs of a matrix wait for each other
    #[arg(long, env = "SPRAG_JOBS", default_value = "")]
    jobs: String,
    /// How many jobs of the matrix run Sprag; the default is all of them
    #[arg(long, env = "SPRAG_MATRIX_JOBS", default_value = "")]
    matrix_jobs: String,
    /// Where the history is: `git:BRANCH` of this repository, `git:URL#BRANCH`, or `file:PATH`
    #[arg(long, env = "SPRAG_HISTORY", default_value = HISTORY)]
    history: String,
    /// Base branch; default: the one that the pull request or the merge group wants to join
    #[arg(long, env = "SPRAG_BASE", default_value = "")]
    pub(crate) base: String,
    /// Branches whose runs are recorded as history, one glob a line; default: the default branch
    #[arg(long, env = "SPRAG_RECORD_BRANCHES", default_value = "")]
    record_branches: String,
    /// Configuration file; a pull request that changes it is judged by that of its base
    #[arg(long, env = "SPRAG_CONFIG", default_value = CONFIG)]
    config: String,
    /// Verdicts that block, separated by commas; `nothing` for none; default: what the configuration says, else `caused,new-test,outage`
    #[arg(long, env = "SPRAG_FAIL_ON", default_value = "")]
    fail_on: String,
    /// How the step ends when nothing could be decided: `neutral` (as the tests did, and the status is not green) or `failure`
    #[arg(long, env = "SPRAG_ON_UNDECIDED", default_value = "neutral")]
    on_undecided: String,
    /// The comment on the pull request: `auto` (silent while there is nothing to say), `always`, `off`
    #[arg(long, env = "SPRAG_COMMENT", default_value = "auto")]
    comment: String,
    /// Name of the commit status and of the check run; give each its own when a repository uses Sprag twice for one commit
    #[arg(long, env = "SPRAG_CHECK_NAME", default_value = NAME)]
    check_name: String,
    /// Whether to set a commit status: `true` or `false`
    #[arg(long, env = "SPRAG_STATUS", default_value = "true")]
    status: String,
    /// Whether to make a check run too (needs `checks: write`; GitHub shows it under a workflow of its choice): `true` or `false`
    #[arg(long, env = "SPRAG_CHECK_RUN", default_value = "false")]
    check_run: String,
    /// Whether to annotate the lines where tests failed: `true` or `false`
    #[arg(long, env = "SPRAG_ANNOTATIONS", default_value = "true")]
    annotations: String,
    /// Whether to write the job summary: `true` or `false`
    #[arg(long, env = "SPRAG_SUMMARY", default_value = "true")]
    summary: String,
    /// File for the report as one HTML page; default: `sprag-compare.html` in the temporary folder of the runner
    #[arg(long, env = "SPRAG_HTML", default_value = "")]
    pub(crate) html: String,
    /// On `workflow_run`: artifacts that hold results, one glob a line; what the first `*` stands for is the job
    #[arg(long, env = "SPRAG_ARTIFACTS", default_value = ARTIFACTS)]
    artifacts: String,
    /// Token for the GitHub API
    #[arg(
        long,
        env = "SPRAG_GITHUB_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) github_token: SecretString,
    /// Print what would be written to GitHub instead of writing it: `true` or `false`
    #[arg(long, env = "SPRAG_DRY_RUN", default_value = "false")]
    dry_run: String,
}

/// When a comment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommentMode {
    /// When there is something to say, or a comment to bring up to date.
    Auto,
    /// Always.
    Always,
    /// Never.
    Off,
}

/// What an undecided comparison ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUndecided {
    /// The step ends as the tests did, with a warning; no status is green.
    Neutral,
    /// The step fails.
    Failure,
}

/// Where and how the answer is published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an input of its own")]
pub(crate) struct Publishing {
    /// When a comment is written.
    pub(crate) comment: CommentMode,
    /// Name of status and check run.
    pub(crate) name: String,
    /// Whether a commit status is set.
    pub(crate) status: bool,
    /// Whether a check run is made.
    pub(crate) check_run: bool,
    /// Whether lines are annotated.
    pub(crate) annotations: bool,
    /// Whether the job summary is written.
    pub(crate) summary: bool,
    /// What an undecided comparison ends with.
    pub(crate) on_undecided: OnUndecided,
    /// Whether effects are only printed.
    pub(crate) dry_run: bool,
}

/// How a step ends, the worst first.
const OUTCOMES: [&str; 4] = ["cancelled", "failure", "skipped", "success"];

/// A job name is no longer than GitHub shows.
const LONGEST_JOB: usize = 200;

impl Inputs {
    /// The patterns of the result files.
    pub(crate) fn patterns(&self) -> Vec<String> {
        let both = [&self.files, &self.report_paths];
        both.into_iter()
            .flat_map(|text| lines(text))
            .map(str::to_owned)
            .collect()
    }

    /// The job: the input, else the job id with its matrix values.
    pub(crate) fn job(&self, id: &str) -> String {
        if !self.job.is_empty() {
            return self.job.clone();
        }
        let id = if id.is_empty() { "default" } else { id };
        match matrix_values(&self.matrix) {
            values if values.is_empty() => id.to_owned(),
            values => format!("{id} ({values})")
                .chars()
                .take(LONGEST_JOB)
                .collect(),
        }
    }

    /// How the step with the tests ended, in GitHub's words, the worst of several; empty when nobody says.
    ///
    /// # Errors
    /// When the input is none of them.
    pub(crate) fn outcome(&self) -> Result<&'static str, Error> {
        let mut worst = OUTCOMES.len();
        for word in self
            .outcome
            .split([' ', ',', '\n'])
            .filter(|word| !word.is_empty())
        {
            let known = OUTCOMES.iter().position(|known| word == *known);
            let place = known.ok_or_else(|| {
                Error::argument(
                    format!("the input `outcome` is `{word}`"),
                    format!(
                        "write the expression `steps.ID.outcome`, which is one of {}",
                        OUTCOMES.join(", ")
                    ),
                )
            })?;
            worst = worst.min(place);
        }
        Ok(OUTCOMES.get(worst).copied().unwrap_or_default())
    }

    /// How many results the workflow has for one commit; `None` when nobody says.
    ///
    /// # Errors
    /// When the input is no number from 1.
    pub(crate) fn jobs(&self) -> Result<Option<u32>, Error> {
        count("jobs", &self.jobs)
    }

    /// How many jobs of this job id report: those of its matrix.
    ///
    /// # Errors
    /// When the input is no number from 1.
    pub(crate) fn jobs_of_id(&self) -> Result<Option<u32>, Error> {
        count("matrix-jobs", &self.matrix_jobs)
    }

    /// Where the history is.
    pub(crate) fn history(&self) -> &str {
        or_default(&self.history, HISTORY)
    }

    /// The path of the configuration file.
    pub(crate) fn config(&self) -> &str {
        or_default(&self.config, CONFIG)
    }

    /// Whether runs of `branch` are recorded as history.
    pub(crate) fn records(&self, branch: &str, default_branch: &str) -> bool {
        let mut patterns = lines(&self.record_branches).peekable();
        if patterns.peek().is_none() {
            return default_branch.is_empty() || branch == default_branch;
        }
        patterns.any(|pattern| matches(pattern, branch).is_some())
    }

    /// The job whose results an artifact holds; `None` when it holds none.
    pub(crate) fn job_of_artifact(&self, artifact: &str) -> Option<String> {
        lines(or_default(&self.artifacts, ARTIFACTS)).find_map(|pattern| matches(pattern, artifact))
    }

    /// The configuration `text` of the file `config`, with the inputs on top.
    ///
    /// # Errors
    /// When either cannot be used.
    pub(crate) fn settings(&self, text: &str) -> Result<Config, Error> {
        let fail_on = Some(self.fail_on.as_str()).filter(|words| !words.trim().is_empty());
        settings::parse(text, self.config(), fail_on)
    }

    /// Where and how the answer is published.
    ///
    /// # Errors
    /// When an input is none of its words.
    pub(crate) fn publishing(&self) -> Result<Publishing, Error> {
        Ok(Publishing {
            comment: word(
                "comment",
                &self.comment,
                &[
                    ("auto", CommentMode::Auto),
                    ("always", CommentMode::Always),
                    ("off", CommentMode::Off),
                ],
            )?,
            name: or_default(&self.check_name, NAME).to_owned(),
            status: truth("status", &self.status)?,
            check_run: truth("check-run", &self.check_run)?,
            annotations: truth("annotations", &self.annotations)?,
            summary: truth("summary", &self.summary)?,
            on_undecided: word(
                "on-undecided",
                &self.on_undecided,
                &[
                    ("neutral", OnUndecided::Neutral),
                    ("failure", OnUndecided::Failure),
                ],
            )?,
            dry_run: truth("dry-run", &self.dry_run)?,
        })
    }
}

/// An empty input is one that was not set.
fn or_default<'a>(text: &'a str, default: &'a str) -> &'a str {
    match text.trim() {
        "" => default,
        text => text,
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The values of a matrix, as GitHub names a job after them; empty for none.
fn matrix_values(json: &str) -> String {
    let Ok(serde_json::Value::Object(matrix)) = serde_json::from_str(json) else {
        return String::new();
    };
    let values = matrix.values().map(|value| match value {
        serde_json::Value::String(text) => text.clone(),
        value @ (serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_)) => value.to_string(),
    });
    values.collect::<Vec<_>>().join(", ")
}

/// What the first `*` of a pattern stands for in `text` (all of it when the pattern has none); `None` when it does not match.
pub(crate) fn matches(pattern: &str, text: &str) -> Option<String> {
    let Some((before, after)) = pattern.split_once('*') else {
        return (pattern == text).then(|| text.to_owned());
    };
    let rest = text.strip_prefix(before)?;
    if !after.contains('*') {
        return rest.strip_suffix(after).map(str::to_owned);
    }
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    let mut splits = ends.map(|at| rest.split_at(at));
    splits
        .find(|(_, tail)| matches(after, tail).is_some())
        .map(|(held, _)| held.to_owned())
}

/// A number from 1; `None` for an empty input.
fn count(name: &str, text: &str) -> Result<Option<u32>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let count = text.parse().ok().filter(|count| *count > 0);
    count.map(Some).ok_or_else(|| {
        Error::argument(
            format!("the input `{name}` is `{text}`"),
            "write how many, such as 3",
        )
    })
}

fn truth(name: &str, text: &str) -> Result<bool, Error> {
    word(name, text, &[("true", true), ("false", false)])
}

/// One of a few words; an empty input is the first.
fn word<T: Copy>(name: &str, text: &str, words: &[(&str, T)]) -> Result<T, Error> {
    let text = text.trim();
    let found = words
        .iter()
        .find(|(word, _)| text.is_empty() || text.eq_ignore_ascii_case(word));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Error::argument(
            format!("the input `{name}` is `{text}`"),
            format!("write one of {}", known.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{CommentMode, Inputs, matches};

    #[derive(clap::Parser)]
    struct Step {
        #[command(flatten)]
        inputs: Inputs,
    }

    fn inputs(arguments: &[&str]) -> Inputs {
        let arguments = std::iter::once(&"action").chain(arguments);
        Step::try_parse_from(arguments).unwrap().inputs
    }

    #[test]
    fn a_job_is_named_after_its_matrix_values() {
        let job = |matrix: &str| inputs(&["--matrix", matrix]).job("unit");
        assert_eq!(
            job(r#"{"os":"ubuntu-24.04","py":3.12}"#),
            "unit (ubuntu-24.04, 3.12)"
        );
        assert_eq!((job("null").as_str(), job("{}").as_str()), ("unit", "unit"));
        assert_eq!(inputs(&["--job", "mine"]).job("unit"), "mine");
    }

    #[test]
    fn the_default_branch_is_recorded_unless_others_are_named() {
        assert!(inputs(&[]).records("main", "main"));
        assert!(!inputs(&[]).records("topic", "main"));
        let named = inputs(&["--record-branches", "main\nrelease-*"]);
        assert!(named.records("release-1.2", "main") && !named.records("topic", "main"));
    }

    #[test]
    fn an_artifact_names_its_job() {
        let job = |name: &str| inputs(&[]).job_of_artifact(name);
        assert_eq!(
            job("sprag-results-unit (3.12)").as_deref(),
            Some("unit (3.12)")
        );
        assert_eq!(job("coverage"), None);
        assert_eq!(matches("a-*-*-z", "a-b-c-z").as_deref(), Some("b"));
        assert_eq!(matches("plain", "plain").as_deref(), Some("plain"));
    }

    #[test]
    fn files_may_have_either_name() {
        let both = inputs(&["--files", "a.xml\n\n b.xml", "--report-paths", "c.xml"]);
        assert_eq!(both.patterns(), ["a.xml", "b.xml", "c.xml"]);
    }

    #[test]
    fn a_word_that_is_none_is_refused_with_those_that_are() {
        let comment = |word: &str| inputs(&["--comment", word]).publishing();
        assert_eq!(comment("OFF").unwrap().comment, CommentMode::Off);
        assert_eq!(comment("").unwrap().comment, CommentMode::Auto);
        let refused = comment("sometimes").unwrap_err().to_string();
        insta::assert_snapshot!(refused, @"the input `comment` is `sometimes` (hint: write one of auto, always, off)");
    }

    #[test]
    fn of_several_outcomes_the_worst_counts() {
        let outcome = |text: &str| inputs(&["--outcome", text]).outcome();
        assert_eq!(outcome("success failure").unwrap(), "failure");
        assert_eq!(outcome("skipped,success").unwrap(), "skipped");
        assert_eq!(outcome(" ").unwrap(), "");
        let refused = outcome("failed").unwrap_err().to_string();
        insta::assert_snapshot!(refused, @"the input `outcome` is `failed` (hint: write the expression `steps.ID.outcome`, which is one of cancelled, failure, skipped, success)");
    }

    #[test]
    fn the_token_is_in_no_debug_output() {
        let inputs = inputs(&["--github-token", "ghs_secret"]);
        assert!(!format!("{inputs:?}").contains("ghs_secret"));
    }
}
