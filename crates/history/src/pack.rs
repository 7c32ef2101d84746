//! Packing: runs and compacted files of one job and period become one compacted file.

use std::collections::BTreeSet;

use model::{RecordedRun, RunInfo, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Error, Result,
    cells::{CellsReader, CellsWriter},
    chunk::{Chunk, ChunkWriter},
    commit::{Amount, Commit, FileEntry, Kind, Removed},
    days::{Days, day_of},
    dictionary::{Names, Texts, encode_names, encode_texts},
    history::run_order,
    key::{Partition, ROOT, encode, unique_name},
    merge::{Stream, merge},
    row::{Row, RowSum},
    run_table::{Kept, RunTable, TableRun},
    store::{Durability, Store},
    thin::{Origin, ThinnedFiles, Thinner},
};

/// Objects written for a commit that is not made yet.
#[derive(Debug)]
pub(crate) struct Pack<'a> {
    store: &'a dyn Store,
    now: Timestamp,
    pub(crate) commit: Commit,
}

impl<'a> Pack<'a> {
    pub(crate) fn new(store: &'a dyn Store, now: Timestamp) -> Self {
        let commit = Commit {
            at: now,
            ..Commit::default()
        };
        Self { store, now, commit }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commit.added.is_empty() && self.commit.removed.is_empty()
    }

    /// Writes one new object and lists it as added; gives its key.
    fn put(&mut self, folder: &str, bytes: &[u8], mut entry: FileEntry) -> Result<String> {
        entry.key = format!("{folder}/{}.parquet", unique_name(self.now));
        entry.size = bytes.len() as u64;
        entry.xxh3 = checksum(bytes);
        self.store.create(&entry.key, bytes, Durability::AtFlush)?;
        let key = entry.key.clone();
        self.commit.added.push(entry);
        Ok(key)
    }

    /// Lists a live object as replaced or expired.
    pub(crate) fn remove(&mut self, file: &FileEntry) {
        self.commit.removed.push(Removed {
            key: file.key.clone(),
            kind: file.kind,
            rows: file.rows,
            runs: file.runs,
        });
    }

