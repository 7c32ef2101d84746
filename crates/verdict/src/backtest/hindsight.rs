//! What became of every outcome: truth by hindsight, and the outcomes around a run for drawing reruns.

use std::collections::BTreeMap;

use model::{DAY_MS, RecordedRun, Signature, TestId, Timestamp};

use super::rng::Rng;

/// Runs of the test that follow, of which truth is made.
const FOLLOWING: usize = 5;

/// Days around a run from which its reruns are drawn.
const RERUN_DAYS: i64 = 3;

/// What a failure was, in hindsight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// Fewer than two runs of the test follow.
    Unknown,
    /// It lasts over all following runs, and failed before: the base was broken already.
    Base,
    /// It lasts over all following runs and begins here.
    Real,
    /// The next run passes.
    Flake,
    /// Neither.
    Mixed,
}

impl Truth {
    /// Whether the run is innocent of this failure, so that it may be judged.
    pub(super) fn is_innocent(self) -> bool {
        matches!(self, Self::Base | Self::Flake)
    }
}

/// The outcomes of one test in one job, in order of time.
pub(super) type Outcomes = Vec<(Timestamp, bool)>;

/// A real failure: whose, and what it said.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealFailure<'a> {
    pub(super) test: TestId,
    pub(super) signature: Signature,
    pub(super) text: &'a str,
}

/// The outcomes of every test in every job.
pub(super) struct Hindsight<'a> {
    outcomes: BTreeMap<(&'a str, TestId), Outcomes>,
    /// For each run and row: the place among the outcomes of its test.
    places: Vec<Vec<usize>>,
    /// All real failures with a text.
    pub(super) real: Vec<RealFailure<'a>>,
}

/// A run and its place among the runs of the replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered<'a> {
    pub(super) run: &'a RecordedRun,
    pub(super) place: usize,
}

/// One outcome with those around it.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) outcomes: &'a [(Timestamp, bool)],
    pub(super) place: usize,
}

impl<'a> Hindsight<'a> {
    pub(super) fn of(runs: &[&'a RecordedRun]) -> Self {
        let mut hindsight = Self {
            outcomes: BTreeMap::new(),
            places: Vec::with_capacity(runs.len()),
            real: Vec::new(),
        };
        for run in runs {
            hindsight.enter(run);
        }
        let real = hindsight.real_failures(runs);
        hindsight.real = real;
        hindsight
    }

    fn enter(&mut self, run: &'a RecordedRun) {
        let mut places = Vec::with_capacity(run.rows.len());
        for row in &run.rows {
            let key = (run.info.key.job.as_str(), row.id);
            let mut place = usize::MAX;
            if row.outcome.ran() {
                let outcomes = self.outcomes.entry(key).or_default();
                place = outcomes.len();
                outcomes.push((run.info.started_at, row.outcome.is_failure()));
            }
            places.push(place);
        }
        self.places.push(places);
    }

    fn real_failures(&self, runs: &[&'a RecordedRun]) -> Vec<RealFailure<'a>> {
        let mut real = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            for (row_place, row) in run.rows.iter().enumerate() {
                let Some(signature) = row.signature.filter(|_| row.outcome.is_failure()) else {
                    continue;
                };
                let around = self.around(Numbered { run, place }, row_place);
                if around.is_some_and(|a| a.truth() == Truth::Real) {
                    real.push(RealFailure {
                        test: row.id,
                        signature,
                        text: run.texts.get(&signature).map_or("", String::as_str),
                    });
                }
            }
        }
        real
    }

    /// One row of one run, with the outcomes around it.
    pub(super) fn around(&'a self, of: Numbered<'a>, row: usize) -> Option<Around<'a>> {
        let id = of.run.rows.get(row)?.id;
        let outcomes = self.outcomes.get(&(of.run.info.key.job.as_str(), id))?;
        let place = *self.places.get(of.place)?.get(row)?;
        Some(Around { outcomes, place })
    }
}

impl Around<'_> {
    pub(super) fn truth(&self) -> Truth {
        let following = self.outcomes.iter().skip(self.place + 1).take(FOLLOWING);
        let next: Vec<bool> = following.map(|(_, failed)| *failed).collect();
        if next.len() < 2 {
            return Truth::Unknown;
        }
        if next.iter().all(|failed| *failed) {
            let before = self.place.checked_sub(1).and_then(|p| self.outcomes.get(p));
            return if before.is_some_and(|(_, failed)| *failed) {
                Truth::Base
            } else {
                Truth::Real
            };
        }
        if next.first() == Some(&false) {
            Truth::Flake
        } else {
            Truth::Mixed
        }
    }

    /// Whether a rerun fails: drawn from the outcomes of the test within three days of the run, the run itself left out.
    pub(super) fn rerun(&self, at: Timestamp, rng: &mut Rng) -> bool {
        let span = RERUN_DAYS * DAY_MS;
        let from = self.outcomes.partition_point(|(t, _)| t.0 < at.0 - span);
        let to = self.outcomes.partition_point(|(t, _)| t.0 <= at.0 + span);
        let near = self.outcomes.iter().enumerate().take(to).skip(from);
        let others = near.filter(|(place, _)| *place != self.place);
        let (runs, failures) = others.fold((0.0, 0.0), |(n, f), (_, (_, failed))| {
            (n + 1.0, f + f64::from(u8::from(*failed)))
        });
        rng.unit() < (failures + 0.02) / (runs + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::{Around, Truth};

    fn truth(outcomes: &str, place: usize) -> Truth {
        let outcomes: Vec<_> = outcomes.chars().map(|c| (Timestamp(0), c == 'F')).collect();
        Around {
            outcomes: &outcomes,
            place,
        }
        .truth()
    }

    #[test]
    fn what_a_failure_was_follows_from_the_next_five_runs() {
        assert_eq!(truth("..FFFFFF", 2), Truth::Real);
        assert_eq!(truth("..FFFFFFF", 3), Truth::Base);
        assert_eq!(truth("..F.....", 2), Truth::Flake);
        assert_eq!(truth("..FF....", 2), Truth::Mixed);
        assert_eq!(truth("..FF....", 3), Truth::Flake);
        assert_eq!(truth("..F.", 2), Truth::Unknown);
    }
}
