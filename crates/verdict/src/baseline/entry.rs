//! One test in one job: dense numbers for every test, and [`Trouble`] for those that failed.

use model::{DAY_MS, Outcome, Signature, Timestamp};
use serde::{Deserialize, Serialize};
use stats::{BetaSample, Segment, Stretch, decay_factor, segments};

use super::HALF_LIFE_DAYS;

/// Weeks that [`Weeks`] holds: windows of 7, 14, 30 and 90 days come from whole weeks.
pub(crate) const WEEKS: usize = 13;

/// Run-length segments kept for a failing test: more than that is a test that flips all the time.
pub(super) const STREAKS_KEPT: usize = 32;

/// Newest failures kept for a failing test.
pub(super) const FAILURES_KEPT: usize = 8;

/// Newest outcomes kept for a test that failed: the row of the grid in a report.
pub(super) const RECENT_KEPT: usize = 32;

/// The most that a count fades between two observations, in halvings: a test that seldom runs keeps its last runs.
const MOST_HALVINGS_AT_ONCE: f64 = 0.05;

/// Runs and failures, decayed by half every [`HALF_LIFE_DAYS`] since `at`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decayed {
    /// The moment for which the counts hold.
    pub at: Timestamp,
    /// Decayed runs.
    pub runs: f32,
    /// Decayed failures.
    pub failures: f32,
}

impl Decayed {
    /// Runs and failures as of `at`.
    pub fn counts(&self, at: Timestamp) -> BetaSample {
        let keep = decay_factor(at.days_since(self.at).max(0.0), HALF_LIFE_DAYS)
            .max((-MOST_HALVINGS_AT_ONCE).exp2());
        BetaSample {
            runs: f64::from(self.runs) * keep,
            failures: f64::from(self.failures) * keep,
        }
    }

    /// Adds runs and failures at `at`.
    pub fn add(&mut self, at: Timestamp, runs: f64, failures: f64) {
        let old = self.counts(at);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half precision is enough for counts, and halves the snapshot"
        )]
        {
            self.runs = (old.runs + runs) as f32;
            self.failures = (old.failures + failures) as f32;
        }
        self.at = self.at.max(at);
    }
}

/// Counts by whole week (of seven days from 1970-01-01), newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Weeks {
    /// The week of `counts[0]`.
    pub newest: i32,
    /// Counts of the newest week, the one before, and so on.
    pub counts: [u16; WEEKS],
}

impl Weeks {
    /// Counts one more at `at`.
    pub fn add(&mut self, at: Timestamp) {
        let week = week_of(at);
        let shift = usize::try_from(week.saturating_sub(self.newest)).unwrap_or(0);
        if shift > 0 {
            self.counts.rotate_right(shift.min(WEEKS) % WEEKS);
            self.counts.iter_mut().take(shift).for_each(|c| *c = 0);
            self.newest = week;
        }
        if let Some(first) = self.counts.first_mut() {
            *first = first.saturating_add(1);
        }
    }

    /// The sum of the last `weeks` whole weeks before and with the week of `at`.
    pub fn sum(&self, at: Timestamp, weeks: usize) -> u64 {
        let age = usize::try_from(week_of(at).saturating_sub(self.newest)).unwrap_or(0);
        let newest = self.counts.iter().take(weeks.saturating_sub(age));
        newest.map(|count| u64::from(*count)).sum()
    }
}

/// The number of the week that holds a moment.
fn week_of(at: Timestamp) -> i32 {
    i32::try_from(at.0.div_euclid(7 * DAY_MS)).unwrap_or(i32::MAX)
}

/// The moment that the window of `weeks` whole weeks up to `at` starts.
pub(crate) fn window_start(at: Timestamp, weeks: usize) -> Timestamp {
    let back = i64::try_from(weeks).unwrap_or(1).saturating_sub(1);
    Timestamp((i64::from(week_of(at)) - back) * 7 * DAY_MS)
}

/// A running median and spread of log durations, in thousandths of a natural logarithm of milliseconds.
///
/// A running quantile by fixed steps (Robbins and Monro 1951): robust, four bytes, the same whatever machine computes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// How many durations were seen, at most 255.
    pub seen: u8,
    /// Median of 1000 ln(ms).
    pub median: i16,
    /// Median of the distance from it.
    pub spread: i16,
}

/// What is known of one test in one job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Key into [`super::Baseline::suites`].
    pub suite: u32,
    /// Decayed runs and failures.
    pub rate: Decayed,
    /// All runs observed.
    pub runs: u32,
    /// All failures observed.
    pub failures: u32,
    /// The last 32 outcomes, newest in bit 0; 1 is a failure.
    pub bits: u32,
    /// Number of the newest run.
    pub last_run: u32,
    /// Number of the newest run that passed; 0 when none did.
    pub last_pass: u32,
    /// Runs by week.
    pub weeks: Weeks,
    /// Durations of passing runs.
    pub durations: Durations,
    /// What only a test that failed needs.
    pub trouble: Option<Box<Trouble>>,
}

