//! The posterior odds of every failure of a run, judged together.

use model::{Signature, TestId, Timestamp};
use stats::{BetaPrior, BetaSample};

use crate::baseline::{Entry, RECENT_TEXT_DAYS, bucket, kind_of};
use crate::{Baseline, Config};

/// One failing test of the run under judgement.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) id: TestId,
    pub(crate) signature: Option<Signature>,
    pub(crate) text: &'a str,
    /// Failed attempts in a row, 1 without retries.
    pub(crate) failed: u32,
}

/// The run under judgement, as far as odds need it.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts<'a> {
    pub(crate) job: Option<u32>,
    pub(crate) at: Timestamp,
    /// Tests that ran.
    pub(crate) ran: usize,
    /// Failures that their rates expect in this run.
    pub(crate) expected: f64,
    pub(crate) seen: Vec<Seen<'a>>,
}

/// What the odds of one failure are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    pub(crate) prior: f64,
    pub(crate) rate: BetaPrior,
    /// Probability of failing again by itself once it failed.
    pub(crate) again: f64,
    pub(crate) caused: f64,
    pub(crate) broken_base: f64,
    pub(crate) flake: f64,
    pub(crate) parts: Parts,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts { slow: f64, spell: f64, factor: f64, known: f64, class: f64, fate: f64, text: f64, crowd: f64 }

impl Odds {
    /// The posterior of C.
    pub(crate) fn p_caused(&self) -> f64 {
        let c = self.prior * self.caused;
        let rest = (1.0 - self.prior) * (self.broken_base + self.flake);
        c / (c + rest).max(1e-300)
    }
}

pub(crate) fn judge_run(config: &Config, base: &Baseline, run: &RunFacts<'_>) -> Vec<Odds> {
    let share = prior_of_break(config, base) / run.ran.max(1) as f64;
    let alone: Vec<Odds> = run
        .seen
        .iter()
        .map(|seen| odds(config, base, run, seen, share))
        .collect();
    let innocent: Vec<f64> = alone.iter().map(|o| 1.0 - o.p_caused()).collect();
    let all: f64 = innocent.iter().sum();
    let alpha = base.learnt.steadiness();
    let together = alone.into_iter().zip(&innocent).map(|(mut o, own)| {
        let others = (all - own).max(0.0);
        let crowd = (alpha + others) / (alpha + run.expected);
        o.flake *= crowd.clamp(0.2, 20.0);
        o.parts.crowd = crowd;
        o.flake = o.flake.min(1.0);
        o
    });
    together.collect()
}

fn prior_of_break(config: &Config, base: &Baseline) -> f64 {
    let w = config.break_rate_weight;
    let learnt = &base.learnt;
    let rate = (config.break_rate * w + f64::from(learnt.breaks)) / (w + f64::from(learnt.runs));
    rate.clamp(config.break_rate, config.break_rate * 2.0)
}

fn odds(config: &Config, base: &Baseline, run: &RunFacts<'_>, seen: &Seen<'_>, share: f64) -> Odds {
    let entry = run.job.and_then(|job| base.entry(seen.id, job));
    let rate = rate_of(config, base, run, seen.id, entry);
    let mut parts = Parts::default();
    let text = text_odds(config, base, run.at, seen, &mut parts);
    let (broken, text_broken) = broken_base(base, run, seen, entry);
    let spell = spell(config, base, run.at, seen);
    let own = entry.map_or((0.0, 0.0), |e| e.kept_counts(run.at));
    let simple = base.prior().mean_after(own);
    let factor = base.learnt.chance_factor(simple, config.chance_weight).clamp(0.1, 50.0);
    let p_slow = (rate.all_fail(seen.failed) * factor).min(0.95);
    let p_spell = (spell.1 + config.spell_weight * p_slow) / (spell.0 + config.spell_weight);
    let p = (1.0 - config.spell_share) * p_slow + config.spell_share * p_spell;
    let again = rate.after(BetaSample { runs: 1.0, failures: 1.0 }).mean();
    Odds {
        prior: if broken > 0.0 { share * 0.2 } else { share },
        rate,
        again: again.max(broken).max(config.again_share * base.learnt.flake_again()).min(0.98),
        caused: 1.0,
        broken_base: broken * text_broken,
        flake: p / text,
        parts: Parts { slow: p_slow, spell: p_spell, factor, text, ..parts },
    }
}

