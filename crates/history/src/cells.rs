//! Cells: what one test did in one job on one day, as counts, and which runs of the day it was in. Beside a thinned file they say everything but
//! single durations; for other engines they are daily counts.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Date32Array, Int8Array, Int32Array, Int64Array, RecordBatch,
    cast::AsArray as _,
    types::{Date32Type, Int8Type, Int32Type, Int64Type},
};
use arrow_schema::DataType;
use model::{Outcome, RecordedTest, TestId};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReader, basic::Encoding,
    file::properties::EnabledStatistics,
};

use crate::{
    Error, Result,
    pq::{self, FileWriter, Opened, Source, cell, optional, required},
    store::Store,
};

/// Cells that are encoded or decoded at once.
const BATCH: usize = 1 << 13;

/// Whole-number columns after the day, in order.
const NUMBERS: [&str; 7] = [
    "runs", "passes", "fails", "errors", "skips", "flakes", "timed",
];

/// Counts of one test on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passes: u32,
    pub(crate) fails: u32,
    pub(crate) errors: u32,
    pub(crate) skips: u32,
    /// Passes after a failure, counted in `passes` too.
    pub(crate) flakes: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, row: &RecordedTest) {
        match row.outcome {
            Outcome::Pass => self.passes += 1,
            Outcome::Fail => self.fails += 1,
            Outcome::Error => self.errors += 1,
            Outcome::Skip => self.skips += 1,
        }
        self.flakes += u32::from(row.flaked);
    }

    /// Runs in which the test ran.
    fn runs(&self) -> u32 {
        self.passes + self.fails + self.errors
    }
}

/// What one test did on one day in one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) id: TestId,
    /// Days since 1970-01-01.
    pub(crate) day: i32,
    pub(crate) tally: Tally,
    /// How many of its rows said how long they took.
    pub(crate) timed: u32,
    /// The sum of these durations, milliseconds. A file has their mean, in whole milliseconds: a sum would cost five bits more a cell.
    pub(crate) duration_ms: i64,
    /// The outcome of the rows that the thinned file leaves out.
    pub(crate) usual: Outcome,
    /// Which runs of the day had the test, a bit a run in the order of time, lowest first; `None` for all of them.
    pub(crate) ran: Option<Vec<u8>>,
}

impl Cell {
    fn mean_ms(&self) -> i64 {
        let timed = i64::from(self.timed.max(1));
        self.duration_ms.saturating_add(timed / 2) / timed
    }

    /// The order of the file.
    pub(crate) fn order(&self) -> (TestId, i32) {
        (self.id, self.day)
    }

    /// Whether the test was in the n-th run of the day.
    pub(crate) fn was_in(&self, n: u32) -> bool {
        let Some(bits) = &self.ran else { return true };
        let byte = usize::try_from(n / 8).ok().and_then(|at| bits.get(at));
        byte.is_some_and(|byte| byte >> (n % 8) & 1 == 1)
    }
}

/// Writes cells. They must come in [`Cell::order`].
#[derive(Debug)]
pub(crate) struct CellsWriter {
    writer: FileWriter,
    pending: Vec<Cell>,
    pub(crate) cells: u64,
}

impl CellsWriter {
    pub(crate) fn new() -> Result<Self> {
        let mut fields = vec![
            required(pq::ID, DataType::Int64),
            required("date", DataType::Date32),
        ];
        fields.extend(NUMBERS.map(|name| required(name, DataType::Int32)));
        fields.push(required("mean_ms", DataType::Int64));
        fields.push(required("usual", DataType::Int8));
        fields.push(optional("ran", DataType::Binary));
        let properties = pq::properties(pq::TEXT_ZSTD)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_column_dictionary_enabled(pq::column("mean_ms"), false)
            .set_column_encoding(pq::column("mean_ms"), Encoding::DELTA_BINARY_PACKED)
            .build();
        let mut writer = FileWriter::new(&pq::schema(fields), properties)?;
        writer.needs(pq::THINNED_VERSION);
        Ok(Self {
            writer,
            pending: Vec::with_capacity(BATCH),
            cells: 0,
        })
    }

    pub(crate) fn push(&mut self, cell: Cell) -> Result<()> {
        self.pending.push(cell);
        self.cells += 1;
        if self.pending.len() < BATCH {
            return Ok(());
        }
        self.write_pending()
    }

    fn write_pending(&mut self) -> Result<()> {
        let cells = std::mem::take(&mut self.pending);
        let numbers = |of: fn(&Cell) -> u32| -> ArrayRef {
            let values = cells.iter().map(|cell| of(cell).cast_signed());
            Arc::new(Int32Array::from_iter_values(values))
        };
        let days = cells.iter().map(|cell| cell.day);
        let means = cells.iter().map(Cell::mean_ms);
        let usual = cells.iter().map(|cell| cell.usual.code());
        let ran = cells.iter().map(|cell| cell.ran.as_deref());
        self.writer.write(vec![
            Arc::new(Int64Array::from_iter_values(cells.iter().map(|c| c.id.0))),
            Arc::new(Date32Array::from_iter_values(days)),
            numbers(|cell| cell.tally.runs()),
            numbers(|cell| cell.tally.passes),
            numbers(|cell| cell.tally.fails),
            numbers(|cell| cell.tally.errors),
            numbers(|cell| cell.tally.skips),
            numbers(|cell| cell.tally.flakes),
            numbers(|cell| cell.timed),
            Arc::new(Int64Array::from_iter_values(means)),
            Arc::new(Int8Array::from_iter_values(usual)),
            Arc::new(ran.collect::<BinaryArray>()),
        ])
    }

