//! `history stat` and `history show`: look at what is recorded.

use std::fmt::Write as _;

use history::{Filter, Lane, Stat, TestHistory, TestResultAt};
use host::Exit;
use model::{Outcome, Problem, TestId, TestName, Timestamp};
use serde::Serialize;

use super::{answer, note_problems};
use crate::cli::{HistoryArgs, HistoryShow};
use crate::context::Context;
use crate::error::Error;
use crate::remote;

/// A whole history, as `stat --json` prints it.
#[derive(Serialize)]
struct StatJson<'a> {
    runs: u64,
    rows: u64,
    tests: u64,
    bytes: u64,
    run_files: u64,
    compacted_files: u64,
    compacted_rows: u64,
    compacted_bytes: u64,
    commits: u64,
    jobs: Vec<JobJson<'a>>,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct JobJson<'a> {
    repo: &'a str,
    branch: &'a str,
    job: &'a str,
    pull_requests: bool,
    runs: u64,
    rows: u64,
    first: Timestamp,
    last: Timestamp,
}

pub(super) fn stat(arguments: &HistoryArgs, context: &Context) -> Result<Exit, Error> {
    let stat = remote::open(&arguments.store.history, context)?.stat()?;
    note_problems(context, &stat.problems);
    answer(
        context,
        arguments.json,
        &stat_json(&stat),
        &stat_text(&stat),
    )?;
    Ok(Exit::Clear)
}

fn stat_json(stat: &Stat) -> StatJson<'_> {
    let jobs = stat.jobs.iter().map(|(of, job)| JobJson {
        repo: &of.repo,
        branch: &of.branch,
        job: &of.job,
        pull_requests: of.lane == Lane::Pr,
        runs: job.runs,
        rows: job.rows,
        first: job.first,
        last: job.last,
    });
    StatJson {
        runs: stat.runs(),
        rows: stat.rows(),
        tests: stat.tests,
        bytes: stat.bytes,
        run_files: stat.run_files,
        compacted_files: stat.compacted_files,
        compacted_rows: stat.compacted_rows,
        compacted_bytes: stat.compacted_bytes,
        commits: stat.commits,
        jobs: jobs.collect(),
        problems: &stat.problems,
    }
}

fn stat_text(stat: &Stat) -> String {
    let mut text = format!(
        "{} runs, {} rows, {} bytes ({} run files, {} compacted files with {} rows)\n",
        stat.runs(),
        stat.rows(),
        stat.bytes,
        stat.run_files,
        stat.compacted_files,
        stat.compacted_rows
    );
    for (of, job) in &stat.jobs {
        let lane = if of.lane == Lane::Pr {
            " (pull requests)"
        } else {
            ""
        };
        let (first, last) = (job.first.date(), job.last.date());
        let _infallible = writeln!(
            text,
            "{} {} {}{lane}: {} runs, {} rows, {first} to {last}",
            of.repo, of.branch, of.job, job.runs, job.rows
        );
    }
    text
}

/// Tests listed when a text means several.
const LISTED: usize = 20;

/// Results printed for a person; `--json` gives all.
const RESULTS: usize = 60;

/// One past result, as `show --json` prints it.
#[derive(Serialize)]
struct ResultJson<'a> {
    at: Timestamp,
    job: &'a str,
    run: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pr: Option<u64>,
    outcome: Outcome,
    flaked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    url: &'a str,
}

#[derive(Serialize)]
struct TestJson<'a> {
    id: TestId,
    test: &'a TestName,
    results: Vec<ResultJson<'a>>,
}

pub(super) fn test(arguments: &HistoryShow, context: &Context) -> Result<Exit, Error> {
    let history = remote::open(&arguments.common.store.history, context)?;
    let found = history.find_tests(&arguments.test, &Filter::default())?;
    if found.is_empty() {
        return Err(Error::argument(
            format!("the history holds no test `{}`", arguments.test),
            "give a part of its name, or its id",
        ));
    }
    if found.len() > LISTED {
        return Err(too_many(&found, &arguments.test));
    }
    let (shown, problems) = history.show(&found, &Filter::default())?;
    note_problems(context, &problems);
    let json: Vec<TestJson<'_>> = shown.iter().map(test_json).collect();
    let text: String = shown.iter().map(test_text).collect();
    answer(context, arguments.common.json, &json, &text)?;
    Ok(Exit::Clear)
}

fn too_many(found: &[(TestId, TestName)], text: &str) -> Error {
    let names: Vec<String> = found
        .iter()
        .take(5)
        .map(|(_, name)| name.to_string())
        .collect();
    Error::argument(
        format!(
            "`{text}` is part of {} names: {}, ...",
            found.len(),
            names.join(", ")
        ),
        "give more of the name",
    )
}

fn test_json(test: &TestHistory) -> TestJson<'_> {
    TestJson {
        id: test.id,
        test: &test.name,
        results: test.results.iter().map(result_json).collect(),
    }
}

fn result_json(result: &TestResultAt) -> ResultJson<'_> {
    ResultJson {
        at: result.run.started_at,
        job: &result.run.key.job,
        run: &result.run.key.run,
        pr: result.run.pr,
        outcome: result.outcome,
        flaked: result.flaked,
        duration_ms: result.duration_ms,
        message: &result.text,
        url: &result.run.url,
    }
}

fn test_text(test: &TestHistory) -> String {
    let mut text = format!(
        "{} ({}), {} results\n",
        test.name,
        test.id,
        test.results.len()
    );
    let newest = test.results.len().saturating_sub(RESULTS);
    for result in test.results.iter().skip(newest) {
        let flaked = if result.flaked { " (flaked)" } else { "" };
        let message: String = result
            .text
            .lines()
            .next()
            .unwrap_or_default()
            .escape_debug()
            .take(100)
            .collect();
        let run = &result.run;
        let _infallible = writeln!(
            text,
            "  {}  {:5}{flaked}  {}  {}  {message}",
            run.started_at,
            result.outcome.word(),
            run.key.job,
            run.key.run
        );
    }
    text + "\n"
}
