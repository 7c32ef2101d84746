//! What one job of a workflow run tells the others: its report, small enough to travel.
//!
//! A part is JSON in UTF-8 of at most [`MOST_PART_BYTES`]. The worst findings are whole, the next ones have
//! their names and odds, further ones are only counted: counts are exact whatever was left out. What comes back is
//! hostile: another job of the pull request may have written it.

mod cut;
mod wire;

use model::{Counts, Report, Verdict};

use wire::Wire;

/// The most bytes of a part that is written.
pub const MOST_PART_BYTES: usize = 60_000;
/// The most bytes of a part that is read: room for versions that write more.
const MOST_READ_BYTES: usize = 256 << 10;
/// The version of the layout, raised when a reader of the last one would misread it.
const VERSION: u32 = 1;

/// The report of one job as it travels: see [`part`].
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Without the findings, changes and problems that did not fit; all counts are exact.
    pub(crate) report: Report,
    /// Findings that block, those left out among them.
    pub(crate) blocking: u64,
    /// Changes that were left out.
    pub(crate) more_changes: u64,
    /// Problems that were left out.
    pub(crate) more_problems: u64,
}

impl Part {
    /// The part that a report becomes.
    pub fn of(report: &Report) -> Self {
        Wire::of(report).into_part()
    }

    /// The same part of a job that goes by another name.
    #[must_use]
    pub fn named(mut self, job: &str) -> Self {
        job.clone_into(&mut self.report.subject.run.key.job);
        self
    }

    /// The job that it is of, as the report names it.
    pub fn job(&self) -> &str {
        &self.report.subject.run.key.job
    }

    /// The commit that was judged; empty when unknown.
    pub fn commit(&self) -> &str {
        &self.report.subject.run.commit
    }

    /// The pull request; `None` on the base.
    pub fn pr(&self) -> Option<u64> {
        self.report.subject.run.pr
    }

    /// The run id of the CI system, and the attempt of it.
    pub fn run(&self) -> (&str, u32) {
        let key = &self.report.subject.run.key;
        (&key.run, key.attempt)
    }

    /// How many findings each verdict has.
    pub fn counts(&self) -> &Counts {
        &self.report.counts
    }
}

/// Why a part cannot be read. What the bytes say is not repeated: they are hostile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// It is longer than any part.
    #[error("{bytes} bytes are too many for the part of a job, {MOST_READ_BYTES} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is cut off, or no part at all.
    #[error("it is damaged or no part of a report: line {line}, column {column}")]
    Damaged {
        /// Line of the first byte that does not fit, from 1.
        line: usize,
        /// Column in that line, from 1.
        column: usize,
    },
    /// A later version of Sprag wrote it.
    #[error(
        "layout {found} is newer than the {VERSION} that this version reads (hint: use one version of Sprag in all jobs)"
    )]
    Newer {
        /// The version it says.
        found: u32,
    },
    /// It is well-formed and says what cannot be.
    #[error("it contradicts itself: {0}")]
    Contradiction(&'static str),
}

/// A report as a part of at most [`MOST_PART_BYTES`] bytes. Equal reports give equal bytes.
pub fn part(report: &Report) -> Vec<u8> {
    Wire::of(report).bytes()
}

/// Reads what [`part`] wrote.
///
/// # Errors
/// When the bytes are no part, too many, of a later version, or contradict themselves. Nothing is read then.
pub fn read_part(bytes: &[u8]) -> Result<Part, PartError> {
    if bytes.len() > MOST_READ_BYTES {
        return Err(PartError::TooLong { bytes: bytes.len() });
    }
    let wire = Wire::read(bytes)?;
    wire.check()?;
    Ok(wire.into_part())
}

