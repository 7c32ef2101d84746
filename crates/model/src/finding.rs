//! What a comparison found: the one value that every report is rendered from.

use serde::{Deserialize, Serialize};

use crate::{Failure, Outcome, Problem, RunInfo, Signature, TestId, TestName, Timestamp};

/// The version of the report's JSON, raised when a reader of the last one would misread it.
pub const SCHEMA_VERSION: u32 = 1;

/// The verdict on one failing test. See the table in `docs/verdicts.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The pull request broke it.
    Caused,
    /// No history because the pull request adds it; it fails.
    NewTest,
    /// The run itself failed: mass failure, truncated run, no results.
    Outage,
    /// Neither side is settled.
    Suspect,
    /// Not enough history to say.
    NoBaseline,
    /// The base is broken at the merge base in the same way.
    BrokenBase,
    /// The same failure on other pull requests now.
    Elsewhere,
    /// Fails like this on unchanged code.
    Flake,
}

impl Verdict {
    /// Every verdict, in the order of reports: what needs the author first.
    pub const ALL: [Self; 8] = [
        Self::Caused,
        Self::NewTest,
        Self::Outage,
        Self::Suspect,
        Self::NoBaseline,
        Self::BrokenBase,
        Self::Elsewhere,
        Self::Flake,
    ];

    /// The word for it everywhere: `caused`, `new-test`, `outage`, ...
    pub fn word(self) -> &'static str {
        match self {
            Self::Caused => "caused",
            Self::NewTest => "new-test",
            Self::Outage => "outage",
            Self::Suspect => "suspect",
            Self::NoBaseline => "no-baseline",
            Self::BrokenBase => "broken-base",
            Self::Elsewhere => "elsewhere",
            Self::Flake => "flake",
        }
    }

    /// The verdict of a word; `None` when there is no such verdict.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.word() == word)
    }
}

/// What the whole comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Nothing blocks.
    Clear,
    /// At least one finding blocks by policy.
    Blocked,
    /// Sprag could not decide: nothing blocks, but there is an outage or no baseline. Never shown as green.
    Undecided,
}

/// What was compared, with what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subject {
    /// The run under judgement.
    pub run: RunInfo,
    /// The base branch.
    pub base: String,
    /// Where the pull request left the base; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub merge_base: String,
    /// The moment of judgement: nothing recorded later was used.
    pub at: Timestamp,
    /// How many runs of this job on the base were used.
    pub baseline_runs: u64,
    /// The days of history that were used, up to `at`.
    pub window_days: f64,
    /// The newest run that was used; `None` without a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_run_at: Option<Timestamp>,
    /// Runs still missing before a first verdict can be given; 0 when there are enough.
    pub runs_missing: u64,
}

/// How many tests did what in the run under judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// All tests.
    pub tests: u64,
    /// Those whose last attempt passed.
    pub passed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that could not finish.
    pub errors: u64,
    /// Those that did not run.
    pub skipped: u64,
    /// Those that failed first and passed later; also counted as passed.
    pub flaked: u64,
}

impl Totals {
    /// These and those.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            tests: self.tests.saturating_add(other.tests),
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            errors: self.errors.saturating_add(other.errors),
            skipped: self.skipped.saturating_add(other.skipped),
            flaked: self.flaked.saturating_add(other.flaked),
        }
    }
}

/// How many findings have each verdict; one field a verdict, so that a reader need not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// See [`Verdict::Caused`].
    pub caused: u64,
    /// See [`Verdict::NewTest`].
    pub new_test: u64,
    /// See [`Verdict::Outage`].
    pub outage: u64,
    /// See [`Verdict::Suspect`].
    pub suspect: u64,
    /// See [`Verdict::NoBaseline`].
    pub no_baseline: u64,
    /// See [`Verdict::BrokenBase`].
    pub broken_base: u64,
    /// See [`Verdict::Elsewhere`].
    pub elsewhere: u64,
    /// See [`Verdict::Flake`].
    pub flake: u64,
}

impl Counts {
    /// Counts the verdicts of findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            counts.add(finding.verdict, 1);
        }
        counts
    }

    /// How many findings have this verdict.
    pub fn get(&self, verdict: Verdict) -> u64 {
        let mut copy = *self;
        *copy.slot(verdict)
    }

    /// Adds `n` findings of a verdict.
    pub fn add(&mut self, verdict: Verdict, n: u64) {
        let slot = self.slot(verdict);
        *slot = slot.saturating_add(n);
    }

    /// These and those.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for verdict in Verdict::ALL {
            self.add(verdict, other.get(verdict));
        }
        self
    }

    /// Findings of all verdicts.
    pub fn all(&self) -> u64 {
        Verdict::ALL
            .into_iter()
            .fold(0, |sum, verdict| self.get(verdict).saturating_add(sum))
    }

    fn slot(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Caused => &mut self.caused,
            Verdict::NewTest => &mut self.new_test,
            Verdict::Outage => &mut self.outage,
            Verdict::Suspect => &mut self.suspect,
            Verdict::NoBaseline => &mut self.no_baseline,
            Verdict::BrokenBase => &mut self.broken_base,
            Verdict::Elsewhere => &mut self.elsewhere,
            Verdict::Flake => &mut self.flake,
        }
    }
}

