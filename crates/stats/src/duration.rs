//! Durations on a log scale: robust comparison with a median and a spread.

/// Scale from a median absolute deviation to a standard deviation of a normal distribution (1 / 0.6745, Hampel 1974).
const MAD_TO_SIGMA: f64 = 1.4826;

/// Least standard deviation of a log duration: clocks and schedulers alone vary by 5 %.
const LEAST_SIGMA: f64 = 0.05;

/// The usual duration of something: median and median absolute deviation of the natural logarithm of its milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogDuration {
    /// Median of ln(ms).
    pub median: f64,
    /// Median of the distance from it.
    pub spread: f64,
}

impl LogDuration {
    /// How many robust standard deviations a log duration lies above the median; negative below.
    pub fn deviations(&self, log_ms: f64) -> f64 {
        (log_ms - self.median) / (self.spread * MAD_TO_SIGMA).max(LEAST_SIGMA)
    }
}

#[cfg(test)]
mod tests {
    use super::LogDuration;

    #[test]
    fn deviations_are_symmetric_and_bounded_by_the_clock() {
        let steady = LogDuration {
            median: 5.0,
            spread: 0.0,
        };
        assert!((steady.deviations(5.5) - 10.0).abs() < 1e-9);
        assert!((steady.deviations(4.5) + 10.0).abs() < 1e-9);
        let loose = LogDuration {
            median: 5.0,
            spread: 0.5,
        };
        assert!(loose.deviations(5.5) < 1.0);
    }
}
