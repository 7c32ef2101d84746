//! How the jobs that test one commit meet: each leaves its part in the history and gets all parts that are there.

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

/// What the jobs of a commit have found.
#[derive(Debug, Default)]
pub(super) struct Met {
    parts: Parts,
    /// Those of this process.
    own: Parts,
    /// Why others may have found something that is not known here, in words.
    apart: Option<String>,
}

/// Parts, read.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) parts: Vec<Part>,
    pub(super) gaps: Gaps,
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
            let apart = (!self.publishing.dry_run).then_some("there is no history to meet in");
            return Met::of(Parts::new(), unplaced(own), apart);
        };
        match self.share(target, history, compared, &own) {
            Ok(parts) => {
                let is_own = |bytes: &Bytes| own.iter().any(|(_, own)| own == bytes);
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
                let apart = "the history could not be written";
                Met::of(others, unplaced(own), Some(apart))
            }
        }
    }

    fn share(
        &self,
        target: &Target,
        history: &History,
        compared: &[Compared],
        own: &[(Label, Vec<u8>)],
    ) -> Result<Parts, Error> {
        let (group, now) = (self.group(target), self.now());
        let all = history.batch("compare a change", |history| {
            for run in self.recorded(compared) {
                let _: Recorded = history.record_at(&run.run, now)?;
            }
            let mut all = history.parts(&group)?;
            for (label, bytes) in own {
                if let Some(name) = parts::place(&all, label, bytes) {
                    all = history.put_part((&group, &name), bytes, now)?;
                }
            }
            Ok(all)
        })?;
        for (label, _) in own {
            if parts::of_one_run(&all, label).count() > 1 {
                self.warn(&format!(
                    "two results of this run have the name `{}`: only the first is recorded (hint: give each its own input `job`)",
                    label.job
                ));
            }
        }
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

    fn own_parts(&self, target: &Target, compared: &[Compared]) -> Vec<(Label, Vec<u8>)> {
        let part = |of: &Compared| {
            let label = Label {
                workflow: target.run.workflow.clone(),
                run: target.run.id.clone(),
                attempt: target.run.attempt,
                pr: target.pr,
                job_id: of.job_id.clone(),
                job: of.report.subject.run.key.job.clone(),
                jobs: self.inputs.jobs_of_id(),
                all: self.inputs.jobs().unwrap_or_default(),
            };
            let bytes = parts::encode(&label, &report::part(&of.report));
            (label, bytes)
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
        }
    }

    /// The same with what is there now, when that says anything new. What a late answer of GitHub does not show yet stays known, one's own parts above all.
    pub(super) fn with_newer(&self, now: Parts) -> Option<Self> {
        let mut parts = self.parts.clone();
        parts.extend(now);
        parts.extend(self.own.clone());
        (parts != self.parts).then(|| Self {
            parts,
            own: self.own.clone(),
            apart: self.apart.clone(),
        })
    }

    /// Whether all jobs can see each other.
    pub(super) fn is_together(&self) -> bool {
        self.apart.is_none()
    }

    /// All parts, read. What is damaged or missing is a gap, never passed over.
    pub(super) fn all(&self) -> Known {
        self.known(|_label| true)
    }

    /// The parts of one pull request.
    pub(super) fn of_pull(&self, pr: u64) -> Known {
        self.known(|label| label.pr == Some(pr))
    }

    fn known(&self, wanted: impl Fn(&Label) -> bool) -> Known {
        let mut known = Known::default();
        let mut labels = Vec::new();
        for (name, bytes) in &self.parts {
            let Some((label, packed)) = parts::decode(bytes) else {
                let why = PartError::Damaged { line: 1, column: 1 };
                known.gaps.damaged.push((name.replace('\n', " "), why));
                continue;
            };
            if !wanted(&label) {
                continue;
            }
            match report::read_part(packed) {
                Ok(part) => known.parts.push(part),
                Err(error) => known.gaps.damaged.push((label.job.clone(), error)),
            }
            labels.push(label);
        }
        known.gaps.missing = parts::missing(&labels);
        let apart = self.apart.iter();
        let apart = apart.map(|why| format!("what other jobs may have found ({why})"));
        known.gaps.missing.extend(apart);
        known
    }
}

/// Parts that nobody else can see, under names of their own.
fn unplaced(own: Vec<(Label, Vec<u8>)>) -> Parts {
    let own = own.into_iter().enumerate();
    own.map(|(at, (label, bytes))| (format!("own\n{at}\n{}", label.job), bytes.into()))
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

    use super::Met;

    fn parts(of: &[(&str, &'static str)]) -> Parts {
        let one = |(name, text): &(&str, &'static str)| ((*name).to_owned(), (*text).into());
        of.iter().map(one).collect()
    }

    #[test]
    fn what_a_late_answer_does_not_show_stays_known() {
        let met = Met::of(parts(&[("lint", "green")]), parts(&[("unit", "red")]), None);
        assert!(met.with_newer(Parts::new()).is_none());
        assert!(
            met.with_newer(parts(&[("unit", "green, earlier")]))
                .is_none()
        );
        let newer = met.with_newer(parts(&[("e2e", "red")])).unwrap();
        assert_eq!(newer.parts.len(), 3);
    }

    #[test]
    fn an_answer_that_others_cannot_see_is_not_whole() {
        let met = Met::of(Parts::new(), Parts::new(), Some("no rights"));
        assert_eq!(
            met.all().gaps.missing,
            ["what other jobs may have found (no rights)"]
        );
    }
}
