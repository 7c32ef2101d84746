//! The layout of a part: short keys, defaults left out.

use model::{
    Change, Cluster, Conclusion, Counts, Evidence, Failure, Finding, GridCell, Likelihood, Outcome,
    PastRun, Problem, Report, RunInfo, RunKey, SCHEMA_VERSION, Signature, Subject, TestId,
    TestName, Timestamp, Totals, Verdict,
};
use serde::{Deserialize, Serialize};

use super::cut::{brief, cut, whole};
use super::{MOST_PART_BYTES, Part, PartError, VERSION};
use crate::group::groups;

/// Bytes for findings with texts and past runs; the rest is for further names.
const WHOLE_BYTES: usize = 44_000;
/// Bytes for changes and problems, each.
const LIST_BYTES: usize = 4_000;
/// Past runs of a row that are read.
const MOST_SIGNS: usize = 64;
/// No count of anything is higher; sums of them cannot overflow.
const MOST: u64 = 1 << 40;

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "sprag-part")]
    version: u32,
}

/// A part, as it is written.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wire {
    #[serde(rename = "sprag-part")]
    version: u32,
    conclusion: Conclusion,
    headline: String,
    subject: Subject,
    totals: Totals,
    counts: Counts,
    #[serde(default, skip_serializing_if = "is_default")]
    blocking: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    findings: Vec<WireFinding>,
    #[serde(default, skip_serializing_if = "is_default")]
    causes: Vec<(Option<Signature>, u64)>,
    #[serde(default, skip_serializing_if = "is_default")]
    changes: Vec<Change>,
    #[serde(default, skip_serializing_if = "is_default")]
    more_changes: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    problems: Vec<Problem>,
    #[serde(default, skip_serializing_if = "is_default")]
    more_problems: u64,
}

/// A finding, as it is written.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct WireFinding {
    #[serde(rename = "t")]
    pub(super) test: TestName,
    /// Only where the names were cut.
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub(super) id: Option<TestId>,
    #[serde(rename = "v")]
    pub(super) verdict: Verdict,
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    pub(super) blocks: bool,
    /// Caused, broken base, flake, a retest passes.
    #[serde(rename = "p")]
    pub(super) odds: [f64; 4],
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub(super) reruns: u32,
    /// Index into the causes.
    #[serde(rename = "c")]
    pub(super) cluster: usize,
    /// Failed, all.
    #[serde(rename = "a")]
    pub(super) attempts: [u32; 2],
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    pub(super) failure: Option<Failure>,
    #[serde(rename = "e")]
    pub(super) evidence: WireEvidence,
}

