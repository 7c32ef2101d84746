//! Runs in the order of time, from compacted files and run files alike.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use model::{Problem, RecordedRun, RunInfo, RunKey, Timestamp};

use crate::{
    Error, Result,
    chunk::Chunk,
    commit::{FileEntry, State},
    dictionary::{Names, Texts},
    history::History,
    key::Lane,
    plan::{Filter, start_of_day, tell},
    run_file,
    run_table::RunTable,
};

/// Rows of a compacted file that are turned into runs at once; a larger file is read in slices of time.
const SLICE_ROWS: u64 = 1 << 20;

/// Runs in the order of time (start, then key). What is damaged is skipped and told by [`Runs::finish`]; when the store fails, the runs end there, and
/// [`Runs::finish`] gives the error.
#[derive(Debug)]
pub struct Runs {
    history: History,
    filter: Filter,
    state: State,
    /// What is still to be read, by the earliest start that it can hold.
    sources: VecDeque<(i64, Part)>,
    /// Runs that are read and not yet given, in order.
    ready: BTreeMap<(Timestamp, RunKey, Lane), RecordedRun>,
    seen: BTreeSet<(Lane, RunKey)>,
    names: BTreeMap<String, Arc<Names>>,
    texts: BTreeMap<String, Arc<Texts>>,
    left_out: u64,
    problems: Vec<Problem>,
    /// Why the runs ended before their end.
    failed: Option<Error>,
}

/// A part of the lake.
#[derive(Debug)]
enum Part {
    /// The file of one run.
    Run(String),
    /// The runs of a compacted file that start in a range.
    Slice(FileEntry, Arc<RunTable>, std::ops::Range<i64>),
}

impl History {
    /// The runs that pass a filter, in the order of time; of a run that was recorded under two dates only the earlier one. Thinned runs come with every
    /// outcome but without the durations that were let go.
    ///
    /// Memory: the rows of about a million results a job at once, never the whole lake.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read. A damaged file is no error: see [`Runs::finish`].
    pub fn runs(&self, filter: &Filter) -> Result<Runs> {
        let plan = self.plan(filter)?;
        let mut sources: Vec<(i64, Part)> = Vec::new();
        for key in plan.run_files {
            let start = start_of_day(&key).map_or(i64::MIN, |at| at.0);
            sources.push((start, Part::Run(key)));
        }
        let mut left_out = 0;
        for (file, table) in plan.chunks {
            if table.failures_only() && !filter.failures_only {
                let infos = table.runs.iter().map(|run| run.info.started_at);
                left_out += infos.filter(|at| filter.takes_moment(*at)).count() as u64;
                continue;
            }
            sources.extend(slices(&file, &table));
        }
        sources.sort_by_key(|(start, _)| *start);
        Ok(Runs {
            history: self.clone(),
            filter: filter.clone(),
            state: plan.state,
            sources: sources.into(),
            ready: BTreeMap::new(),
            seen: BTreeSet::new(),
            names: BTreeMap::new(),
            texts: BTreeMap::new(),
            left_out,
            problems: plan.problems,
            failed: None,
        })
    }
}

/// A compacted file in slices of time of about [`SLICE_ROWS`] rows.
fn slices(file: &FileEntry, table: &Arc<RunTable>) -> Vec<(i64, Part)> {
    let mut cuts = vec![file.first];
    let mut rows = 0;
    for run in &table.runs {
        let start = run.info.started_at.0;
        if rows >= SLICE_ROWS && cuts.last().is_some_and(|last| *last < start) {
            cuts.push(start);
            rows = 0;
        }
        rows += run.rows;
    }
    let ends = cuts.iter().skip(1).copied().chain([i64::MAX]);
    let ranges = cuts.iter().copied().zip(ends);
    ranges
        .map(|(from, until)| {
            let part = Part::Slice(file.clone(), Arc::clone(table), from..until);
            (from, part)
        })
        .collect()
}

