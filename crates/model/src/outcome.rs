//! What one attempt of one test did.

use serde::{Deserialize, Serialize};

/// What one attempt of one test did.
///
/// `Fail` is an assertion that did not hold, `Error` anything else that stopped the test (an exception, a crash, a
/// time-out, a fixture). Formats that do not tell the two apart give `Fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The test ran and its assertions held.
    Pass,
    /// The test ran and an assertion did not hold.
    Fail,
    /// The test could not finish.
    Error,
    /// The test did not run, on purpose.
    Skip,
}

impl Outcome {
    /// Whether the attempt failed, in either way.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Fail | Self::Error => true,
            Self::Pass | Self::Skip => false,
        }
    }

    /// Whether the test ran at all.
    pub fn ran(self) -> bool {
        self != Self::Skip
    }

    /// The number that stands for the outcome in recorded history. Fixed for ever: 0 pass, 1 fail, 2 error, 3 skip.
    pub fn code(self) -> i8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Error => 2,
            Self::Skip => 3,
        }
    }

    /// The outcome of a recorded number; `None` for a number that no version of Sprag writes.
    pub fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Pass),
            1 => Some(Self::Fail),
            2 => Some(Self::Error),
            3 => Some(Self::Skip),
            _ => None,
        }
    }

    /// The word for it in files and reports: `pass`, `fail`, `error`, `skip`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skip => "skip",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn recorded_codes_survive_a_round_trip() {
        for outcome in [Outcome::Pass, Outcome::Fail, Outcome::Error, Outcome::Skip] {
            assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
        }
        assert_eq!(Outcome::from_code(4), None);
    }
}
