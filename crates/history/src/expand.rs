//! Reading thinned rows: the rows that were left out come back from the cells, without their durations.

use std::collections::{BTreeSet, VecDeque};

use model::{Outcome, RecordedTest, TestId};

use crate::{
    Error, Result,
    cells::{Cell, CellsReader, Tally},
    chunk::PlainRows,
    days::{Days, day_of},
    row::Row,
};

/// Rows that are made at once, and those of one test more.
const BATCH: usize = 1 << 13;

/// The rows of a thinned file, in order, as if they had never been thinned but for durations.
#[derive(Debug)]
pub(crate) struct ThinnedRows {
    key: String,
    kept: PlainRows,
    ahead: VecDeque<Row>,
    cells: CellsReader,
    days: Days,
    /// The days whose rows are made; `None` for all. Of other days only the kept rows come.
    only: Option<BTreeSet<i32>>,
}

impl ThinnedRows {
    pub(crate) fn new(kept: PlainRows, cells: CellsReader, days: Days) -> Self {
        Self {
            key: kept.key().to_owned(),
            kept,
            ahead: VecDeque::new(),
            cells,
            days,
            only: None,
        }
    }

    /// Makes the rows of some days only.
    pub(crate) fn only(mut self, days: BTreeSet<i32>) -> Self {
        self.only = Some(days);
        self
    }

    /// Replaces `rows` by the next ones; leaves it empty at the end.
    pub(crate) fn next_into(&mut self, rows: &mut Vec<Row>) -> Result<()> {
        rows.clear();
        while rows.len() < BATCH {
            let Some(id) = self.next_id()? else { break };
            self.add_test(id, rows)?;
        }
        Ok(())
    }

    /// The next test, be it in the kept rows or in the cells.
    fn next_id(&mut self) -> Result<Option<TestId>> {
        self.look_ahead()?;
        let row = self.ahead.front().map(|row| row.test.id);
        let cell = self.cells.peek()?.map(|cell| cell.id);
        Ok(match (row, cell) {
            (Some(row), Some(cell)) => Some(row.min(cell)),
            (row, cell) => row.or(cell),
        })
    }

    fn look_ahead(&mut self) -> Result<()> {
        if self.ahead.is_empty() {
            let mut rows = Vec::new();
            self.kept.next_into(&mut rows)?;
            self.ahead = rows.into();
        }
        Ok(())
    }

    fn take_kept(&mut self, id: TestId) -> Result<Vec<Row>> {
        let mut kept = Vec::new();
        loop {
            self.look_ahead()?;
            match self.ahead.pop_front() {
                Some(row) if row.test.id == id => kept.push(row),
                Some(other) => {
                    self.ahead.push_front(other);
                    return Ok(kept);
                }
                None => return Ok(kept),
            }
        }
    }

    /// Adds the rows of one test, in order.
    fn add_test(&mut self, id: TestId, rows: &mut Vec<Row>) -> Result<()> {
        let mut kept = self.take_kept(id)?.into_iter().peekable();
        let mut cells = Vec::new();
        self.cells.take_of(id, &mut cells)?;
        for cell in cells {
            if kept.peek().is_some_and(|row| day_of(row.start) < cell.day) {
                return Err(self.torn());
            }
            let mut of_day = Vec::new();
            while let Some(row) = kept.next_if(|row| day_of(row.start) == cell.day) {
                of_day.push(row);
            }
            if self
                .only
                .as_ref()
                .is_none_or(|only| only.contains(&cell.day))
            {
                self.add_day(&cell, &of_day, rows)?;
            } else {
                rows.append(&mut of_day);
            }
        }
        match kept.next() {
            Some(_) => Err(self.torn()),
            None => Ok(()),
        }
    }

    /// Adds the rows of one test on one day, and proves that they are those that the cell counted.
    fn add_day(&self, cell: &Cell, kept: &[Row], rows: &mut Vec<Row>) -> Result<()> {
        let mut kept = kept.iter().copied().peekable();
        let mut tally = Tally::default();
        for (n, run) in (0..).zip(self.days.runs(cell.day)) {
            if !cell.was_in(n) {
                continue;
            }
            let row = kept.next_if(|row| row.run == run);
            let row = row.unwrap_or_else(|| Row {
                test: implied(cell.id, cell.usual),
                start: self.days.start(run),
                run,
            });
            tally.add(&row.test);
            rows.push(row);
        }
        if tally == cell.tally && kept.next().is_none() {
            return Ok(());
        }
        Err(self.torn())
    }

    fn torn(&self) -> Error {
        Error::corrupt(&self.key, "its rows are not those that its cells counted")
    }
}

/// A row that was left out.
fn implied(id: TestId, usual: Outcome) -> RecordedTest {
    RecordedTest {
        id,
        outcome: usual,
        flaked: false,
        duration_ms: None,
        signature: None,
    }
}

/// Whether a thinned file leaves a row out where `usual` is the outcome of the day.
pub(crate) fn is_implied(row: &RecordedTest, usual: Outcome) -> bool {
    row.outcome == usual && !row.flaked && row.signature.is_none() && !usual.is_failure()
}

/// A row as it comes back from a thinned file.
pub(crate) fn thinned(row: RecordedTest, usual: Outcome) -> RecordedTest {
    if is_implied(&row, usual) {
        implied(row.id, usual)
    } else {
        row
    }
}
