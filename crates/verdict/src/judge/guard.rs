//! Guards: is this a run at all? (`docs/verdicts.md`, the model)

use std::collections::BTreeMap;

use model::Signature;

use super::Context;
use crate::Config;
use crate::odds::{Odds, RunFacts};

/// What the guards say of the run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// It is a run like others.
    Sound,
    /// It has no results.
    Empty,
    /// It has far fewer tests than history expects.
    Truncated { ran: u64, expected: u64 },
    /// Far more failed than history expects.
    Mass {
        failed: u64,
        ran: u64,
        one_text: bool,
    },
}

impl Guard {
    pub(crate) fn of(context: &Context<'_>, run: &RunFacts<'_>, odds: &[Odds]) -> Self {
        if run.ran == 0 {
            return Self::Empty;
        }
        let ran = run.ran as u64;
        if let Some(expected) = expected_tests(context)
            && (ran as f64) < context.config.truncated_below * expected as f64
        {
            return Self::Truncated { ran, expected };
        }
        mass_failure(context.config, run, odds)
            .or_else(|| small_suite(context, run, odds))
            .unwrap_or(Self::Sound)
    }

    /// Whether the run itself failed, so that its failures are not judged one by one.
    pub(crate) fn is_outage(&self) -> bool {
        *self != Self::Sound
    }
}

/// The median size of the job's newest complete runs, when there are enough of them to tell.
fn expected_tests(context: &Context<'_>) -> Option<u64> {
    if !context.complete {
        return None;
    }
    let mut sizes = context.known_job()?.sizes.clone();
    sizes.sort_unstable();
    let enough = sizes.len() >= 3;
    sizes
        .get(sizes.len() / 2)
        .filter(|_| enough)
        .map(|n| u64::from(*n))
}

/// Whether most tests of a suite that is too small for [`mass_failure`] failed with one text. A run that lists only some of its
/// tests may list little else than its failures.
fn small_suite(context: &Context<'_>, run: &RunFacts<'_>, odds: &[Odds]) -> Option<Guard> {
    let (config, ran) = (context.config, run.ran as f64);
    let (_, same) = surprising(run, odds);
    let most =
        same >= u64::from(config.most_same_text) && same as f64 > config.most_same_share * ran;
    (most && context.lists_all()).then_some(Guard::Mass {
        failed: same,
        ran: run.ran as u64,
        one_text: true,
    })
}

/// How many failures the base does not explain, and how many of them have the commonest text.
fn surprising(run: &RunFacts<'_>, odds: &[Odds]) -> (u64, u64) {
    let surprising = |o: &Odds| o.again < 0.6 && o.rate.mean() < 0.5;
    let counted = run.seen.iter().zip(odds).filter(|(_, o)| surprising(o));
    let mut failed = 0_u64;
    let mut texts: BTreeMap<Signature, u64> = BTreeMap::new();
    for (seen, _) in counted {
        failed += 1;
        if let Some(signature) = seen.signature {
            *texts.entry(signature).or_default() += 1;
        }
    }
    (failed, texts.values().max().copied().unwrap_or(0))
}

/// Whether far more failed than can have one cause each. Failures that the base explains do not count: a base that is always
/// red is no outage.
pub(crate) fn mass_failure(config: &Config, run: &RunFacts<'_>, odds: &[Odds]) -> Option<Guard> {
    let (failed, same) = surprising(run, odds);
    let beyond = |count: u64, least: u32, share: f64| {
        count as f64 > f64::from(least).max(share * run.ran as f64)
    };
    let one_text = beyond(same, config.mass_same_text, config.mass_same_share);
    let many = beyond(failed, config.mass_failures, config.mass_share);
    (one_text || many).then_some(Guard::Mass {
        failed: if many { failed } else { same },
        ran: run.ran as u64,
        one_text: one_text && !many,
    })
}
