//! Numbers learnt from the whole repository: how often it breaks, how failures persist, how rates are spread.

use std::collections::BTreeMap;

use model::{Signature, TestId, Timestamp};
use serde::{Deserialize, Serialize};
use stats::BetaPrior;

use super::observe::Step;
use super::{Baseline, Decayed};

/// How often something followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// How often it could have.
    pub of: u32,
    /// How often it did.
    pub hits: u32,
}

/// Numbers learnt from all observed runs of the base.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learnt {
    /// Runs observed: the number of the newest run.
    pub runs: u32,
    /// The day (since 1970) of the newest sweep: old things dropped, rates fitted.
    pub swept_day: i64,
    /// Runs in which a failure began that lasted.
    pub breaks: u32,
    /// The newest run counted in `breaks`.
    pub last_break: u32,
    /// Decayed runs and failures of all tests.
    pub rate: Decayed,
    /// The day and the number of runs at the newest fit.
    pub fitted_day: i64,
    /// Runs observed at the newest fit.
    pub fitted_runs: u32,
    /// Fitted Beta prior of the failure rate of one test in one job: pseudo-failures. 0 before the first fit.
    pub prior_a: f64,
    /// Pseudo-passes of the same.
    pub prior_b: f64,
    /// How often a test failed again after 1, 2, 3, 4 or more failures in a row.
    pub again: [Transition; 4],
    /// How often the text of a failure was known for its test, for tests with 1, 2-3, 4-7, 8 or more earlier texts.
    pub known_text: [Transition; 4],
    /// How often a text that was new to its test was known from another.
    pub borrowed_text: Transition,
    /// How often a text that was new to its test was just then another's.
    pub recent_text: Transition,
    /// Sum over runs of (failures - expected)^2 - expected: the spread of runs beyond chance.
    pub excess: f64,
    /// Sum over runs of expected^2.
    pub expected_squared: f64,
    /// By bucket of the predicted chance (halving from 1): failures predicted, and failures that passed in the next run.
    pub chances: [Chance; CHANCES],
    /// By kind of failure (see [`super::SignatureState::kind`]): how often it passed in the next run, and how often it lasted.
    pub kinds: BTreeMap<i64, KindCount>,
}

/// Buckets of [`Learnt::chances`].
pub const CHANCES: usize = 16;

/// Predicted against seen failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Sum of predicted chances.
    pub predicted: f64,
    /// Failures that passed in the next run.
    pub seen: u32,
}

/// What became of the failures of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// Failures that passed in the next run of their test.
    pub passing: u32,
    /// Failures that lasted.
    pub lasting: u32,
}

/// Where the text of a failure was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextOrigin {
    /// The test itself had it.
    Known,
    /// Another test had it just now.
    Recent,
    /// Another test had it once.
    Borrowed,
    /// No test had it.
    New,
}

/// From how many failures in a row a failure counts as one that lasts, not as a flake: at a flake rate of 30 % four in a row by
/// chance are rarer than 1 %.
pub(crate) const LASTING_FROM: u32 = 4;

/// Kinds of failure kept; kinds seen once go first.
const KINDS_KEPT: usize = 512;

impl Learnt {
    pub(super) fn forget_kinds(&mut self) {
        if self.kinds.len() > KINDS_KEPT {
            self.kinds
                .retain(|_, k| k.passing.saturating_add(k.lasting) > 1);
        }
    }

    /// The spread of runs beyond chance: their failures against those that the rates of their tests expect.
    pub(super) fn learn_spread(&mut self, expected: f64, failures: f64) {
        // One mass failure must not stand for all runs.
        let distance = (failures - expected).clamp(-20.0, 20.0);
        self.excess += distance * distance - expected;
        self.expected_squared += expected * expected;
    }

    pub(super) fn expect(&mut self, place: u8, chance: f64) {
        if let Some(bucket) = self.chances.get_mut(usize::from(place)) {
            bucket.predicted += chance;
        }
    }

    /// How much more often tests of this predicted chance fail by themselves than predicted.
    pub(crate) fn chance_factor(&self, chance: f64, w: f64) -> f64 {
        let bucket = self.chances.get(usize::from(rate_bucket(chance)));
        bucket.map_or(1.0, |b| (f64::from(b.seen) + w) / (b.predicted + w))
    }

    /// Learns where the text of a failure came from, for a test with so many (decayed) earlier texts.
    pub(super) fn learn_text(&mut self, earlier_texts: f64, origin: TextOrigin) {
        let known = origin == TextOrigin::Known;
        let place = bucket(earlier_texts);
        if earlier_texts >= 0.5
            && let Some(counts) = self.known_text.get_mut(place)
        {
            counts.count(known);
        }
        if !known {
            self.borrowed_text.count(origin != TextOrigin::New);
            self.recent_text.count(origin == TextOrigin::Recent);
        }
    }
}

/// 1, 2-3, 4-7, 8 and more.
pub(crate) fn bucket(earlier_texts: f64) -> usize {
    [1.5, 3.5, 7.5]
        .iter()
        .filter(|edge| earlier_texts > **edge)
        .count()
}

impl Transition {
    fn count(&mut self, hit: bool) {
        self.of = self.of.saturating_add(1);
        self.hits = self.hits.saturating_add(u32::from(hit));
    }
}