/// The evidence of a finding, as it is written.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WireEvidence {
    #[serde(rename = "d")]
    pub(super) days: f64,
    /// Runs, failures, flakes, those like now, those of a broken base.
    #[serde(rename = "n")]
    pub(super) counts: [u64; 5],
    #[serde(rename = "lf", default, skip_serializing_if = "is_default")]
    pub(super) last_failure: Option<PastRun>,
    #[serde(rename = "lp", default, skip_serializing_if = "is_default")]
    pub(super) last_pass: Option<PastRun>,
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    pub(super) other_prs: Vec<u64>,
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub(super) touched: Vec<String>,
    /// Job and signs, oldest run first.
    #[serde(rename = "g", default, skip_serializing_if = "is_default")]
    pub(super) grid: Vec<(String, String)>,
    #[serde(rename = "y", default, skip_serializing_if = "is_default")]
    pub(super) because: String,
    #[serde(rename = "w", default, skip_serializing_if = "is_default")]
    pub(super) would_change: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Wire {
    /// As much of a report as fits.
    pub(super) fn of(report: &Report) -> Self {
        let (changes, more_changes) = fitting(report.changes.iter().map(short_change));
        let (problems, more_problems) = fitting(report.problems.iter().map(short_problem));
        let mut wire = Self {
            version: VERSION,
            conclusion: report.conclusion,
            headline: cut(&report.headline, 500),
            subject: short_subject(&report.subject),
            totals: report.totals,
            counts: report.counts,
            blocking: report.findings.iter().filter(|f| f.blocks).count() as u64,
            findings: Vec::new(),
            causes: Vec::new(),
            changes,
            more_changes,
            problems,
            more_problems,
        };
        wire.take_findings(report);
        wire
    }

    /// The worst findings first; of each cause the first is whole while there is room.
    fn take_findings(&mut self, report: &Report) {
        let mut used = self.bytes().len() + 40;
        for group in groups(report) {
            let tests = report
                .clusters
                .get(group.lead.cluster)
                .map_or(0, |cluster| cluster.tests);
            let signature = report
                .clusters
                .get(group.lead.cluster)
                .and_then(|cluster| cluster.signature);
            let cause = self.causes.len();
            let mut room = WHOLE_BYTES.max(used);
            let all = std::iter::once((whole(group.lead, cause), brief(group.lead, cause))).chain(
                group
                    .others
                    .iter()
                    .map(|other| (brief(other, cause), brief(other, cause))),
            );
            for (long, short) in all {
                // A cause takes 48 bytes at most, a comma one.
                let needed = |finding: &WireFinding| length(finding) + 49;
                let finding = if used + needed(&long) <= room {
                    long
                } else {
                    short
                };
                let bytes = needed(&finding);
                if used + bytes > MOST_PART_BYTES {
                    return;
                }
                used += bytes;
                room = MOST_PART_BYTES;
                if self.causes.len() == cause {
                    self.causes.push((signature, tests));
                }
                self.findings.push(finding);
            }
        }
    }

    /// The bytes of a part.
    pub(super) fn bytes(&self) -> Vec<u8> {
        // Only a map with keys that are no strings fails to serialise, and there is none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the bytes of a part.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PartError> {
        let damaged = |error: &serde_json::Error| PartError::Damaged {
            line: error.line(),
            column: error.column(),
        };
        let Version { version } = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
        if version > VERSION {
            return Err(PartError::Newer { found: version });
        }
        serde_json::from_slice(bytes).map_err(|error| damaged(&error))
    }

    /// Whether it says what can be.
    pub(super) fn check(&self) -> Result<(), PartError> {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        let listed = |verdict| verdicts.clone().filter(|v| *v == verdict).count() as u64;
        let blocking = self.findings.iter().filter(|f| f.blocks).count() as u64;
        let all: u64 = Verdict::ALL
            .iter()
            .fold(0, |sum, v| self.counts.get(*v).saturating_add(sum));
        let blocked = self.conclusion == Conclusion::Blocked;
        let contradiction = if Verdict::ALL
            .iter()
            .any(|v| listed(*v) > self.counts.get(*v))
        {
            "it lists more findings than it counts"
        } else if blocking > self.blocking || self.blocking > all {
            "findings that block and all findings do not fit"
        } else if self.blocking > 0 && !blocked {
            "a finding blocks and the whole does not"
        } else if self.numbers().any(|n| n > MOST) {
            "a count is beyond all reason"
        } else if !self.findings.iter().all(WireFinding::is_sound) {
            "a finding has odds, past runs or a cause that cannot be"
        } else if self.findings.iter().any(|f| f.cluster >= self.causes.len()) {
            "a finding has a cause that is not there"
        } else {
            return Ok(());
        };
        Err(PartError::Contradiction(contradiction))
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let totals = self.totals;
        let subject = &self.subject;
        let own = [
            totals.tests,
            totals.passed,
            totals.failed,
            totals.errors,
            totals.skipped,
            totals.flaked,
            self.more_changes,
            self.more_problems,
            subject.baseline_runs,
            subject.runs_missing,
        ];
        let verdicts = Verdict::ALL.map(|verdict| self.counts.get(verdict));
        let causes = self.causes.iter().map(|(_, tests)| *tests);
        own.into_iter().chain(verdicts).chain(causes)
    }

    pub(super) fn into_part(self) -> Part {
        let cause = |(signature, tests)| Cluster {
            signature,
            message: String::new(),
            tests,
        };
        let report = Report {
            schema: SCHEMA_VERSION,
            conclusion: self.conclusion,
            headline: self.headline,
            subject: self.subject,
            totals: self.totals,
            counts: self.counts,
            findings: self
                .findings
                .into_iter()
                .map(WireFinding::into_finding)
                .collect(),
            clusters: self.causes.into_iter().map(cause).collect(),
            changes: self.changes,
            problems: self.problems,
        };
        Part {
            report,
            blocking: self.blocking,
            more_changes: self.more_changes,
            more_problems: self.more_problems,
        }
    }
}