    pub(crate) fn put_names(&mut self, repo: &str, names: &Names) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let folder = format!("{ROOT}/names/repo={}", encode(repo));
        let entry = dictionary_entry(Kind::Names, repo, names.len());
        self.put(&folder, &encode_names(names)?, entry).map(drop)
    }

    pub(crate) fn put_texts(&mut self, repo: &str, texts: &Texts) -> Result<()> {
        if texts.is_empty() {
            return Ok(());
        }
        let folder = format!("{ROOT}/texts/repo={}", encode(repo));
        let entry = dictionary_entry(Kind::Texts, repo, texts.len());
        self.put(&folder, &encode_texts(texts)?, entry).map(drop)
    }

    /// Writes the rows of a group as one compacted file.
    pub(crate) fn put_rows(&mut self, period: &str, group: Group) -> Result<()> {
        let taken_in = group.taken_in();
        let table = group.table()?;
        let mut writer = ChunkWriter::new()?;
        let streams = group.streams(&table, &BTreeSet::new())?;
        merge(streams, |row| writer.push(row))?;
        self.put_file(period, &table, writer)?;
        self.commit.taken_in.add(taken_in.runs, taken_in.rows);
        Ok(())
    }

    /// Writes a group as one thinned file and its cells: every outcome can be read back, durations of ordinary ones are summed by day.
    pub(crate) fn put_outcomes(&mut self, period: &str, group: Group) -> Result<()> {
        let taken_in = group.taken_in();
        let mut table = group.table()?;
        let touched = group.touched_days();
        let origins = group.origins(&table, &touched);
        let old = group.chunks.iter().filter_map(|chunk| chunk.cells.as_ref());
        let old = old.map(CellsReader::of).collect::<Result<_>>()?;
        let mut thinner = Thinner::new(&table, origins, old)?;
        let streams = group.streams(&table, &touched)?;
        merge(streams, |row| thinner.push(row))?;
        let ThinnedFiles { rows, cells } = thinner.finish(&mut table)?;
        let key = self.put_cells(period, &table, cells)?;
        table.kept = Some(Kept::Outcomes(key));
        self.put_file(period, &table, rows)?;
        self.commit.taken_in.add(taken_in.runs, taken_in.rows);
        Ok(())
    }

    /// Writes the failures of a group as one thinned file; all other rows are let go.
    pub(crate) fn put_failures(&mut self, period: &str, group: Group) -> Result<()> {
        let taken_in = group.taken_in();
        let mut table = group.table()?;
        let before = table.rows();
        let mut left = vec![RowSum::default(); table.runs.len()];
        let mut writer = ChunkWriter::new()?;
        let streams = group.streams(&table, &BTreeSet::new())?;
        merge(streams, |row| {
            if !row.test.outcome.is_failure() && !row.test.flaked {
                return Ok(());
            }
            let run = usize::try_from(row.run).ok();
            if let Some(sum) = run.and_then(|run| left.get_mut(run)) {
                sum.add(&row.test);
            }
            writer.push(row)
        })?;
        for (run, left) in table.runs.iter_mut().zip(left) {
            (run.rows, run.sum) = (left.rows, left.sum);
            // Sources of that age are not compared any more; a year of trees would be a fifth of the file.
            run.info.tree.clear();
        }
        table.kept = Some(Kept::Failures);
        let gone = before.saturating_sub(table.rows());
        self.put_file(period, &table, writer)?;
        self.commit.taken_in.add(taken_in.runs, taken_in.rows);
        self.commit.expired.add(0, gone);
        Ok(())
    }

    fn put_cells(&mut self, period: &str, table: &RunTable, cells: CellsWriter) -> Result<String> {
        let mut entry = entry_of(Kind::Cells, period, table);
        entry.rows = cells.cells;
        let folder = folder_of(table.partition.lane.cells(), &entry);
        self.put(&folder, &cells.finish()?, entry)
    }

    /// Writes a file of rows; fails when it does not hold the rows of its table.
    fn put_file(&mut self, period: &str, table: &RunTable, writer: ChunkWriter) -> Result<()> {
        let entry = entry_of(Kind::Rows, period, table);
        let (bytes, rows) = writer.finish(table)?;
        let implied = table.cells().is_some();
        if rows != entry.rows && !(implied && rows < entry.rows) {
            let why = format!("{} rows should have been packed, {rows} were", entry.rows);
            return Err(Error::corrupt(&table.partition.runs_folder(), why));
        }
        let folder = folder_of(table.partition.lane.compact(), &entry);
        self.put(&folder, &bytes, entry).map(drop)
    }

    /// Deletes what was written for a commit that will not be made.
    pub(crate) fn abandon(self) {
        for file in &self.commit.added {
            // What stays behind is an orphan, which a later compaction deletes.
            let _deleted = self.store.delete(&file.key);
        }
    }
}

/// What one compacted file is made of.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) partition: Partition,
    /// Runs that no compacted file holds; names and texts are not needed.
    pub(crate) runs: Vec<RecordedRun>,
    pub(crate) chunks: Vec<Chunk>,
}

impl Group {
    /// Runs and rows that no compacted file held before.
    fn taken_in(&self) -> Amount {
        let mut amount = Amount::default();
        for run in &self.runs {
            amount.add(1, run.rows.len() as u64);
        }
        amount
    }

    /// The run table of the new file. A run that comes twice would have all its rows twice.
    fn table(&self) -> Result<RunTable> {
        let old = self.chunks.iter().flat_map(|chunk| &chunk.table.runs);
        let mut runs: Vec<TableRun> = old.cloned().collect();
        let new = self.runs.iter();
        runs.extend(new.map(|run| table_run(&run.info, RowSum::of(&run.rows))));
        runs.sort_by(|a, b| run_order(&a.info).cmp(&run_order(&b.info)));
        let mut keys = BTreeSet::new();
        if let Some(twice) = runs.iter().find(|run| !keys.insert(&run.info.key)) {
            let why = format!("run `{}` would be in it twice", twice.info.key.run);
            return Err(Error::corrupt(&self.partition.runs_folder(), why));
        }
        Ok(RunTable {
            partition: self.partition.clone(),
            runs,
            kept: None,
        })
    }

