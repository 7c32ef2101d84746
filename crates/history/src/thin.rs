//! Thinning: rows that say nothing but an ordinary outcome become cells, one a test and day.

use std::collections::BTreeSet;

use model::{Outcome, TestId};

use crate::{
    Error, Result,
    cells::{Cell, CellsReader, CellsWriter, Tally},
    chunk::ChunkWriter,
    days::{Days, day_of},
    expand::{is_implied, thinned},
    row::{Row, RowSum},
    run_table::RunTable,
};

/// Where the rows of a run come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// All its rows come.
    Whole,
    /// It is thinned already, and the runs of its day stay as they are: only the kept rows come, and its cells are copied.
    Copied,
    /// It is thinned already, but its day gets other runs besides: all rows come, without durations, which the old cells have.
    Again,
}

/// Takes rows in order and leaves kept rows and cells.
#[derive(Debug)]
pub(crate) struct Thinner {
    rows: ChunkWriter,
    cells: CellsWriter,
    days: Days,
    origins: Vec<Origin>,
    /// Days of which cells are copied.
    copied: BTreeSet<i32>,
    old: Vec<CellsReader>,
    test: Vec<Row>,
    /// What came in, by run.
    came: Vec<RowSum>,
    /// What can be read back, by run.
    left: Vec<RowSum>,
}

/// What thinning made.
#[derive(Debug)]
pub(crate) struct ThinnedFiles {
    pub(crate) rows: ChunkWriter,
    pub(crate) cells: CellsWriter,
}

impl Thinner {
    /// `origins` has a value a run of the table.
    pub(crate) fn new(
        table: &RunTable,
        origins: Vec<Origin>,
        old: Vec<CellsReader>,
    ) -> Result<Self> {
        let days = Days::of(table);
        let copied = days.keys().filter(|day| {
            let first = usize::try_from(days.runs(*day).start).ok();
            let origin = first.and_then(|first| origins.get(first));
            origin == Some(&Origin::Copied)
        });
        Ok(Self {
            rows: ChunkWriter::new()?,
            cells: CellsWriter::new()?,
            copied: copied.collect(),
            days,
            old,
            test: Vec::new(),
            came: vec![RowSum::default(); origins.len()],
            left: vec![RowSum::default(); origins.len()],
            origins,
        })
    }

    pub(crate) fn push(&mut self, row: Row) -> Result<()> {
        if self
            .test
            .last()
            .is_some_and(|last| last.test.id != row.test.id)
        {
            self.finish_test()?;
        }
        self.test.push(row);
        Ok(())
    }

    fn finish_test(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.test);
        let Some(id) = rows.first().map(|row| row.test.id) else {
            return Ok(());
        };
        self.copy_cells_before(Some(id))?;
        let mut old = Vec::new();
        for reader in &mut self.old {
            reader.take_of(id, &mut old)?;
        }
        old.sort_by_key(Cell::order);
        let days = rows.iter().map(|row| day_of(row.start));
        let days: BTreeSet<i32> = days.chain(old.iter().map(|cell| cell.day)).collect();
        for day in days {
            let of_day = |row: &&Row| day_of(row.start) == day;
            let rows: Vec<Row> = rows.iter().filter(of_day).copied().collect();
            let old: Vec<Cell> = old.iter().filter(|c| c.day == day).cloned().collect();
            self.add_day((id, day), &rows, old)?;
        }
        Ok(())
    }

    /// Copies the cells of tests that have no row in what is thinned now; of all tests at the end.
    fn copy_cells_before(&mut self, id: Option<TestId>) -> Result<()> {
        loop {
            let mut next = None;
            for reader in &mut self.old {
                let head = reader.peek()?.map(|cell| cell.id);
                next = next.into_iter().chain(head).min();
            }
            let Some(next) = next.filter(|next| id.is_none_or(|id| *next < id)) else {
                return Ok(());
            };
            let mut cells = Vec::new();
            for reader in &mut self.old {
                reader.take_of(next, &mut cells)?;
            }
            cells.sort_by_key(Cell::order);
            for cell in cells {
                self.cells.push(cell)?;
            }
        }
    }

    fn add_day(&mut self, (id, day): (TestId, i32), rows: &[Row], old: Vec<Cell>) -> Result<()> {
        if self.copied.contains(&day) {
            rows.iter().try_for_each(|row| self.rows.push(*row))?;
            return old.into_iter().try_for_each(|cell| self.cells.push(cell));
        }
        let mut cell = Cell {
            id,
            day,
            tally: Tally::default(),
            timed: old.iter().map(|cell| cell.timed).sum(),
            duration_ms: old.iter().map(|cell| cell.duration_ms).sum(),
            usual: usual_of(rows),
            ran: self.bits(day, rows),
        };
        for row in rows {
            self.add_row(row, &mut cell)?;
        }
        self.cells.push(cell)
    }

    fn add_row(&mut self, row: &Row, cell: &mut Cell) -> Result<()> {
        cell.tally.add(&row.test);
        let run = usize::try_from(row.run).unwrap_or(usize::MAX);
        if self.origins.get(run) == Some(&Origin::Whole)
            && let Some(duration) = row.test.duration_ms
        {
            cell.timed += 1;
            cell.duration_ms += i64::from(duration);
        }
        if let Some(sum) = self.came.get_mut(run) {
            sum.add(&row.test);
        }
        if let Some(sum) = self.left.get_mut(run) {
            sum.add(&thinned(row.test, cell.usual));
        }
        if is_implied(&row.test, cell.usual) {
            return Ok(());
        }
        self.rows.push(*row)
    }

    /// Which runs of the day had the test; `None` for all.
    fn bits(&self, day: i32, rows: &[Row]) -> Option<Vec<u8>> {
        let runs = self.days.runs(day);
        if runs.len() == rows.len() {
            return None;
        }
        let mut bits = vec![0_u8; runs.len().div_ceil(8)];
        for row in rows {
            let n = row.run.saturating_sub(runs.start);
            let byte = usize::try_from(n / 8).ok();
            if let Some(byte) = byte.and_then(|at| bits.get_mut(at)) {
                *byte |= 1 << (n % 8);
            }
        }
        Some(bits)
    }

    /// The files; the table says what can be read back then. Fails when the rows that came in are not those that the table promised.
    pub(crate) fn finish(mut self, table: &mut RunTable) -> Result<ThinnedFiles> {
        self.finish_test()?;
        self.copy_cells_before(None)?;
        let sums = self.came.iter().zip(&self.left).zip(&self.origins);
        for (run, ((came, left), origin)) in table.runs.iter_mut().zip(sums) {
            if *origin == Origin::Copied {
                continue;
            }
            if run.checksum() != *came {
                let why = format!(
                    "rows of run `{}` are lost, doubled or changed",
                    run.info.key.run
                );
                return Err(Error::corrupt(&table.partition.runs_folder(), why));
            }
            (run.rows, run.sum) = (left.rows, left.sum);
        }
        Ok(ThinnedFiles {
            rows: self.rows,
            cells: self.cells,
        })
    }
}

/// The outcome that the most plain rows have: pass, or skip.
fn usual_of(rows: &[Row]) -> Outcome {
    let plain = |outcome| {
        let rows = rows.iter().filter(|row| is_implied(&row.test, outcome));
        rows.count()
    };
    if plain(Outcome::Skip) > plain(Outcome::Pass) {
        Outcome::Skip
    } else {
        Outcome::Pass
    }
}
