//! Several jobs test one change and make one comment: each leaves a part in the history, where none is lost when they end together,
//! and publishes all parts that are there.
//!
//! Why the last comment is whole: a job only ever puts a part beside those of others or in place of its own earlier attempt, and looks at all of them again after it
//! has written. Whoever wrote last looked after its own write; had there been a part it did not know, it would have written once more.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use history::Parts;
use serde::{Deserialize, Serialize};

/// No part is longer.
const MOST_BYTES: usize = 256 << 10;

/// What stands before the report in a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Label {
    /// The file of the workflow; two workflows may have one name.
    pub(crate) workflow: String,
    /// The id of its run.
    pub(crate) run: String,
    /// The attempt of the run.
    pub(crate) attempt: u32,
    /// The pull request; `None` for a merge group.
    pub(crate) pr: Option<u64>,
    /// The job of that workflow, without its matrix values.
    pub(crate) job_id: String,
    /// The job, with them.
    pub(crate) job: String,
    /// How many jobs of this id report.
    pub(crate) jobs: u32,
    /// How many results of this workflow there will be, when its author says so.
    pub(crate) all: Option<u32>,
    /// Whether this is from a look at the whole run, after its end.
    pub(crate) whole: bool,
}

impl Label {
    /// The name of the part: a later run or attempt of a job takes the place of an earlier one.
    fn name(&self) -> String {
        let pr = self.pr.unwrap_or_default();
        format!("{}\n{pr}\n{}", self.workflow, self.job)
    }

    fn is_of(&self, run: &Self) -> bool {
        self.name() == run.name() && self.run == run.run && self.attempt == run.attempt
    }

    /// The run and its attempt: both grow with time.
    fn when(&self) -> (u64, u32) {
        (self.run.parse().unwrap_or(0), self.attempt)
    }

    /// Whether a part of this label has been replaced by one of a later run or attempt.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        self.name() == other.name() && self.when() < other.when()
    }

    /// Whether a look at a later run or attempt of the same workflow saw everything that there is, so that this part is of the past.
    pub(crate) fn is_superseded_by(&self, later: &Self) -> bool {
        later.whole
            && (&self.workflow, self.pr) == (&later.workflow, later.pr)
            && self.when() < later.when()
    }
}

/// The names that two results of one run share, so that a later attempt of one would take the place of the other.
pub(crate) fn shared_names(labels: &[Label]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let twice = labels
        .iter()
        .filter(|of| !seen.insert((of.name(), &of.run, of.attempt)));
    twice.map(|label| label.job.as_str()).collect()
}

/// The parts that have one name and are of one attempt of one run.
pub(crate) fn of_one_run<'a>(all: &'a Parts, label: &'a Label) -> impl Iterator<Item = &'a Bytes> {
    let is_it = |bytes: &&Bytes| decode(bytes).is_some_and(|(of, _)| of.is_of(label));
    all.values().filter(is_it)
}

/// The name that a part gets; `None` when it is there already, or one of a later run or attempt is. Of two results with one name, two steps of a job for instance, neither takes
/// the place of the other; a second look at a whole run takes that of the first.
pub(crate) fn place(all: &Parts, label: &Label, bytes: &[u8]) -> Option<String> {
    let mut held = all.values().filter_map(|bytes| decode(bytes));
    let is_late = held.any(|(of, _)| label.is_older_than(&of));
    if is_late || of_one_run(all, label).any(|held| held == bytes) {
        return None;
    }
    Some(match of_one_run(all, label).count() {
        others if others > 0 && !label.whole => format!("{}\n{}", label.name(), others + 1),
        _ => label.name(),
    })
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

/// The results that are not there yet, in words: of each job id with a matrix, and of each workflow whose author said how many there will be.
pub(crate) fn missing(labels: &[Label]) -> Vec<String> {
    let of_ids = Expected::of(labels, |label| {
        let who = (label.workflow.as_str(), label.pr, label.job_id.as_str());
        (who, label.jobs)
    });
    let of_workflows = Expected::of(labels, |label| {
        let who = (label.workflow.as_str(), label.pr, "");
        (who, label.all.unwrap_or_default())
    });
    let expected = of_ids.into_values().chain(of_workflows.into_values());
    expected.filter_map(Expected::missing).collect()
}

/// A workflow, the pull request that it tests, and one of its job ids or none.
type Who<'a> = (&'a str, Option<u64>, &'a str);

/// How many results somebody gives, and those that are there.
#[derive(Default)]
struct Expected<'a> {
    who: &'a str,
    count: u32,
    seen: BTreeSet<&'a str>,
}

