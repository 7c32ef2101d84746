//! Every constant of the verdicts, with its unit and the reason for its default.

use model::Verdict;
use serde::{Deserialize, Serialize};

/// The constants of the verdicts.
///
/// Defaults were chosen on dune, iofrol and the first half of dask, and measured on the second half (`docs/verdicts.md`).
/// "Flat" in a reason means that halving or doubling the value moves no measured figure by more than a tenth of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = ranges))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Posterior of C from which a failure is `caused` (probability, default 0.95: at worst one accusation in twenty is wrong).
    pub caused_at: f64,
    /// Posterior of C up to which a failure is cleared (probability, default 0.05: the mirror of `caused-at`).
    pub cleared_at: f64,
    /// Posterior of C below which no rerun is worth its time (probability, default 0.01: lower bound of the sequential test).
    pub settled_low: f64,
    /// Posterior of C above which no rerun is worth its time (probability, default 0.99: its upper bound).
    pub settled_high: f64,
    /// Reruns that advice asks for at most (count, default 3: what the sequential test needs for most; more cost more than a look).
    pub max_reruns: u32,
    /// Verdicts that block (default `caused`, `new-test`, `outage`: what the author has to act on).
    pub fail_on: Vec<Verdict>,

    /// Share of runs of changes that hold a real break (default 0.05: what changes in real projects do; halving it halves every odds).
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
    /// Most that the other failures of a run weigh for or against one (factor, default 5: the others are a hint, not a verdict).
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
    /// Probability that a test which the base broke passes a rerun (default 0.05: as for the change, and now and then the base is repaired meanwhile).
    pub broken_base_passes: f64,
    /// Least probability that a failure by itself comes again, as a share of what the base teaches (default 0.25: the next run
    /// of the base is a harder repetition than a rerun, but a rerun shares the machine and the hour).
    pub again_share: f64,
    /// Probability of failing like this without the change, for each other pull request where the same test fails so
    /// (default 0.05: two changes seldom break one test in one way on one day).
    pub elsewhere_chance: f64,
    /// The same when only other tests fail so there (default 0.005: a tenth, for a text of many tests is often a generic one).
    pub elsewhere_other_test: f64,
    /// Hours in which other pull requests count (hours, default 24: longer outages are on the base too).
    pub elsewhere_hours: f64,

    /// Runs of a job on the base before a first verdict (default 5: below, rates are the prior's, not the project's).
    pub min_runs: u32,
    /// Share of the expected tests below which a run is truncated (default 0.75, Sippy's rule).
    pub truncated_below: f64,
    /// Failures above which a run is a mass failure (count, default 20, Sippy's rule) ...
    pub mass_failures: u32,
    /// ... when they are also more than this share of its tests (default 0.1: 20 of 100,000 is no mass).
    pub mass_share: f64,
    /// Failures with one text above which a run is a mass failure (count, default 10: one text needs fewer tests to point to one cause) ...
    pub mass_same_text: u32,
    /// ... when they are also more than this share of its tests (default 0.05: half of `mass-share`, for the same reason).
    pub mass_same_share: f64,
    /// Failures with one text from which a run is a mass failure even in a small suite (count, default 5: fewer tests with one
    /// text are one broken thing) ...
    pub most_same_text: u32,
    /// ... when they are also more than this share of its tests (default 0.5: what takes down most of a suite at once is
    /// not a test).
    pub most_same_share: f64,

    /// Failures in a row on the base before a pass here is `fixed` (count, default 2: one failure may be a flake).
    pub fixed_after: u32,
    /// Runs of a test before `slower` and `new-flake` are judged (count, default 10: a median of fewer is mostly its last values).
    pub change_runs: u32,
    /// Robust standard deviations of the log duration beyond which a test is `slower` (default 5: once in millions by chance).
    pub slower_deviations: f64,
    /// Times the usual duration from which a test is `slower` (default 1.5: less is not worth a reader's time).
    pub slower_times: f64,
    /// Seconds more than usual from which a test is `slower` (seconds, default 1: the same).
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
            most_same_text: 5,
            most_same_share: 0.5,
            fixed_after: 2,
            change_runs: 10,
            slower_deviations: 5.0,
            slower_times: 1.5,
            slower_seconds: 1.0,
        }
    }
}

