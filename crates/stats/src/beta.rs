//! Failure rates as Beta distributions: prediction, empirical Bayes, decay.

/// The weight that is left after `days` when half is lost every `half_life_days`.
pub fn decay_factor(days: f64, half_life_days: f64) -> f64 {
    (-days / half_life_days).exp2()
}

/// Runs and failures of one unit: the sample that a prior is fitted to. Counts may be decayed, so they are no integers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BetaSample {
    /// Runs.
    pub runs: f64,
    /// Failures among them.
    pub failures: f64,
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
    /// (DESIGN's reference C5: mean about 1e-3, a about 0.01, b 5 to 11).
    pub const DEFAULT: Self = Self { a: 0.02, b: 4.0 };

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

    /// The expected rate after `(runs, failures)`.
    pub fn mean_after(&self, (runs, failures): (f64, f64)) -> f64 {
        self.after(BetaSample { runs, failures }).mean()
    }

    /// The probability that the next `failures` runs all fail: the beta-binomial product
    /// (a)(a+1).../((a+b)(a+b+1)...), see Johnson, Kemp, Kotz, Univariate Discrete Distributions, 6.9.
    pub fn all_fail(&self, failures: u32) -> f64 {
        (0..failures)
            .map(f64::from)
            .map(|j| (self.a + j) / (self.weight() + j))
            .product()
    }

    /// Fits the prior to the rates of many units by moments (Kleinman 1973, units weighted by n/(n+k) so that many
    /// small units do not pass their sampling noise off as spread), with guards: mean in [1e-5, 0.5], weight in [0.5, 200].
    /// Gives [`BetaPrior::DEFAULT`] for fewer than 20 units.
    pub fn fit(samples: impl Iterator<Item = BetaSample>) -> Self {
        let mut sums = Sums::default();
        samples.for_each(|sample| sums.add(sample));
        sums.prior()
    }
}

/// Runs at which a unit counts half in the fit.
const HALF_WEIGHT_RUNS: f64 = 10.0;

/// Sums over units: weights, weighted rates, squares and sampling variances.
#[derive(Default)]
struct Sums {
    units: u32,
    weight: f64,
    rate: f64,
    square: f64,
    per_run: f64,
}

impl Sums {
    fn add(&mut self, sample: BetaSample) {
        if sample.runs < 1.0 {
            return;
        }
        let weight = sample.runs / (sample.runs + HALF_WEIGHT_RUNS);
        let rate = (sample.failures / sample.runs).clamp(0.0, 1.0);
        self.units = self.units.saturating_add(1);
        self.weight += weight;
        self.rate += weight * rate;
        self.square += weight * rate * rate;
        self.per_run += weight / sample.runs;
    }

    fn prior(&self) -> BetaPrior {
        if self.units < 20 {
            return BetaPrior::DEFAULT;
        }
        let mean = (self.rate / self.weight).clamp(1e-5, 0.5);
        let total = (self.square / self.weight - mean * mean).max(0.0);
        let noise = self.per_run / self.weight;
        // total = m(1-m) [ noise + (1 - noise) / (s + 1) ], solved for the weight s.
        let binomial = mean * (1.0 - mean);
        let between = ((total / binomial - noise) / (1.0 - noise).max(0.05)).max(1e-4);
        BetaPrior::of_mean(mean, (1.0 / between - 1.0).clamp(0.5, 200.0))
    }
}