impl<'a> Expected<'a> {
    fn of(
        labels: &'a [Label],
        who: impl Fn(&'a Label) -> (Who<'a>, u32),
    ) -> BTreeMap<Who<'a>, Self> {
        let mut all: BTreeMap<Who<'a>, Self> = BTreeMap::new();
        for label in labels {
            let (key, count) = who(label);
            let expected = all.entry(key).or_default();
            expected.who = if key.2.is_empty() { key.0 } else { key.2 };
            expected.count = expected.count.max(count);
            expected.seen.insert(&label.job);
        }
        all
    }

    fn missing(self) -> Option<String> {
        let seen = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let more = self.count.saturating_sub(seen);
        (more > 0).then(|| format!("{more} more of {}", self.who))
    }
}

#[cfg(test)]
mod tests {
    use history::Parts;

    use super::{Label, decode, encode, missing, place, shared_names};

    fn label(id: &str, job: &str, jobs: u32) -> Label {
        Label {
            workflow: "ci".to_owned(),
            run: "1".to_owned(),
            attempt: 1,
            pr: Some(7),
            job_id: id.to_owned(),
            job: job.to_owned(),
            jobs,
            all: None,
            whole: false,
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
        assert_eq!(missing(&parts), ["1 more of unit"]);
        assert!(missing(&[]).is_empty());
    }

    #[test]
    fn a_workflow_that_says_how_many_results_it_has_waits_for_all_of_them() {
        let all = |job: &str| Label {
            all: Some(3),
            ..label(job, job, 1)
        };
        assert_eq!(missing(&[all("unit"), all("lint")]), ["1 more of ci"]);
        assert!(missing(&[all("unit"), all("lint"), all("e2e")]).is_empty());
        let other = Label {
            pr: Some(8),
            ..all("e2e")
        };
        assert_eq!(
            missing(&[all("unit"), all("lint"), other]),
            ["1 more of ci", "2 more of ci"]
        );
    }

    #[test]
    fn two_results_of_one_name_stand_beside_each_other_and_a_later_attempt_takes_their_places() {
        let mut held = Parts::new();
        let mut put = |label: &Label, report: &[u8]| {
            let bytes = encode(label, report);
            let name = place(&held, label, &bytes);
            if let Some(name) = &name {
                held.insert(name.clone(), bytes.into());
            }
            name
        };
        let first = label("unit", "unit", 1);
        let second = Label {
            attempt: 2,
            ..first.clone()
        };
        assert_eq!(put(&first, b"red").as_deref(), Some("ci\n7\nunit"));
        assert_eq!(
            put(&first, b"red"),
            None,
            "the answer was lost, the part was not"
        );
        assert_eq!(put(&first, b"green").as_deref(), Some("ci\n7\nunit\n2"));
        assert_eq!(put(&second, b"red").as_deref(), Some("ci\n7\nunit"));
        assert_eq!(put(&second, b"green").as_deref(), Some("ci\n7\nunit\n2"));
        assert_eq!(put(&first, b"late"), None, "the first attempt is over");
        let look = Label {
            job: "e2e".to_owned(),
            whole: true,
            ..second
        };
        assert_eq!(put(&look, b"undecided").as_deref(), Some("ci\n7\ne2e"));
        assert_eq!(
            put(&look, b"green").as_deref(),
            Some("ci\n7\ne2e"),
            "looked at again"
        );
    }

    #[test]
    fn a_name_that_two_results_share_is_told() {
        let one = label("unit", "unit", 1);
        let later = Label {
            attempt: 2,
            ..one.clone()
        };
        assert!(shared_names(&[one.clone(), later]).is_empty());
        assert_eq!(
            shared_names(&[one.clone(), one])
                .into_iter()
                .collect::<Vec<_>>(),
            ["unit"]
        );
    }

    #[test]
    fn a_look_at_a_whole_run_supersedes_what_was_seen_of_it_before() {
        let outage = Label {
            job: "default".to_owned(),
            whole: true,
            ..label("default", "default", 1)
        };
        let again = Label {
            attempt: 2,
            whole: true,
            ..label("unit", "unit", 1)
        };
        assert!(outage.is_superseded_by(&again) && !again.is_superseded_by(&outage));
        let of_another = Label {
            pr: Some(8),
            ..again.clone()
        };
        assert!(!outage.is_superseded_by(&of_another));
        let of_a_job = Label {
            whole: false,
            ..again
        };
        assert!(
            !outage.is_superseded_by(&of_a_job),
            "one job is not the run"
        );
    }
}