/// One failing test with its verdict, its odds and its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The test.
    pub test: TestName,
    /// Its id in history.
    pub id: TestId,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether this verdict blocks, by policy.
    pub blocks: bool,
    /// Probability that the pull request broke it. The three sum to 1.
    pub p_caused: f64,
    /// Probability that the base is broken in this way.
    pub p_broken_base: f64,
    /// Probability that it fails by itself.
    pub p_flake: f64,
    /// Probability that one rerun of this test on the same commit passes.
    pub p_retest_passes: f64,
    /// Reruns of this test that are expected to settle the verdict (sequential test, bounds 1 % and 99 %); 0 when it is settled.
    pub reruns_to_settle: u32,
    /// Index into [`Report::clusters`].
    pub cluster: usize,
    /// How often it failed in this run before it was given up, and of how many attempts.
    pub failed_attempts: u32,
    /// All attempts in this run.
    pub attempts: u32,
    /// What it said; `None` when it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The signature of what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Why the verdict is what it is.
    pub evidence: Evidence,
}

/// The evidence behind one finding. Every count is within `window_days` before the moment of judgement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The window of the counts, in days.
    pub window_days: f64,
    /// Runs of this test in this job on the base.
    pub runs: u64,
    /// Those in which it failed, segments of a broken base left out.
    pub failures: u64,
    /// Those in which it failed first and passed later.
    pub flakes: u64,
    /// Failures (and flakes) with the same signature as now.
    pub same_signature: u64,
    /// Failures left out because the base was broken then.
    pub broken_base_failures: u64,
    /// The chain of levels that the rate was drawn from, nearest first.
    pub levels: Vec<LevelCounts>,
    /// The probability of this failure under each hypothesis.
    pub likelihood: Likelihood,
    /// The probability, before looking at the failure, that the pull request broke this test.
    pub prior_caused: f64,
    /// The nearest failing run on the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<PastRun>,
    /// The nearest passing run on the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pass: Option<PastRun>,
    /// Other pull requests with the same signature in the last 24 hours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_prs: Vec<u64>,
    /// Changed files of this pull request that bear on the test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched: Vec<String>,
    /// The text of the nearest failure of this test on the base, for a diff.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_message: String,
    /// Last runs of this test, by job, for the grid; oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grid: Vec<GridCell>,
    /// Durations of the last runs in this job, in milliseconds, oldest first; none of a test that did not fail or flake in its last 32 runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub durations_ms: Vec<u32>,
    /// Why, in one sentence with its numbers.
    pub because: String,
    /// What would change the answer, in one sentence.
    pub would_change: String,
}

/// One level of the chain that a rate is drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LevelCounts {
    /// Which level.
    pub level: Level,
    /// Decayed runs at this level.
    pub runs: f64,
    /// Decayed failures at this level.
    pub failures: f64,
}

/// A level of the empirical-Bayes chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// This test in this job.
    Test,
    /// This test in other jobs.
    OtherJobs,
    /// All tests of the suite.
    Suite,
    /// All tests of the repository.
    Repository,
}

/// Probabilities of what was seen, under each hypothesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Likelihood {
    /// If the pull request broke it.
    pub caused: f64,
    /// If the base is broken.
    pub broken_base: f64,
    /// If it fails by itself.
    pub flake: f64,
}

/// A past run that is evidence, with a link where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PastRun {
    /// The job.
    pub job: String,
    /// The run id.
    pub run: String,
    /// When it started.
    pub at: Timestamp,
    /// The commit; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// Where a person reads it; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Whether its failure has the same signature; `None` for a pass or when a text is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_signature: Option<bool>,
}

/// One past outcome in the grid of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GridCell {
    /// The job: the row of the grid.
    pub job: String,
    /// When the run started: the order in the row.
    pub at: Timestamp,
    /// What the test did.
    pub outcome: Outcome,
    /// Whether it failed first and passed later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaked: bool,
    /// Whether it failed like it fails now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_signature: bool,
}

/// Failures of one run that look like one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cluster {
    /// The signature they share; `None` for failures without text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// The first message of the cluster.
    pub message: String,
    /// How many tests failed so.
    pub tests: u64,
}

/// A change of a test besides failing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// The test.
    pub test: TestName,
    /// Its id in history.
    pub id: TestId,
    /// What changed.
    pub kind: ChangeKind,
    /// Why, in one sentence with its numbers.
    pub because: String,
    /// Usual seconds on the base (geometric median), for `slower`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_seconds: Option<f64>,
    /// Seconds now, for `slower`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// The kinds of [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Fails on the base, passes here.
    Fixed,
    /// Ran on the base, did not run here.
    Missing,
    /// Takes longer than its history explains.
    Slower,
    /// Flaked here and never flaked on the base.
    NewFlake,
}

impl ChangeKind {
    /// The word for it everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Missing => "missing",
            Self::Slower => "slower",
            Self::NewFlake => "new-flake",
        }
    }
}

/// The whole comparison. Terminal text, Markdown, JSON and HTML are rendered from this value and from nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// Why, in one sentence: the first line of every rendering.
    pub headline: String,
    /// What was compared, with what.
    pub subject: Subject,
    /// Counts of tests in the run.
    pub totals: Totals,
    /// Counts of findings by verdict.
    pub counts: Counts,
    /// One entry a failing test: by verdict, then by falling probability, then by name.
    pub findings: Vec<Finding>,
    /// Causes: failures that share a signature.
    pub clusters: Vec<Cluster>,
    /// Tests that changed without failing, by kind and name.
    pub changes: Vec<Change>,
    /// Bad input.
    pub problems: Vec<Problem>,
}