    /// Days that are thinned already and get other runs besides.
    fn touched_days(&self) -> BTreeSet<i32> {
        let of_runs = self.runs.iter().map(|run| &run.info);
        let whole = self.chunks.iter().filter(|chunk| chunk.cells.is_none());
        let of_chunks = whole.flat_map(|chunk| chunk.table.runs.iter().map(|run| &run.info));
        let infos = of_runs.chain(of_chunks);
        let whole: BTreeSet<i32> = infos.map(|info| day_of(info.started_at.0)).collect();
        let (mut thinned, mut touched) = (BTreeSet::new(), BTreeSet::new());
        for chunk in self.chunks.iter().filter(|chunk| chunk.cells.is_some()) {
            for day in Days::of(&chunk.table).keys() {
                if whole.contains(&day) || !thinned.insert(day) {
                    touched.insert(day);
                }
            }
        }
        touched
    }

    /// Where the rows of each run of the new file come from.
    fn origins(&self, table: &RunTable, touched: &BTreeSet<i32>) -> Vec<Origin> {
        let mut origins = vec![Origin::Whole; table.runs.len()];
        for chunk in self.chunks.iter().filter(|chunk| chunk.cells.is_some()) {
            for run in &chunk.table.runs {
                let number = number_of(table, &run.info).and_then(|n| usize::try_from(n).ok());
                if let Some(origin) = number.and_then(|n| origins.get_mut(n)) {
                    let again = touched.contains(&day_of(run.info.started_at.0));
                    *origin = if again { Origin::Again } else { Origin::Copied };
                }
            }
        }
        origins
    }

    /// The rows with their numbers in the new file; of thinned days that are not touched only what was kept.
    fn streams(self, table: &RunTable, touched: &BTreeSet<i32>) -> Result<Vec<Stream>> {
        let mut streams = Vec::new();
        for chunk in &self.chunks {
            let infos = chunk.table.runs.iter().map(|run| &run.info);
            let numbers = infos.map(|info| number_of(table, info)).collect();
            streams.push(Stream::of_chunk(chunk.rows_of(touched)?, numbers));
        }
        for run in self.runs {
            if let Some(number) = number_of(table, &run.info) {
                let start = run.info.started_at.0;
                let rows = run.rows.into_iter().map(|test| Row {
                    test,
                    start,
                    run: number,
                });
                streams.push(Stream::of_rows(rows.collect()));
            }
        }
        Ok(streams)
    }
}

/// The checksum of an object as it stands in the log.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}

/// `date=2026-11-20` or `month=2026-11` below the folder of the job.
fn folder_of(lane: &str, entry: &FileEntry) -> String {
    let period = &entry.period;
    let unit = if period.len() > "2026-11".len() {
        "date"
    } else {
        "month"
    };
    format!("{lane}/{}/{unit}={period}", entry.of.folders())
}

/// The entry of a file of some runs; key, size and checksum come when it is written.
fn entry_of(kind: Kind, period: &str, table: &RunTable) -> FileEntry {
    let starts = |run: Option<&TableRun>| run.map_or(0, |run| run.info.started_at.0);
    FileEntry {
        key: String::new(),
        kind,
        of: table.partition.clone(),
        period: period.to_owned(),
        size: 0,
        xxh3: String::new(),
        rows: table.rows(),
        runs: table.runs.len() as u64,
        first: starts(table.runs.first()),
        last: starts(table.runs.last()),
    }
}

fn dictionary_entry(kind: Kind, repo: &str, rows: usize) -> FileEntry {
    FileEntry {
        key: String::new(),
        kind,
        of: Partition {
            repo: repo.to_owned(),
            ..Partition::default()
        },
        period: String::new(),
        size: 0,
        xxh3: String::new(),
        rows: rows as u64,
        runs: 0,
        first: 0,
        last: 0,
    }
}

fn table_run(info: &RunInfo, sum: RowSum) -> TableRun {
    TableRun {
        info: info.clone(),
        rows: sum.rows,
        sum: sum.sum,
    }
}

fn number_of(table: &RunTable, info: &RunInfo) -> Option<u32> {
    let at = table
        .runs
        .binary_search_by(|run| run_order(&run.info).cmp(&run_order(info)));
    u32::try_from(at.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use model::RecordedRun;

    use super::Group;

    #[test]
    fn a_run_that_comes_twice_is_not_packed() {
        let group = |runs: usize| Group {
            runs: vec![RecordedRun::default(); runs],
            ..Group::default()
        };
        assert!(group(1).table().is_ok() && group(2).table().is_err());
    }
}
