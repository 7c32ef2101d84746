//! Compaction: run files become day files, day files become month files; what was replaced goes after a grace time.

mod batch;
mod jobs;
mod words;

use model::{Problem, Timestamp};

use crate::{
    Error, ErrorKind, Result,
    history::History,
    key::{Lane, Partition},
    plan::{Filter, start_of_day},
};
use batch::Batch;
use jobs::jobs_of;

/// How compaction works.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactOptions {
    /// The moment of compaction.
    pub now: Timestamp,
    /// Days for which replaced objects stay, for readers that started before. Default 1. On a branch they go at once: a reader has the commit that it
    /// started with.
    pub grace_days: f64,
    /// Days of base runs to keep; `None` keeps them for ever, which is the default.
    pub keep_days: Option<f64>,
    /// Days of pull-request runs to keep; `None` keeps them for ever. Default 90: evidence of `elsewhere` is a day old at most.
    pub keep_pr_days: Option<f64>,
    /// Days for which every row is kept as it was recorded; older days keep every outcome, but durations as daily sums only. `None`, the default, thins
    /// nothing.
    pub full_days: Option<f64>,
    /// Days for which outcomes are kept; of months that are older only what failed or flaked. `None`, the default, keeps them for ever. Means nothing
    /// without `full_days`.
    pub outcome_days: Option<f64>,
}

impl CompactOptions {
    /// The defaults at a moment.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            grace_days: 1.0,
            keep_days: None,
            keep_pr_days: Some(90.0),
            full_days: None,
            outcome_days: None,
        }
    }

    /// What keeps a history small for ever, the default of a branch: 14 days of rows, 90 of outcomes, 365 of failures, 14 of pull requests.
    pub fn bounded(now: Timestamp) -> Self {
        Self {
            keep_days: Some(365.0),
            keep_pr_days: Some(14.0),
            full_days: Some(14.0),
            outcome_days: Some(90.0),
            ..Self::at(now)
        }
    }

    /// Whether old rows are let go at all.
    fn is_bounded(&self) -> bool {
        self.keep_days.is_some() || self.full_days.is_some()
    }

    fn keep(&self, lane: Lane) -> Option<f64> {
        match lane {
            Lane::Base => self.keep_days,
            Lane::Pr => self.keep_pr_days,
        }
    }

    /// Whether everything that a file holds is beyond retention.
    pub(crate) fn is_expired(&self, lane: Lane, last: Timestamp) -> bool {
        self.keep(lane)
            .is_some_and(|days| last < self.now.plus_days(-days))
    }
}

/// What compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    /// Runs taken in from run files.
    pub runs: u64,
    /// Rows of those runs.
    pub rows: u64,
    /// Files written.
    pub files: u64,
    /// Runs that retention let go.
    pub expired_runs: u64,
    /// Rows that retention let go, of those runs and of others.
    pub expired_rows: u64,
    /// Objects deleted after their grace time.
    pub deleted: u64,
    /// What could not be read and was left as it is.
    pub problems: Vec<Problem>,
}

/// How often compaction starts again when other compactors were faster.
const START_AGAIN: u32 = 32;

/// Days of runs of pull requests that a check looks at.
const RECENT_DAYS: f64 = 4.0;

/// Rows that are packed into one commit: what a kill can undo.
const COMMIT_ROWS: u64 = 1 << 24;

fn is_below(key: &str, folder: &str) -> bool {
    key.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// From when on runs of pull requests stay as they were recorded, on a branch.
pub(crate) fn recent(now: Timestamp) -> Timestamp {
    now.plus_days(-RECENT_DAYS)
}

/// Whether a key is that of a run of a pull request that started on a day after a moment.
pub(crate) fn is_recent_pr(key: &str, moment: Timestamp) -> bool {
    let is_pr = key
        .strip_prefix(Lane::Pr.runs())
        .is_some_and(|rest| rest.starts_with('/'));
    is_pr && start_of_day(key).is_some_and(|start| start > moment)
}

impl History {
    /// Compacts what can be compacted and deletes what nobody reads any more. Any number of compactors may run at once, and may be killed
    /// at any moment.
    ///
    /// # Errors
    /// When the store fails, or other compactors were faster many times in a row. The history is whole in any case.
    pub fn compact(&self, options: &CompactOptions) -> Result<Compacted> {
        if !self.store.is_branch() {
            return self.compact_here(options);
        }
        self.batch("compact", |history| history.compact_here(options))
    }

    /// What suits this history: a branch stays small for ever ([`CompactOptions::bounded`]), any other place keeps everything ([`CompactOptions::at`]).
    pub fn retention(&self, now: Timestamp) -> CompactOptions {
        if self.store.is_branch() {
            CompactOptions::bounded(now)
        } else {
            CompactOptions::at(now)
        }
    }

    fn compact_here(&self, options: &CompactOptions) -> Result<Compacted> {
        let mut done = Compacted::default();
        for _ in 0..START_AGAIN {
            done.problems.clear();
            if self.compact_once(options, &mut done)? {
                self.collect_garbage(options, &mut done)?;
                return Ok(done);
            }
        }
        let kind = ErrorKind::Contended(START_AGAIN);
        Err(Error::new("cannot compact", &self.location(), kind))
    }

    /// `false` when another compactor was faster: look again at what is left.
    fn compact_once(&self, options: &CompactOptions, done: &mut Compacted) -> Result<bool> {
        let mut plan = self.plan(&Filter::default())?;
        done.problems.append(&mut plan.problems);
        if self.store.is_branch() {
            // These stand in the head, where a check finds them without a further call.
            let recent = recent(options.now);
            plan.run_files.retain(|key| !is_recent_pr(key, recent));
        }
        // A run that the unreadable file holds must not come in again.
        let unknown: Vec<String> = plan.unknown.iter().map(Partition::runs_folder).collect();
        let is_known = |key: &String| !unknown.iter().any(|folder| is_below(key, folder));
        plan.run_files.retain(is_known);
        let jobs = jobs_of(&plan, options);
        let mut batch = Batch::new(self, options.now, &plan.state);
        for job in jobs {
            batch.add(job, done)?;
            if batch.rows > COMMIT_ROWS && !batch.commit(done)? {
                return Ok(false);
            }
        }
        batch.expire(options)?;
        batch.merge_dictionaries(options)?;
        batch.commit(done)
    }
}
