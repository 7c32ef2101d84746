//! What a reader may hold of tests that have not ended, so that a file of tests that never end costs bounded memory.

/// Tests that may be held at one time. No runner has more than a few thousand under way.
const TESTS: usize = 100_000;

/// Bytes of names and texts that may be held at one time.
const BYTES: usize = 16 << 20;

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget {
    tests: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            tests: TESTS,
            bytes: BYTES,
        }
    }
}

impl Budget {
    /// How many tests can be held at most.
    #[cfg(test)]
    pub(crate) const TESTS: usize = TESTS;

    /// Takes a test of so many bytes; false, with nothing taken, when it does not fit.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let fits = self.tests > 0 && bytes <= self.bytes;
        if fits {
            self.tests -= 1;
            self.bytes -= bytes;
        }
        fits
    }

    /// Gives a test of so many bytes back.
    pub(crate) fn give(&mut self, bytes: usize) {
        self.tests = self.tests.saturating_add(1).min(TESTS);
        self.bytes = self.bytes.saturating_add(bytes).min(BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let mut budget = Budget::default();
        assert!(budget.take(16 << 20) && !budget.take(1) && budget.take(0));
        budget.give(16 << 20);
        assert!(budget.take(1));
    }

    #[test]
    fn tests_without_names_are_bounded_too() {
        let mut budget = Budget::default();
        let taken = (0..Budget::TESTS + 5).filter(|_| budget.take(0)).count();
        assert_eq!(taken, Budget::TESTS);
    }
}
