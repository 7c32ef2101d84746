//! A run, a baseline and the facts of a change: the whole comparison.

use model::{
    Counts, Failure, Outcome, Problem, RecordedRun, Report, RunInfo, SCHEMA_VERSION, Signature,
    Subject, TestId, TestResult, TestRun, Timestamp, Totals,
};

use crate::odds::{Place, RunFacts, Seen, judge_run};
use crate::{Baseline, Config, Entry, OtherPrs};

mod changes;
mod cluster;
mod evidence;
mod finding;
mod guard;
mod touched;
mod words;

use touched::Changed;

pub(crate) use guard::{Guard, mass_failure};

/// Everything that a comparison needs besides the baseline.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What is known of the run under judgement: job, commit, pull request, whether it is partial.
    pub info: &'a RunInfo,
    /// Its results.
    pub run: &'a TestRun,
    /// The base branch.
    pub base: &'a str,
    /// The commit where the change left the base; empty when unknown. When a run of the base at this commit is known, only
    /// runs up to it say that the base is broken.
    pub merge_base: &'a str,
    /// Paths of the changed files.
    pub changed_files: &'a [String],
    /// Failures of other pull requests.
    pub other_prs: &'a OtherPrs,
    /// Earlier runs of the same job on the same commit or tree: each is a rerun of every failing test.
    pub reruns: &'a [RecordedRun],
    /// The moment of judgement. The baseline must hold nothing later.
    pub at: Timestamp,
    /// Whether results of the run are missing because its files were cut off, damaged or refused. Then nothing is clear.
    pub lost_input: bool,
    /// Bad input found on the way, passed on to the report.
    pub problems: &'a [Problem],
}

/// One failing test, with what every part of the judgement needs of it.
pub(crate) struct Failing<'a> {
    pub(crate) result: &'a TestResult,
    pub(crate) id: TestId,
    pub(crate) signature: Option<Signature>,
    pub(crate) text: String,
    pub(crate) touched: Vec<String>,
    pub(crate) other_prs: Vec<u64>,
    pub(crate) elsewhere: f64,
}

/// One result, with its id and what history knows of it in this job.
pub(crate) struct Known<'a> {
    pub(crate) result: &'a TestResult,
    pub(crate) id: TestId,
    pub(crate) entry: Option<&'a Entry>,
}

/// What the parts of a judgement share.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) base: &'a Baseline,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) job: Option<u32>,
    /// Number of the newest run of the base that the change contains.
    pub(crate) merge_base: u32,
    /// Whether history lists all tests of this job.
    pub(crate) complete: bool,
    /// The results, each looked up once.
    pub(crate) results: Vec<Known<'a>>,
}

/// Judges a run: every failing test gets a verdict with its odds and its evidence. Equal input gives an equal report.
pub fn judge(config: &Config, base: &Baseline, facts: &Facts<'_>) -> Report {
    let context = Context::of(config, base, facts);
    let failing = context.failing();
    let seen = RunFacts {
        place: Place {
            job: context.job,
            at: facts.at,
        },
        merge_base: context.merge_base,
        ran: facts
            .run
            .results
            .iter()
            .filter(|r| r.outcome().ran())
            .count(),
        expected: context.expected_failures(),
        seen: failing.iter().map(|f| f.seen(config)).collect(),
    };
    let odds = judge_run(config, base, &seen);
    let guard = Guard::of(&context, &seen, &odds);
    let clusters = cluster::of(&failing);
    let cases = failing.iter().zip(odds).zip(&clusters.member);
    let cases = cases.map(|((failing, odds), cluster)| finding::Case {
        failing,
        odds,
        cluster: *cluster,
    });
    let findings = finding::all(&context, &guard, &seen, &cases.collect::<Vec<_>>());
    let changes = changes::all(&context, &guard);
    let counts = Counts::of(&findings);
    let conclusion = words::conclusion(&context, &guard, &findings);
    Report {
        schema: SCHEMA_VERSION,
        conclusion,
        headline: words::headline(&context, &guard, &findings, &counts),
        subject: context.subject(),
        totals: totals(facts.run),
        counts,
        findings,
        clusters: clusters.list,
        changes,
        problems: facts.problems.to_vec(),
    }
}

