//! Whether probabilities mean what they say.

/// Bins of equal width.
const BINS: usize = 10;

/// Predictions against what happened, in ten bins of equal width.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    bins: [Sums; BINS],
    squares: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    n: u64,
    predicted: f64,
    happened: u64,
}

/// One bin that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// Lower end.
    pub from: f64,
    /// Predictions in it.
    pub n: u64,
    /// Their mean.
    pub predicted: f64,
    /// The share of them that happened.
    pub observed: f64,
}

impl Calibration {
    /// Counts one prediction.
    pub fn add(&mut self, p: f64, happened: bool) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the bins; NaN becomes 0"
        )]
        let place = (p * BINS as f64).clamp(0.0, BINS as f64 - 1.0) as usize;
        if let Some(bin) = self.bins.get_mut(place) {
            bin.n += 1;
            bin.predicted += p;
            bin.happened += u64::from(happened);
        }
        let miss = p - f64::from(u8::from(happened));
        self.squares += miss * miss;
    }

    fn n(&self) -> f64 {
        self.bins.iter().map(|bin| bin.n).sum::<u64>().max(1) as f64
    }

    /// Mean squared error (Brier, Monthly Weather Review 78, 1950); 0 is perfect, 0.25 is a coin.
    pub fn brier(&self) -> f64 {
        self.squares / self.n()
    }

    /// Expected calibration error: the mean distance of predicted from observed, weighted by the size of the bins (Naeini,
    /// Cooper, Hauskrecht, AAAI 2015).
    pub fn expected_error(&self) -> f64 {
        let bins = self.bins().into_iter();
        let misses = bins.map(|bin| bin.n as f64 * (bin.predicted - bin.observed).abs());
        misses.sum::<f64>() / self.n()
    }

    /// The bins that are not empty.
    pub fn bins(&self) -> Vec<CalibrationBin> {
        let bins = self.bins.iter().enumerate().filter(|(_, bin)| bin.n > 0);
        bins.map(|(place, bin)| CalibrationBin {
            from: place as f64 / BINS as f64,
            n: bin.n,
            predicted: bin.predicted / bin.n as f64,
            observed: bin.happened as f64 / bin.n as f64,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Calibration;

    #[test]
    fn honest_probabilities_have_no_error_and_false_ones_have_theirs() {
        let mut honest = Calibration::default();
        let mut false_sure = Calibration::default();
        for k in 0..10 {
            honest.add(0.3, k < 3);
            false_sure.add(1.0, k < 3);
        }
        assert!(honest.expected_error() < 1e-9);
        assert!((false_sure.expected_error() - 0.7).abs() < 1e-9);
        assert!((honest.brier() - 0.21).abs() < 1e-9);
        assert_eq!(false_sure.bins().len(), 1);
    }
}
