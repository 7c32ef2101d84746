//! One commit of compaction: what is packed, and what it replaces.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;

use crate::{
    Result,
    chunk::Chunk,
    commit::{FileEntry, Kind, State, load, try_commit},
    compact::{
        CompactOptions, Compacted,
        jobs::{Job, Tier},
    },
    dictionary::{Names, Texts},
    history::History,
    key::Partition,
    pack::{Group, Pack},
    plan::tell,
    run_file,
    run_table::RunTable,
};

/// Objects of one commit to be.
pub(super) struct Batch<'a> {
    pub(super) history: &'a History,
    now: Timestamp,
    pub(super) state: State,
    pub(super) pack: Pack<'a>,
    pub(super) rows: u64,
    touched: BTreeSet<Partition>,
    pub(super) names: BTreeMap<String, Names>,
    pub(super) texts: BTreeMap<String, Texts>,
    /// Repositories of which rows were let go, so that names and texts may have nobody left.
    pub(super) let_go: BTreeSet<String>,
    /// Repositories of which names and texts that nobody needs are let go in this commit.
    pub(super) collected: BTreeSet<String>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(history: &'a History, now: Timestamp, state: &State) -> Self {
        Self {
            history,
            now,
            state: state.clone(),
            pack: Pack::new(history.store.as_ref(), now),
            rows: 0,
            touched: BTreeSet::new(),
            names: BTreeMap::new(),
            texts: BTreeMap::new(),
            let_go: BTreeSet::new(),
            collected: BTreeSet::new(),
        }
    }

    /// Packs one file. What cannot be read is left as it is, and told.
    pub(super) fn add(&mut self, job: Job, done: &mut Compacted) -> Result<()> {
        let mut group = Group {
            partition: job.partition,
            ..Group::default()
        };
        for (file, _) in &job.chunks {
            match Chunk::open(self.history.store.as_ref(), &file.key) {
                Ok(chunk) => group.chunks.push(chunk),
                Err(error) => return tell(error, &mut done.problems),
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
        self.rows += rows + job.chunks.iter().map(|(file, _)| file.rows).sum::<u64>();
        self.touched.insert(group.partition.clone());
        let repo = group.partition.repo.clone();
        let packed = match job.tier {
            Tier::Rows => self.pack.put_rows(&job.period, group),
            Tier::Outcomes => self.pack.put_outcomes(&job.period, group),
            Tier::Failures => self.pack.put_failures(&job.period, group),
        };
        if let Err(error) = packed {
            return tell(error, &mut done.problems);
        }
        if job.tier == Tier::Failures {
            self.let_go.insert(repo);
        }
        for (file, table) in &job.chunks {
            self.remove(file, table);
        }
        Ok(())
    }

    /// Lists a file of rows as removed, and its cells with it.
    fn remove(&mut self, file: &FileEntry, table: &RunTable) {
        self.pack.remove(file);
        let cells = table.cells().and_then(|key| self.state.files.get(key));
        if let Some(cells) = cells {
            self.pack.remove(cells);
        }
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
                    tell(error, &mut done.problems)?;
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
    pub(super) fn expire(&mut self, options: &CompactOptions) -> Result<()> {
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
            let table = self.history.table(&file)?;
            // The run files first: without the file that holds them they would count as new.
            self.history.delete_run_files_of(&file)?;
            self.touched.insert(file.of.clone());
            self.let_go.insert(file.of.repo.clone());
            self.remove(&file, &table);
            self.pack.commit.expired.add(file.runs, file.rows);
        }
        Ok(())
    }

    /// Makes the commit; `false` when another compactor changed the same jobs in between.
    pub(super) fn commit(&mut self, done: &mut Compacted) -> Result<bool> {
        self.put_new_dictionaries()?;
        let fresh = Pack::new(self.history.store.as_ref(), self.now);
        let pack = std::mem::replace(&mut self.pack, fresh);
        let touched = std::mem::take(&mut self.touched);
        let collected = std::mem::take(&mut self.collected);
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
                done.expired_runs += pack.commit.expired.runs;
                done.expired_rows += pack.commit.expired.rows;
                done.files += pack.commit.added.len() as u64;
                self.state = load(store)?;
                return Ok(true);
            }
            let now = load(store)?;
            let stands = untouched(&self.state, &now, |of| {
                touched.contains(of) || collected.contains(&of.repo)
            });
            if !stands || !dictionaries_stay(&self.state, &now) || !removed_are_live(&now, &pack) {
                pack.abandon();
                return Ok(false);
            }
            self.state = now;
        }
    }
}

/// Whether the row files of some jobs are the same in two states.
fn untouched(before: &State, after: &State, concerns: impl Fn(&Partition) -> bool) -> bool {
    let rows = |state: &State| -> BTreeSet<String> {
        let files = state.of_kind(Kind::Rows).filter(|file| concerns(&file.of));
        files.map(|file| file.key.clone()).collect()
    };
    rows(before) == rows(after)
}

/// Whether all names and texts that were known are known still: what is packed relies on them.
fn dictionaries_stay(before: &State, after: &State) -> bool {
    let of_kind = |kind| before.of_kind(kind);
    let mut known = of_kind(Kind::Names).chain(of_kind(Kind::Texts));
    known.all(|file| after.files.contains_key(&file.key))
}

fn removed_are_live(state: &State, pack: &Pack<'_>) -> bool {
    let removed = &pack.commit.removed;
    removed
        .iter()
        .all(|file| state.files.contains_key(&file.key))
}