impl Runs {
    /// Runs that are left out because only their failures are left: see [`Filter::failures_only`].
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What could not be read. Whoever read runs must ask: without it an answer can have a hole in it.
    ///
    /// # Errors
    /// When the store failed, so that the runs ended too early.
    pub fn finish(self) -> Result<Vec<Problem>> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.problems),
        }
    }

    /// Reads every part that can hold a run before the first one that is ready.
    fn fill(&mut self) {
        while let Some((start, _)) = self.sources.front() {
            let first = self.ready.keys().next().map(|(at, _, _)| at.0);
            if first.is_some_and(|first| first < *start) {
                return;
            }
            if let Some((_, part)) = self.sources.pop_front() {
                self.load(&part);
            }
        }
    }

    fn load(&mut self, part: &Part) {
        let loaded = match part {
            Part::Run(key) => self.load_run(key),
            Part::Slice(file, table, range) => self.load_slice(file, table, range),
        };
        let told = loaded.or_else(|error| tell(error, &mut self.problems));
        if let Err(error) = told {
            self.failed.get_or_insert(error);
            self.sources.clear();
            self.ready.clear();
        }
    }

    fn load_run(&mut self, key: &str) -> Result<()> {
        let run = run_file::decode(key, &self.history.store.get(key)?)?;
        self.offer(run);
        Ok(())
    }

    fn load_slice(
        &mut self,
        file: &FileEntry,
        table: &RunTable,
        range: &std::ops::Range<i64>,
    ) -> Result<()> {
        let takes = |info: &RunInfo| {
            range.contains(&info.started_at.0) && self.filter.takes_moment(info.started_at)
        };
        let mut runs: Vec<Option<RecordedRun>> = table
            .runs
            .iter()
            .map(|run| takes(&run.info).then(|| empty_run(&run.info)))
            .collect();
        if runs.iter().all(Option::is_none) {
            return Ok(());
        }
        let chunk = Chunk::open(self.history.store.as_ref(), &file.key)?;
        let mut rows = Vec::new();
        let mut reader = chunk.rows()?;
        loop {
            reader.next_into(&mut rows)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let slot = usize::try_from(row.run)
                    .ok()
                    .and_then(|at| runs.get_mut(at));
                if let Some(Some(run)) = slot {
                    run.rows.push(row.test);
                }
            }
        }
        for mut run in runs.into_iter().flatten() {
            self.add_names(&mut run)?;
            self.add_texts(&mut run)?;
            self.offer(run);
        }
        Ok(())
    }

    fn offer(&mut self, run: RecordedRun) {
        let lane = Lane::of(&run.info);
        if !self.filter.takes(&run.info) || self.seen.contains(&(lane, run.info.key.clone())) {
            return;
        }
        let key = (run.info.started_at, run.info.key.clone(), lane);
        self.ready.entry(key).or_insert(run);
    }

    fn add_names(&mut self, run: &mut RecordedRun) -> Result<()> {
        if !self.filter.with_names {
            return Ok(());
        }
        let repo = &run.info.key.repo;
        if !self.names.contains_key(repo) {
            let names = self.history.names_of(&self.state, repo)?;
            self.names.insert(repo.clone(), Arc::new(names));
        }
        let Some(names) = self.names.get(repo) else {
            return Ok(());
        };
        let found = run.rows.iter().filter_map(|row| {
            let name = names.get(&row.id)?;
            Some((row.id, name.clone()))
        });
        run.names = found.collect();
        Ok(())
    }

    fn add_texts(&mut self, run: &mut RecordedRun) -> Result<()> {
        if !self.filter.with_texts {
            return Ok(());
        }
        let repo = &run.info.key.repo;
        if !self.texts.contains_key(repo) {
            let texts = self.history.texts_of(&self.state, repo)?;
            self.texts.insert(repo.clone(), Arc::new(texts));
        }
        let Some(texts) = self.texts.get(repo) else {
            return Ok(());
        };
        let found = run.rows.iter().filter_map(|row| {
            let signature = row.signature?;
            Some((signature, texts.get(&signature)?.clone()))
        });
        run.texts = found.collect();
        Ok(())
    }
}

fn empty_run(info: &RunInfo) -> RecordedRun {
    RecordedRun {
        info: info.clone(),
        ..RecordedRun::default()
    }
}

impl Iterator for Runs {
    type Item = RecordedRun;

    fn next(&mut self) -> Option<RecordedRun> {
        loop {
            self.fill();
            let ((_, key, lane), run) = self.ready.pop_first()?;
            if self.seen.insert((lane, key)) {
                return Some(run);
            }
        }
    }
}