    /// The bytes of the file.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.write_pending()?;
        self.writer.finish()
    }
}

/// Opens a file of cells.
pub(crate) fn open(store: &dyn Store, key: &str) -> Result<Opened> {
    Opened::open(Source::new(key, store.open(key)?), false)
}

/// Reads cells in their order.
#[derive(Debug)]
pub(crate) struct CellsReader {
    key: String,
    reader: ParquetRecordBatchReader,
    batch: std::collections::VecDeque<Cell>,
}

impl CellsReader {
    pub(crate) fn of(opened: &Opened) -> Result<Self> {
        let mut columns = vec![pq::ID, "date", "mean_ms", "usual", "ran"];
        columns.extend(NUMBERS);
        Ok(Self {
            key: opened.source.key.clone(),
            reader: opened.reader(&columns, BATCH, None)?,
            batch: std::collections::VecDeque::new(),
        })
    }

    /// The next cell, without taking it.
    pub(crate) fn peek(&mut self) -> Result<Option<&Cell>> {
        if self.batch.is_empty() {
            self.fill()?;
        }
        Ok(self.batch.front())
    }

    /// Takes the cells of one test if they come next.
    pub(crate) fn take_of(&mut self, id: TestId, cells: &mut Vec<Cell>) -> Result<()> {
        while self.peek()?.is_some_and(|cell| cell.id == id) {
            cells.extend(self.batch.pop_front());
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        let Self { key, reader, batch } = self;
        let next = pq::guarded(key, || reader.next().transpose().map_err(pq::damaged(key)))?;
        match next {
            Some(read) => pq::guarded(key, || push_cells(&read, key, batch)),
            None => Ok(()),
        }
    }
}

fn push_cells(
    batch: &RecordBatch,
    key: &str,
    cells: &mut std::collections::VecDeque<Cell>,
) -> Result<()> {
    let number = |name| pq::primitive::<Int32Type>(batch, key, name);
    let ids = pq::primitive::<Int64Type>(batch, key, pq::ID)?;
    let days = pq::primitive::<Date32Type>(batch, key, "date")?;
    let (passes, fails, errors) = (number("passes")?, number("fails")?, number("errors")?);
    let (skips, flakes, timed) = (number("skips")?, number("flakes")?, number("timed")?);
    let means = pq::primitive::<Int64Type>(batch, key, "mean_ms")?;
    let usual = pq::primitive::<Int8Type>(batch, key, "usual")?;
    let ran = batch
        .column_by_name("ran")
        .and_then(|column| column.as_binary_opt::<i32>())
        .ok_or_else(|| Error::corrupt(key, "column `ran` is no bytes"))?;
    for at in 0..batch.num_rows() {
        let count = |column: &Int32Array| u32::try_from(column.value(at)).unwrap_or(0);
        let usual = Outcome::from_code(usual.value(at));
        cells.push_back(Cell {
            id: TestId(ids.value(at)),
            day: days.value(at),
            tally: Tally {
                passes: count(passes),
                fails: count(fails),
                errors: count(errors),
                skips: count(skips),
                flakes: count(flakes),
            },
            timed: count(timed),
            duration_ms: means.value(at).saturating_mul(i64::from(count(timed))),
            usual: usual.ok_or_else(|| Error::corrupt(key, "it holds an unknown outcome"))?,
            ran: cell(ran, at).map(<[u8]>::to_vec),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Outcome, TestId};

    use super::{Cell, CellsReader, CellsWriter, Tally};
    use crate::pq::{Opened, Source};

    fn sample(n: i64) -> Cell {
        Cell {
            id: TestId(n / 3),
            day: i32::try_from(n % 3).unwrap() - 1,
            tally: Tally {
                passes: 30,
                fails: 1,
                errors: 2,
                skips: 3,
                flakes: 4,
            },
            timed: 33,
            duration_ms: n * 33,
            usual: if n % 2 == 0 {
                Outcome::Pass
            } else {
                Outcome::Skip
            },
            ran: (n % 5 == 0).then(|| vec![0b101, 0b10]),
        }
    }

    #[test]
    fn cells_come_back_as_they_were() {
        let cells: Vec<Cell> = (0..20_000).map(sample).collect();
        let mut writer = CellsWriter::new().unwrap();
        for cell in &cells {
            writer.push(cell.clone()).unwrap();
        }
        let bytes = bytes::Bytes::from(writer.finish().unwrap());
        let blob = Arc::new(crate::run_file::Whole(bytes));
        let opened = Opened::open(Source::new("cells", blob), false).unwrap();
        let mut reader = CellsReader::of(&opened).unwrap();
        let mut read = Vec::new();
        while let Some(id) = reader.peek().unwrap().map(|cell| cell.id) {
            reader.take_of(id, &mut read).unwrap();
        }
        assert_eq!(read, cells);
    }

    #[test]
    fn a_bit_says_whether_a_test_was_in_a_run() {
        let cell = sample(0);
        let runs: Vec<u32> = (0..20).filter(|n| cell.was_in(*n)).collect();
        assert_eq!(runs, [0, 2, 9]);
        assert!(sample(1).was_in(77), "no bits: all runs");
    }
}