/// The rate of a test in this job: own history, on the same test in other jobs, on its suite, on the repository.
fn rate_of(config: &Config, base: &Baseline, run: &RunFacts<'_>, id: TestId, entry: Option<&Entry>) -> BetaPrior {
    let prior = base.prior();
    let mut level = BetaPrior::of_mean(prior.mean(), prior.weight().min(config.pooled_weight));
    if let Some(suite) = entry.and_then(|e| base.suites.get(&e.suite)) {
        let (runs, failures) = suite.rate.counts(run.at);
        let mean = (failures + 50.0 * level.mean()) / (runs + 50.0);
        level = BetaPrior::of_mean(mean, level.weight());
    }
    let (mut runs, mut failures) = (0.0, 0.0);
    for (job, other) in base.entries_of(id) {
        if Some(job) != run.job {
            let (n, f) = cut_counts(config, other, run.at);
            runs += n;
            failures += f;
        }
    }
    level = level.after(bounded(runs, failures, config.other_jobs_weight));
    if let Some(entry) = entry {
        let (n, f) = cut_counts(config, entry, run.at);
        level = level.after(bounded(n, f, config.own_weight));
    }
    level
}

fn bounded(runs: f64, failures: f64, most: f64) -> BetaSample {
    let keep = (most / runs.max(1e-9)).min(1.0);
    BetaSample { runs: runs * keep, failures: failures * keep }
}

fn cut_counts(config: &Config, entry: &Entry, at: Timestamp) -> (f64, f64) {
    let (runs, failures) = entry.kept_counts(at);
    let flaked = entry.trouble.as_ref().map_or(0.0, |t| t.flaked.counts(at).0 * config.flake_weight);
    (runs, (failures + flaked).min(runs))
}

/// Runs and failures of a test over all jobs in the last days.
fn spell(config: &Config, base: &Baseline, at: Timestamp, seen: &Seen<'_>) -> (f64, f64) {
    let (mut runs, mut failures) = (0.0, 0.0);
    for (_, entry) in base.entries_of(seen.id) {
        let Some(trouble) = &entry.trouble else { continue };
        for recent in trouble.recent.iter().rev() {
            if at.days_since(recent.at) > config.spell_days {
                break;
            }
            runs += 1.0;
            if recent.outcome.is_failure() || recent.flaked {
                let same = recent.signature.is_none() || recent.signature == seen.signature;
                failures += if same { 1.0 } else { config.spell_other_text };
            }
        }
    }
    (runs, failures)
}

/// P(text | caused) / P(text | fails by itself).
fn text_odds(config: &Config, base: &Baseline, at: Timestamp, seen: &Seen<'_>, parts: &mut Parts) -> f64 {
    let Some(signature) = seen.signature else { return 1.0 };
    let texts = base.test_texts.get(&seen.id);
    let (count, total) = texts.map_or((0.0, 0.0), |t| t.counts(signature, at));
    let distinct = texts.map_or(0.0, |t| t.texts.len() as f64);
    let known_rate = base.learnt.known_rate(total);
    let w = 4.0;
    let known_rate = if total < 0.5 { 0.0 } else { 1.0 - ((distinct - 1.0) + w * (1.0 - known_rate)) / (total.max(distinct) + w) };
    let everywhere = base.signatures.get(&signature);
    let all_texts: f64 = 200.0 + base.learnt.texts();
    if count > 0.0 {
        let share = everywhere.map_or(0.0, |s| f64::from(s.tests)) / all_texts;
        let own = known_rate * count / total.max(count);
        return (0.5 * share + 1e-4) / own.max(1e-6);
    }
    let borrowed = base.learnt.borrowed_text.rate(0.5, 10.0);
    let recent = base.learnt.recent_text.rate(0.3, 10.0).min(0.95 * borrowed);
    let fate = base.learnt.fate_odds(everywhere, kind_of(seen.text));
    let new = 1.0 / (1.0 - known_rate).max(0.005);
    let class = match everywhere {
        None => 0.5 / (1.0 - borrowed).max(0.05),
        Some(s) if at.days_since(s.last_at) <= RECENT_TEXT_DAYS => config.recent_caused / recent.max(0.05),
        Some(_) => (0.5 - config.recent_caused) / (borrowed - recent).max(0.02),
    };
    parts.known = new;
    parts.class = class;
    parts.fate = fate;
    new * class * fate
}

/// P(the base is broken so that this test fails), P(this text | so).
fn broken_base(base: &Baseline, run: &RunFacts<'_>, seen: &Seen<'_>, entry: Option<&Entry>) -> (f64, f64) {
    let _ = run;
    let Some(last) = entry.and_then(|e| e.trouble.as_ref()).and_then(|t| t.streaks.last()) else { return (0.0, 0.0) };
    if !last.failed {
        return (0.0, 0.0);
    }
    let again = base.learnt.again_rate(last.len);
    let same = last.signature.is_none() || seen.signature.is_none() || last.signature == seen.signature;
    (again, if same { 1.0 } else { 0.1 })
}

/// A test of how many attempts would be seen with a bucket of texts.
pub(crate) fn text_bucket(total: f64) -> usize {
    bucket(total)
}