impl<'a> Context<'a> {
    fn of(config: &'a Config, base: &'a Baseline, facts: &'a Facts<'a>) -> Self {
        let job = base.job_index(&facts.info.key.job);
        let known = job.and_then(|job| base.jobs.get(job as usize));
        let results = facts.run.results.iter().map(|result| {
            let id = result.test.id();
            let entry = job.and_then(|job| base.entry(id, job));
            Known { result, id, entry }
        });
        Self {
            results: results.collect(),
            config,
            base,
            facts,
            job,
            merge_base: merge_base(base, facts.merge_base),
            complete: !facts.info.partial && known.is_some_and(|job| !job.sizes.is_empty()),
        }
    }

    /// The job's record in the baseline.
    pub(crate) fn known_job(&self) -> Option<&'a crate::Job> {
        self.job.and_then(|job| self.base.jobs.get(job as usize))
    }

    /// Whether the run lists all of its tests, as far as anybody says.
    pub(crate) fn lists_all(&self) -> bool {
        let partial_history = self.known_job().is_some_and(|job| job.sizes.is_empty());
        !self.facts.info.partial && !partial_history
    }

    /// Runs of this job on the base.
    pub(crate) fn job_runs(&self) -> u32 {
        self.known_job().map_or(0, |job| job.runs)
    }

    fn failing(&self) -> Vec<Failing<'a>> {
        let failing = self.results.iter();
        let failing = failing.filter(|known| known.result.outcome().is_failure());
        let changed = Changed::of(self.facts.changed_files);
        failing
            .map(|known| self.failing_test(known, &changed))
            .collect()
    }

    fn failing_test(&self, known: &Known<'a>, changed: &Changed<'_>) -> Failing<'a> {
        let (config, facts) = (self.config, self.facts);
        let (result, id) = (known.result, known.id);
        let failure = result.failure();
        let signature = failure.map(Failure::signature);
        let from = facts.at.plus_days(-config.elsewhere_hours / 24.0);
        let elsewhere = signature
            .map(|s| facts.other_prs.of(id, s, facts.info.pr, from..=facts.at))
            .unwrap_or_default();
        let chance = elsewhere.same_test.len() as f64 * config.elsewhere_chance
            + elsewhere.other_test.len() as f64 * config.elsewhere_other_test;
        Failing {
            result,
            id,
            signature,
            text: failure.map(Failure::text).unwrap_or_default(),
            touched: changed.bearing_on(&result.test, failure),
            other_prs: elsewhere.prs(),
            elsewhere: chance.min(0.5),
        }
    }

    /// Failures that the rates of the tests in this run expect.
    fn expected_failures(&self) -> f64 {
        let prior = self.base.prior();
        let ran = self
            .results
            .iter()
            .filter(|known| known.result.outcome().ran());
        let chances = ran.map(|known| {
            let entry = known.entry;
            let counts = entry.map(|e| e.kept_counts(self.facts.at));
            prior.mean_after(counts.unwrap_or_default())
        });
        chances.sum()
    }

    fn subject(&self) -> Subject {
        let known = self.known_job();
        let runs = u64::from(self.job_runs());
        let days = known.map_or(0.0, |job| self.facts.at.days_since(job.first_at));
        Subject {
            run: self.facts.info.clone(),
            base: self.facts.base.to_owned(),
            merge_base: self.facts.merge_base.to_owned(),
            at: self.facts.at,
            baseline_runs: runs,
            window_days: days.max(0.0),
            newest_run_at: known.map(|job| job.last_at),
            runs_missing: u64::from(self.config.min_runs).saturating_sub(runs),
        }
    }
}

/// The newest run of the base at the merge base; everything counts when that commit has no known run.
fn merge_base(base: &Baseline, commit: &str) -> u32 {
    if commit.is_empty() {
        return u32::MAX;
    }
    let runs = base.runs.iter().rev();
    let mut at_commit = runs.filter(|(_, run)| run.commit == commit);
    at_commit.next().map_or(u32::MAX, |(number, _)| *number)
}

impl Failing<'_> {
    fn seen(&self, config: &Config) -> Seen<'_> {
        Seen {
            id: self.id,
            signature: self.signature,
            text: &self.text,
            touched: if self.touched.is_empty() {
                1.0
            } else {
                config.touched_factor
            },
            elsewhere: self.elsewhere,
        }
    }
}

fn totals(run: &TestRun) -> Totals {
    let mut totals = Totals::default();
    for result in &run.results {
        totals.tests += 1;
        match result.outcome() {
            Outcome::Pass => totals.passed += 1,
            Outcome::Fail => totals.failed += 1,
            Outcome::Error => totals.errors += 1,
            Outcome::Skip => totals.skipped += 1,
        }
        totals.flaked += u64::from(result.flaked());
    }
    totals
}
