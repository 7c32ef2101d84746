//! `history verify`, `compact` and `snapshot`: keep a history whole and small.

use std::collections::BTreeSet;

use history::{BaselineOf, CompactOptions, History, Lane, Verified};
use host::Exit;
use model::{Problem, RunKey, Timestamp};
use serde::Serialize;

use super::{answer, note_problems};
use crate::cli::{HistoryArgs, HistoryCompact};
use crate::context::Context;
use crate::error::Error;
use crate::remote;
use crate::settings::{self, Retention};

/// The proof, as `--json` prints it.
#[derive(Serialize)]
struct Proof<'a> {
    whole: bool,
    #[serde(flatten)]
    verified: &'a Verified,
}

pub(super) fn verify(arguments: &HistoryArgs, context: &Context) -> Result<Exit, Error> {
    let verified = remote::open(&arguments.store.history, context)?.verify()?;
    let whole = verified.problems.is_empty();
    note_problems(context, &verified.problems);
    let state = if whole { "whole" } else { "DAMAGED" };
    let text = format!(
        "{state}: {} runs, {} rows in {} files of {} bytes, every checksum compared; {} problems\n",
        verified.runs,
        verified.rows,
        verified.files,
        verified.bytes,
        verified.problems.len()
    );
    let proof = Proof {
        whole,
        verified: &verified,
    };
    answer(context, arguments.json, &proof, &text)?;
    Ok(if whole { Exit::Clear } else { Exit::Blocked })
}

pub(super) fn compact(arguments: &HistoryCompact, context: &Context) -> Result<Exit, Error> {
    let history = remote::open(&arguments.common.store.history, context)?;
    let given = Retention {
        full_days: arguments.full_days,
        outcome_days: arguments.outcome_days,
        failure_days: arguments.keep_days,
        pr_days: arguments.pr_days,
    };
    let file = settings::retention(arguments.config.as_deref())?;
    let mut options = history.retention(context.now);
    given.apply(&file, &mut options)?;
    let done = history.compact(&options)?;
    note_problems(context, &done.problems);
    let text = format!(
        "compacted {} rows of {} runs into {} files; let go {} runs and {} rows, deleted {} old files\n",
        done.rows, done.runs, done.files, done.expired_runs, done.expired_rows, done.deleted
    );
    answer(context, arguments.common.json, &done, &text)?;
    refresh(&history, context)?;
    history.squash(0)?;
    Ok(Exit::Clear)
}

/// Keeps a history small and the snapshot of a branch new, without a word: what `action` does after it has recorded a run. `retention` is asked for when it is time to let
/// rows go; when it cannot be told nothing is let go.
pub(crate) fn look_after(
    history: &History,
    run: &RunKey,
    context: &Context,
    retention: impl FnOnce() -> Result<Retention, Error>,
) -> Result<(), Error> {
    if history.is_compaction_due(context.now)? {
        let mut options = history.retention(context.now);
        let file = retention().and_then(|file| Retention::default().apply(&file, &mut options));
        match file {
            Ok(()) => compact_quietly(history, &options, context),
            Err(error) => context.console.note(&format!(
                "the history is not compacted, because it is not known how long it is kept: {error}"
            )),
        }
    }
    if !history.is_branch() {
        refresh_one(history, (&run.repo, &run.branch), context)?;
    }
    remote::squash(history, context);
    Ok(())
}

/// A history that is not compacted now is as good as before: the run is recorded, and the next one will do it.
fn compact_quietly(history: &History, options: &CompactOptions, context: &Context) {
    // What compaction replaces stays until the squash after it: better not on top of what was replaced before.
    remote::squash(history, context);
    match history.compact(options) {
        Ok(compacted) => note_problems(context, &compacted.problems),
        Err(error) => context
            .console
            .note(&format!("the history was not compacted: {error}")),
    }
}

/// One refreshed snapshot, as `--json` prints it.
#[derive(Serialize)]
struct Snapshot {
    repo: String,
    branch: String,
    new_runs: u64,
    rebuilt: bool,
    bytes: u64,
    problems: Vec<Problem>,
}

pub(super) fn snapshot(arguments: &HistoryArgs, context: &Context) -> Result<Exit, Error> {
    let history = remote::open(&arguments.store.history, context)?;
    let snapshots = refresh(&history, context)?;
    let said = |s: &Snapshot| {
        format!(
            "{} {}: {} new runs, {} bytes\n",
            s.repo, s.branch, s.new_runs, s.bytes
        )
    };
    let text: String = snapshots.iter().map(said).collect();
    answer(context, arguments.json, &snapshots, &text)?;
    Ok(Exit::Clear)
}

/// Brings the snapshot of every base branch up to date.
fn refresh(history: &History, context: &Context) -> Result<Vec<Snapshot>, Error> {
    let stat = history.stat()?;
    let base = stat.jobs.keys().filter(|of| of.lane == Lane::Base);
    let branches: BTreeSet<(&str, &str)> = base
        .map(|of| (of.repo.as_str(), of.branch.as_str()))
        .collect();
    branches
        .into_iter()
        .map(|branch| refresh_one(history, branch, context))
        .collect()
}

fn refresh_one(
    history: &History,
    branch: (&str, &str),
    context: &Context,
) -> Result<Snapshot, Error> {
    let (repo, branch) = (branch.0.to_owned(), branch.1.to_owned());
    let of = BaselineOf {
        repo,
        branch,
        // A run without a time of its own started now.
        at: Timestamp(context.now.0.saturating_add(1)),
    };
    let done = history.snapshot(&of)?;
    note_problems(context, &done.problems);
    Ok(Snapshot {
        repo: of.repo,
        branch: of.branch,
        new_runs: done.new_runs,
        rebuilt: done.rebuilt,
        bytes: done.bytes + done.detail_bytes,
        problems: done.problems,
    })
}
