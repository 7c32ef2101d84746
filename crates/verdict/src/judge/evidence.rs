//! The evidence of one finding: counts with their window, nearest runs, grid, texts.

use model::{
    Evidence, GridCell, Level, LevelCounts, Likelihood, Outcome, PastRun, Signature, Timestamp,
};

use super::Context;
use super::finding::Judged;
use stats::BetaSample;

use crate::baseline::{Entry, PastFailure, Trouble, WEEKS, window_start};
use crate::odds::{Odds, Rates, RunFacts};

/// Windows of the counts, in weeks, tried in turn until one holds enough runs.
const WINDOWS: [usize; 3] = [2, 4, WEEKS];

/// Runs that a window should hold.
const ENOUGH_RUNS: u64 = 30;

/// Jobs shown in a grid.
const GRID_JOBS: usize = 12;

/// Cells of a grid row for a test that never failed.
const CLEAN_CELLS: usize = 20;

pub(super) fn of(context: &Context<'_>, run: &RunFacts<'_>, judged: &Judged<'_>) -> Evidence {
    let id = judged.failing.id;
    let entry = context.job.and_then(|job| context.base.entry(id, job));
    let mut evidence = counts(context, judged, entry);
    let rates = Rates::of(context.config, context.base, run.place, id);
    evidence.levels = levels(&rates);
    evidence.likelihood = likelihood(&judged.odds);
    evidence.prior_caused = judged.odds.prior;
    evidence.other_prs.clone_from(&judged.failing.other_prs);
    evidence.touched.clone_from(&judged.failing.touched);
    evidence.grid = grid(context, judged);
    evidence
}

/// The likelihoods on one scale: the greatest is at most 1.
fn likelihood(odds: &Odds) -> Likelihood {
    let most = odds.caused.max(odds.broken_base).max(odds.flake).max(1.0);
    Likelihood {
        caused: odds.caused / most,
        broken_base: odds.broken_base / most,
        flake: odds.flake / most,
    }
}

/// Counts and nearest runs in this job.
fn counts(context: &Context<'_>, judged: &Judged<'_>, entry: Option<&Entry>) -> Evidence {
    let at = context.facts.at;
    let Some(entry) = entry else {
        return Evidence::default();
    };
    let wide = |weeks: &&usize| entry.weeks.sum(at, **weeks) >= ENOUGH_RUNS;
    let weeks = WINDOWS.iter().find(wide).copied().unwrap_or(WEEKS);
    Evidence {
        window_days: at.days_since(window_start(at, weeks).max(first_run(context))),
        runs: entry.weeks.sum(at, weeks),
        last_pass: past_run(context, entry.last_pass),
        ..failures(context, judged, entry, weeks)
    }
}

/// When the job was first recorded: no window reaches further back.
fn first_run(context: &Context<'_>) -> Timestamp {
    context
        .known_job()
        .map_or(context.facts.at, |job| job.first_at)
}

/// What the failures of the test in the last `weeks` say; nothing for a test that never failed.
fn failures(context: &Context<'_>, judged: &Judged<'_>, entry: &Entry, weeks: usize) -> Evidence {
    let mut evidence = Evidence::default();
    let Some(trouble) = &entry.trouble else {
        return evidence;
    };
    let at = context.facts.at;
    let from = window_start(at, weeks);
    let signature = judged.failing.signature;
    let all = trouble.failures.sum(at, weeks);
    let broken = entry.broken_failures(from).min(all);
    evidence.failures = all - broken;
    evidence.broken_base_failures = broken;
    evidence.flakes = trouble.flakes.sum(at, weeks);
    evidence.same_signature = same_text(trouble, signature, from);
    evidence.durations_ms = trouble
        .recent
        .iter()
        .filter_map(|r| r.duration_ms)
        .collect();
    if let Some(last) = nearest(trouble, signature) {
        evidence.last_failure = past_run(context, last.run).map(|run| PastRun {
            same_signature: Some(last.signature == signature).filter(|_| last.signature.is_some()),
            ..run
        });
        let state = last.signature.and_then(|s| context.base.signatures.get(&s));
        evidence.base_message = state.map(|s| s.text.clone()).unwrap_or_default();
    }
    evidence
}

