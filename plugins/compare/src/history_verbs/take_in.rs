//! `history import`: rows of another tool into the history.

use std::path::Path;

use history::{History, ImportOptions, Imported};
use host::{Exit, Progress};

use super::{answer, note_problems};
use crate::cli::HistoryImport;
use crate::context::Context;
use crate::error::Error;
use crate::remote;

pub(super) fn run(arguments: &HistoryImport, context: &Context) -> Result<Exit, Error> {
    let files = host::expand(&arguments.files)?;
    let history = remote::init(&arguments.store.history, context)?;
    let options = options(arguments, context);
    let mut sum = Imported::default();
    for file in &files {
        add(&mut sum, import(&history, file, &options, context)?);
    }
    note_problems(context, &sum.problems);
    answer(context, arguments.json, &sum, &text(&sum))?;
    // Not all of it came in, so a script must not go on as if it had.
    Ok(if sum.cut {
        Exit::Undecided
    } else {
        Exit::Clear
    })
}

fn add(sum: &mut Imported, one: Imported) {
    sum.runs += one.runs;
    sum.rows += one.rows;
    sum.known_runs += one.known_runs;
    sum.bad_lines += one.bad_lines;
    sum.cut |= one.cut;
    sum.problems.extend(one.problems);
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

fn text(sum: &Imported) -> String {
    let known = match sum.known_runs {
        0 => String::new(),
        runs => format!("; {runs} runs were known already"),
    };
    let bad = match sum.bad_lines {
        0 => String::new(),
        lines => format!("; {lines} lines could not be used"),
    };
    let cut = if sum.cut {
        "; the file could not be read to its end"
    } else {
        ""
    };
    format!(
        "imported {} rows of {} runs{known}{bad}{cut}\n",
        sum.rows, sum.runs
    )
}