impl WireFinding {
    fn is_sound(&self) -> bool {
        let evidence = &self.evidence;
        let days = (0.0..=100_000.0).contains(&evidence.days);
        let odds = self.odds.iter().all(|p| (0.0..=1.0).contains(p));
        let counts = evidence.counts.iter().all(|n| *n <= MOST);
        let signs = |row: &(String, String)| {
            row.1.len() <= MOST_SIGNS && row.1.chars().all(|sign| outcome(sign).is_some())
        };
        days && odds && counts && evidence.grid.iter().all(signs)
    }

    fn into_finding(self) -> Finding {
        let [p_caused, p_broken_base, p_flake, p_retest_passes] = self.odds;
        let [failed_attempts, attempts] = self.attempts;
        let signature = self.failure.as_ref().map(Failure::signature);
        Finding {
            id: self.id.unwrap_or_else(|| self.test.id()),
            test: self.test,
            verdict: self.verdict,
            blocks: self.blocks,
            p_caused,
            p_broken_base,
            p_flake,
            p_retest_passes,
            reruns_to_settle: self.reruns,
            cluster: self.cluster,
            failed_attempts,
            attempts,
            failure: self.failure,
            signature,
            evidence: self.evidence.into_evidence(),
        }
    }
}

impl WireEvidence {
    fn into_evidence(self) -> Evidence {
        let [runs, failures, flakes, same_signature, broken_base_failures] = self.counts;
        Evidence {
            window_days: self.days,
            runs,
            failures,
            flakes,
            same_signature,
            broken_base_failures,
            levels: Vec::new(),
            likelihood: Likelihood::default(),
            prior_caused: 0.0,
            last_failure: self.last_failure,
            last_pass: self.last_pass,
            other_prs: self.other_prs,
            touched: self.touched,
            base_message: String::new(),
            grid: self
                .grid
                .iter()
                .flat_map(|(job, signs)| cells(job, signs))
                .collect(),
            durations_ms: Vec::new(),
            because: self.because,
            would_change: self.would_change,
        }
    }
}

/// A row of the grid. When its runs started is not in a part; only their order is.
fn cells(job: &str, signs: &str) -> Vec<GridCell> {
    let cell = |(at, sign): (usize, char)| GridCell {
        job: job.to_owned(),
        at: Timestamp(i64::try_from(at).unwrap_or(i64::MAX)),
        outcome: outcome(sign).unwrap_or(Outcome::Skip),
        flaked: sign == '~',
        same_signature: sign == 'X',
    };
    signs.chars().enumerate().map(cell).collect()
}

/// The outcome that a sign of the grid stands for.
fn outcome(sign: char) -> Option<Outcome> {
    match sign {
        '.' | '~' => Some(Outcome::Pass),
        'X' | 'F' => Some(Outcome::Fail),
        'E' => Some(Outcome::Error),
        's' => Some(Outcome::Skip),
        _ => None,
    }
}

/// Bytes of a value as JSON.
fn length<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX / 2, |bytes| bytes.len())
}

/// The first points of a list that there is room for, and how many there are besides.
fn fitting<T: Serialize>(all: impl Iterator<Item = T>) -> (Vec<T>, u64) {
    let (mut kept, mut more, mut used) = (Vec::new(), 0, 0);
    for point in all {
        used += length(&point) + 1;
        if used <= LIST_BYTES && more == 0 {
            kept.push(point);
        } else {
            more += 1;
        }
    }
    (kept, more)
}

fn short_change(change: &Change) -> Change {
    Change {
        test: TestName {
            suite: cut(&change.test.suite, 200),
            class: change.test.class.as_deref().map(|class| cut(class, 200)),
            name: cut(&change.test.name, 200),
        },
        because: cut(&change.because, 300),
        ..change.clone()
    }
}

fn short_problem(problem: &Problem) -> Problem {
    Problem {
        file: cut(&problem.file, 300),
        place: problem.place,
        what: cut(&problem.what, 300),
        hint: cut(&problem.hint, 300),
    }
}

fn short_subject(subject: &Subject) -> Subject {
    let (run, key) = (&subject.run, &subject.run.key);
    Subject {
        run: RunInfo {
            key: RunKey {
                repo: cut(&key.repo, 300),
                branch: cut(&key.branch, 300),
                job: cut(&key.job, 300),
                run: cut(&key.run, 100),
                attempt: key.attempt,
            },
            commit: cut(&run.commit, 64),
            tree: cut(&run.tree, 64),
            url: cut(&run.url, 1000),
            ..run.clone()
        },
        base: cut(&subject.base, 300),
        merge_base: cut(&subject.merge_base, 64),
        ..subject.clone()
    }
}
