//! One finding a failing test: the verdict, its odds, what to do.

use std::collections::BTreeSet;

use model::{Finding, Verdict};

use super::{Context, Failing, Guard, evidence, words};
use crate::odds::{Odds, Posterior, RunFacts};

/// Reruns that the expectation looks ahead at most.
const LOOK_AHEAD: u32 = 8;

/// One failing test with the odds that the run gives it.
pub(super) struct Case<'a> {
    pub(super) failing: &'a Failing<'a>,
    pub(super) odds: Odds,
    /// Index of its cluster.
    pub(super) cluster: usize,
}

/// One failing test with its verdict.
pub(super) struct Judged<'a> {
    pub(super) failing: &'a Failing<'a>,
    /// The odds after what earlier runs of the same sources say.
    pub(super) odds: Odds,
    pub(super) posterior: Posterior,
    pub(super) verdict: Verdict,
}

/// All findings in the order of reports. In an outage there is one for each cluster.
pub(super) fn all(
    context: &Context<'_>,
    guard: &Guard,
    run: &RunFacts<'_>,
    cases: &[Case<'_>],
) -> Vec<Finding> {
    let mut shown = BTreeSet::new();
    let wanted = cases
        .iter()
        .filter(|case| shown.insert(case.cluster) || !guard.is_outage());
    let mut findings: Vec<Finding> = wanted
        .map(|case| finding(context, guard, run, case))
        .collect();
    findings.sort_by(|a, b| {
        let falling = b.p_caused.total_cmp(&a.p_caused);
        a.verdict
            .cmp(&b.verdict)
            .then(falling)
            .then_with(|| a.test.cmp(&b.test))
    });
    findings
}

fn finding(context: &Context<'_>, guard: &Guard, run: &RunFacts<'_>, case: &Case<'_>) -> Finding {
    let judged = judge_one(context, guard, case);
    let (failing, posterior, verdict) = (case.failing, judged.posterior, judged.verdict);
    let attempts = &failing.result.attempts;
    let failed = attempts.iter().filter(|a| a.outcome.is_failure()).count();
    let mut evidence = evidence::of(context, run, &judged);
    evidence.because = words::because(context, guard, &judged, &evidence);
    evidence.would_change = words::would_change(context, &judged, &evidence);
    Finding {
        test: failing.result.test.clone(),
        id: failing.id,
        verdict,
        blocks: context.config.fail_on.contains(&verdict),
        p_caused: posterior.caused,
        p_broken_base: posterior.broken_base,
        p_flake: posterior.flake,
        p_retest_passes: judged.odds.p_rerun_passes(context.config),
        reruns_to_settle: reruns_to_settle(context, &judged),
        cluster: case.cluster,
        failed_attempts: u32::try_from(failed).unwrap_or(u32::MAX),
        attempts: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
        failure: failing.result.failure().cloned(),
        signature: failing.signature,
        evidence,
    }
}

fn judge_one<'a>(context: &Context<'_>, guard: &Guard, case: &Case<'a>) -> Judged<'a> {
    let failing = case.failing;
    let new = is_new(context, failing);
    let mut odds = case.odds;
    if new {
        odds.prior = odds.prior.max(context.config.new_test_prior);
    }
    let odds = after_reruns(context, failing, odds);
    let posterior = odds.posterior();
    let verdict = if guard.is_outage() {
        Verdict::Outage
    } else {
        decide(context, failing, new, posterior)
    };
    Judged {
        failing,
        odds,
        posterior,
        verdict,
    }
}

/// Earlier runs of the same job on the same sources are reruns of the test.
fn after_reruns(context: &Context<'_>, failing: &Failing<'_>, odds: Odds) -> Odds {
    let rows = context.facts.reruns.iter().filter_map(|run| {
        let rows = run.rows.iter().find(|row| row.id == failing.id);
        rows.filter(|row| row.outcome.ran())
    });
    rows.fold(odds, |odds, row| {
        odds.after_rerun(context.config, row.outcome.is_failure())
    })
}

/// Whether the change adds the test: no job of a known base ever ran it. Where history lists only some tests, the change must
/// also touch it.
fn is_new(context: &Context<'_>, failing: &Failing<'_>) -> bool {
    let known = context.base.entries_of(failing.id).next().is_some();
    let enough = context.job_runs() >= context.config.min_runs;
    !known && enough && (context.complete || !failing.touched.is_empty())
}

fn decide(context: &Context<'_>, failing: &Failing<'_>, new: bool, p: Posterior) -> Verdict {
    let config = context.config;
    if new {
        return Verdict::NewTest;
    }
    let runs: u32 = context
        .base
        .entries_of(failing.id)
        .map(|(_, e)| e.runs)
        .sum();
    if context.job_runs() < config.min_runs || runs == 0 {
        return Verdict::NoBaseline;
    }
    if p.caused >= config.caused_at {
        return Verdict::Caused;
    }
    if p.caused > config.cleared_at {
        return Verdict::Suspect;
    }
    if p.broken_base >= p.flake {
        return Verdict::BrokenBase;
    }
    if failing.other_prs.is_empty() {
        Verdict::Flake
    } else {
        Verdict::Elsewhere
    }
}

fn reruns_to_settle(context: &Context<'_>, judged: &Judged<'_>) -> u32 {
    match judged.verdict {
        Verdict::Outage | Verdict::NewTest | Verdict::NoBaseline => return 0,
        Verdict::Caused
        | Verdict::Suspect
        | Verdict::BrokenBase
        | Verdict::Elsewhere
        | Verdict::Flake => {}
    }
    let expected = judged.odds.expected_reruns(context.config, LOOK_AHEAD);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 8"
    )]
    let whole = expected.ceil() as u32;
    whole
}
