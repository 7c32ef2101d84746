//! How the jobs that test one commit meet: each leaves its part in the history and gets all parts that are there.

use std::collections::BTreeSet;

use bytes::Bytes;
use history::{History, Parts, Recorded};
use model::Conclusion;
use report::{Gaps, Part, PartError};

use super::Step;
use super::compare::Compared;
use super::parts::{self, Label};
use super::target::Target;
use crate::error::Error;
use crate::remote;

/// Bytes of texts of failures that one comparison records.
const MOST_TEXT: usize = 4 << 20;

/// Days for which a part is kept: what is not clear as long as GitHub lets a run be run again, so that a job which is not run again stays as red as it was.
const CLEAR_DAYS: f64 = 3.0;
const OTHER_DAYS: f64 = 30.0;

/// What the jobs of a commit have found.
#[derive(Debug, Default)]
pub(super) struct Met {
    parts: Parts,
    /// Those of this process.
    own: Parts,
    /// Pull requests that are closed: what was found of them decides nothing any more.
    closed: BTreeSet<u64>,
    /// Why others may have found something that is not known here, in words.
    apart: Option<String>,
}

/// Parts, read.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) parts: Vec<Part>,
    pub(super) gaps: Gaps,
}

/// A part of this process.
#[derive(Debug)]
struct Own {
    label: Label,
    bytes: Vec<u8>,
    days: f64,
}

impl Step<'_> {
    /// The name under which jobs meet. Whatever tests a commit meets, for another pull request too: GitHub keeps one status for a commit.
    pub(super) fn group(&self, target: &Target) -> String {
        format!("{} commit-{}", self.publishing.name, target.head_commit)
    }

    /// Whether jobs can leave their parts for each other: in a folder of one runner they cannot.
    pub(super) fn jobs_meet(&self) -> bool {
        self.inputs.history().starts_with("git:")
    }

    /// The history to write to; made when this is the first run of all.
    pub(super) fn writable(&self, target: &Target, history: Option<History>) -> Option<History> {
        if !target.may_write || self.publishing.dry_run {
            return None;
        }
        history.or_else(|| {
            let made = remote::init(self.inputs.history(), self.context);
            made.map_err(|error| self.warn(&format!("there is no history yet: {error}")))
                .ok()
        })
    }

    /// Records the runs of a change and leaves their parts.
    pub(super) fn meet(
        &self,
        target: &Target,
        history: Option<&History>,
        compared: &[Compared],
    ) -> Met {
        let own = self.own_parts(target, compared);
        let Some(history) = history else {
            // A dry run is to print what would be written if it were none.
            let apart = (!self.publishing.dry_run)
                .then_some("there is no history, so what other jobs found is not known");
            return Met::of(Parts::new(), unplaced(own), apart);
        };
        match self.share(target, history, compared, &own) {
            Ok(parts) => {
                let is_own = |bytes: &Bytes| own.iter().any(|own| *bytes == own.bytes);
                let held = parts.iter().filter(|(_, bytes)| is_own(bytes));
                let held = held.map(|(name, bytes)| (name.clone(), bytes.clone()));
                let held = held.collect();
                Met::of(parts, held, None)
            }
            Err(error) => {
                self.warn(&format!(
                    "this run is not recorded, and other jobs cannot see it: {error}"
                ));
                let others = self.look_again(target).unwrap_or_default();
                let apart =
                    "the history could not be written, so what other jobs found is not known";
                Met::of(others, unplaced(own), Some(apart))
            }
        }
    }

    fn share(
        &self,
        target: &Target,
        history: &History,
        compared: &[Compared],
        own: &[Own],
    ) -> Result<Parts, Error> {
        let (group, now) = (self.group(target), self.now());
        let runs = self.recorded(compared);
        let all = history.batch("compare a change", |history| {
            for run in &runs {
                let _: Recorded = history.record_at(&run.run, now)?;
            }
            let mut all = history.parts(&group)?;
            for own in own {
                if let Some(name) = parts::place(&all, &own.label, &own.bytes) {
                    all = history.keep_part((&group, &name), &own.bytes, (now, own.days))?;
                }
            }
            Ok(all)
        })?;
        Ok(all)
    }

    /// The runs to record. A fork names as many jobs as it likes, and the history is the repository's own: there is an end to what one change may put there.
    fn recorded<'a>(&self, compared: &'a [Compared]) -> Vec<&'a Compared> {
        let mut left = MOST_TEXT;
        let mut taken = Vec::new();
        for of in compared.iter().filter(|of| is_recorded(of)) {
            let texts = of.run.texts.values().map(String::len).sum::<usize>();
            match left.checked_sub(texts) {
                Some(rest) => {
                    left = rest;
                    taken.push(of);
                }
                None => self.warn(&format!(
                    "the job `{}` is compared but not recorded: the failures of this change have more than {MOST_TEXT} bytes of text",
                    of.run.info.key.job
                )),
            }
        }
        taken
    }

    fn own_parts(&self, target: &Target, compared: &[Compared]) -> Vec<Own> {
        let (jobs, all) = if self.jobs_meet() {
            (self.inputs.jobs_of_id(), self.inputs.jobs())
        } else {
            // Nobody else is ever seen, so nobody is waited for.
            (Ok(None), Ok(None))
        };
        let (jobs, all) = (jobs.unwrap_or_default(), all.unwrap_or_default());
        let part = |of: &Compared| {
            let label = Label {
                workflow: target.run.workflow.clone(),
                run: target.run.id.clone(),
                attempt: target.run.attempt,
                pr: target.pr,
                job_id: of.job_id.clone(),
                job: of.report.subject.run.key.job.clone(),
                jobs: jobs.unwrap_or(1),
                all,
                whole: !target.in_checkout,
            };
            Own {
                bytes: parts::encode(&label, &report::part(&of.report)),
                days: if of.report.conclusion == Conclusion::Clear {
                    CLEAR_DAYS
                } else {
                    OTHER_DAYS
                },
                label,
            }
        };
        compared.iter().map(part).collect()
    }

    /// The parts that are there now: the history is opened anew, because a history that is open remembers what it has read.
    pub(super) fn look_again(&self, target: &Target) -> Option<Parts> {
        let history = remote::open(self.inputs.history(), self.context).ok()?;
        history.parts(&self.group(target)).ok()
    }
}

