//! Several jobs test one change and make one comment: each leaves a part in the history, where none is lost when they end together,
//! and publishes all parts that are there.
//!
//! Why the last comment is whole: parts are only ever added, and a job looks at them again after it has written. Whoever wrote last
//! looked after its own write; had there been a part it did not know, it would have written once more.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// No part is longer.
const MOST_BYTES: usize = 256 << 10;

/// GitHub's limit of a matrix: a part that says more is not believed.
const MOST_MISSING: usize = 256;

/// What stands before the report in a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Label {
    /// The workflow.
    pub(crate) workflow: String,
    /// The job of that workflow, without its matrix values.
    pub(crate) job_id: String,
    /// The job, with them.
    pub(crate) job: String,
    /// How many jobs of this id report.
    pub(crate) jobs: u32,
    /// The attempt of the run.
    pub(crate) attempt: u32,
}

impl Label {
    /// The name of the part: a later attempt of a job takes the place of an earlier one.
    pub(crate) fn name(&self) -> String {
        format!("{}\n{}", self.workflow, self.job)
    }
}

/// A part: a line of JSON, then the report as `report::part` packs it.
pub(crate) fn encode(label: &Label, report: &[u8]) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(label).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(report);
    bytes
}

/// Takes a part apart; `None` when it is none.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Label, &[u8])> {
    if bytes.len() > MOST_BYTES {
        return None;
    }
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let (head, rest) = bytes.split_at(end);
    Some((serde_json::from_slice(head).ok()?, rest.get(1..)?))
}

/// The jobs that have not reported yet, in words.
pub(crate) fn missing(labels: &[Label]) -> Vec<String> {
    let mut expected: BTreeMap<(&str, &str), (u32, BTreeSet<&str>)> = BTreeMap::new();
    for label in labels {
        let (jobs, seen) = expected
            .entry((&label.workflow, &label.job_id))
            .or_default();
        *jobs = label.jobs.max(*jobs);
        seen.insert(&label.job);
    }
    let missing = expected.iter().flat_map(|((_, id), (jobs, seen))| {
        let seen = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        (seen..*jobs).map(move |n| format!("{id}, job {} of {jobs}", n + 1))
    });
    missing.take(MOST_MISSING).collect()
}

#[cfg(test)]
mod tests {
    use super::{Label, decode, encode, missing};

    fn label(id: &str, job: &str, jobs: u32) -> Label {
        Label {
            workflow: "ci".to_owned(),
            job_id: id.to_owned(),
            job: job.to_owned(),
            jobs,
            attempt: 1,
        }
    }

    #[test]
    fn a_part_is_read_back() {
        let packed = encode(&label("unit", "unit (1)", 3), b"report\nbytes");
        let (read, rest) = decode(&packed).unwrap();
        assert_eq!(
            (read.job.as_str(), rest),
            ("unit (1)", &b"report\nbytes"[..])
        );
        assert_eq!(decode(b"no part"), None);
        assert_eq!(decode(b"{}"), None);
    }

    #[test]
    fn jobs_that_have_not_reported_are_counted_for_each_job_id() {
        let parts = [
            label("unit", "unit (1)", 3),
            label("unit", "unit (2)", 3),
            label("lint", "lint", 1),
        ];
        assert_eq!(missing(&parts), ["unit, job 3 of 3"]);
        assert!(missing(&[]).is_empty());
    }
}