/// How many findings of a verdict are counted and not listed.
pub(crate) fn left_out(report: &Report, verdict: Verdict) -> u64 {
    let listed = report.findings.iter().filter(|f| f.verdict == verdict);
    report
        .counts
        .get(verdict)
        .saturating_sub(listed.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::{MOST_PART_BYTES, Part, PartError, left_out, part, read_part};
    use crate::fixture;
    use model::{Failure, Report, TestName, Verdict};
    use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

    fn many(n: usize, text: &str) -> Report {
        let kinds = [fixture::caused(), fixture::suspect(), fixture::flake()];
        let findings = (0..n).map(|i| {
            let mut finding =
                fixture::saying(kinds[i % 3].clone(), Failure::of(&format!("{i} {text}")));
            finding.test = TestName::new("suite", Some(text), &format!("{text} {i}"));
            finding
        });
        let mut findings: Vec<_> = findings.collect();
        findings.sort_by_key(|finding| finding.verdict);
        fixture::with(findings)
    }

    #[test]
    fn a_part_comes_back_as_it_went() {
        for report in [fixture::mixed(), fixture::clear(), many(3000, "name")] {
            assert_eq!(read_part(&part(&report)), Ok(Part::of(&report)));
        }
    }

    #[test]
    fn a_small_report_loses_nothing_that_a_comment_shows() {
        let report = fixture::mixed();
        let part = Part::of(&report);
        assert_eq!(part.report.findings.len(), report.findings.len());
        assert_eq!(part.report.changes, report.changes);
        assert_eq!(part.report.problems, report.problems);
        assert_eq!(part.report.totals, report.totals);
        let evidence = |report: &Report| {
            let of = |f: &model::Finding| {
                (
                    f.evidence.because.clone(),
                    f.evidence.last_pass.clone().map(|run| run.url),
                )
            };
            report.findings.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(evidence(&part.report), evidence(&report));
    }

    #[test]
    fn any_number_of_failures_fits_and_is_counted() {
        for text in ["x", &"\u{1f9ea}\"\\\n".repeat(3000), &"\0".repeat(9000)] {
            let report = many(10_000, text);
            let bytes = part(&report);
            assert!(bytes.len() <= MOST_PART_BYTES, "{}", bytes.len());
            let read = read_part(&bytes).unwrap();
            assert_eq!(read.report.counts, report.counts);
            assert_eq!(
                read.blocking,
                report.findings.iter().filter(|f| f.blocks).count() as u64
            );
            assert!(
                read.report.findings.len() >= 8,
                "{}",
                read.report.findings.len()
            );
            assert!(left_out(&read.report, Verdict::Flake) > 0);
        }
    }

    #[test]
    fn a_cut_name_keeps_its_id() {
        let report = many(2, &"long".repeat(900));
        let ids = |report: &Report| {
            report
                .findings
                .iter()
                .map(|f| f.test.id())
                .collect::<Vec<_>>()
        };
        let read = Part::of(&report).report;
        let kept: Vec<_> = read.findings.iter().map(|f| f.id).collect();
        assert_eq!(kept, ids(&report));
    }

    #[test]
    fn what_is_no_part_is_a_named_problem() {
        let good = String::from_utf8(part(&fixture::mixed())).unwrap();
        assert!(matches!(read_part(b""), Err(PartError::Damaged { .. })));
        assert!(matches!(
            read_part(b"{\"sprag-part\":1}"),
            Err(PartError::Damaged { .. })
        ));
        assert!(matches!(
            read_part(&good.as_bytes()[..700]),
            Err(PartError::Damaged { .. })
        ));
        assert_eq!(
            read_part(b"{\"sprag-part\":2,\"x\":1}"),
            Err(PartError::Newer { found: 2 })
        );
        let long = vec![b' '; 300 << 10];
        assert_eq!(read_part(&long), Err(PartError::TooLong { bytes: 307_200 }));
        let deep = "[".repeat(100_000);
        assert!(matches!(
            read_part(deep.as_bytes()),
            Err(PartError::Damaged { .. })
        ));
        let fewer = good.replace("\"caused\":1", "\"caused\":0");
        assert!(matches!(
            read_part(fewer.as_bytes()),
            Err(PartError::Contradiction(_))
        ));
        let more = good.replace("\"tests\":4812", "\"tests\":18446744073709551615");
        assert!(matches!(
            read_part(more.as_bytes()),
            Err(PartError::Contradiction(_))
        ));
        let odds = good.replace("0.9962", "1e300");
        assert!(matches!(
            read_part(odds.as_bytes()),
            Err(PartError::Contradiction(_))
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn damage_never_panics(at in any::<usize>(), byte in any::<u8>(), cut in any::<usize>()) {
            let mut bytes = part(&fixture::mixed());
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(cut % length + 1);
            prop_assert!(read_part(&bytes).is_err() || bytes.len() == length);
        }
    }
}