/// Failures and flakes with this text since `from`, as far as the newest outcomes and the newest failures reach.
fn same_text(trouble: &Trouble, signature: Option<Signature>, from: Timestamp) -> u64 {
    let same =
        |at: Timestamp, text: Option<Signature>| at >= from && text.is_some() && text == signature;
    let recent = trouble.recent.iter().filter(|r| same(r.at, r.signature));
    let newest = trouble.newest.iter().filter(|f| same(f.at, f.signature));
    recent.count().max(newest.count()) as u64
}

/// The newest failure with this text, else the newest of all.
fn nearest(trouble: &Trouble, signature: Option<Signature>) -> Option<&PastFailure> {
    let newest = || trouble.newest.iter().rev();
    let same = newest().find(|f| f.signature.is_some() && f.signature == signature);
    same.or_else(|| newest().next())
}

fn past_run(context: &Context<'_>, number: u32) -> Option<PastRun> {
    let run = context.base.runs.get(&number)?;
    let job = context.base.jobs.get(run.job as usize)?;
    Some(PastRun {
        job: job.name.clone(),
        run: run.run.clone(),
        at: run.at,
        commit: run.commit.clone(),
        url: run.url.clone(),
        same_signature: None,
    })
}

fn levels(rates: &Rates) -> Vec<LevelCounts> {
    let names = [
        Level::Test,
        Level::OtherJobs,
        Level::Suite,
        Level::Repository,
    ];
    let levels = names.into_iter().zip(rates.levels);
    levels
        .map(|(level, BetaSample { runs, failures })| LevelCounts {
            level,
            runs: rounded(runs),
            failures: rounded(failures),
        })
        .collect()
}

/// Two places are enough to read, and keep the JSON short.
fn rounded(count: f64) -> f64 {
    (count * 100.0).round() / 100.0
}

/// The last runs of the test in its jobs, this job first.
fn grid(context: &Context<'_>, judged: &Judged<'_>) -> Vec<GridCell> {
    let own = |job: u32| Some(job) != context.job;
    let mut rows: Vec<(u32, &Entry)> = context.base.entries_of(judged.failing.id).collect();
    rows.sort_by_key(|(job, entry)| (own(*job), std::cmp::Reverse(entry.last_run)));
    rows.truncate(GRID_JOBS);
    let cells = rows
        .into_iter()
        .map(|(job, entry)| row(context, judged, job, entry));
    cells.flatten().collect()
}

fn row(context: &Context<'_>, judged: &Judged<'_>, job: u32, entry: &Entry) -> Vec<GridCell> {
    let Some(known) = context.base.jobs.get(job as usize) else {
        return Vec::new();
    };
    let signature = judged.failing.signature;
    let cell = |at: Timestamp, outcome: Outcome, flaked: bool, same: bool| GridCell {
        job: known.name.clone(),
        at,
        outcome,
        flaked,
        same_signature: same,
    };
    if let Some(trouble) = &entry.trouble {
        let same = |s: Option<Signature>| s.is_some() && s == signature;
        let cells = trouble.recent.iter();
        let cells = cells.map(|r| cell(r.at, r.outcome, r.flaked, same(r.signature)));
        return cells.collect();
    }
    // Only a complete history says that a test which never failed ran, and so passed, in each of these runs.
    let complete = !known.sizes.is_empty();
    let count = CLEAN_CELLS.min(entry.runs as usize);
    let runs = known.newest.iter().rev().filter(|n| **n <= entry.last_run);
    let runs = runs.filter_map(|n| context.base.runs.get(n)).take(count);
    let cells = runs
        .filter(|_| complete)
        .map(|run| cell(run.at, Outcome::Pass, false, false));
    let mut cells: Vec<GridCell> = cells.collect();
    cells.reverse();
    cells
}
