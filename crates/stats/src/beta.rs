//! Failure rates as Beta distributions: prediction, empirical Bayes, decay.

use std::collections::BTreeMap;

use statrs::function::beta::ln_beta;

/// The weight that is left after `days` when half is lost every `half_life_days`.
pub fn decay_factor(days: f64, half_life_days: f64) -> f64 {
    (-days / half_life_days).exp2()
}

/// Runs and failures among them, of one unit or a sum over several. Counts may be decayed, so they are no integers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BetaSample {
    /// Runs.
    pub runs: f64,
    /// Failures among them.
    pub failures: f64,
}

impl BetaSample {
    /// The same rate with at most the weight of so many runs.
    #[must_use]
    pub fn bounded(self, most_runs: f64) -> Self {
        let keep = (most_runs / self.runs.max(1e-9)).min(1.0);
        Self {
            runs: self.runs * keep,
            failures: self.failures * keep,
        }
    }
}

impl std::ops::Add for BetaSample {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            failures: self.failures + other.failures,
        }
    }
}

impl std::iter::Sum for BetaSample {
    fn sum<I: Iterator<Item = Self>>(samples: I) -> Self {
        samples.fold(Self::default(), |sum, sample| sum + sample)
    }
}

/// A Beta distribution of a failure rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaPrior {
    /// Pseudo-failures.
    pub a: f64,
    /// Pseudo-passes.
    pub b: f64,
}

impl BetaPrior {
    /// The prior before there is data to fit one: a mean rate of 0.5 %, worth four runs, as wide as rates of real fleets are
    /// (mean about 1e-3; see `docs/decisions/006-statistics.md`).
    pub const DEFAULT: Self = Self { a: 0.05, b: 4.0 };

    /// A prior from its mean and its weight in pseudo-runs.
    pub fn of_mean(mean: f64, weight: f64) -> Self {
        let mean = mean.clamp(1e-9, 1.0 - 1e-9);
        Self {
            a: mean * weight,
            b: (1.0 - mean) * weight,
        }
    }

    /// The expected rate.
    pub fn mean(&self) -> f64 {
        self.a / self.weight()
    }

    /// The weight in pseudo-runs.
    pub fn weight(&self) -> f64 {
        self.a + self.b
    }

    /// The distribution after more runs and failures (conjugate update).
    #[must_use]
    pub fn after(&self, sample: BetaSample) -> Self {
        Self {
            a: self.a + sample.failures.max(0.0),
            b: self.b + (sample.runs - sample.failures).max(0.0),
        }
    }

    /// The expected rate after more runs and failures.
    pub fn mean_after(&self, sample: BetaSample) -> f64 {
        self.after(sample).mean()
    }

    /// The probability that the next `failures` runs all fail: the beta-binomial product
    /// (a)(a+1).../((a+b)(a+b+1)...), see Johnson, Kemp, Kotz, Univariate Discrete Distributions, 6.9.
    pub fn all_fail(&self, failures: u32) -> f64 {
        (0..failures)
            .map(f64::from)
            .map(|j| (self.a + j) / (self.weight() + j))
            .product()
    }

    /// Fits the prior to many units by marginal likelihood (the beta-binomial likelihood of Johnson, Kemp, Kotz 6.9, maximised by a
    /// pattern search over ln a and ln b), with guards: a in [0.001, 5], b in [0.3, 300]. Units are pooled into cells of similar counts
    /// first, so the cost hardly grows with their number. Gives [`BetaPrior::DEFAULT`] for fewer than 20 units.
    ///
    /// Moments are not enough here: a few very flaky tests dominate the variance and drive `a` so low that the first failure of
    /// a test that never failed looks impossible.
    pub fn fit(samples: impl Iterator<Item = BetaSample>) -> Self {
        let mut cells = Cells::default();
        samples.for_each(|sample| cells.add(sample));
        if cells.units < 20 {
            return Self::DEFAULT;
        }
        cells.best()
    }
}

/// Units pooled into cells of similar counts.
#[derive(Default)]
struct Cells {
    units: u32,
    cells: BTreeMap<(i32, i32), Cell>,
}

/// Sums over the units of a cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    units: f64,
    runs: f64,
    failures: f64,
}

