//! The rules of other systems on the same data, by name.

use model::{DAY_MS, Timestamp};

use super::hindsight::Around;

/// Days of history that the rate rules look at.
const RATE_DAYS: i64 = 28;

/// The pass rate from which the rate rules blame.
const RATE: f64 = 0.98;

/// The rules, in the order of [`blames`].
pub(super) const NAMES: [&str; 5] = ["any", "rate98", "prevpass", "twice", "rate98twice"];

/// Which rules blame a failure, in the order of [`NAMES`]: any failure; passed at least 98 % of the last 28 days; passed in the
/// previous run; failed twice (the rerun failed too); 98 % and twice.
pub(super) fn blames(around: Around<'_>, at: Timestamp, again: bool) -> [bool; 5] {
    let from = around
        .outcomes
        .partition_point(|(t, _)| t.0 < at.0 - RATE_DAYS * DAY_MS);
    let to = around.outcomes.partition_point(|(t, _)| *t < at);
    let before = around.outcomes.get(from..to).unwrap_or_default();
    let passed = before.iter().filter(|(_, failed)| !failed).count();
    let rate = !before.is_empty() && passed as f64 / before.len() as f64 >= RATE;
    let previous = before.last().is_some_and(|(_, failed)| !failed);
    [true, rate, previous, again, rate && again]
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::blames;
    use crate::backtest::hindsight::Around;

    #[test]
    fn each_rule_blames_for_its_own_reason() {
        let outcomes: Vec<_> = (0..10).map(|t| (Timestamp(t), t == 8)).collect();
        let around = Around {
            outcomes: &outcomes,
            place: 9,
        };
        assert_eq!(
            blames(around, Timestamp(9), true),
            [true, false, false, true, false]
        );
        assert_eq!(
            blames(around, Timestamp(8), true),
            [true, true, true, true, true]
        );
        assert_eq!(
            blames(around, Timestamp(0), false),
            [true, false, false, false, false]
        );
    }
}
