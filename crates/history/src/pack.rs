//! Packing: runs and compacted files of one job and period become one compacted file.

use model::{RecordedRun, RunInfo, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Error, Result,
    chunk::{Chunk, ChunkWriter},
    commit::{Amount, Commit, FileEntry, Kind, Removed},
    dictionary::{Names, Texts, encode_names, encode_texts},
    history::run_order,
    key::{Partition, ROOT, encode, unique_name},
    merge::{Stream, merge},
    row::{Row, RowSum},
    run_table::{RunTable, TableRun},
    store::{Durability, Store},
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

    /// Writes one new object and lists it as added.
    fn put(&mut self, folder: &str, bytes: &[u8], mut entry: FileEntry) -> Result<()> {
        entry.key = format!("{folder}/{}.parquet", unique_name(self.now));
        entry.size = bytes.len() as u64;
        entry.xxh3 = checksum(bytes);
        self.store.create(&entry.key, bytes, Durability::AtFlush)?;
        self.commit.added.push(entry);
        Ok(())
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
        self.put(&folder, &encode_names(names)?, entry)
    }

    pub(crate) fn put_texts(&mut self, repo: &str, texts: &Texts) -> Result<()> {
        if texts.is_empty() {
            return Ok(());
        }
        let folder = format!("{ROOT}/texts/repo={}", encode(repo));
        let entry = dictionary_entry(Kind::Texts, repo, texts.len());
        self.put(&folder, &encode_texts(texts)?, entry)
    }

    /// Writes the rows of a group as one compacted file.
    pub(crate) fn put_rows(&mut self, period: &str, group: Group) -> Result<()> {
        let Group {
            partition,
            runs,
            chunks,
        } = group;
        let taken_in = amount_of(runs.iter().map(|run| run.rows.len() as u64));
        let (table, streams) = number_runs(&partition, runs, &chunks)?;
        let mut writer = ChunkWriter::new()?;
        merge(streams, |row| writer.push(row))?;
        let (bytes, rows) = writer.finish(&table)?;
        let expected: u64 = table.runs.iter().map(|run| run.rows).sum();
        if rows != expected {
            let why = format!("{expected} rows should have been packed, {rows} were");
            return Err(Error::corrupt(&partition.runs_folder(), why));
        }
        let starts = |run: Option<&TableRun>| run.map_or(0, |run| run.info.started_at.0);
        let entry = FileEntry {
            key: String::new(),
            kind: Kind::Rows,
            period: period.to_owned(),
            size: 0,
            xxh3: String::new(),
            rows,
            runs: table.runs.len() as u64,
            first: starts(table.runs.first()),
            last: starts(table.runs.last()),
            of: partition,
        };
        let unit = if period.len() > "2026-11".len() {
            "date"
        } else {
            "month"
        };
        let (lane, folders) = (entry.of.lane.compact(), entry.of.folders());
        self.put(&format!("{lane}/{folders}/{unit}={period}"), &bytes, entry)?;
        self.commit.taken_in.add(taken_in.runs, taken_in.rows);
        Ok(())
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

/// The checksum of an object as it stands in the log.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}

fn amount_of(rows: impl Iterator<Item = u64>) -> Amount {
    let mut amount = Amount::default();
    rows.for_each(|rows| amount.add(1, rows));
    amount
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

/// The run table of the new file, and the streams with their new numbers.
fn number_runs(
    partition: &Partition,
    runs: Vec<RecordedRun>,
    chunks: &[Chunk],
) -> Result<(RunTable, Vec<Stream>)> {
    let mut all: Vec<TableRun> = chunks
        .iter()
        .flat_map(|chunk| chunk.table.runs.iter().cloned())
        .collect();
    all.extend(
        runs.iter()
            .map(|run| table_run(&run.info, RowSum::of(&run.rows))),
    );
    all.sort_by(|a, b| run_order(&a.info).cmp(&run_order(&b.info)));
    let table = RunTable {
        partition: partition.clone(),
        runs: all,
    };
    let mut streams = Vec::new();
    for chunk in chunks {
        let infos = chunk.table.runs.iter().map(|run| &run.info);
        let numbers = infos.map(|info| number_of(&table, info)).collect();
        streams.push(Stream::of_chunk(chunk.rows()?, numbers));
    }
    for run in runs {
        if let Some(number) = number_of(&table, &run.info) {
            let start = run.info.started_at.0;
            let rows = run.rows.into_iter().map(|test| Row {
                test,
                start,
                run: number,
            });
            streams.push(Stream::of_rows(rows.collect()));
        }
    }
    Ok((table, streams))
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
