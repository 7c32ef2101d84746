//! Taking one run into account, row by row, in (nearly) constant time each.

use std::collections::BTreeSet;

use model::{DAY_MS, RecordedRun, RecordedTest, Signature, TestId, TestName, Timestamp};
use stats::BetaPrior;

use super::entry::{FAILURES_KEPT, RECENT_KEPT, STREAKS_KEPT};
use super::learnt::rate_bucket;
use super::{
    Baseline, Entry, Job, KEEP_DAYS, PastFailure, RUNS_KEPT_PER_JOB, Recent, RunRef, Streak, Suite,
    Trouble, failed, scope,
};
use crate::Config;
use crate::odds::{Place, Rates};

/// Complete runs whose size is kept, to know how many tests to expect.
const SIZES_KEPT: usize = 15;

/// From how many failures a run that fails for the most part says nothing about single tests.
const MASS_FROM: usize = 100;

/// What every row of a run shares.
struct Context<'a> {
    run: &'a RecordedRun,
    /// Whether many tests failed, and most of those that ran.
    mass: bool,
    number: u32,
    job: u32,
    at: Timestamp,
    prior: BetaPrior,
    /// The defaults: what is learnt of chances must not depend on how one comparison is configured.
    config: Config,
}

/// Sums over the rows of a run.
#[derive(Default)]
struct Sums {
    ran: u32,
    failed: u32,
    expected: f64,
}

pub(super) fn observe(base: &mut Baseline, run: &RecordedRun) {
    let at = run.info.started_at;
    if at.day_number() > base.learnt.swept_day {
        sweep(base, at);
    }
    base.learnt.runs = base.learnt.runs.saturating_add(1);
    let context = Context {
        run,
        mass: is_mass_failure(run),
        number: base.learnt.runs,
        job: job_of(base, run),
        at,
        prior: base.prior(),
        config: Config::default(),
    };
    note_run(base, &context);
    let mut sums = Sums::default();
    for row in run.rows.iter().filter(|row| row.outcome.ran()) {
        observe_row(base, &context, row, &mut sums);
    }
    finish(base, &context, &sums);
}

fn is_mass_failure(run: &RecordedRun) -> bool {
    let ran = run.rows.iter().filter(|row| row.outcome.ran()).count();
    let bad = run.rows.iter().filter(|row| failed(row)).count();
    bad >= MASS_FROM && bad > ran / 2
}

fn job_of(base: &mut Baseline, run: &RecordedRun) -> u32 {
    let name = &run.info.key.job;
    base.job_index(name).unwrap_or_else(|| {
        base.jobs.push(Job {
            name: name.clone(),
            first_at: run.info.started_at,
            ..Job::default()
        });
        u32::try_from(base.jobs.len().saturating_sub(1)).unwrap_or(u32::MAX)
    })
}

/// Enters the run into the table of runs and drops the job's oldest.
fn note_run(base: &mut Baseline, context: &Context<'_>) {
    let info = &context.run.info;
    base.runs.insert(
        context.number,
        RunRef {
            job: context.job,
            at: context.at,
            run: info.key.run.clone(),
            attempt: info.key.attempt,
            commit: info.commit.clone(),
            url: info.url.clone(),
        },
    );
    let Some(job) = base.jobs.get_mut(context.job as usize) else {
        return;
    };
    job.runs = job.runs.saturating_add(1);
    job.last_at = job.last_at.max(context.at);
    job.weeks.add(context.at);
    if let Some(dropped) = push_bounded(&mut job.newest, context.number, RUNS_KEPT_PER_JOB) {
        base.runs.remove(&dropped);
    }
}

/// Appends and returns what fell out at the front.
fn push_bounded<T>(list: &mut Vec<T>, item: T, at_most: usize) -> Option<T> {
    list.push(item);
    (list.len() > at_most).then(|| list.remove(0))
}

