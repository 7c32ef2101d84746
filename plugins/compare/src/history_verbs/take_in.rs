//! `history import`: rows of another tool into the history.

use std::path::Path;

use history::{History, ImportOptions, Imported};
use host::{Exit, Progress};
use model::Problem;
use serde::Serialize;

use super::{answer, note_problems};
use crate::cli::HistoryImport;
use crate::context::Context;
use crate::error::Error;

/// What was imported, as `--json` prints it.
#[derive(Default, Serialize)]
struct Sum {
    runs: u64,
    rows: u64,
    known_runs: u64,
    bad_lines: u64,
    problems: Vec<Problem>,
}

impl Sum {
    fn add(&mut self, imported: Imported) {
        self.runs += imported.runs;
        self.rows += imported.rows;
        self.known_runs += imported.known_runs;
        self.bad_lines += imported.bad_lines;
        self.problems.extend(imported.problems);
    }
}

pub(super) fn run(arguments: &HistoryImport, context: &Context) -> Result<Exit, Error> {
    let files = host::expand(&arguments.files)?;
    let history = History::init(&arguments.store.history, context.now)?;
    let options = options(arguments, context);
    let mut sum = Sum::default();
    for file in &files {
        sum.add(import(&history, file, &options, context)?);
    }
    note_problems(context, &sum.problems);
    answer(context, arguments.json, &sum, &text(&sum))?;
    Ok(Exit::Clear)
}

fn options(arguments: &HistoryImport, context: &Context) -> ImportOptions {
    let ci = context.ci();
    let known = [ci.repo, Context::git().repo]
        .into_iter()
        .find(|repo| !repo.is_empty());
    let repo = arguments.repo.clone().or(known);
    ImportOptions {
        now: context.now,
        repo: repo.unwrap_or_else(|| "local".to_owned()),
        branch: "main".to_owned(),
        job: "default".to_owned(),
        partial: arguments.partial,
    }
}

fn import(
    history: &History,
    file: &Path,
    options: &ImportOptions,
    context: &Context,
) -> Result<Imported, Error> {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = Progress::new(context.console, "reading", size);
    Ok(history.import(file, options, &mut |progress| bar.at(progress.bytes))?)
}

fn text(sum: &Sum) -> String {
    let known = match sum.known_runs {
        0 => String::new(),
        runs => format!("; {runs} runs were known already"),
    };
    let bad = match sum.bad_lines {
        0 => String::new(),
        lines => format!("; {lines} lines could not be used"),
    };
    format!(
        "imported {} rows of {} runs{known}{bad}\n",
        sum.rows, sum.runs
    )
}
