//! Change points of a pass/fail sequence, kept as runs of equal outcomes.

use statrs::function::beta::ln_beta;

/// Pseudo-failures of the prior of a segment's rate: LUCI Analysis (`analysis/internal/changepoints/bayesian`) takes
/// Beta(0.3, 0.5), which expects rates near 0 and 1.
const PRIOR_FAILURES: f64 = 0.3;

/// Pseudo-passes of the same.
const PRIOR_PASSES: f64 = 0.5;

/// Log gain from which two segments are better than one: LUCI's prior of a change at a position, 1 in 10,000.
pub const CHANGE_GAIN: f64 = 9.210_340_371_976_184;

/// Failure rate from which a segment is broken and not flaky: a flake that fails four times in five is as good as broken.
pub const BROKEN_RATE: f64 = 0.8;

/// Equal outcomes in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Whether they are failures.
    pub failed: bool,
    /// How many.
    pub len: u32,
}

/// Stretches from one change point to the next: a half-open range of places, with its runs and failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The first stretch.
    pub from: usize,
    /// The stretch after the last.
    pub to: usize,
    /// Runs in the segment.
    pub runs: u64,
    /// Failures among them.
    pub failures: u64,
}

impl Segment {
    fn of(stretches: &[Stretch], from: usize, to: usize) -> Self {
        let within = stretches.iter().take(to).skip(from);
        let (runs, failures) = within.fold((0, 0), |(runs, failures), s| {
            let len = u64::from(s.len);
            (runs + len, failures + if s.failed { len } else { 0 })
        });
        Self {
            from,
            to,
            runs,
            failures,
        }
    }

    /// Log marginal likelihood of the outcomes, the rate integrated out.
    fn log_likelihood(&self) -> f64 {
        let (runs, failures) = (self.runs as f64, self.failures as f64);
        ln_beta(PRIOR_FAILURES + failures, PRIOR_PASSES + runs - failures)
            - ln_beta(PRIOR_FAILURES, PRIOR_PASSES)
    }

    /// Whether the segment is one in which the thing was broken: it fails most of the time.
    pub fn is_broken(&self) -> bool {
        self.failures > 1 && self.rate() >= BROKEN_RATE
    }

    /// The expected failure rate in the segment.
    pub fn rate(&self) -> f64 {
        (self.failures as f64 + PRIOR_FAILURES) / (self.runs as f64 + PRIOR_FAILURES + PRIOR_PASSES)
    }
}

/// Splits a sequence where its failure rate changes: Bayesian model choice between one segment and two, Beta priors on the
/// rates, repeated on both sides of the best split. Only transitions between passes and failures are tried: between them the
/// gain has no maximum. Where no single split pays, a row of failures is also tried as a segment of its own, for twice the gain
/// (as in circular binary segmentation: Olshen, Venkatraman, Biostatistics 5, 2004), because a short spell between two long
/// quiet times is hidden from single splits.
pub fn segments(stretches: &[Stretch]) -> Vec<Segment> {
    let mut open = vec![Segment::of(stretches, 0, stretches.len())];
    let mut closed = Vec::new();
    while let Some(whole) = open.pop() {
        let parts = best_split(stretches, whole).or_else(|| best_spell(stretches, whole));
        match parts {
            Some(parts) => open.extend(parts.into_iter().rev()),
            None => closed.push(whole),
        }
    }
    closed
}

/// The best split in two, when it pays.
fn best_split(stretches: &[Stretch], whole: Segment) -> Option<Vec<Segment>> {
    let splits = (whole.from + 1..whole.to).map(|at| {
        vec![
            Segment::of(stretches, whole.from, at),
            Segment::of(stretches, at, whole.to),
        ]
    });
    best(whole, splits, CHANGE_GAIN)
}

/// The best row of failures as a segment of its own, when it pays.
fn best_spell(stretches: &[Stretch], whole: Segment) -> Option<Vec<Segment>> {
    let inner = (whole.from + 1)..whole.to.saturating_sub(1);
    let long = |at: &usize| stretches.get(*at).is_some_and(|s| s.failed && s.len > 2);
    let spells = inner.filter(long).map(|at| {
        vec![
            Segment::of(stretches, whole.from, at),
            Segment::of(stretches, at, at + 1),
            Segment::of(stretches, at + 1, whole.to),
        ]
    });
    best(whole, spells, 2.0 * CHANGE_GAIN)
}

fn best(
    whole: Segment,
    parts: impl Iterator<Item = Vec<Segment>>,
    least: f64,
) -> Option<Vec<Segment>> {
    let one = whole.log_likelihood();
    let gains = parts.map(|parts| {
        let gain = parts.iter().map(Segment::log_likelihood).sum::<f64>() - one;
        (gain, parts)
    });
    let best = gains.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > least).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Segment, Stretch, segments};

    fn stretches(lens: &[u32]) -> Vec<Stretch> {
        let parity = lens.iter().enumerate();
        parity
            .map(|(k, len)| Stretch {
                failed: k % 2 == 1,
                len: *len,
            })
            .collect()
    }

    #[test]
    fn as_many_failures_in_a_row_are_needed_as_in_luci() {
        for (passes, failures) in [(5, 13), (10, 6), (20, 4), (50, 3), (100, 3), (500, 2)] {
            assert_eq!(segments(&stretches(&[passes, failures])).len(), 2);
            assert_eq!(segments(&stretches(&[passes, failures - 1])).len(), 1);
        }
    }

    #[test]
    fn a_broken_spell_between_passes_is_cut_out_and_single_failures_are_not() {
        let found = segments(&stretches(&[60, 8, 40, 1, 30]));
        let rates: Vec<(u64, u64)> = found.iter().map(|s| (s.runs, s.failures)).collect();
        assert_eq!(rates, [(60, 0), (8, 8), (71, 1)]);
    }

    proptest! {
        #[test]
        fn segments_cover_the_sequence_in_order(lens in prop::collection::vec(1_u32..40, 0..12)) {
            let stretches = stretches(&lens);
            let found = segments(&stretches);
            let mut next = 0;
            for segment in &found {
                prop_assert_eq!(segment.from, next);
                next = segment.to;
            }
            prop_assert_eq!(next, stretches.len());
            let whole = Segment::of(&stretches, 0, stretches.len());
            prop_assert_eq!(found.iter().map(|s| s.runs).sum::<u64>(), whole.runs);
        }
    }
}
