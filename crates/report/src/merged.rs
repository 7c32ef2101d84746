//! The reports of several jobs as one: one answer, one row a test, every job named.
//!
//! The value is the same whatever the order in which the parts came, so that whichever job finishes last publishes the
//! same bytes.

mod headline;

pub(crate) use headline::capital;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use model::{Conclusion, Counts, Finding, Report, TestId, Totals, Verdict};

use crate::part::{Part, PartError, left_out};

/// What a merged report has to do without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Jobs that are expected and have not reported, in words: `e2e (chrome)`, `2 more of unit`.
    pub missing: Vec<String>,
    /// Parts that cannot be read, by the name that they are known by, and why.
    pub damaged: Vec<(String, PartError)>,
    /// Why nobody knows the whole, whoever reports: `the history could not be written, so what other jobs found is not known`.
    pub unknown: Vec<String>,
}

/// The reports of the jobs of one workflow run, as every rendering takes them.
#[derive(Clone, Debug)]
pub struct Merged<'a> {
    /// By name of the job.
    pub(crate) jobs: Vec<Job<'a>>,
    /// What is not there, sorted.
    pub(crate) gaps: Gaps,
}

/// One job of a merged report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    /// Its report; findings may be left out of it, counts are exact.
    pub(crate) report: &'a Report,
    /// Findings that block, those left out among them.
    pub(crate) blocking: u64,
    /// Changes that were left out.
    pub(crate) more_changes: u64,
    /// Problems that were left out.
    pub(crate) more_problems: u64,
}

/// One test that fails in one or more jobs.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// Where it fails: the worst verdict first, then by name of the job. Never empty.
    pub(crate) lead: Case<'a>,
    pub(crate) others: Vec<Case<'a>>,
}

/// One finding and the job that it is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) job: Job<'a>,
    pub(crate) finding: &'a Finding,
}

/// Tests that fail with one verdict and, as far as their texts say, from one cause.
#[derive(Clone, Debug)]
pub(crate) struct Cause<'a> {
    /// The test that is told in full.
    pub(crate) lead: Row<'a>,
    /// The others, by name.
    pub(crate) others: Vec<Row<'a>>,
}

/// Puts the reports of several jobs together. Of a job that ran again in the same run of the CI system the newest attempt counts.
pub fn merged<'a>(parts: &'a [Part], gaps: &Gaps) -> Merged<'a> {
    let mut newest: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for part in parts {
        let (run, attempt) = part.run();
        let known = newest.entry((part.job(), run)).or_default();
        *known = attempt.max(*known);
    }
    let current = parts.iter().filter(|part| {
        let (run, attempt) = part.run();
        newest.get(&(part.job(), run)) == Some(&attempt)
    });
    // Two jobs of one name are kept both: then the bytes decide the order.
    let mut sorted: Vec<(Vec<u8>, &Part)> = current.map(|part| (order(part), part)).collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted.dedup_by(|a, b| a.0 == b.0);
    let mut gaps = gaps.clone();
    gaps.missing.sort();
    gaps.missing.dedup();
    gaps.unknown.sort();
    gaps.unknown.dedup();
    gaps.damaged
        .sort_by(|a, b| (&a.0, a.1.to_string()).cmp(&(&b.0, b.1.to_string())));
    Merged {
        jobs: sorted.into_iter().map(|(_, part)| Job::of(part)).collect(),
        gaps,
    }
}

/// The worst verdict first, then the likeliest, then by name.
fn order_of(a: &Finding, b: &Finding) -> Ordering {
    let likelier = b.p_caused.total_cmp(&a.p_caused);
    let rank = a.verdict.cmp(&b.verdict).then(likelier);
    rank.then_with(|| a.test.cmp(&b.test)).then(a.id.cmp(&b.id))
}

/// By job, then by everything else.
fn order(part: &Part) -> Vec<u8> {
    let mut key = part.job().as_bytes().to_vec();
    key.push(0);
    key.extend(crate::part::part(&part.report));
    key.extend(
        format!(
            "{} {} {}",
            part.blocking, part.more_changes, part.more_problems
        )
        .into_bytes(),
    );
    key
}

impl<'a> Merged<'a> {
    /// The report of a single job that nobody else waits for.
    pub fn of(report: &'a Report) -> Self {
        Self::of_all(std::slice::from_ref(report))
    }

    /// Whole reports, as one step has them: nothing is left out, unlike in parts.
    pub fn of_all(reports: &'a [Report]) -> Self {
        let mut jobs: Vec<Job<'a>> = reports.iter().map(Job::whole).collect();
        jobs.sort_by(|a, b| a.name().cmp(b.name()));
        Self {
            jobs,
            gaps: Gaps::default(),
        }
    }

    /// What all jobs come to: blocked by the first that is; undecided while a job is, is missing or cannot be read.
    pub fn conclusion(&self) -> Conclusion {
        let any = |conclusion| {
            self.jobs
                .iter()
                .any(|job| job.report.conclusion == conclusion)
        };
        if any(Conclusion::Blocked) {
            Conclusion::Blocked
        } else if any(Conclusion::Undecided) || self.jobs.is_empty() || !self.is_whole() {
            Conclusion::Undecided
        } else {
            Conclusion::Clear
        }
    }

    /// Whether every expected job has reported, readably.
    pub fn is_whole(&self) -> bool {
        self.gaps == Gaps::default()
    }

    /// Whether what is missing may still come by itself.
    pub fn waits(&self) -> bool {
        !self.gaps.missing.is_empty()
    }

    /// Whether it is one job and nothing else, so that the job need not be named.
    pub(crate) fn is_alone(&self) -> bool {
        self.jobs.len() == 1 && self.is_whole()
    }

