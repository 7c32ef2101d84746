//! Compacted files: the rows of many runs of one job, sorted by test and start, without names.

use std::{collections::BTreeSet, sync::Arc};

use arrow_array::{
    BooleanArray, Int8Array, Int32Array, Int64Array, RecordBatch, TimestampMillisecondArray,
    types::{Int8Type, Int32Type, Int64Type, TimestampMillisecondType},
};
use arrow_schema::{DataType, SchemaRef};
use parquet::{arrow::arrow_reader::ParquetRecordBatchReader, basic::Encoding};

use crate::{
    Error, Result,
    cells::{self, CellsReader},
    days::Days,
    expand::ThinnedRows,
    pq::{self, FileWriter, Opened, Source, cell, optional, required},
    row::{Row, duration_of, row_of},
    run_table::RunTable,
    store::Store,
};

const RUNS_KEY: &str = "sprag.runs";

/// Rows that are decoded at once.
const BATCH: usize = 1 << 13;

/// The columns of a row, all of them.
pub(crate) const COLUMNS: [&str; 7] = [
    pq::ID,
    "started_at",
    "run",
    "outcome",
    "flaked",
    "duration_ms",
    "signature",
];

fn schema() -> SchemaRef {
    pq::schema(vec![
        required(pq::ID, DataType::Int64),
        required("started_at", pq::moment()),
        required("run", DataType::Int32),
        required("outcome", DataType::Int8),
        required("flaked", DataType::Boolean),
        optional("duration_ms", DataType::Int32),
        optional("signature", DataType::Int64),
    ])
}

/// Writes one compacted file. Rows must come in [`Row::order`].
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    writer: FileWriter,
    pending: Vec<Row>,
    rows: u64,
}

impl ChunkWriter {
    pub(crate) fn new() -> Result<Self> {
        let properties = pq::properties(pq::ROWS_ZSTD)
            .set_column_dictionary_enabled(pq::column("duration_ms"), false)
            .set_column_encoding(pq::column("duration_ms"), Encoding::DELTA_BINARY_PACKED)
            .set_column_dictionary_enabled(pq::column("signature"), false)
            .build();
        Ok(Self {
            writer: FileWriter::new(&schema(), properties)?,
            pending: Vec::with_capacity(BATCH),
            rows: 0,
        })
    }

    pub(crate) fn push(&mut self, row: Row) -> Result<()> {
        self.pending.push(row);
        self.rows += 1;
        if self.pending.len() < BATCH {
            return Ok(());
        }
        self.write_pending()
    }

    fn write_pending(&mut self) -> Result<()> {
        let rows = &self.pending;
        let start = TimestampMillisecondArray::from_iter_values(rows.iter().map(|r| r.start));
        let columns: Vec<arrow_array::ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(
                rows.iter().map(|r| r.test.id.0),
            )),
            Arc::new(start.with_timezone("UTC")),
            Arc::new(Int32Array::from_iter_values(
                rows.iter().map(|r| r.run.cast_signed()),
            )),
            Arc::new(Int8Array::from_iter_values(
                rows.iter().map(|r| r.test.outcome.code()),
            )),
            Arc::new(
                rows.iter()
                    .map(|r| Some(r.test.flaked))
                    .collect::<BooleanArray>(),
            ),
            Arc::new(
                rows.iter()
                    .map(|r| duration_of(&r.test))
                    .collect::<Int32Array>(),
            ),
            Arc::new(
                rows.iter()
                    .map(|r| r.test.signature.map(|s| s.0))
                    .collect::<Int64Array>(),
            ),
        ];
        self.writer.write(columns)?;
        self.pending.clear();
        Ok(())
    }

    /// The bytes of the file and its rows.
    pub(crate) fn finish(mut self, table: &RunTable) -> Result<(Vec<u8>, u64)> {
        self.write_pending()?;
        self.writer.meta(RUNS_KEY, table.to_text()?);
        if table.kept.is_some() {
            self.writer.needs(pq::THINNED_VERSION);
        }
        Ok((self.writer.finish()?, self.rows))
    }
}

/// Opens a compacted file without its run table.
pub(crate) fn open(store: &dyn Store, key: &str, page_index: bool) -> Result<Opened> {
    let source = Source::new(key, store.open(key)?);
    Opened::open(source, page_index)
}

