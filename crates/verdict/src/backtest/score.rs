//! Counting, and the figures that are printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stats::Calibration;

use super::peers;

/// Thresholds of the operating curve.
const THRESHOLDS: [f64; 15] = [
    0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 0.95, 0.98, 0.99,
];

/// One failing test as every rule saw it.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) injected: bool,
    /// The posterior before any rerun; `None` when there was no verdict on this test (outage, no baseline).
    pub(super) p_caused: Option<f64>,
    pub(super) blamed: bool,
    pub(super) blamed_after_reruns: bool,
    pub(super) reruns: u32,
    pub(super) peers: [bool; 5],
}

/// One judged run.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) injected: bool,
    pub(super) tests: Vec<Test>,
}

/// What a replay prints. Rates are over judged runs: those whose own failures are innocent in hindsight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// Judged runs, each repetition counted.
    pub runs: u64,
    /// Runs among them that got a break.
    pub injected: u64,
    /// Runs that were not judged: guilty themselves, or unknown in hindsight.
    pub skipped: u64,
    /// How often each run was judged, with other draws.
    pub repeats: u32,
    /// Judged runs with at least one failure.
    pub red_runs: u64,
    /// Blame at `caused-at`, at once.
    pub no_rerun: Figures,
    /// Blame at `caused-at`, after at most `max-reruns` reruns of single tests.
    pub with_reruns: WithReruns,
    /// Expected calibration error of `p_caused`, ten bins of equal width.
    pub ece: f64,
    /// Mean squared error of `p_caused`.
    pub brier: f64,
    /// The bins of `ece` that are not empty.
    pub calibration: Vec<Bin>,
    /// The rules of other systems on the same runs. `twice` and `rate98twice` run every red job again.
    pub rules: BTreeMap<String, Figures>,
    /// False alarms and recall without a rerun, by threshold.
    pub curve: Vec<CurvePoint>,
}

/// How good a rule is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Runs in 100 in which an innocent failure was blamed.
    pub false_alarms_per_100: f64,
    /// Share of injected breaks that were blamed.
    pub recall: f64,
    /// Share of runs with blame in which the injected break was blamed.
    pub precision: f64,
}

/// [`Figures`] with what the reruns cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WithReruns {
    /// How good it is.
    #[serde(flatten)]
    pub figures: Figures,
    /// Reruns of single tests for each run with a failure.
    pub reruns_per_red_run: f64,
}

/// One bin of the calibration table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower end of the bin.
    pub from: f64,
    /// Failures in it.
    pub n: u64,
    /// Their mean `p_caused`.
    pub predicted: f64,
    /// The share of them that was injected.
    pub observed: f64,
}

/// One point of the operating curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Blame from this posterior on.
    pub threshold: f64,
    /// See [`Figures::false_alarms_per_100`].
    pub false_alarms_per_100: f64,
    /// See [`Figures::recall`].
    pub recall: f64,
}

/// Runs in which a rule blamed.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    false_alarms: u64,
    hits: u64,
    blamed: u64,
}

impl Tally {
    /// Counts one run by the tests that a rule blames in it.
    fn add(&mut self, run: &Judged, blames: impl Fn(&Test) -> bool) {
        let blamed = |injected: bool| {
            run.tests
                .iter()
                .any(|t| t.injected == injected && blames(t))
        };
        let (wrong, right) = (blamed(false), blamed(true));
        self.false_alarms += u64::from(wrong);
        self.hits += u64::from(right);
        self.blamed += u64::from(wrong || right);
    }

    fn figures(&self, runs: u64, injected: u64) -> Figures {
        Figures {
            false_alarms_per_100: rounded(100.0 * self.false_alarms as f64 / runs.max(1) as f64),
            recall: share(self.hits, injected),
            precision: share(self.hits, self.blamed),
        }
    }
}

/// A share, 0 of nothing, with four places.
fn share(part: u64, of: u64) -> f64 {
    rounded(part as f64 / of.max(1) as f64)
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Sums over all judged runs.
#[derive(Debug, Default)]
pub(super) struct Score {
    runs: u64,
    injected: u64,
    pub(super) skipped: u64,
    red: u64,
    reruns: u64,
    no_rerun: Tally,
    with_reruns: Tally,
    peers: [Tally; 5],
    curve: [Tally; THRESHOLDS.len()],
    calibration: Calibration,
}

impl Score {
    pub(super) fn add(&mut self, run: &Judged) {
        self.runs += 1;
        self.injected += u64::from(run.injected);
        self.red += u64::from(!run.tests.is_empty());
        self.reruns += run.tests.iter().map(|t| u64::from(t.reruns)).sum::<u64>();
        self.no_rerun.add(run, |t| t.blamed);
        self.with_reruns.add(run, |t| t.blamed_after_reruns);
        for (place, tally) in self.peers.iter_mut().enumerate() {
            tally.add(run, |t| t.peers.get(place).copied().unwrap_or(false));
        }
        for (tally, threshold) in self.curve.iter_mut().zip(THRESHOLDS) {
            tally.add(run, |t| t.p_caused.is_some_and(|p| p >= threshold));
        }
        for test in &run.tests {
            if let Some(p) = test.p_caused {
                self.calibration.add(p, test.injected);
            }
        }
    }

    pub(super) fn figures(&self, repeats: u32) -> Backtest {
        let of = |tally: &Tally| tally.figures(self.runs, self.injected);
        let rules = peers::NAMES.iter().zip(&self.peers);
        Backtest {
            runs: self.runs,
            injected: self.injected,
            skipped: self.skipped,
            repeats,
            red_runs: self.red,
            no_rerun: of(&self.no_rerun),
            with_reruns: WithReruns {
                figures: of(&self.with_reruns),
                reruns_per_red_run: share(self.reruns, self.red),
            },
            ece: rounded(self.calibration.expected_error()),
            brier: rounded(self.calibration.brier()),
            calibration: self.bins(),
            rules: rules.map(|(name, t)| ((*name).to_owned(), of(t))).collect(),
            curve: self.points(),
        }
    }

    fn bins(&self) -> Vec<Bin> {
        let bins = self.calibration.bins().into_iter();
        bins.map(|bin| Bin {
            from: bin.from,
            n: bin.n,
            predicted: rounded(bin.predicted),
            observed: rounded(bin.observed),
        })
        .collect()
    }

    fn points(&self) -> Vec<CurvePoint> {
        let points = self.curve.iter().zip(THRESHOLDS);
        points
            .map(|(tally, threshold)| {
                let figures = tally.figures(self.runs, self.injected);
                CurvePoint {
                    threshold,
                    false_alarms_per_100: figures.false_alarms_per_100,
                    recall: figures.recall,
                }
            })
            .collect()
    }
}
