//! Tests that changed without failing: fixed, missing, slower, new-flake.

use std::collections::BTreeSet;

use model::{Change, ChangeKind, TestId, TestName, TestResult};
use stats::LogDuration;

use super::{Context, Guard, Known};
use crate::baseline::{Entry, log_thousandths};

/// Tests with a duration from which a run is corrected for a slow machine.
const ENOUGH_FOR_MACHINE: usize = 20;

/// Runs of a test in a job before it can be missed: once or twice may have been a trial.
const MISSED_AFTER_RUNS: u32 = 3;

pub(super) fn all(context: &Context<'_>, guard: &Guard) -> Vec<Change> {
    if guard.is_outage() || context.job_runs() < context.config.min_runs {
        return Vec::new();
    }
    let machine = machine_factor(context);
    let results = context.results.iter();
    let mut changes: Vec<Change> = results
        .filter_map(|known| of_result(context, known, machine))
        .collect();
    changes.extend(missing(context));
    changes.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.test.cmp(&b.test)));
    changes
}

fn of_result(context: &Context<'_>, known: &Known<'_>, machine: f64) -> Option<Change> {
    let (result, entry) = (known.result, known.entry?);
    if result.outcome().is_failure() || !result.outcome().ran() {
        return None;
    }
    new_flake(context, result, entry)
        .or_else(|| fixed(context, result, entry))
        .or_else(|| slower(context, result, entry, machine))
}

fn change(test: &TestName, kind: ChangeKind, because: String) -> Change {
    Change {
        test: test.clone(),
        id: test.id(),
        kind,
        because,
        base_seconds: None,
        seconds: None,
    }
}

fn fixed(context: &Context<'_>, result: &TestResult, entry: &Entry) -> Option<Change> {
    let last = entry.trouble.as_ref()?.streaks.last()?;
    let broken = last.failed && last.len >= context.config.fixed_after;
    (broken && !result.flaked()).then(|| {
        let because = format!(
            "failed in the last {} runs on the base and passes here",
            last.len
        );
        change(&result.test, ChangeKind::Fixed, because)
    })
}

fn new_flake(context: &Context<'_>, result: &TestResult, entry: &Entry) -> Option<Change> {
    let clean = entry.trouble.is_none() && entry.runs >= context.config.change_runs;
    (result.flaked() && clean).then(|| {
        let failed = result.attempts.iter().filter(|a| a.outcome.is_failure());
        let because = format!(
            "failed {} of {} attempts here and never in {} runs on the base",
            failed.count(),
            result.attempts.len(),
            entry.runs
        );
        change(&result.test, ChangeKind::NewFlake, because)
    })
}

fn slower(
    context: &Context<'_>,
    result: &TestResult,
    entry: &Entry,
    machine: f64,
) -> Option<Change> {
    let config = context.config;
    let usual = usual(entry, config.change_runs)?;
    let seconds = result.seconds()?;
    let deviations = usual.deviations(log_ms(seconds) - machine);
    let base = usual.median.exp() / 1000.0;
    let expected = base * machine.exp();
    let slower = deviations >= config.slower_deviations
        && seconds >= expected * config.slower_times
        && seconds - expected >= config.slower_seconds;
    slower.then(|| {
        let because = format!(
            "took {seconds:.2} s, {:.1} times its usual {expected:.2} s on this machine, {deviations:.0} times its usual spread over {} runs",
            seconds / expected,
            entry.runs
        );
        Change {
            base_seconds: Some(base),
            seconds: Some(seconds),
            ..change(&result.test, ChangeKind::Slower, because)
        }
    })
}

/// The usual log duration of a test, when enough runs were seen.
fn usual(entry: &Entry, least: u32) -> Option<LogDuration> {
    let durations = entry.durations;
    (u32::from(durations.seen) >= least.min(255)).then(|| LogDuration {
        median: f64::from(durations.median) / 1000.0,
        spread: f64::from(durations.spread) / 1000.0,
    })
}

fn log_ms(seconds: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to int cast saturates, and NaN becomes 0"
    )]
    let ms = (seconds * 1000.0) as u32;
    f64::from(log_thousandths(ms)) / 1000.0
}

/// How much slower this run is as a whole: the median of the log ratios of all tests, 0 for a small run.
fn machine_factor(context: &Context<'_>) -> f64 {
    let ratios = context.results.iter().filter_map(|known| {
        let usual = usual(known.entry?, context.config.change_runs)?;
        Some(log_ms(known.result.seconds()?) - usual.median)
    });
    let mut ratios: Vec<f64> = ratios.collect();
    if ratios.len() < ENOUGH_FOR_MACHINE {
        return 0.0;
    }
    ratios.sort_by(f64::total_cmp);
    ratios
        .get(ratios.len() / 2)
        .copied()
        .unwrap_or(0.0)
        .max(0.0)
}

/// Tests that ran in the newest run of this job on the base, and in enough before, and are not in this run at all.
fn missing(context: &Context<'_>) -> Vec<Change> {
    let (Some(job), Some(known), true) = (context.job, context.known_job(), context.complete)
    else {
        return Vec::new();
    };
    let Some(newest) = known.newest.last() else {
        return Vec::new();
    };
    let here: BTreeSet<TestId> = context.results.iter().map(|known| known.id).collect();
    let entries = context.base.entries.iter().filter(|((id, of), entry)| {
        let usual = entry.last_run == *newest && entry.runs >= MISSED_AFTER_RUNS;
        *of == job && usual && !here.contains(id)
    });
    let missed = entries.filter_map(|((id, _), entry)| {
        let name = context.base.names.get(id)?;
        let because = format!(
            "ran in {} runs of this job on the base, the newest among them, and not here",
            entry.runs
        );
        Some(change(name, ChangeKind::Missing, because))
    });
    missed.collect()
}
