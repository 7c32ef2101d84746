//! The posterior odds of every failure of a run, judged together (`docs/verdicts.md`, the model).

use std::collections::BTreeMap;

use model::{Signature, TestId};
use stats::{BetaPrior, BetaSample};

use crate::{Baseline, Config};

mod rate;
mod text;

pub(crate) use rate::{Place, Rates};

/// One failing test of the run under judgement.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) id: TestId,
    pub(crate) signature: Option<Signature>,
    /// The raw text, for its kind and for texts that are nearly equal.
    pub(crate) text: &'a str,
    /// Factor on the prior of C: above 1 when the change touches the test.
    pub(crate) touched: f64,
    /// Least probability of failing like this without the change, because other pull requests do.
    pub(crate) elsewhere: f64,
}

/// The run under judgement, as far as odds need it.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts<'a> {
    pub(crate) place: Place,
    /// The newest run of the base that the change contains; `u32::MAX` when unknown.
    pub(crate) merge_base: u32,
    /// Tests that ran.
    pub(crate) ran: usize,
    /// Failures that their rates expect in this run.
    pub(crate) expected: f64,
    pub(crate) seen: Vec<Seen<'a>>,
}

/// The three hypotheses for one failure. The likelihoods are relative to that of C, so they may exceed 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Odds {
    /// P(C) before looking at the failure.
    pub(crate) prior: f64,
    /// P(what was seen | C).
    pub(crate) caused: f64,
    /// P(what was seen and the base is broken | not C).
    pub(crate) broken_base: f64,
    /// P(what was seen and the base is not broken | not C).
    pub(crate) flake: f64,
    /// The failure rate of the test after this failure: what a rerun would show under F.
    pub(crate) rate: BetaPrior,
    /// Least probability that a failure by itself comes again.
    pub(crate) again: f64,
}

/// Posterior probabilities; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Posterior {
    pub(crate) caused: f64,
    pub(crate) broken_base: f64,
    pub(crate) flake: f64,
}

impl Odds {
    pub(crate) fn posterior(&self) -> Posterior {
        let caused = self.prior * self.caused;
        let broken_base = (1.0 - self.prior) * self.broken_base;
        let flake = (1.0 - self.prior) * self.flake;
        let all = (caused + broken_base + flake).max(f64::MIN_POSITIVE);
        Posterior {
            caused: caused / all,
            broken_base: broken_base / all,
            flake: flake / all,
        }
    }

    pub(crate) fn p_caused(&self) -> f64 {
        self.posterior().caused
    }

    /// P(a rerun fails | F).
    fn fails_again(&self) -> f64 {
        self.rate.mean().max(self.again).min(0.98)
    }

    /// P(a rerun of this test on the same commit passes).
    pub(crate) fn p_rerun_passes(&self, config: &Config) -> f64 {
        let p = self.posterior();
        p.caused * config.broken_passes
            + p.broken_base * config.broken_base_passes
            + p.flake * (1.0 - self.fails_again())
    }

    /// The odds after a rerun of this test on the same commit.
    #[must_use]
    pub(crate) fn after_rerun(mut self, config: &Config, failed: bool) -> Self {
        let side = |passes: f64| if failed { 1.0 - passes } else { passes };
        self.caused *= side(config.broken_passes);
        self.broken_base *= side(config.broken_base_passes);
        self.flake *= side(1.0 - self.fails_again());
        let failures = f64::from(u8::from(failed));
        self.rate = self.rate.after(BetaSample {
            runs: 1.0,
            failures,
        });
        self.again = 0.0;
        self
    }

    /// Whether no rerun is worth its time.
    pub(crate) fn settled(&self, config: &Config) -> bool {
        let p = self.p_caused();
        p <= config.settled_low || p >= config.settled_high
    }

    /// Reruns expected until the posterior of C leaves the settled bounds (Wald's sequential test, Annals of
    /// Mathematical Statistics 16, 1945; the expectation by recursion over both outcomes), counted up to `most`.
    pub(crate) fn expected_reruns(&self, config: &Config, most: u32) -> f64 {
        if most == 0 || self.settled(config) {
            return 0.0;
        }
        let passes = self.p_rerun_passes(config);
        let then = |failed| {
            self.after_rerun(config, failed)
                .expected_reruns(config, most - 1)
        };
        1.0 + passes * then(false) + (1.0 - passes) * then(true)
    }
}

