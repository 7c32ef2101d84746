//! Findings that share a verdict and a cause are told once: the first in full, the others by name.

use std::collections::BTreeMap;

use model::{Finding, GridCell, Report, Verdict};

/// One finding and those that look like the same cause.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// The finding that is shown in full.
    pub(crate) lead: &'a Finding,
    /// The others of the same verdict and cluster.
    pub(crate) others: Vec<&'a Finding>,
}

/// The findings of a report by cause, in the order of the report. Failures without text share no cause.
pub(crate) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut seen: BTreeMap<(Verdict, usize), usize> = BTreeMap::new();
    for finding in &report.findings {
        let key = (finding.verdict, finding.cluster);
        let known = seen.get(&key).filter(|_| has_cause(report, finding));
        if let Some(group) = known.and_then(|at| groups.get_mut(*at)) {
            group.others.push(finding);
            continue;
        }
        seen.insert(key, groups.len());
        groups.push(Group {
            lead: finding,
            others: Vec::new(),
        });
    }
    groups
}

fn has_cause(report: &Report, finding: &Finding) -> bool {
    let cluster = report.clusters.get(finding.cluster);
    cluster.is_some_and(|cluster| cluster.signature.is_some())
}

/// The grid of a finding by job: the job of the run first, then by name; each with its last `limit` runs, oldest first.
pub(crate) fn rows<'a>(
    report: &Report,
    finding: &'a Finding,
    limit: usize,
) -> Vec<(&'a str, Vec<&'a GridCell>)> {
    let mut rows = rows_of(&finding.evidence.grid, limit);
    rows.sort_by_key(|(job, _)| *job != report.subject.run.key.job);
    rows
}

/// Cells by job, by name; of each job the last `limit` runs, oldest first.
pub(crate) fn rows_of(grid: &[GridCell], limit: usize) -> Vec<(&str, Vec<&GridCell>)> {
    let mut by_job: BTreeMap<&str, Vec<&GridCell>> = BTreeMap::new();
    for cell in grid {
        by_job.entry(&cell.job).or_default().push(cell);
    }
    let mut rows: Vec<_> = by_job.into_iter().collect();
    for (_, cells) in &mut rows {
        cells.sort_by_key(|cell| cell.at);
        cells.drain(..cells.len().saturating_sub(limit));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{groups, rows};
    use crate::fixture;

    #[test]
    fn failures_of_one_cause_stand_together_in_the_order_of_the_report() {
        let mut report = fixture::mixed();
        let mut twin = report.findings[0].clone();
        twin.test.name = "twin".to_owned();
        report.findings.insert(2, twin);
        let groups = groups(&report);
        assert_eq!(groups.len() + 1, report.findings.len());
        assert_eq!(groups[0].others[0].test.name, "twin");
    }

    #[test]
    fn failures_without_text_are_never_put_together() {
        let mut report = fixture::mixed();
        let twin = report.findings[0].clone();
        report.findings.push(twin);
        report.clusters[0].signature = None;
        assert!(groups(&report).iter().all(|group| group.others.is_empty()));
    }

    #[test]
    fn the_job_under_judgement_is_the_first_row_of_the_grid() {
        let report = fixture::mixed();
        let rows = rows(&report, &report.findings[0], 4);
        let jobs: Vec<_> = rows
            .iter()
            .map(|(job, cells)| (*job, cells.len()))
            .collect();
        assert_eq!(jobs, [("unit (linux)", 4), ("unit (macos)", 4)]);
    }
}