impl Baseline {
    /// The fitted prior of a failure rate, or the default before the first fit.
    pub(crate) fn prior(&self) -> BetaPrior {
        if self.learnt.prior_a > 0.0 {
            BetaPrior {
                a: self.learnt.prior_a,
                b: self.learnt.prior_b,
            }
        } else {
            BetaPrior::DEFAULT
        }
    }

    /// The probability that a test fails by itself, from its own history in a job and the fitted prior alone.
    pub(crate) fn chance(&self, test: TestId, job: Option<u32>, at: Timestamp) -> f64 {
        let entry = job.and_then(|job| self.entry(test, job));
        let counts = entry.map(|e| e.kept_counts(at));
        self.prior().mean_after(counts.unwrap_or_default())
    }

    /// Learns what became of a failure: whether it came again, and whether it began one that lasted.
    pub(super) fn learn_streak(&mut self, run: u32, step: &Step) {
        let place = step.before.clamp(1, 4) as usize - 1;
        if let Some(counts) = self.learnt.again.get_mut(place) {
            counts.count(step.again);
        }
        let lasting = step.again && step.before.saturating_add(1) == LASTING_FROM;
        let passing = !step.again && step.before == 1;
        if lasting && self.learnt.last_break != run {
            self.learnt.last_break = run;
            self.learnt.breaks = self.learnt.breaks.saturating_add(1);
        }
        if passing && let Some(bucket) = self.learnt.chances.get_mut(usize::from(step.chance)) {
            bucket.seen = bucket.seen.saturating_add(1);
        }
        if lasting || passing {
            self.learn_fate(step.signature, lasting);
        }
    }

    fn learn_fate(&mut self, signature: Option<Signature>, lasting: bool) {
        let (passed, lasted) = (u32::from(!lasting), u32::from(lasting));
        let Some(state) = signature.and_then(|s| self.signatures.get_mut(&s)) else {
            return;
        };
        state.passing = state.passing.saturating_add(passed);
        state.lasting = state.lasting.saturating_add(lasted);
        let kind = self.learnt.kinds.entry(state.kind).or_default();
        kind.passing = kind.passing.saturating_add(passed);
        kind.lasting = kind.lasting.saturating_add(lasted);
    }
}

impl Transition {
    /// The rate of hits, shrunk to `prior` with the weight of so many cases.
    pub(crate) fn rate(self, prior: f64, weight: f64) -> f64 {
        (f64::from(self.hits) + prior * weight) / (f64::from(self.of) + weight)
    }
}

impl Learnt {
    /// How alike runs are: the shape of the Gamma distribution that multiplies the rates of all tests of one run.
    pub(crate) fn steadiness(&self) -> f64 {
        let shape = (self.expected_squared + 5.0) / (self.excess.max(0.0) + 5.0);
        shape.clamp(0.1, 10.0)
    }

    /// How often the text of a failure is known for a test with so many earlier texts.
    pub(crate) fn known_rate(&self, earlier_texts: f64) -> f64 {
        if earlier_texts < 0.5 {
            return 0.0;
        }
        self.known_text
            .get(bucket(earlier_texts))
            .map_or(0.5, |t| t.rate(0.6, 10.0))
    }

    /// How often a test fails again after so many failures in a row, shrunk to what is usual: 3, 5, 7 and 9 times in ten.
    pub(crate) fn again_rate(&self, failures: u32) -> f64 {
        let place = failures.clamp(1, 4) as usize - 1;
        let usual = f64::from(failures.clamp(1, 4)) * 0.2 + 0.1;
        self.again.get(place).map_or(usual, |t| t.rate(usual, 4.0))
    }

    /// How often a failure that does not last comes again in the next run.
    pub(crate) fn flake_again(&self) -> f64 {
        let [first, _, third, _] = self.again;
        let of = first.of.saturating_sub(third.hits);
        let hits = first.hits.saturating_sub(third.hits);
        Transition { of, hits }.rate(0.2, 10.0)
    }

    /// All failures with a text.
    pub(crate) fn texts(&self) -> f64 {
        f64::from(self.borrowed_text.of)
    }

    /// P(kind of text | a failure that lasts) / P(kind of text | a failure that passes), shrunk to 1.
    pub(crate) fn fate_odds(&self, known: Option<&super::SignatureState>, kind: i64) -> f64 {
        let all = self.kinds.values().fold((5.0, 20.0), |(l, p), k| {
            (l + f64::from(k.lasting), p + f64::from(k.passing))
        });
        let overall = all.0 / (all.0 + all.1);
        let kind = self.kinds.get(&kind).copied().unwrap_or_default();
        let by_kind = shrunk(kind.lasting, kind.passing, overall, 10.0);
        let rate = known.map_or(by_kind, |s| shrunk(s.lasting, s.passing, by_kind, 5.0));
        (rate / (1.0 - rate)) / (overall / (1.0 - overall))
    }
}

fn shrunk(lasting: u32, passing: u32, prior: f64, weight: f64) -> f64 {
    let (l, p) = (f64::from(lasting), f64::from(passing));
    (l + prior * weight) / (l + p + weight)
}

/// The bucket of a chance: 0 for 1/2 and more, 1 for 1/4 and more, ...
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the number of buckets"
)]
pub(super) fn rate_bucket(chance: f64) -> u8 {
    (-chance.max(1e-12).log2())
        .floor()
        .clamp(0.0, CHANCES as f64 - 1.0) as u8
}
