//! Replays a history as if each run of the base were a pull request, using only what was recorded before it.
//!
//! The protocol is explained in `docs/verdicts.md`: truth by hindsight, breaks injected into passing tests with the text of a
//! real failure of another test, reruns drawn from the outcomes of the same test around the run.

use model::{RecordedRun, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Baseline, Config};

mod hindsight;
mod peers;
mod replay;
mod rng;
mod score;

pub use score::{Backtest, Bin, CurvePoint, Figures, WithReruns};

use hindsight::{Hindsight, Numbered};
use replay::Replay;
use score::Score;

/// Injected runs that a backtest should have, so that one more or less moves recall by a quarter of a percent.
const WANTED_INJECTIONS: f64 = 400.0;

/// Most repetitions of a small history.
const MOST_REPEATS: u32 = 40;

/// How to replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// Seed of every draw (default 7).
    pub seed: u64,
    /// Share of the judged runs that get a break (default 0.05).
    pub inject: f64,
    /// Days at the start that are only learnt from (days, default 30).
    pub warm_up_days: f64,
    /// Judge only runs that started at or after this moment; earlier ones are learnt from.
    pub from: Option<Timestamp>,
    /// Judge only runs that started before this moment.
    pub to: Option<Timestamp>,
    /// How often each run is judged, with other draws; by default as often as brings 400 breaks, at most 40 times.
    pub repeats: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 7,
            inject: 0.05,
            warm_up_days: 30.0,
            from: None,
            to: None,
            repeats: None,
        }
    }
}

impl Options {
    /// Whether a run that started at `at` is judged, in a history that began at `first`.
    fn wants(&self, first: Timestamp, at: Timestamp) -> bool {
        at >= first.plus_days(self.warm_up_days)
            && self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
    }

    fn repeats(&self, judged: usize) -> u32 {
        let once = (judged as f64 * self.inject).max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped below"
        )]
        let wanted = (WANTED_INJECTIONS / once).ceil() as u32;
        self.repeats.unwrap_or(wanted.clamp(1, MOST_REPEATS)).max(1)
    }
}

/// Replays recorded runs, which must be in order of time; runs of pull requests are left out.
pub fn backtest(config: &Config, options: &Options, runs: &[RecordedRun]) -> Backtest {
    let runs: Vec<&RecordedRun> = runs.iter().filter(|run| run.info.pr.is_none()).collect();
    let first = runs.first().map_or(Timestamp(0), |run| run.info.started_at);
    let wanted = |run: &RecordedRun| options.wants(first, run.info.started_at);
    let judged = runs.iter().filter(|run| wanted(run)).count();
    let repeats = options.repeats(judged);
    let hindsight = Hindsight::of(&runs);
    let replay = Replay::new(config, options, &hindsight);
    let mut base = Baseline::default();
    let mut score = Score::default();
    for (place, run) in runs.iter().enumerate() {
        if wanted(run) {
            for repeat in 0..repeats {
                replay.judge(&base, Numbered { run, place }, repeat, &mut score);
            }
        }
        base.observe(run);
    }
    score.figures(repeats)
}
