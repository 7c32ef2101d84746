//! Which runs of a file belong to which day: a file's runs stand in the order of time, so those of one day stand together.

use std::{collections::BTreeMap, ops::Range};

use model::Timestamp;

use crate::run_table::RunTable;

/// The runs of each day of a file, by day number (days since 1970-01-01).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    days: BTreeMap<i32, Range<u32>>,
    /// Start of every run, UTC milliseconds.
    starts: Vec<i64>,
}

impl Days {
    pub(crate) fn of(table: &RunTable) -> Self {
        let mut days: BTreeMap<i32, Range<u32>> = BTreeMap::new();
        let mut starts = Vec::with_capacity(table.runs.len());
        for (number, run) in (0..).zip(&table.runs) {
            let start = run.info.started_at;
            let runs = days.entry(day_of(start.0)).or_insert(number..number);
            runs.end = number + 1;
            starts.push(start.0);
        }
        Self { days, starts }
    }

    /// The numbers of the runs of a day; none for a day without runs.
    pub(crate) fn runs(&self, day: i32) -> Range<u32> {
        self.days.get(&day).cloned().unwrap_or_default()
    }

    /// When a run started.
    pub(crate) fn start(&self, run: u32) -> i64 {
        let at = usize::try_from(run).ok();
        at.and_then(|at| self.starts.get(at)).copied().unwrap_or(0)
    }

    /// The days that have runs.
    pub(crate) fn keys(&self) -> impl Iterator<Item = i32> {
        self.days.keys().copied()
    }
}

/// The day of a start; a start that no calendar has belongs to the first or the last day.
pub(crate) fn day_of(start: i64) -> i32 {
    let day = Timestamp(start).day_number();
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use model::{DAY_MS, RunInfo, Timestamp};

    use super::{Days, day_of};
    use crate::run_table::{RunTable, TableRun};

    #[test]
    fn runs_of_a_day_stand_together() {
        let run = |start: i64| TableRun {
            info: RunInfo {
                started_at: Timestamp(start),
                ..RunInfo::default()
            },
            rows: 0,
            sum: 0,
        };
        let table = RunTable {
            runs: [-1, 0, 5, DAY_MS, DAY_MS * 9].map(run).to_vec(),
            ..RunTable::default()
        };
        let days = Days::of(&table);
        let found: Vec<_> = days.keys().map(|day| (day, days.runs(day))).collect();
        assert_eq!(found, [(-1, 0..1), (0, 1..3), (1, 3..4), (9, 4..5)]);
        assert_eq!((days.runs(7), days.start(2), days.start(77)), (0..0, 5, 0));
        assert_eq!(day_of(i64::MIN), day_of(i64::MIN + 1));
    }
}
