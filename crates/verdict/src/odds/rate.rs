//! How often a test fails by itself, and whether the base is broken.

use model::{Outcome, TestId, Timestamp};
use stats::{BetaPrior, BetaSample};

use super::{RunFacts, Seen};
use crate::baseline::{Entry, Recent};
use crate::{Baseline, Config};

/// Runs with which the mean of a suite is shrunk to that of the repository.
const SUITE_SHRINK_RUNS: f64 = 50.0;

/// P(a broken base makes the test fail with another text than any in the row): some breaks say something new each time.
const OTHER_TEXT_WHILE_BROKEN: f64 = 0.1;

/// Where and when a test is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Index of the job; `None` when the base never ran it.
    pub(crate) job: Option<u32>,
    /// The moment as of which counts are decayed.
    pub(crate) at: Timestamp,
}

/// The failure rate of a test by itself, from a chain of levels, and what each level said.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    /// The rate of this test in this job.
    pub(crate) rate: BetaPrior,
    /// Decayed counts: this test in this job, in other jobs, its suite, the repository.
    pub(crate) levels: [BetaSample; 4],
}

impl Rates {
    /// The chain repository -> suite -> other jobs -> this job: each level is the prior of the next, with bounded weight.
    pub(crate) fn of(config: &Config, base: &Baseline, place: Place, id: TestId) -> Self {
        let at = place.at;
        let entry = place.job.and_then(|job| base.entry(id, job));
        let repository = base.learnt.rate.counts(at);
        let fitted = base.prior();
        let weight = fitted.weight().min(config.pooled_weight);
        let any = entry.or_else(|| base.entries_of(id).map(|(_, e)| e).next());
        let suite = any.and_then(|e| base.suites.get(&e.suite));
        let suite = suite.map(|s| s.rate.counts(at)).unwrap_or_default();
        let mean =
            (suite.failures + SUITE_SHRINK_RUNS * fitted.mean()) / (suite.runs + SUITE_SHRINK_RUNS);
        let others = others(config, base, place, id);
        let own = entry.map(|e| kept(config, e, at)).unwrap_or_default();
        let rate = BetaPrior::of_mean(mean, weight)
            .after(others.bounded(config.other_jobs_weight))
            .after(own.bounded(config.own_weight));
        Self {
            rate,
            levels: [own, others, suite, repository],
        }
    }

    /// P(the test fails now by itself): long-term rate and current spell, mixed.
    pub(super) fn chance(
        &self,
        config: &Config,
        base: &Baseline,
        at: Timestamp,
        seen: &Seen<'_>,
    ) -> f64 {
        let factor = base
            .learnt
            .chance_factor(self.rate.mean(), config.chance_weight)
            .clamp(0.1, 50.0);
        let slow = (self.rate.mean() * factor).min(0.95);
        let recent = spell(config, base, at, seen);
        let weight = config.spell_weight;
        let spell = (recent.failures + weight * slow) / (recent.runs + weight);
        (1.0 - config.spell_share) * slow + config.spell_share * spell
    }
}

/// Decayed runs and failures of the test in the other jobs.
fn others(config: &Config, base: &Baseline, place: Place, id: TestId) -> BetaSample {
    let others = base
        .entries_of(id)
        .filter(|(other, _)| Some(*other) != place.job);
    others.map(|(_, entry)| kept(config, entry, place.at)).sum()
}

/// Decayed runs and failures without segments of a broken base; flakes count in part.
fn kept(config: &Config, entry: &Entry, at: Timestamp) -> BetaSample {
    let kept = entry.kept_counts(at);
    let flaked = entry.trouble.as_ref();
    let flaked = flaked.map_or(0.0, |t| t.flaked.counts(at).runs * config.flake_weight);
    BetaSample {
        runs: kept.runs,
        failures: (kept.failures + flaked).min(kept.runs),
    }
}

/// Runs and failures of the test over all jobs in the last days; a failure with another text counts in part.
fn spell(config: &Config, base: &Baseline, at: Timestamp, seen: &Seen<'_>) -> BetaSample {
    let troubles = base
        .entries_of(seen.id)
        .filter_map(|(_, e)| e.trouble.as_ref());
    let recent = troubles.flat_map(|t| {
        let newest = t.recent.iter().rev();
        newest.take_while(|r| at.days_since(r.at) <= config.spell_days)
    });
    let outcomes = recent.map(|recent| BetaSample {
        runs: 1.0,
        failures: spell_weight(config, recent, seen),
    });
    outcomes.sum()
}

fn spell_weight(config: &Config, recent: &Recent, seen: &Seen<'_>) -> f64 {
    if !recent.outcome.is_failure() && !recent.flaked {
        return 0.0;
    }
    if recent.signature.is_none() || recent.signature == seen.signature {
        1.0
    } else {
        config.spell_other_text
    }
}

/// What the base says of T, the base is broken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Broken {
    /// P(the base is broken so that this test fails).
    pub(super) chance: f64,
    /// P(this text | so).
    pub(super) text: f64,
}

/// T from the failures in a row at or before the merge base. A pass on a later commit of the base does not clear an older
/// merge base; a pass at the merge base does.
pub(super) fn broken(base: &Baseline, run: &RunFacts<'_>, seen: &Seen<'_>) -> Broken {
    let entry = run.place.job.and_then(|job| base.entry(seen.id, job));
    let Some(trouble) = entry.and_then(|e| e.trouble.as_ref()) else {
        return Broken::default();
    };
    let before = trouble
        .recent
        .iter()
        .rev()
        .filter(|r| r.run <= run.merge_base);
    let failing = before.take_while(|r| r.outcome != Outcome::Pass);
    let failing: Vec<&Recent> = failing.collect();
    if failing.is_empty() {
        return Broken::default();
    }
    let len = u32::try_from(failing.len()).unwrap_or(u32::MAX);
    let same = |r: &&Recent| {
        r.signature.is_none() || seen.signature.is_none() || r.signature == seen.signature
    };
    let text = if failing.iter().any(same) {
        1.0
    } else {
        OTHER_TEXT_WHILE_BROKEN
    };
    Broken {
        chance: base.learnt.again_rate(len),
        text,
    }
}
