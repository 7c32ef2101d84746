//! Compaction: run files become day files, day files become month files; what was replaced goes after a grace time.

use std::collections::{BTreeMap, BTreeSet};

use model::{Problem, Timestamp};

use crate::{
    Error, ErrorKind, Result,
    chunk::Chunk,
    commit::{FileEntry, Kind, State, load, try_commit},
    dictionary::{Names, Texts},
    history::History,
    key::{Lane, Partition},
    pack::{Group, Pack},
    plan::{Filter, Plan, problem_of},
    run_file,
};

/// How compaction works.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactOptions {
    /// The moment of compaction.
    pub now: Timestamp,
    /// Days for which replaced objects stay, for readers that started before. Default 1.
    pub grace_days: f64,
    /// Days of base runs to keep; `None` keeps them for ever, which is the default.
    pub keep_days: Option<f64>,
    /// Days of pull-request runs to keep; `None` keeps them for ever. Default 90: evidence of `elsewhere` is a day old at most.
    pub keep_pr_days: Option<f64>,
}

impl CompactOptions {
    /// The defaults at a moment.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            grace_days: 1.0,
            keep_days: None,
            keep_pr_days: Some(90.0),
        }
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
    /// Objects deleted after their grace time.
    pub deleted: u64,
    /// What could not be read and was left as it is.
    pub problems: Vec<Problem>,
}

/// How often compaction starts again when other compactors were faster.
const START_AGAIN: u32 = 32;

/// Rows that are packed into one commit: what a kill can undo.
const COMMIT_ROWS: u64 = 1 << 24;

/// Files of names or texts of a repository before they are merged into one.
const DICTIONARIES: usize = 8;

/// What one compacted file will be made of.
#[derive(Clone, Debug, Default)]
struct Job {
    partition: Partition,
    period: String,
    chunks: Vec<FileEntry>,
    run_files: Vec<String>,
}

impl History {
    /// Compacts what can be compacted and deletes what nobody reads any more. Any number of compactors may run at once, and may be killed
    /// at any moment.
    ///
    /// # Errors
    /// When the store fails, or other compactors were faster many times in a row. The history is whole in any case.
    pub fn compact(&self, options: &CompactOptions) -> Result<Compacted> {
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
        let jobs = jobs_of(&plan, options);
        let mut batch = Batch::new(self, options.now, &plan.state);
        for job in jobs {
            batch.add(job, done)?;
            if batch.rows > COMMIT_ROWS && !batch.commit(done)? {
                return Ok(false);
            }
        }
        batch.expire(options, done)?;
        batch.merge_dictionaries()?;
        batch.commit(done)
    }
}

/// What has to be packed: the run files of a month that is over with all its files; else the run files of a day with its file.
fn jobs_of(plan: &Plan, options: &CompactOptions) -> Vec<Job> {
    let mut jobs: BTreeMap<(String, String), Job> = BTreeMap::new();
    for key in &plan.run_files {
        let Some((folder, day)) = folder_and_day(key) else {
            continue;
        };
        let period = if is_over(day, options.now) {
            month_of(day)
        } else {
            day
        };
        let job = jobs
            .entry((folder.to_owned(), period.to_owned()))
            .or_default();
        period.clone_into(&mut job.period);
        job.run_files.push(key.clone());
    }
    for (file, _) in &plan.chunks {
        let folder = file.of.runs_folder();
        let period = if is_over(&file.period, options.now) {
            month_of(&file.period)
        } else {
            &file.period
        };
        let job = jobs.entry((folder, period.to_owned())).or_default();
        period.clone_into(&mut job.period);
        job.partition.clone_from(&file.of);
        job.chunks.push(file.clone());
    }
    let mut jobs: Vec<Job> = jobs.into_values().collect();
    jobs.retain(|job| {
        !job.run_files.is_empty()
            || job.chunks.len() > 1
            || job.chunks.iter().any(|chunk| chunk.period != job.period)
    });
    jobs
}

/// The folder of the job and the day of a run file.
fn folder_and_day(key: &str) -> Option<(&str, &str)> {
    let (folder, rest) = key.split_once("/date=")?;
    let (day, _) = rest.split_once('/')?;
    Some((folder, day))
}

