//! `record`: the results of a run into a history.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use formats::Limits;
use history::Recorded;
use host::{Exit, Progress};
use model::{Problem, RecordedRun, RunInfo, TestRun, Timestamp};
use serde::Serialize;

use crate::cli::{Record, RunArgs};
use crate::context::Context;
use crate::error::Error;
use crate::identify::{Sources, identify};
use crate::load::{self, Loaded};
use crate::remote;

/// What was recorded, as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    run: &'a RunInfo,
    tests: usize,
    new: bool,
    problems: &'a [Problem],
}

pub(crate) fn run(arguments: &Record, context: &Context) -> Result<Exit, Error> {
    let patterns: Vec<String> = arguments
        .files
        .iter()
        .chain(&arguments.results)
        .cloned()
        .collect();
    let files = host::expand(&patterns)?;
    if arguments.run_per_folder {
        return record_folders(arguments, &files, context);
    }
    let sources = Sources {
        ci: context.ci(),
        git: Context::git(),
    };
    let Loaded {
        run: results,
        problems,
        lost,
    } = load::collect(&files, &Limits::default());
    let started_at = started_at(arguments, &results, context.now)?;
    let mut info = identify(
        &arguments.run,
        &sources,
        arguments.branch.as_deref(),
        started_at,
    );
    if let Some(tree) = &arguments.tree {
        info.tree.clone_from(tree);
    }
    info.partial |= lost;
    note(&problems, context);
    if results.results.is_empty() {
        return Err(Error::argument(
            "the files hold no test results",
            "`sprag-compare inspect` shows what each file says",
        ));
    }
    let history = remote::init_for(&info, &arguments.store.history, context)?;
    let run = RecordedRun::of(info, &results);
    let new = history.record_at(&run, context.now)? == Recorded::New;
    context.print(&shown(&run, new, &problems, arguments.json))?;
    remote::squash(&history, context);
    Ok(Exit::Clear)
}

/// The user's word, else the files' own, else now.
fn started_at(arguments: &Record, results: &TestRun, now: Timestamp) -> Result<Timestamp, Error> {
    match &arguments.time {
        Some(text) => parse_time(text, "--time"),
        None => Ok(results.started_at.unwrap_or(now)),
    }
}

/// A moment of the command line.
pub(crate) fn parse_time(text: &str, flag: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).map_err(|error| {
        Error::argument(
            format!("{flag}: not a time: `{}`", error.text),
            "write 2026-11-20T10:00:00Z, a date, or seconds since 1970",
        )
    })
}

fn note(problems: &[Problem], context: &Context) {
    for problem in problems {
        context.console.note(&format!("problem: {problem}"));
    }
}

fn shown(recorded: &RecordedRun, new: bool, problems: &[Problem], json: bool) -> String {
    let (info, tests) = (&recorded.info, recorded.rows.len());
    if json {
        let line = Line {
            run: info,
            tests,
            new,
            problems,
        };
        let line = serde_json::to_string(&line).unwrap_or_default();
        return report::harmless_json(&(line + "\n"));
    }
    let what = if new { "recorded" } else { "known already:" };
    let key = &info.key;
    let pr = info
        .pr
        .map(|number| format!(" of #{number}"))
        .unwrap_or_default();
    report::harmless(&format!(
        "{what} {tests} tests of run {} (attempt {}){pr}, job {}, branch {}, {}",
        key.run, key.attempt, key.job, key.branch, info.started_at
    ))
}

/// Old results: every folder that holds files is one run.
fn record_folders(arguments: &Record, files: &[PathBuf], context: &Context) -> Result<Exit, Error> {
    let history = remote::init(&arguments.store.history, context)?;
    let mut folders: BTreeMap<&Path, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        let folder = file.parent().unwrap_or(Path::new("."));
        folders.entry(folder).or_default().push(file.clone());
    }
    let bar = Progress::new(context.console, "folders", folders.len() as u64);
    for (done, (folder, files)) in (1..).zip(folders) {
        let Loaded {
            run: results,
            problems,
            lost,
        } = load::collect(&files, &Limits::default());
        note(&problems, context);
        if results.results.is_empty() {
            context.console.note(&format!(
                "{}: no test results, passed over",
                folder.display()
            ));
            continue;
        }
        let mut info = folder_run(arguments, folder, &files, &results);
        info.partial |= lost;
        let run = RecordedRun::of(info, &results);
        let new = history.record_at(&run, context.now)? == Recorded::New;
        context.print(&shown(&run, new, &problems, arguments.json))?;
        bar.at(done);
    }
    remote::squash(&history, context);
    Ok(Exit::Clear)
}

/// The run of a folder: named after the folder; its time is the nearest folder name that is a time, else the files' own,
/// else when the oldest file was written. Nothing of today's checkout or CI run is true of old results.
fn folder_run(arguments: &Record, folder: &Path, files: &[PathBuf], results: &TestRun) -> RunInfo {
    let started_at = time_of_folder(folder)
        .or(results.started_at)
        .or_else(|| oldest(files));
    let args = RunArgs {
        repo: arguments.run.repo.clone(),
        job: arguments.run.job.clone(),
        run: Some(folder.display().to_string()),
        attempt: arguments.run.attempt,
        commit: arguments.run.commit.clone(),
        pr: arguments.run.pr,
        url: arguments.run.url.clone(),
        partial: arguments.run.partial,
    };
    identify(
        &args,
        &Sources::default(),
        arguments.branch.as_deref(),
        started_at.unwrap_or_default(),
    )
}

fn time_of_folder(folder: &Path) -> Option<Timestamp> {
    let names = folder
        .components()
        .rev()
        .filter_map(|part| part.as_os_str().to_str());
    names
        .filter(|name| name.len() >= 8)
        .find_map(|name| Timestamp::parse(name).ok())
}

fn oldest(files: &[PathBuf]) -> Option<Timestamp> {
    let written = files
        .iter()
        .filter_map(|file| file.metadata().ok()?.modified().ok());
    let since = written.min()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model::Timestamp;

    use super::time_of_folder;

    #[test]
    fn a_folder_named_by_a_time_says_when_it_ran() {
        let time = |folder: &str| time_of_folder(Path::new(folder));
        assert_eq!(
            time("old/2026-03-01/unit"),
            Timestamp::parse("2026-03-01").ok()
        );
        assert_eq!(time("old/1795132800"), Some(Timestamp(1_795_132_800_000)));
        assert_eq!(time("old/build-7"), None);
        assert_eq!(time("old/42"), None);
    }
}
