//! Every constant of the verdicts, with its unit and the reason for its default.

use serde::{Deserialize, Serialize};

/// The constants of the verdicts. Defaults were chosen on dune, iofrol and the first half of dask (see `docs/verdicts.md`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Posterior from which a failure is `caused` (probability, default 0.95: one wrong accusation in twenty at worst).
    pub caused_at: f64,
    /// Posterior up to which a failure is cleared (probability, default 0.05: the mirror of `caused_at`).
    pub cleared_at: f64,
    /// Posterior below which no rerun is worth its time (default 0.01).
    pub settled_low: f64,
    /// Posterior above which no rerun is worth its time (default 0.99).
    pub settled_high: f64,
    /// Weight (in failures) that the learnt factor of a chance needs to count half (default 10).
    pub chance_weight: f64,
    /// Least probability that a failure by itself comes again in a rerun, as a share of what the base teaches (default 0.5).
    pub again_share: f64,
    /// How much a failure with another text counts in the spell (default 0.2).
    pub spell_other_text: f64,
    /// Weight of the long-term rate in the spell's, in runs (default 4).
    pub spell_weight: f64,
    /// Share of real breaks whose text another test just then has (default 0.05).
    pub recent_caused: f64,
    /// Share of runs expected to hold a real break (default 0.05: what pull requests of real fleets do, DESIGN C1).
    pub break_rate: f64,
    /// Weight of `break_rate` against what the base teaches, in runs (default 400: base runs are tested before they land and
    /// so break less than pull requests do; they may only nudge it).
    pub break_rate_weight: f64,
    /// Most weight of the levels above the test in its rate, in runs (default 8).
    pub pooled_weight: f64,
    /// Most weight of this test in other jobs, in runs (default 20).
    pub other_jobs_weight: f64,
    /// Most weight of the test's own decayed history, in runs (default 60: rates drift).
    pub own_weight: f64,
    /// Days that count as the current spell of a test (default 3).
    pub spell_days: f64,
    /// Weight of the current spell in the rate (share, default 0.5).
    pub spell_share: f64,
    /// How much a flake (failed, then passed) counts as a failure (default 0.3: it shows that the test fails by itself,
    /// but not that it survives the retries).
    pub flake_weight: f64,
    /// Probability that a test which the change broke passes a rerun all the same (default 0.02).
    pub broken_passes: f64,
    /// Reruns that advice may ask for (default 3).
    pub max_reruns: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            caused_at: 0.95,
            cleared_at: 0.05,
            settled_low: 0.01,
            settled_high: 0.99,
            chance_weight: 10.0,
            again_share: 0.25,
            spell_other_text: 0.2,
            spell_weight: 4.0,
            recent_caused: 0.05,
            break_rate: 0.05,
            break_rate_weight: 400.0,
            pooled_weight: 8.0,
            other_jobs_weight: 20.0,
            own_weight: 60.0,
            spell_days: 3.0,
            spell_share: 0.5,
            flake_weight: 0.3,
            broken_passes: 0.02,
            max_reruns: 3,
        }
    }
}
