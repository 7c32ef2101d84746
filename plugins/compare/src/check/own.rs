//! A run is no evidence about itself: it may be in the history as a run of the base, recorded before it is checked or recorded
//! without its pull request. Where the commit under test is the merge base, its runs are runs of the base.

use history::{BaselineRead, Filter, History};
use model::{RunInfo, Timestamp};
use verdict::{Baseline, KEEP_DAYS};

use crate::error::Error;

/// What is no evidence about the run under judgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own<'a> {
    pub(super) info: &'a RunInfo,
    pub(super) merge_base: &'a str,
}

impl Own<'_> {
    /// Whether a baseline was made with the run itself, or with another run of the change that it tests.
    pub(super) fn is_in(self, baseline: &Baseline) -> bool {
        baseline.runs.values().any(|run| {
            let job = baseline.jobs.get(run.job as usize);
            let same_job = job.is_some_and(|job| job.name == self.info.key.job);
            let Self { info, .. } = self;
            let same_run = same_job && run.run == info.key.run && run.attempt == info.key.attempt;
            same_run || self.is_change(&run.commit)
        })
    }

    /// Whether a commit is the change itself.
    fn is_change(self, commit: &str) -> bool {
        !commit.is_empty() && commit == self.info.commit && commit != self.merge_base
    }
}

/// The baseline of a replay that leaves those runs out.
pub(super) fn replay_without(
    own: Own<'_>,
    history: &History,
    at: Timestamp,
) -> Result<BaselineRead, Error> {
    let info = own.info;
    let filter = Filter {
        from: Some(at.plus_days(-KEEP_DAYS)),
        until: Some(at),
        with_names: true,
        with_texts: true,
        ..Filter::base(&info.key.repo, &info.key.branch)
    };
    let mut read = BaselineRead::default();
    let mut runs = history.runs(&filter)?;
    for run in &mut runs {
        if run.info.key != info.key && !own.is_change(&run.info.commit) {
            read.baseline.observe(&run);
            read.runs_read += 1;
        }
    }
    read.problems = runs.finish()?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use model::{RecordedRun, RunInfo, RunKey, Timestamp};
    use verdict::Baseline;

    use super::Own;

    fn info(run: &str, commit: &str) -> RunInfo {
        RunInfo {
            key: RunKey {
                job: "unit".to_owned(),
                run: run.to_owned(),
                attempt: 1,
                ..RunKey::default()
            },
            started_at: Timestamp(1),
            commit: commit.to_owned(),
            ..RunInfo::default()
        }
    }

    #[test]
    fn a_run_that_was_recorded_as_base_is_found_by_its_key_or_its_commit() {
        let mut baseline = Baseline::default();
        baseline.observe(&RecordedRun {
            info: info("7", "abc"),
            ..RecordedRun::default()
        });
        let found = |run: &str, commit: &str, merge_base: &str| {
            let info = info(run, commit);
            let own = Own {
                info: &info,
                merge_base,
            };
            own.is_in(&baseline)
        };
        assert!(found("7", "", ""));
        assert!(found("8", "abc", "aaa"));
        assert!(!found("8", "abc", "abc"));
        assert!(!found("8", "def", ""));
        assert!(!found("8", "", ""));
    }
}
