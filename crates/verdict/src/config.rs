//! Every constant of the verdicts, with its unit and the reason for its default.

use model::Verdict;
use serde::{Deserialize, Serialize};

/// The constants of the verdicts.
///
/// Defaults were chosen on dune, iofrol and the first half of dask, and measured on the second half (`docs/verdicts.md`).
/// "Flat" in a reason means that halving or doubling the value moves no measured figure by more than a tenth of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Posterior of C from which a failure is `caused` (probability, default 0.95: at worst one accusation in twenty is wrong).
    pub caused_at: f64,
    /// Posterior of C up to which a failure is cleared (probability, default 0.05: the mirror of `caused-at`).
    pub cleared_at: f64,
    /// Posterior of C below which no rerun is worth its time (probability, default 0.01: DESIGN section 4, bound of the sequential test).
    pub settled_low: f64,
    /// Posterior of C above which no rerun is worth its time (probability, default 0.99: the other bound).
    pub settled_high: f64,
    /// Reruns that advice asks for at most (count, default 3: what the sequential test needs for most; more cost more than a look).
    pub max_reruns: u32,
    /// Verdicts that block (default `caused`, `new-test`, `outage`: what the author has to act on).
    pub fail_on: Vec<Verdict>,

    /// Share of runs of changes that hold a real break (default 0.05: DESIGN section 4; halving it halves every odds).
    pub break_rate: f64,
    /// Weight of `break-rate` against what the base teaches (runs, default 400: half a year of a daily job must not outvote it).
    pub break_rate_weight: f64,
    /// Factor on the prior of C for a test that the base already breaks (default 0.2: what is broken is seldom broken again).
    pub broken_prior: f64,
    /// Factor on the prior of C for a test whose file or code the change touches (default 10: most breaks are near the
    /// change, most tests are not).
    pub touched_factor: f64,
    /// Prior of C for a failing test that the change adds (probability, default 0.9: on the base it cannot have been seen).
    pub new_test_prior: f64,

    /// Most weight of the levels above the test in its rate (runs, default 8: one to two weeks of own runs outweigh them).
    pub pooled_weight: f64,
    /// Most weight of the same test in other jobs (runs, default 20; flat from 5 to 40).
    pub other_jobs_weight: f64,
    /// Most weight of the test's own decayed history (runs, default 200: rates drift; flat from 60 to 400).
    pub own_weight: f64,
    /// How much a flake (failed, then passed) counts as a failure (default 0.3: it shows that the test fails by itself, not
    /// that it outlives the retries).
    pub flake_weight: f64,
    /// Days that count as the current spell of a test (days, default 3: an outage or a bad agent seldom lasts longer).
    pub spell_days: f64,
    /// Weight of the current spell in the rate (share, default 0.5; flat from 0.3).
    pub spell_share: f64,
    /// Weight of the long-term rate in the spell's (runs, default 10; flat from 4 to 30).
    pub spell_weight: f64,
    /// How much a failure with another text counts in the spell (default 0.2: another text is another cause, mostly).
    pub spell_other_text: f64,
    /// Predicted failures at which the learnt correction of chances counts half (failures, default 10: a correction from fewer is noise).
    pub chance_weight: f64,
    /// Least expected failures in a run for reasons that no history shows, spread over its tests (count, default 0.0008: no run
    /// is beyond a power cut).
    pub surprise: f64,
    /// Most that the other failures of a run weigh for or against one (factor, default 5).
    pub crowd_bound: f64,

    /// Probability that a real break has just a text that the test had before (default 0.0001: only generic texts do, and those are
    /// counted apart).
    pub known_caused: f64,
    /// Share of real breaks whose text another test has just then (default 0.05; flat from 0.02 to 0.2).
    pub recent_caused: f64,
    /// Share of a masked text that may differ for two texts to be one (default 0.1, as in Kubernetes' triage).
    pub near_share: f64,

    /// Probability that a test which the change broke passes a rerun all the same (default 0.02: some breaks are races).
    pub broken_passes: f64,
    /// Probability that a test which the base broke passes a rerun (default 0.05).
    pub broken_base_passes: f64,
    /// Least probability that a failure by itself comes again, as a share of what the base teaches (default 0.25: the next run
    /// of the base is a harder repetition than a rerun, but a rerun shares the machine and the hour).
    pub again_share: f64,
    /// Probability of failing like this without the change, for each other pull request where the same test fails so
    /// (default 0.05: two changes seldom break one test in one way on one day).
    pub elsewhere_chance: f64,
    /// The same when only other tests fail so there (default 0.005).
    pub elsewhere_other_test: f64,
    /// Hours in which other pull requests count (default 24: DESIGN section 4).
    pub elsewhere_hours: f64,

    /// Runs of a job on the base before a first verdict (default 5: below, rates are the prior's, not the project's).
    pub min_runs: u32,
    /// Share of the expected tests below which a run is truncated (default 0.75, Sippy's rule).
    pub truncated_below: f64,
    /// Failures above which a run is a mass failure (count, default 20, Sippy's rule) ...
    pub mass_failures: u32,
    /// ... when they are also more than this share of its tests (default 0.1).
    pub mass_share: f64,
    /// Failures with one text above which a run is a mass failure (count, default 10) ...
    pub mass_same_text: u32,
    /// ... when they are also more than this share of its tests (default 0.05).
    pub mass_same_share: f64,

    /// Failures in a row on the base before a pass here is `fixed` (count, default 2: one failure may be a flake).
    pub fixed_after: u32,
    /// Runs of a test before `slower` and `new-flake` are judged (count, default 10).
    pub change_runs: u32,
    /// Robust standard deviations of the log duration beyond which a test is `slower` (default 5: once in millions by chance).
    pub slower_deviations: f64,
    /// Times the usual duration from which a test is `slower` (default 1.5).
    pub slower_times: f64,
    /// Seconds more than usual from which a test is `slower` (seconds, default 1).
    pub slower_seconds: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            caused_at: 0.95,
            cleared_at: 0.05,
            settled_low: 0.01,
            settled_high: 0.99,
            max_reruns: 3,
            fail_on: vec![Verdict::Caused, Verdict::NewTest, Verdict::Outage],
            break_rate: 0.05,
            break_rate_weight: 400.0,
            broken_prior: 0.2,
            touched_factor: 10.0,
            new_test_prior: 0.9,
            pooled_weight: 8.0,
            other_jobs_weight: 20.0,
            own_weight: 200.0,
            flake_weight: 0.3,
            spell_days: 3.0,
            spell_share: 0.5,
            spell_weight: 10.0,
            spell_other_text: 0.2,
            chance_weight: 10.0,
            surprise: 8e-4,
            crowd_bound: 5.0,
            known_caused: 1e-4,
            recent_caused: 0.05,
            near_share: 0.1,
            broken_passes: 0.02,
            broken_base_passes: 0.05,
            again_share: 0.25,
            elsewhere_chance: 0.05,
            elsewhere_other_test: 0.005,
            elsewhere_hours: 24.0,
            min_runs: 5,
            truncated_below: 0.75,
            mass_failures: 20,
            mass_share: 0.1,
            mass_same_text: 10,
            mass_same_share: 0.05,
            fixed_after: 2,
            change_runs: 10,
            slower_deviations: 5.0,
            slower_times: 1.5,
            slower_seconds: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_are_defaults() {
        let given: Config = serde_json::from_str(r#"{"caused-at": 0.9}"#).unwrap();
        let expected = Config {
            caused_at: 0.9,
            ..Config::default()
        };
        assert_eq!(given, expected);
        assert!(serde_json::from_str::<Config>(r#"{"caused": 0.9}"#).is_err());
    }
}