/// The odds of every failure of a run: each alone, then in the light of the others.
pub(crate) fn judge_run(config: &Config, base: &Baseline, run: &RunFacts<'_>) -> Vec<Odds> {
    let seen = run.seen.iter();
    let mut alone: Vec<Odds> = seen.map(|seen| odds(config, base, run, seen)).collect();
    one_cause_one_decision(run, &mut alone);
    together(config, base, run, alone)
}

/// How often a run holds a real break. The base only takes what was tested, so what it teaches is a lower bound for changes:
/// it may raise the expected rate, not lower it.
fn prior_of_break(config: &Config, base: &Baseline) -> f64 {
    let (weight, learnt) = (config.break_rate_weight, &base.learnt);
    let rate =
        (config.break_rate * weight + f64::from(learnt.breaks)) / (weight + f64::from(learnt.runs));
    rate.clamp(config.break_rate, config.break_rate * 2.0)
}

fn odds(config: &Config, base: &Baseline, run: &RunFacts<'_>, seen: &Seen<'_>) -> Odds {
    let at = run.place.at;
    let rates = Rates::of(config, base, run.place, seen.id);
    let text = text::odds(config, base, at, seen);
    let chance = rates.chance(config, base, at, seen);
    let broken = rate::broken(base, run, seen);
    let once = BetaSample {
        runs: 1.0,
        failures: 1.0,
    };
    let ran = run.ran.max(1) as f64;
    let prior = (prior_of_break(config, base) / ran * seen.touched).min(0.5);
    let surprise = surprise(config, base) / ran;
    Odds {
        prior: if broken.chance > 0.0 {
            prior * config.broken_prior
        } else {
            prior
        },
        caused: 1.0,
        broken_base: broken.chance * broken.text / text.min(1.0),
        // Either the base is broken in this way or it is not: what T explains is no evidence of a flake.
        flake: (chance / text).max(surprise).max(seen.elsewhere)
            * (1.0 - broken.chance * broken.text),
        rate: rates.rate.after(once),
        again: broken
            .chance
            .max(config.again_share * base.learnt.flake_again())
            .min(0.98),
    }
}

/// Failures of a run for reasons that its history does not show: what was not seen in N runs may still happen in one of N
/// (Laplace's rule of succession), and never less than the configured least.
fn surprise(config: &Config, base: &Baseline) -> f64 {
    config.surprise + 1.0 / (f64::from(base.learnt.runs) + 1.0)
}

/// What the tests that fail with one text have in common.
#[derive(Default)]
struct Shared {
    tests: f64,
    /// Sum of the logarithms of their chances by themselves.
    flake_logs: f64,
    /// The greatest of their likelihoods of a broken base.
    broken_base: f64,
}

/// Tests that fail with one text have one cause: they share the evidence against C (the geometric mean).
fn one_cause_one_decision(run: &RunFacts<'_>, odds: &mut [Odds]) {
    let mut clusters: BTreeMap<Signature, Shared> = BTreeMap::new();
    for (seen, o) in run.seen.iter().zip(odds.iter()) {
        if let Some(signature) = seen.signature {
            let shared = clusters.entry(signature).or_default();
            shared.tests += 1.0;
            shared.flake_logs += o.flake.max(f64::MIN_POSITIVE).ln();
            shared.broken_base = shared.broken_base.max(o.broken_base);
        }
    }
    for (seen, o) in run.seen.iter().zip(odds) {
        let cluster = seen.signature.and_then(|s| clusters.get(&s));
        if let Some(shared) = cluster.filter(|shared| shared.tests > 1.0) {
            o.flake = (shared.flake_logs / shared.tests).exp();
            o.broken_base = shared.broken_base;
        }
    }
}

/// Judges the failures of a run in the light of each other: more failures than the rates expect point to a cause outside.
/// The rates of one run share a Gamma factor with mean 1 and a learnt shape; its posterior mean, given the other failures that
/// are not C's, is (shape + failures) / (shape + expected).
fn together(config: &Config, base: &Baseline, run: &RunFacts<'_>, alone: Vec<Odds>) -> Vec<Odds> {
    let innocent: Vec<f64> = alone.iter().map(|o| 1.0 - o.p_caused()).collect();
    let all: f64 = innocent.iter().sum();
    let shape = base.learnt.steadiness();
    let judged = alone.into_iter().zip(&innocent).map(|(mut o, own)| {
        let others = (all - own).max(0.0);
        let crowd = (shape + others) / (shape + run.expected);
        let crowd = crowd.clamp(1.0 / config.crowd_bound, config.crowd_bound);
        o.flake *= crowd;
        o
    });
    judged.collect()
}
