//! Many sorted streams of rows become one.

use std::{cmp::Reverse, collections::BinaryHeap};

use model::TestId;

use crate::{Result, chunk::ChunkRows, row::Row};

/// A sorted stream of rows whose run numbers are replaced by those of the file that is written.
#[derive(Debug)]
pub(crate) struct Stream {
    rows: Vec<Row>,
    at: usize,
    more: Option<ChunkRows>,
    /// The new number of each old run; `None` drops its rows.
    numbers: Vec<Option<u32>>,
}

impl Stream {
    /// The rows of a compacted file.
    pub(crate) fn of_chunk(rows: ChunkRows, numbers: Vec<Option<u32>>) -> Self {
        Self {
            rows: Vec::new(),
            at: 0,
            more: Some(rows),
            numbers,
        }
    }

    /// Rows in memory, with their final run numbers, in order.
    pub(crate) fn of_rows(rows: Vec<Row>) -> Self {
        Self {
            rows,
            at: 0,
            more: None,
            numbers: Vec::new(),
        }
    }

    /// The next row.
    fn next(&mut self) -> Result<Option<Row>> {
        loop {
            let Some(row) = self.rows.get(self.at).copied() else {
                if !self.refill()? {
                    return Ok(None);
                }
                continue;
            };
            self.at += 1;
            if let Some(row) = self.renumber(row) {
                return Ok(Some(row));
            }
        }
    }

    fn refill(&mut self) -> Result<bool> {
        let Some(reader) = &mut self.more else {
            return Ok(false);
        };
        self.at = 0;
        reader.next_into(&mut self.rows)?;
        Ok(!self.rows.is_empty())
    }

    fn renumber(&self, row: Row) -> Option<Row> {
        if self.numbers.is_empty() {
            return Some(row);
        }
        let old = usize::try_from(row.run).ok()?;
        let run = self.numbers.get(old).copied().flatten()?;
        Some(Row { run, ..row })
    }
}

/// The head of one stream in the heap: smallest order first, then the stream's number, so that the result is always the same.
type Head = Reverse<((TestId, i64, u32), usize)>;

/// Gives the rows of all streams in [`Row::order`] to a sink.
pub(crate) fn merge(
    mut streams: Vec<Stream>,
    mut sink: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let mut heads: Vec<Option<Row>> = Vec::with_capacity(streams.len());
    let mut heap: BinaryHeap<Head> = BinaryHeap::with_capacity(streams.len());
    for (number, stream) in streams.iter_mut().enumerate() {
        let head = stream.next()?;
        heap.extend(head.map(|row| Reverse((row.order(), number))));
        heads.push(head);
    }
    while let Some(Reverse((_, number))) = heap.pop() {
        let (Some(stream), Some(head)) = (streams.get_mut(number), heads.get_mut(number)) else {
            continue;
        };
        let bound = heap.peek().map(|Reverse((order, _))| *order);
        // A stream keeps the lead while its rows come before every other head.
        while let Some(row) = *head {
            sink(row)?;
            *head = stream.next()?;
            if head.is_some_and(|next| bound.is_some_and(|bound| next.order() >= bound)) {
                break;
            }
        }
        heap.extend(head.map(|row| Reverse((row.order(), number))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Stream, merge};
    use crate::row::{Row, row_of};

    fn row(id: i64, run: u32) -> Row {
        Row {
            test: row_of(id, (0, false), None, None).unwrap(),
            start: i64::from(run),
            run,
        }
    }

    #[test]
    fn streams_become_one_in_order_of_test_then_start() {
        let rows = |pairs: &[(i64, u32)]| pairs.iter().map(|(id, run)| row(*id, *run)).collect();
        let streams = vec![
            Stream::of_rows(rows(&[(1, 5), (1, 9), (7, 1)])),
            Stream::of_rows(rows(&[])),
            Stream::of_rows(rows(&[(-3, 2), (1, 7), (9, 0)])),
        ];
        let mut seen = Vec::new();
        merge(streams, |row| {
            seen.push((row.test.id.0, row.run));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [(-3, 2), (1, 5), (1, 7), (1, 9), (7, 1), (9, 0)]);
    }
}