/// Writes the ranges that [`Config::fault`] holds values to into the published schema.
#[cfg(feature = "schema")]
fn ranges(schema: &mut schemars::Schema) {
    let config = Config::default();
    let shares = config.shares().map(|(key, _)| (key, 0, Some(1)));
    let sizes = config.sizes().map(|(key, _)| (key, 0, None));
    let all = shares.into_iter().chain(sizes);
    for (key, least, most) in all.chain([("crowd-bound", 1, None)]) {
        let Some(property) = schema.pointer_mut(&format!("/properties/{key}")) else {
            continue;
        };
        if let Some(property) = property.as_object_mut() {
            property.insert("minimum".to_owned(), least.into());
            property.extend(most.map(|most: i32| ("maximum".to_owned(), most.into())));
        }
    }
}

/// A value of a configuration that cannot mean anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigFault {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// What it must be: `between 0 and 1`.
    pub must_be: &'static str,
}

impl Config {
    /// The first value out of its range, if any: `caused-at: 95` would otherwise silently blame nothing.
    pub fn fault(&self) -> Option<ConfigFault> {
        let out_of = |of: &[(&'static str, f64)], most: f64, must_be| {
            let wrong = of.iter().find(|(_, value)| !(0.0..=most).contains(value));
            wrong.map(|(key, value)| ConfigFault {
                key,
                value: *value,
                must_be,
            })
        };
        out_of(&self.shares(), 1.0, "between 0 and 1")
            .or_else(|| out_of(&self.sizes(), f64::MAX, "0 or more"))
            .or_else(|| self.narrow_crowd())
            .or_else(|| {
                out_of(
                    &[("cleared-at", self.cleared_at)],
                    self.caused_at,
                    "at most `caused-at`",
                )
            })
            .or_else(|| {
                out_of(
                    &[("settled-low", self.settled_low)],
                    self.settled_high,
                    "at most `settled-high`",
                )
            })
    }

    /// The bound is used in both directions, as a factor and as its inverse.
    fn narrow_crowd(&self) -> Option<ConfigFault> {
        let fits = (1.0..=f64::MAX).contains(&self.crowd_bound);
        (!fits).then_some(ConfigFault {
            key: "crowd-bound",
            value: self.crowd_bound,
            must_be: "1 or more",
        })
    }

    /// Probabilities and shares.
    fn shares(&self) -> [(&'static str, f64); 21] {
        [
            ("caused-at", self.caused_at),
            ("cleared-at", self.cleared_at),
            ("settled-low", self.settled_low),
            ("settled-high", self.settled_high),
            ("break-rate", self.break_rate),
            ("new-test-prior", self.new_test_prior),
            ("flake-weight", self.flake_weight),
            ("spell-share", self.spell_share),
            ("spell-other-text", self.spell_other_text),
            ("known-caused", self.known_caused),
            ("recent-caused", self.recent_caused),
            ("near-share", self.near_share),
            ("broken-passes", self.broken_passes),
            ("broken-base-passes", self.broken_base_passes),
            ("again-share", self.again_share),
            ("elsewhere-chance", self.elsewhere_chance),
            ("elsewhere-other-test", self.elsewhere_other_test),
            ("truncated-below", self.truncated_below),
            ("mass-share", self.mass_share),
            ("mass-same-share", self.mass_same_share),
            ("most-same-share", self.most_same_share),
        ]
    }

    /// Weights, factors and lengths of time.
    fn sizes(&self) -> [(&'static str, f64); 14] {
        [
            ("break-rate-weight", self.break_rate_weight),
            ("broken-prior", self.broken_prior),
            ("touched-factor", self.touched_factor),
            ("pooled-weight", self.pooled_weight),
            ("other-jobs-weight", self.other_jobs_weight),
            ("own-weight", self.own_weight),
            ("spell-days", self.spell_days),
            ("spell-weight", self.spell_weight),
            ("chance-weight", self.chance_weight),
            ("surprise", self.surprise),
            ("elsewhere-hours", self.elsewhere_hours),
            ("slower-deviations", self.slower_deviations),
            ("slower-times", self.slower_times),
            ("slower-seconds", self.slower_seconds),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn a_value_out_of_its_range_is_named() {
        assert_eq!(Config::default().fault(), None);
        let given = |json| serde_json::from_str::<Config>(json).unwrap().fault();
        let key = |json| given(json).map(|fault| (fault.key, fault.must_be));
        assert_eq!(
            key(r#"{"caused-at": 95}"#),
            Some(("caused-at", "between 0 and 1"))
        );
        assert_eq!(
            key(r#"{"own-weight": -1}"#),
            Some(("own-weight", "0 or more"))
        );
        assert_eq!(
            key(r#"{"cleared-at": 0.96}"#),
            Some(("cleared-at", "at most `caused-at`"))
        );
        assert_eq!(
            key(r#"{"crowd-bound": 0.5}"#),
            Some(("crowd-bound", "1 or more"))
        );
    }

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