/// `YYYY-MM` of a day; a month stays as it is.
fn month_of(period: &str) -> &str {
    match period.rsplit_once('-') {
        Some((month, _)) if month.contains('-') && !month.ends_with('-') => month,
        Some(_) | None => period,
    }
}

/// Whether the month of a day is over for more than a day, so that few late runs are to come.
fn is_over(period: &str, now: Timestamp) -> bool {
    month_of(period) < month_of(&now.plus_days(-1.0).date())
}

/// Objects of one commit to be.
struct Batch<'a> {
    history: &'a History,
    now: Timestamp,
    state: State,
    pack: Pack<'a>,
    rows: u64,
    touched: BTreeSet<Partition>,
    names: BTreeMap<String, Names>,
    texts: BTreeMap<String, Texts>,
}

impl<'a> Batch<'a> {
    fn new(history: &'a History, now: Timestamp, state: &State) -> Self {
        Self {
            history,
            now,
            state: state.clone(),
            pack: Pack::new(history.store.as_ref(), now),
            rows: 0,
            touched: BTreeSet::new(),
            names: BTreeMap::new(),
            texts: BTreeMap::new(),
        }
    }

    /// Packs one file. What cannot be read is left as it is, and told.
    fn add(&mut self, job: Job, done: &mut Compacted) -> Result<()> {
        let mut group = Group {
            partition: job.partition,
            ..Group::default()
        };
        for file in &job.chunks {
            match Chunk::open(self.history.store.as_ref(), &file.key) {
                Ok(chunk) => group.chunks.push(chunk),
                Err(error) => {
                    done.problems.push(problem_of(&error));
                    return Ok(());
                }
            }
        }
        self.read_runs(&job.run_files, &mut group, done)?;
        if group.runs.is_empty() && group.chunks.is_empty() {
            return Ok(());
        }
        let rows = group
            .runs
            .iter()
            .map(|run| run.rows.len() as u64)
            .sum::<u64>();
        self.rows += rows + job.chunks.iter().map(|file| file.rows).sum::<u64>();
        self.touched.insert(group.partition.clone());
        let packed = self.pack.put_rows(&job.period, group);
        if let Err(error) = packed {
            return skip_damaged(error, done);
        }
        for file in &job.chunks {
            self.pack.remove(file);
        }
        Ok(())
    }

    /// Reads run files; of a run that was recorded under two dates only the first.
    fn read_runs(
        &mut self,
        keys: &[String],
        group: &mut Group,
        done: &mut Compacted,
    ) -> Result<()> {
        let mut known: BTreeSet<model::RunKey> = BTreeSet::new();
        for chunk in &group.chunks {
            known.extend(chunk.table.runs.iter().map(|run| run.info.key.clone()));
        }
        for key in keys {
            let read = self
                .history
                .store
                .get(key)
                .and_then(|bytes| run_file::decode(key, &bytes));
            let run = match read {
                Ok(run) => run,
                Err(error) => {
                    skip_damaged(error, done)?;
                    continue;
                }
            };
            group.partition = Partition::of(&run.info);
            if !known.insert(run.info.key.clone()) {
                continue;
            }
            let repo = &run.info.key.repo;
            let names = self.names.entry(repo.clone()).or_default();
            names.extend(run.names.iter().map(|(id, name)| (*id, name.clone())));
            let texts = self.texts.entry(repo.clone()).or_default();
            texts.extend(run.texts.iter().map(|(s, text)| (*s, text.clone())));
            group.runs.push(model::RecordedRun {
                names: BTreeMap::new(),
                texts: BTreeMap::new(),
                ..run
            });
        }
        Ok(())
    }