/// What is kept of a test that failed in a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// Decayed flakes (`runs` is the count, `failures` unused).
    pub flaked: Decayed,
    /// Failures by week.
    pub failures: Weeks,
    /// Flakes by week.
    pub flakes: Weeks,
    /// Outcomes as runs of equal ones, oldest first; at most [`STREAKS_KEPT`].
    pub streaks: Vec<Streak>,
    /// Newest failures and flakes, oldest first; at most [`FAILURES_KEPT`].
    pub newest: Vec<PastFailure>,
    /// Newest outcomes since the first failure, oldest first; at most [`RECENT_KEPT`].
    pub recent: Vec<Recent>,
}

/// Equal outcomes in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// Whether they are failures.
    pub failed: bool,
    /// How many.
    pub len: u32,
    /// When the last of them was, if they are failures.
    pub last_at: Timestamp,
    /// The signature of the first failure, until the row ends.
    pub signature: Option<Signature>,
    /// The bucket of the chance that the first failure had (see [`super::Learnt::chances`]), until the row ends.
    pub chance: u8,
}

/// A past failure or flake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFailure {
    /// The number of the run.
    pub run: u32,
    /// When it started.
    pub at: Timestamp,
    /// What it said.
    pub signature: Option<Signature>,
    /// Whether it passed later in the same run.
    pub flaked: bool,
}

/// A past outcome of a test that failed at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The number of the run.
    pub run: u32,
    /// When it started.
    pub at: Timestamp,
    /// What it did.
    pub outcome: Outcome,
    /// Whether it failed first and passed later.
    pub flaked: bool,
    /// What it said when it failed or flaked.
    pub signature: Option<Signature>,
    /// How long it took, in milliseconds; let go once none of [`Trouble::recent`] is a failure or a flake with a
    /// duration. Failures of a run in which most tests failed have none.
    pub duration_ms: Option<u32>,
}

impl Durations {
    /// Takes one duration of a passing run.
    pub fn observe(&mut self, ms: u32) {
        let value = log_thousandths(ms);
        self.seen = self.seen.saturating_add(1);
        if self.seen == 1 {
            self.median = value;
            self.spread = 200;
            return;
        }
        // Steps shrink like 1/n down to one that still follows a slow drift.
        let step = (1000 / i16::from(self.seen)).max(15);
        let distance = value.saturating_sub(self.median);
        self.median = self.median.saturating_add(distance.clamp(-step, step));
        let beyond = distance.saturating_abs().saturating_sub(self.spread);
        self.spread = self
            .spread
            .saturating_add(beyond.clamp(-step / 2, step / 2))
            .max(1);
    }
}

/// 1000 ln(ms), the scale of [`Durations`].
pub(crate) fn log_thousandths(ms: u32) -> i16 {
    let log = 1000.0 * f64::from(ms.max(1)).ln();
    #[expect(clippy::cast_possible_truncation, reason = "1000 ln(2^32) is 22181")]
    let rounded = log.round() as i16;
    rounded
}

impl From<&Streak> for Stretch {
    fn from(streak: &Streak) -> Self {
        Self {
            failed: streak.failed,
            len: streak.len,
        }
    }
}

impl Entry {
    /// Decayed runs and failures without segments of a broken base.
    pub(crate) fn kept_counts(&self, at: Timestamp) -> BetaSample {
        let mut kept = self.rate.counts(at);
        if let Some(trouble) = &self.trouble {
            for (streak, beyond) in trouble.broken() {
                let keep = decay_factor(at.days_since(streak.last_at).max(0.0), HALF_LIFE_DAYS);
                kept.runs -= beyond * keep;
                kept.failures -= beyond * keep;
            }
        }
        BetaSample {
            runs: kept.runs.max(0.0),
            failures: kept.failures.max(0.0),
        }
    }

    /// Failures since `from` that belong to segments of a broken base.
    pub(crate) fn broken_failures(&self, from: Timestamp) -> u64 {
        let trouble = self.trouble.iter();
        let broken = trouble.flat_map(|t| t.broken().filter(|(s, _)| s.last_at >= from));
        broken
            .map(|(streak, _)| u64::from(streak.len).saturating_sub(1))
            .sum()
    }
}

impl Trouble {
    /// The rows of failures that lie in a segment of a broken base, with how many of their failures are beyond the first of the segment.
    fn broken(&self) -> impl Iterator<Item = (&Streak, f64)> {
        let long = self.streaks.iter().any(|s| s.failed && s.len > 1);
        let stretches: Vec<Stretch> = self
            .streaks
            .iter()
            .filter(|_| long)
            .map(Stretch::from)
            .collect();
        let broken = segments(&stretches).into_iter().filter(Segment::is_broken);
        broken.flat_map(|segment| {
            let within = self.streaks.iter().take(segment.to).skip(segment.from);
            let failing = within.filter(|s| s.failed).enumerate();
            failing.map(|(place, streak)| {
                let first = if place == 0 { 1.0 } else { 0.0 };
                (streak, f64::from(streak.len) - first)
            })
        })
    }
}