/// An opened compacted file.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) opened: Opened,
    pub(crate) table: Arc<RunTable>,
    /// The cells of a thinned file.
    pub(crate) cells: Option<Opened>,
}

impl Chunk {
    pub(crate) fn open(store: &dyn Store, key: &str) -> Result<Self> {
        let opened = open(store, key, false)?;
        let table = RunTable::from_text(opened.meta(RUNS_KEY)?, key)?;
        let cells = table.cells().map(|key| cells::open(store, key));
        Ok(Self {
            cells: cells.transpose()?,
            table: Arc::new(table),
            opened,
        })
    }

    /// All rows that can be read back, in order.
    pub(crate) fn rows(&self) -> Result<ChunkRows> {
        Ok(match self.thinned_rows()? {
            Some(rows) => ChunkRows::Thinned(Box::new(rows)),
            None => ChunkRows::Plain(self.plain_rows()?),
        })
    }

    /// As [`Chunk::rows`]; of a thinned file all rows of some days, and of other days those that were kept.
    pub(crate) fn rows_of(&self, days: &BTreeSet<i32>) -> Result<ChunkRows> {
        Ok(match self.thinned_rows()? {
            Some(rows) => ChunkRows::Thinned(Box::new(rows.only(days.clone()))),
            None => ChunkRows::Plain(self.plain_rows()?),
        })
    }

    /// The rows that stand in the file.
    pub(crate) fn plain_rows(&self) -> Result<PlainRows> {
        Ok(PlainRows {
            key: self.opened.source.key.clone(),
            reader: self.opened.reader(&COLUMNS, BATCH, None)?,
        })
    }

    fn thinned_rows(&self) -> Result<Option<ThinnedRows>> {
        let Some(cells) = &self.cells else {
            return Ok(None);
        };
        let days = Days::of(&self.table);
        let cells = CellsReader::of(cells)?;
        Ok(Some(ThinnedRows::new(self.plain_rows()?, cells, days)))
    }
}

/// Reads the rows of a compacted file, batch by batch.
#[derive(Debug)]
pub(crate) enum ChunkRows {
    /// Those of the file.
    Plain(PlainRows),
    /// Those of the file and those that its cells imply.
    Thinned(Box<ThinnedRows>),
}

impl ChunkRows {
    /// Replaces `rows` by the next ones; leaves it empty at the end.
    pub(crate) fn next_into(&mut self, rows: &mut Vec<Row>) -> Result<()> {
        match self {
            Self::Plain(reader) => reader.next_into(rows),
            Self::Thinned(reader) => reader.next_into(rows),
        }
    }
}

/// Reads the rows that stand in a file.
#[derive(Debug)]
pub(crate) struct PlainRows {
    key: String,
    reader: ParquetRecordBatchReader,
}

impl PlainRows {
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Replaces `rows` by the next ones; leaves it empty at the end.
    pub(crate) fn next_into(&mut self, rows: &mut Vec<Row>) -> Result<()> {
        rows.clear();
        let Self { key, reader } = self;
        let batch = pq::guarded(key, || reader.next().transpose().map_err(pq::damaged(key)))?;
        match batch {
            Some(batch) => pq::guarded(key, || push_rows(&batch, key, rows)),
            None => Ok(()),
        }
    }
}

pub(crate) fn push_rows(batch: &RecordBatch, key: &str, rows: &mut Vec<Row>) -> Result<()> {
    let ids = pq::primitive::<Int64Type>(batch, key, pq::ID)?;
    let starts = pq::primitive::<TimestampMillisecondType>(batch, key, "started_at")?;
    let runs = pq::primitive::<Int32Type>(batch, key, "run")?;
    let outcomes = pq::primitive::<Int8Type>(batch, key, "outcome")?;
    let flaked = pq::boolean(batch, key, "flaked")?;
    let durations = pq::primitive::<Int32Type>(batch, key, "duration_ms")?;
    let signatures = pq::primitive::<Int64Type>(batch, key, "signature")?;
    for at in 0..batch.num_rows() {
        let outcome = (outcomes.value(at), flaked.value(at));
        let test = row_of(
            ids.value(at),
            outcome,
            cell(durations, at),
            cell(signatures, at),
        )
        .ok_or_else(|| Error::corrupt(key, "it holds an unknown outcome"))?;
        rows.push(Row {
            test,
            start: starts.value(at),
            run: runs.value(at).cast_unsigned(),
        });
    }
    Ok(())
}