fn observe_row(base: &mut Baseline, context: &Context<'_>, row: &RecordedTest, sums: &mut Sums) {
    let suite = match base.entries.get(&(row.id, context.job)) {
        Some(entry) => entry.suite,
        None => new_test(base, context, row.id),
    };
    let bad = failed(row);
    let predicted = predict(base, context, row);
    let entry = base.entries.entry((row.id, context.job)).or_default();
    entry.suite = suite;
    sums.ran = sums.ran.saturating_add(1);
    sums.failed = sums.failed.saturating_add(u32::from(bad));
    sums.expected += context.prior.mean_after(entry.kept_counts(context.at));
    let step = entry.observe(context, row, predicted.map_or(0, |(place, _)| place));
    if let (Some((place, chance)), None) = (predicted, &step) {
        base.learnt.expect(place, chance);
    }
    if let Some(suite) = base.suites.get_mut(&suite) {
        suite.rate.add(context.at, 1.0, f64::from(u8::from(bad)));
    }
    if bad || row.flaked {
        base.observe_text(row, context.run, context.at);
    }
    if let Some(step) = step {
        base.learn_streak(context.number, &step);
    }
}

/// The bucket of the chance that this test fails by itself, and the chance to enter into it. Every failure needs its bucket; of
/// the passes every eighth stands for eight, because the chain of levels costs more than the rest of a row.
fn predict(base: &Baseline, context: &Context<'_>, row: &RecordedTest) -> Option<(u8, f64)> {
    let mixed =
        row.id.0.cast_unsigned() ^ u64::from(context.number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let sampled = (mixed.wrapping_mul(0xD134_2543_DE82_EF95) >> 61) == 0;
    if !sampled && !failed(row) {
        return None;
    }
    let config = &context.config;
    let place = Place {
        job: Some(context.job),
        at: context.at,
    };
    let rates = Rates::of(config, base, place, row.id);
    let chance = rates.rate.mean();
    let weight = if sampled { 8.0 } else { 0.0 };
    Some((rate_bucket(chance), chance * weight))
}

/// Enters a test that this job has not run before; gives its suite.
fn new_test(base: &mut Baseline, context: &Context<'_>, id: TestId) -> u32 {
    let name = context.run.names.get(&id).cloned();
    if let Some(name) = name {
        let suite = suite_of(base, &name);
        base.names.entry(id).or_insert(name);
        return suite;
    }
    let known = base.names.get(&id).cloned().unwrap_or_default();
    suite_of(base, &known)
}

fn suite_of(base: &mut Baseline, test: &TestName) -> u32 {
    let key = suite_number(test);
    base.suites.entry(key).or_insert_with(|| Suite {
        name: scope(test).to_owned(),
        ..Suite::default()
    });
    key
}

/// The number in [`Entry::suite`] that follows from a name: 32 bits of a hash of its suite, or of what is in front of the name.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "32 bits of a hash are wanted"
)]
pub fn suite_number(test: &TestName) -> u32 {
    TestId::of(scope(test), None, "").0 as u32
}

/// A change of state that teaches how failures persist.
pub(super) struct Step {
    /// Failures in a row before this outcome.
    pub(super) before: u32,
    /// Whether this outcome is a failure again.
    pub(super) again: bool,
    /// The signature of the first failure of the row.
    pub(super) signature: Option<Signature>,
    /// Bucket of the chance that the first failure had.
    pub(super) chance: u8,
}

impl Entry {
    /// Takes one outcome; gives what it teaches when the one before was a failure.
    fn observe(&mut self, context: &Context<'_>, row: &RecordedTest, place: u8) -> Option<Step> {
        let bad = failed(row);
        self.rate.add(context.at, 1.0, f64::from(u8::from(bad)));
        self.runs = self.runs.saturating_add(1);
        self.failures = self.failures.saturating_add(u32::from(bad));
        self.bits = (self.bits << 1) | u32::from(bad);
        self.last_run = context.number;
        self.weeks.add(context.at);
        if !bad {
            self.last_pass = context.number;
            if let (Some(ms), false) = (row.duration_ms, row.flaked) {
                self.durations.observe(ms);
            }
        }
        if bad || row.flaked || self.trouble.is_some() {
            let earlier = self.runs.saturating_sub(1);
            let trouble = self.trouble.get_or_insert_with(|| Trouble::after(earlier));
            return trouble.observe(context, row, place);
        }
        None
    }
}

impl Trouble {
    /// The state of a test that passed so far.
    fn after(passes: u32) -> Box<Self> {
        let mut trouble = Box::new(Self::default());
        if passes > 0 {
            trouble.streaks.push(Streak {
                len: passes,
                ..Streak::default()
            });
        }
        trouble
    }

