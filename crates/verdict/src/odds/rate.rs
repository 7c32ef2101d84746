//! How often a test fails by itself, and whether the base is broken.

use model::{Outcome, TestId, Timestamp};
use stats::{BetaPrior, BetaSample};

use super::{RunFacts, Seen};
use crate::baseline::{Entry, Recent};
use crate::{Baseline, Config};

/// Runs with which the mean of a suite is shrunk to that of the repository.
const SUITE_SHRINK_RUNS: f64 = 50.0;

/// The failure rate of a test by itself, from a chain of levels, and what each level said.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    /// The rate of this test in this job.
    pub(crate) rate: BetaPrior,
    /// Decayed (runs, failures): this test in this job, in other jobs, its suite, the repository.
    pub(crate) levels: [(f64, f64); 4],
}

impl Rates {
    /// The chain repository -> suite -> other jobs -> this job: each level is the prior of the next, with bounded weight.
    pub(crate) fn of(
        config: &Config,
        base: &Baseline,
        (job, at): (Option<u32>, Timestamp),
        id: TestId,
    ) -> Self {
        let entry = job.and_then(|job| base.entry(id, job));
        let repository = base.learnt.rate.counts(at);
        let fitted = base.prior();
        let weight = fitted.weight().min(config.pooled_weight);
        let any = entry.or_else(|| base.entries_of(id).map(|(_, e)| e).next());
        let suite = any.and_then(|e| base.suites.get(&e.suite));
        let suite = suite.map_or((0.0, 0.0), |s| s.rate.counts(at));
        let mean = (suite.1 + SUITE_SHRINK_RUNS * fitted.mean()) / (suite.0 + SUITE_SHRINK_RUNS);
        let others = others(config, base, (job, at), id);
        let own = entry.map_or((0.0, 0.0), |e| kept(config, e, at));
        let rate = BetaPrior::of_mean(mean, weight)
            .after(bounded(others, config.other_jobs_weight))
            .after(bounded(own, config.own_weight));
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
        now: (Timestamp, &Seen<'_>),
    ) -> f64 {
        let factor = base
            .learnt
            .chance_factor(self.rate.mean(), config.chance_weight)
            .clamp(0.1, 50.0);
        let slow = (self.rate.mean() * factor).min(0.95);
        let (runs, failures) = spell(config, base, now);
        let weight = config.spell_weight;
        let spell = (failures + weight * slow) / (runs + weight);
        (1.0 - config.spell_share) * slow + config.spell_share * spell
    }
}

/// Decayed runs and failures of the test in the other jobs.
fn others(
    config: &Config,
    base: &Baseline,
    (job, at): (Option<u32>, Timestamp),
    id: TestId,
) -> (f64, f64) {
    let others = base.entries_of(id).filter(|(other, _)| Some(*other) != job);
    others.fold((0.0, 0.0), |sum, (_, entry)| {
        let (runs, failures) = kept(config, entry, at);
        (sum.0 + runs, sum.1 + failures)
    })
}

/// Decayed runs and failures without segments of a broken base; flakes count in part.
fn kept(config: &Config, entry: &Entry, at: Timestamp) -> (f64, f64) {
    let (runs, failures) = entry.kept_counts(at);
    let flaked = entry.trouble.as_ref();
    let flaked = flaked.map_or(0.0, |t| t.flaked.counts(at).0 * config.flake_weight);
    (runs, (failures + flaked).min(runs))
}

fn bounded((runs, failures): (f64, f64), most: f64) -> BetaSample {
    let keep = (most / runs.max(1e-9)).min(1.0);
    BetaSample {
        runs: runs * keep,
        failures: failures * keep,
    }
}

/// Runs and failures of the test over all jobs in the last days; a failure with another text counts in part.
fn spell(config: &Config, base: &Baseline, (at, seen): (Timestamp, &Seen<'_>)) -> (f64, f64) {
    let troubles = base
        .entries_of(seen.id)
        .filter_map(|(_, e)| e.trouble.as_ref());
    let recent = troubles.flat_map(|t| {
        let newest = t.recent.iter().rev();
        newest.take_while(|r| at.days_since(r.at) <= config.spell_days)
    });
    recent.fold((0.0, 0.0), |sum, recent| {
        (sum.0 + 1.0, sum.1 + spell_weight(config, recent, seen))
    })
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

/// P(the base is broken so that this test fails), and P(this text | so): from the failures in a row at or before the
/// merge base. A pass on a later commit of the base does not clear an older merge base; a pass at the merge base does.
pub(crate) fn broken_streak(base: &Baseline, run: &RunFacts<'_>, seen: &Seen<'_>) -> (f64, f64) {
    let entry = run.job.and_then(|job| base.entry(seen.id, job));
    let Some(trouble) = entry.and_then(|e| e.trouble.as_ref()) else {
        return (0.0, 0.0);
    };
    let before = trouble
        .recent
        .iter()
        .rev()
        .filter(|r| r.run <= run.merge_base);
    let failing = before.take_while(|r| r.outcome != Outcome::Pass);
    let failing: Vec<&Recent> = failing.collect();
    let Some(nearest) = failing.first() else {
        return (0.0, 0.0);
    };
    let len = u32::try_from(failing.len()).unwrap_or(u32::MAX);
    let same = |r: &&Recent| {
        r.signature.is_none() || seen.signature.is_none() || r.signature == seen.signature
    };
    let text = if same(nearest) || failing.iter().skip(1).any(same) {
        1.0
    } else {
        0.1
    };
    (base.learnt.again_rate(len), text)
}