    /// Drops files that are beyond retention as a whole, once their grace time is over.
    fn expire(&mut self, options: &CompactOptions, done: &mut Compacted) -> Result<()> {
        let removed: BTreeSet<String> = self
            .pack
            .commit
            .removed
            .iter()
            .map(|file| file.key.clone())
            .collect();
        let files: Vec<FileEntry> = self
            .state
            .of_kind(Kind::Rows)
            .filter(|file| options.is_expired(file.of.lane, Timestamp(file.last)))
            .filter(|file| !removed.contains(&file.key))
            .cloned()
            .collect();
        for file in files {
            // The run files first: without the file that holds them they would count as new.
            self.history.delete_run_files_of(&file)?;
            self.touched.insert(file.of.clone());
            self.pack.remove(&file);
            self.pack.commit.expired.add(file.runs, file.rows);
            done.expired_runs += file.runs;
        }
        Ok(())
    }

    fn merge_dictionaries(&mut self) -> Result<()> {
        for kind in [Kind::Names, Kind::Texts] {
            let mut files: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
            for file in self.state.of_kind(kind) {
                files
                    .entry(file.of.repo.clone())
                    .or_default()
                    .push(file.clone());
            }
            files.retain(|_, files| files.len() > DICTIONARIES);
            for (repo, files) in files {
                for file in &files {
                    self.pack.remove(file);
                }
                if kind == Kind::Names {
                    let names = self.history.names_of(&self.state, &repo)?;
                    self.pack.put_names(&repo, &names)?;
                } else {
                    let texts = self.history.texts_of(&self.state, &repo)?;
                    self.pack.put_texts(&repo, &texts)?;
                }
            }
        }
        Ok(())
    }

    /// Names and texts that the lake does not have yet.
    fn put_new_dictionaries(&mut self) -> Result<()> {
        for (repo, mut names) in std::mem::take(&mut self.names) {
            let known = self.history.names_of(&self.state, &repo)?;
            names.retain(|id, _| !known.contains_key(id));
            self.pack.put_names(&repo, &names)?;
        }
        for (repo, mut texts) in std::mem::take(&mut self.texts) {
            let known = self.history.texts_of(&self.state, &repo)?;
            texts.retain(|signature, _| !known.contains_key(signature));
            self.pack.put_texts(&repo, &texts)?;
        }
        Ok(())
    }

    /// Makes the commit; `false` when another compactor changed the same jobs in between.
    fn commit(&mut self, done: &mut Compacted) -> Result<bool> {
        self.put_new_dictionaries()?;
        let fresh = Pack::new(self.history.store.as_ref(), self.now);
        let pack = std::mem::replace(&mut self.pack, fresh);
        let touched = std::mem::take(&mut self.touched);
        self.rows = 0;
        if pack.is_empty() {
            return Ok(true);
        }
        let store = self.history.store.as_ref();
        loop {
            let made = match try_commit(store, &self.state, pack.commit.clone()) {
                // Another machine's clock is days ahead and took our new files for orphans.
                Err(error) if error.is_not_found() => {
                    pack.abandon();
                    return Ok(false);
                }
                made => made?,
            };
            if made {
                done.runs += pack.commit.taken_in.runs;
                done.rows += pack.commit.taken_in.rows;
                done.files += pack.commit.added.len() as u64;
                self.state = load(store)?;
                return Ok(true);
            }
            let now = load(store)?;
            if !untouched(&self.state, &now, &touched) || !removed_are_live(&now, &pack) {
                pack.abandon();
                return Ok(false);
            }
            self.state = now;
        }
    }
}

/// A damaged file is left where it is; a failing store ends the work.
fn skip_damaged(error: Error, done: &mut Compacted) -> Result<()> {
    if matches!(error.kind(), ErrorKind::Io(_)) {
        return Err(error);
    }
    done.problems.push(problem_of(&error));
    Ok(())
}

/// Whether the row files of some jobs are the same in two states.
pub(crate) fn untouched(before: &State, after: &State, jobs: &BTreeSet<Partition>) -> bool {
    let rows = |state: &State| -> BTreeSet<String> {
        let files = state
            .of_kind(Kind::Rows)
            .filter(|file| jobs.contains(&file.of));
        files.map(|file| file.key.clone()).collect()
    };
    rows(before) == rows(after)
}

fn removed_are_live(state: &State, pack: &Pack<'_>) -> bool {
    let removed = &pack.commit.removed;
    removed
        .iter()
        .all(|file| state.files.contains_key(&file.key))
}