impl Cells {
    fn add(&mut self, sample: BetaSample) {
        if sample.runs < 1.0 {
            return;
        }
        self.units = self.units.saturating_add(1);
        let cell = self
            .cells
            .entry((level(sample.runs), level(sample.failures)))
            .or_default();
        cell.units += 1.0;
        cell.runs += sample.runs;
        cell.failures += sample.failures.clamp(0.0, sample.runs);
    }

    fn log_likelihood(&self, a: f64, b: f64) -> f64 {
        let base = ln_beta(a, b);
        let cells = self.cells.values().map(|cell| {
            let (n, f) = (cell.runs / cell.units, cell.failures / cell.units);
            cell.units * (ln_beta(a + f, b + n - f) - base)
        });
        let far = |value: f64, usual: f64| (value / usual).ln().powi(2) / 2.0;
        cells.sum::<f64>() - far(a, BetaPrior::DEFAULT.a) - far(b, BetaPrior::DEFAULT.b)
    }

    /// Pattern search: try a step in each direction, halve the step when none is better.
    fn best(&self) -> BetaPrior {
        let (mut a, mut b) = (BetaPrior::DEFAULT.a, BetaPrior::DEFAULT.b);
        let mut best = self.log_likelihood(a, b);
        let mut step = 1.6_f64;
        while step > 0.05 {
            let mut moved = false;
            for (da, db) in [
                (step, 0.0),
                (-step, 0.0),
                (0.0, step),
                (0.0, -step),
                (step, step),
                (-step, -step),
            ] {
                let (ta, tb) = (
                    (a * da.exp()).clamp(1e-3, 5.0),
                    (b * db.exp()).clamp(0.3, 300.0),
                );
                let likelihood = self.log_likelihood(ta, tb);
                if likelihood > best + 1e-9 {
                    (a, b, best, moved) = (ta, tb, likelihood, true);
                }
            }
            if !moved {
                step /= 2.0;
            }
        }
        BetaPrior { a, b }
    }
}

/// A logarithmic level: eight to a factor of e, so that a cell's counts differ by an eighth at most.
fn level(count: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a logarithm of a count is small"
    )]
    let level = (8.0 * (count + 0.25).ln()).round() as i32;
    level
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BetaPrior, BetaSample, decay_factor};

    fn samples(rate: impl Fn(u32) -> f64) -> Vec<BetaSample> {
        let units = 0..400;
        units
            .map(|unit| BetaSample {
                runs: 50.0,
                failures: (rate(unit) * 50.0).round(),
            })
            .collect()
    }

    #[test]
    fn half_is_lost_every_half_life() {
        assert!((decay_factor(28.0, 14.0) - 0.25).abs() < 1e-12);
        assert!((decay_factor(0.0, 14.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_fleet_of_steady_tests_with_a_few_flaky_ones_is_fitted_as_such() {
        let fitted = BetaPrior::fit(samples(|u| if u % 20 == 0 { 0.3 } else { 0.0 }).into_iter());
        assert!(fitted.a < 0.1, "{fitted:?}");
        assert!((0.004..0.05).contains(&fitted.mean()), "{fitted:?}");
        let even = BetaPrior::fit(samples(|_| 0.2).into_iter());
        assert!(even.weight() > 10.0 * fitted.weight(), "{even:?}");
    }

    #[test]
    fn too_few_units_teach_nothing() {
        let few = samples(|_| 0.5).into_iter().take(5);
        assert_eq!(BetaPrior::fit(few), BetaPrior::DEFAULT);
    }

    proptest! {
        /// The closed form: B(a + k, b) / B(a, b).
        #[test]
        fn failures_in_a_row_follow_the_beta_function(a in 0.01_f64..5.0, b in 0.1_f64..50.0, k in 0_u32..12) {
            let ratio = statrs::function::beta::ln_beta(a + f64::from(k), b)
                - statrs::function::beta::ln_beta(a, b);
            let product = BetaPrior { a, b }.all_fail(k);
            prop_assert!((product.ln() - ratio).abs() < 1e-6);
        }

        #[test]
        fn more_failures_never_lower_the_rate(runs in 1_u32..200, failures in 0_u32..200) {
            let failures = failures.min(runs - 1);
            let mean = |failures: u32| {
                let (runs, failures) = (f64::from(runs), f64::from(failures));
                BetaPrior::DEFAULT.mean_after(BetaSample { runs, failures })
            };
            prop_assert!(mean(failures) < mean(failures + 1));
        }
    }
}