    fn observe(&mut self, context: &Context<'_>, row: &RecordedTest, place: u8) -> Option<Step> {
        let bad = failed(row);
        if bad {
            self.failures.add(context.at);
        }
        if row.flaked {
            self.flakes.add(context.at);
            self.flaked.add(context.at, 1.0, 0.0);
        }
        if bad || row.flaked {
            let failure = PastFailure {
                run: context.number,
                at: context.at,
                signature: row.signature,
                flaked: row.flaked,
            };
            push_bounded(&mut self.newest, failure, FAILURES_KEPT);
        }
        let recent = Recent {
            run: context.number,
            at: context.at,
            outcome: row.outcome,
            flaked: row.flaked,
            signature: row.signature,
            duration_ms: row.duration_ms.filter(|_| !(bad && context.mass)),
        };
        push_bounded(&mut self.recent, recent, RECENT_KEPT);
        self.forget_durations_when_quiet();
        self.extend_streak(context.at, bad, row.signature, place)
    }

    /// Durations are evidence beside failures, and as random as the machine: of a test that did not fail for a while, or only when most did, they go.
    fn forget_durations_when_quiet(&mut self) {
        let bad = |recent: &Recent| recent.outcome.is_failure() || recent.flaked;
        let kept_by = |recent: &Recent| bad(recent) && recent.duration_ms.is_some();
        if !self.recent.iter().any(kept_by) {
            for recent in &mut self.recent {
                recent.duration_ms = None;
            }
        }
    }

    fn extend_streak(
        &mut self,
        at: Timestamp,
        bad: bool,
        signature: Option<Signature>,
        place: u8,
    ) -> Option<Step> {
        let last = self.streaks.last().copied();
        let before = last.filter(|streak| streak.failed);
        let failed_at = if bad { at } else { Timestamp::default() };
        match self.streaks.last_mut() {
            Some(streak) if streak.failed == bad => {
                streak.len = streak.len.saturating_add(1);
                streak.last_at = failed_at;
            }
            last => {
                if let Some(ended) = last {
                    (ended.signature, ended.chance) = (None, 0);
                }
                let streak = Streak {
                    failed: bad,
                    len: 1,
                    last_at: failed_at,
                    signature: signature.filter(|_| bad),
                    chance: place * u8::from(bad),
                };
                push_bounded(&mut self.streaks, streak, STREAKS_KEPT);
            }
        }
        before.map(|streak| Step {
            before: streak.len,
            again: bad,
            signature: streak.signature,
            chance: streak.chance,
        })
    }
}

fn finish(base: &mut Baseline, context: &Context<'_>, sums: &Sums) {
    let (ran, bad) = (f64::from(sums.ran), f64::from(sums.failed));
    base.learnt.rate.add(context.at, ran, bad);
    base.learnt.learn_spread(sums.expected, bad);
    // One run in which everything fails can bring more than a year does.
    base.bound_texts();
    if context.run.info.partial || sums.ran == 0 {
        return;
    }
    if let Some(job) = base.jobs.get_mut(context.job as usize) {
        push_bounded(&mut job.sizes, sums.ran, SIZES_KEPT);
    }
}

/// Once a day: drops what is old and fits the spread of rates anew.
fn sweep(base: &mut Baseline, at: Timestamp) {
    base.learnt.swept_day = at.day_number();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "90 days in milliseconds are far below 2^63"
    )]
    let oldest = Timestamp(at.0.saturating_sub((KEEP_DAYS * DAY_MS as f64) as i64));
    base.entries.retain(|_, entry| entry.rate.at >= oldest);
    for entry in base.entries.values_mut() {
        let old = |t: &Trouble| t.newest.last().is_none_or(|failure| failure.at < oldest);
        if entry.trouble.as_deref().is_some_and(old) {
            entry.trouble = None;
        }
    }
    base.forget_texts(oldest);
    base.learnt.forget_kinds();
    let samples = base.entries.values().map(|entry| entry.kept_counts(at));
    let due = base.learnt.fitted_runs + base.learnt.fitted_runs / 20;
    if base.learnt.runs > due || at.day_number() >= base.learnt.fitted_day + 7 {
        let fitted = BetaPrior::fit(samples);
        base.learnt.prior_a = fitted.a;
        base.learnt.prior_b = fitted.b;
        base.learnt.fitted_runs = base.learnt.runs;
        base.learnt.fitted_day = at.day_number();
    }
    let ids: BTreeSet<TestId> = base.entries.keys().map(|(id, _)| *id).collect();
    base.names.retain(|id, _| ids.contains(id));
}