impl Met {
    fn of(others: Parts, own: Parts, apart: Option<&str>) -> Self {
        let mut parts = others;
        parts.extend(own.clone());
        Self {
            parts,
            own,
            apart: apart.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Takes in what is there now; `false` when that says nothing new. What a late answer of GitHub does not show yet stays known, one's own parts above all, unless a later
    /// run or attempt has taken their place.
    pub(super) fn learn(&mut self, now: Parts) -> bool {
        let is_replaced = |name: &str, own: &Bytes| {
            let held = now.get(name).and_then(|held| parts::decode(held));
            let own = parts::decode(own);
            own.zip(held)
                .is_some_and(|((own, _), (held, _))| own.is_older_than(&held))
        };
        self.own.retain(|name, own| !is_replaced(name, own));
        let mut parts = self.parts.clone();
        parts.extend(now);
        parts.extend(self.own.clone());
        let is_new = parts != self.parts;
        self.parts = parts;
        is_new
    }

    /// Whether all jobs can see each other.
    pub(super) fn is_together(&self) -> bool {
        self.apart.is_none()
    }

    /// The pull requests that parts are of.
    pub(super) fn pulls(&self) -> BTreeSet<u64> {
        let labels = self.labels().filter_map(|(label, _)| label.pr);
        labels.filter(|pr| !self.closed.contains(pr)).collect()
    }

    /// What was found of a pull request decides nothing any more.
    pub(super) fn close(&mut self, pr: u64) {
        self.closed.insert(pr);
    }

    /// All parts, read; those of another pull request than `own` say which.
    pub(super) fn all(&self, own: Option<u64>) -> Known {
        self.read(
            |_label| true,
            |label| match label.pr {
                Some(pr) if own != Some(pr) => format!("{} of #{pr}", label.job),
                Some(_) | None => label.job.clone(),
            },
        )
    }

    /// The parts of one pull request.
    pub(super) fn of_pull(&self, pr: u64) -> Known {
        self.read(|label| label.pr == Some(pr), |label| label.job.clone())
    }

    /// Some parts. What is damaged or missing is a gap, never passed over.
    fn read(&self, wanted: impl Fn(&Label) -> bool, title: impl Fn(&Label) -> String) -> Known {
        let mut known = Known::default();
        let current = self.current(wanted);
        for (label, packed) in &current {
            match report::read_part(packed) {
                Ok(part) => known.parts.push(part.named(&title(label))),
                Err(error) => known.gaps.damaged.push((title(label), error)),
            }
        }
        let labels: Vec<Label> = current.into_iter().map(|(label, _)| label).collect();
        known.gaps.damaged.extend(self.unlabelled());
        known.gaps.missing = parts::missing(&labels);
        known.gaps.unknown.extend(self.apart.clone());
        let shared = parts::shared_names(&labels).into_iter();
        let shared = shared
            .map(|job| format!("two results have the name {job}: give each its own input `job`"));
        known.gaps.unknown.extend(shared);
        known
    }

    /// The parts that count, with their labels: not those of closed pull requests, and not those of the past.
    fn current(&self, wanted: impl Fn(&Label) -> bool) -> Vec<(Label, &[u8])> {
        let all: Vec<(Label, &[u8])> = self.labels().collect();
        let is_past = |label: &Label| all.iter().any(|(of, _)| label.is_superseded_by(of));
        let is_closed = |label: &Label| label.pr.is_some_and(|pr| self.closed.contains(&pr));
        let counts = all
            .iter()
            .filter(|(label, _)| wanted(label) && !is_closed(label) && !is_past(label));
        counts.cloned().collect()
    }

    fn labels(&self) -> impl Iterator<Item = (Label, &[u8])> {
        self.parts.values().filter_map(|bytes| parts::decode(bytes))
    }

    /// Parts of which nobody can say whose they are.
    fn unlabelled(&self) -> Vec<(String, PartError)> {
        let lost = self
            .parts
            .iter()
            .filter(|(_, bytes)| parts::decode(bytes).is_none());
        let why = PartError::Damaged { line: 1, column: 1 };
        lost.map(|(name, _)| (name.clone(), why.clone())).collect()
    }
}

/// Parts that nobody else can see, under names of their own.
fn unplaced(own: Vec<Own>) -> Parts {
    let own = own.into_iter().enumerate();
    own.map(|(at, own)| (format!("own\n{at}"), own.bytes.into()))
        .collect()
}

/// A change is recorded as what it is. A merge group becomes history of its base only when nothing in it blocks, because broken code
/// must not teach the baseline.
fn is_recorded(of: &Compared) -> bool {
    let has_results = !of.run.rows.is_empty();
    let passes = of.run.info.pr.is_some() || of.report.conclusion == Conclusion::Clear;
    of.is_new && has_results && passes
}

#[cfg(test)]
mod tests {
    use history::Parts;

    use super::{Label, Met, parts};

    fn parts(of: &[(&str, &'static str)]) -> Parts {
        let one = |(name, text): &(&str, &'static str)| ((*name).to_owned(), (*text).into());
        of.iter().map(one).collect()
    }

    #[test]
    fn what_a_late_answer_does_not_show_stays_known() {
        let mut met = Met::of(parts(&[("lint", "green")]), parts(&[("unit", "red")]), None);
        assert!(!met.learn(Parts::new()));
        assert!(!met.learn(parts(&[("unit", "green, earlier")])));
        assert!(met.learn(parts(&[("e2e", "red")])));
        assert_eq!(met.parts.len(), 3);
    }

    #[test]
    fn a_later_attempt_takes_the_place_of_ones_own_part() {
        let of = |attempt, report: &[u8]| -> Parts {
            let label = Label {
                job: "unit".to_owned(),
                run: "1".to_owned(),
                attempt,
                ..Label::default()
            };
            [("unit".to_owned(), parts::encode(&label, report).into())].into()
        };
        let mut met = Met::of(Parts::new(), of(1, b"green"), None);
        assert!(!met.learn(of(1, b"another, by a late answer")));
        assert!(met.learn(of(2, b"red")));
        assert_eq!(met.parts, of(2, b"red"));
    }

    #[test]
    fn an_answer_that_others_cannot_see_is_not_whole() {
        let met = Met::of(Parts::new(), Parts::new(), Some("no rights"));
        assert_eq!(met.all(None).gaps.unknown, ["no rights"]);
    }

    fn labelled(label: &Label) -> Parts {
        let bytes = parts::encode(label, b"no report");
        [(format!("{} {}", label.job, label.attempt), bytes.into())].into()
    }

    /// Jobs of which something is known, though their reports cannot be read here.
    fn jobs(met: &Met, own: u64) -> Vec<String> {
        let damaged = met.all(Some(own)).gaps.damaged;
        damaged.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_a_closed_pull_request_found_does_not_count() {
        let of = |pr| Label {
            job: "unit".to_owned(),
            pr: Some(pr),
            attempt: u32::try_from(pr).unwrap(),
            ..Label::default()
        };
        let mut met = Met::of(labelled(&of(7)), labelled(&of(8)), None);
        assert_eq!(jobs(&met, 8), ["unit of #7", "unit"]);
        met.close(7);
        assert_eq!(jobs(&met, 8), ["unit"]);
        assert_eq!(met.pulls().into_iter().collect::<Vec<_>>(), [8]);
    }
}