    /// The job that was judged last; of several at one moment the last by name.
    pub(crate) fn newest(&self) -> Option<Job<'a>> {
        let by_time = self.jobs.iter().max_by_key(|job| job.report.subject.at);
        by_time.copied()
    }

    /// The sums over all jobs.
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for job in &self.jobs {
            sum = sum.plus(&job.report.totals);
        }
        sum
    }

    /// Whether there is nothing to tell: all jobs are clear and no test failed.
    pub fn is_quiet(&self) -> bool {
        self.conclusion() == Conclusion::Clear && self.failures() == 0
    }

    /// How many failing tests there are of each verdict. A test that fails in several jobs counts once, by its worst verdict; where
    /// findings were left out of a part, it counts once a job.
    pub fn counts(&self) -> Counts {
        if self.has_left_out() {
            return self
                .jobs
                .iter()
                .fold(Counts::default(), |sum, job| sum.plus(&job.report.counts));
        }
        let mut counts = Counts::default();
        for row in self.rows() {
            counts.add(row.lead.finding.verdict, 1);
        }
        counts
    }

    /// The names of the tests that this pull request broke, sorted, each once; not those that were left out of a part.
    pub fn caused_tests(&self) -> Vec<String> {
        let caused = self.jobs.iter().flat_map(|job| &job.report.findings);
        let caused = caused.filter(|finding| finding.verdict == Verdict::Caused);
        let mut names: Vec<String> = caused.map(|finding| finding.test.to_string()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// All failing tests, counted as in [`Merged::counts`].
    pub(crate) fn failures(&self) -> u64 {
        self.counts().all()
    }

    /// Whether a part lists fewer findings than it counts.
    pub(crate) fn has_left_out(&self) -> bool {
        self.jobs
            .iter()
            .any(|job| Verdict::ALL.iter().any(|v| left_out(job.report, *v) > 0))
    }

    /// The failing tests: the worst verdict first, then by falling probability, then by name. Of one report the order is its own.
    pub(crate) fn rows(&self) -> Vec<Row<'a>> {
        if let [only] = self.jobs.as_slice() {
            let alone = |finding| {
                Row::alone(Case {
                    job: *only,
                    finding,
                })
            };
            return only.report.findings.iter().map(alone).collect();
        }
        let mut by_test: BTreeMap<TestId, Vec<Case<'a>>> = BTreeMap::new();
        for job in &self.jobs {
            let cases = job
                .report
                .findings
                .iter()
                .map(|finding| Case { job: *job, finding });
            for case in cases {
                by_test.entry(case.finding.id).or_default().push(case);
            }
        }
        let mut rows: Vec<Row<'a>> = by_test.into_values().filter_map(Row::of).collect();
        rows.sort_by(|a, b| order_of(a.lead.finding, b.lead.finding));
        rows
    }

    /// The failing tests by cause, in the order of [`Merged::rows`]. Failures without a text share no cause.
    pub(crate) fn causes(&self) -> Vec<Cause<'a>> {
        let alone = self.jobs.len() == 1;
        let mut causes: Vec<Cause<'a>> = Vec::new();
        let mut seen = BTreeMap::new();
        for row in self.rows() {
            let key = row.lead.cause(alone);
            let known = key.and_then(|key| seen.get(&key).copied());
            if let Some(cause) = known.and_then(|at: usize| causes.get_mut(at)) {
                cause.others.push(row);
                continue;
            }
            if let Some(key) = key {
                seen.insert(key, causes.len());
            }
            causes.push(Cause {
                lead: row,
                others: Vec::new(),
            });
        }
        causes
    }
}

impl<'a> Job<'a> {
    fn whole(report: &'a Report) -> Self {
        let blocking = report.findings.iter().filter(|f| f.blocks).count();
        Self {
            report,
            blocking: blocking as u64,
            more_changes: 0,
            more_problems: 0,
        }
    }

    fn of(part: &'a Part) -> Self {
        Self {
            report: &part.report,
            blocking: part.blocking,
            more_changes: part.more_changes,
            more_problems: part.more_problems,
        }
    }

    /// Its name; empty when it has none.
    pub(crate) fn name(&self) -> &'a str {
        &self.report.subject.run.key.job
    }

    /// Whether it came to no verdict on single tests, or to none at all.
    pub(crate) fn is_open(&self) -> bool {
        match self.report.conclusion {
            Conclusion::Clear => false,
            Conclusion::Undecided => true,
            Conclusion::Blocked => self.blocking == 0,
        }
    }
}

impl<'a> Row<'a> {
    fn alone(lead: Case<'a>) -> Self {
        Self {
            lead,
            others: Vec::new(),
        }
    }

    /// The cases of one test; `None` for no case.
    fn of(mut cases: Vec<Case<'a>>) -> Option<Self> {
        cases.sort_by_key(|case| (case.finding.verdict, case.finding.failure.is_none()));
        let mut cases = cases.into_iter();
        Some(Self {
            lead: cases.next()?,
            others: cases.collect(),
        })
    }

    /// All jobs in which it fails, the worst verdict first.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Case<'a>> {
        std::iter::once(self.lead).chain(self.others.iter().copied())
    }
}

impl Case<'_> {
    /// What failures of one verdict and cause have in common: over jobs the signature, in one job the cluster.
    fn cause(&self, alone: bool) -> Option<(Verdict, i64)> {
        let cluster = self.job.report.clusters.get(self.finding.cluster)?;
        let signature = cluster.signature?;
        let within = i64::try_from(self.finding.cluster).ok().filter(|_| alone);
        Some((self.finding.verdict, within.unwrap_or(signature.0)))
    }
}

#[cfg(test)]
mod tests;
