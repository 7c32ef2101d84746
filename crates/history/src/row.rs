//! Rows as files keep them, and the checksum that travels with a run through every compaction.

use model::{Outcome, RecordedTest, Signature, TestId};
use xxhash_rust::xxh3::xxh3_64;

/// One test in one run, with the number of the run in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) test: RecordedTest,
    /// When the run started, UTC milliseconds.
    pub(crate) start: i64,
    /// Index into the run table of the file that is read or written.
    pub(crate) run: u32,
}

impl Row {
    /// The order of compacted files: test, then start, then run.
    pub(crate) fn order(&self) -> (TestId, i64, u32) {
        (self.test.id, self.start, self.run)
    }
}

/// The longest duration that a file keeps, 24.8 days: columns are signed 32-bit integers.
const LONGEST_MS: u32 = i32::MAX.unsigned_abs();

/// A row as it can be kept: a duration beyond 24.8 days becomes that.
pub(crate) fn storable(mut test: RecordedTest) -> RecordedTest {
    test.duration_ms = test.duration_ms.map(|ms| ms.min(LONGEST_MS));
    test
}

/// A checksum over the rows of one run that does not depend on their order: the wrapping sum of a hash of each row. It is taken when
/// the run is recorded and carried along, so that `verify` can prove that compaction lost and doubled nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowSum {
    pub(crate) rows: u64,
    pub(crate) sum: u64,
}

impl RowSum {
    /// The checksum of the rows of a run.
    pub(crate) fn of(rows: &[RecordedTest]) -> Self {
        let mut sum = Self::default();
        for row in rows {
            sum.add(row);
        }
        sum
    }

    pub(crate) fn add(&mut self, row: &RecordedTest) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(row_hash(row));
    }
}

/// What a hash of a row covers.
const ROW_BYTES: usize = 8 + 2 + 1 + 4 + 1 + 8;

/// XXH3-64 over id, outcome, flaked, duration and signature, little endian, with a byte before what may be absent.
fn row_hash(row: &RecordedTest) -> u64 {
    let RecordedTest {
        id,
        outcome,
        flaked,
        duration_ms,
        signature,
    } = *row;
    let mut bytes = [0; ROW_BYTES];
    let parts: [&[u8]; 6] = [
        &id.0.to_le_bytes(),
        &[outcome.code().cast_unsigned(), u8::from(flaked)],
        &[u8::from(duration_ms.is_some())],
        &duration_ms.unwrap_or(0).to_le_bytes(),
        &[u8::from(signature.is_some())],
        &signature.map_or(0, |s| s.0).to_le_bytes(),
    ];
    let values = parts.iter().flat_map(|part| part.iter());
    bytes
        .iter_mut()
        .zip(values)
        .for_each(|(slot, byte)| *slot = *byte);
    xxh3_64(&bytes)
}

/// A row from its columns; `None` for an outcome that no version writes.
pub(crate) fn row_of(
    id: i64,
    (outcome, flaked): (i8, bool),
    duration: Option<i32>,
    signature: Option<i64>,
) -> Option<RecordedTest> {
    Some(RecordedTest {
        id: TestId(id),
        outcome: Outcome::from_code(outcome)?,
        flaked,
        duration_ms: duration.map(i32::unsigned_abs),
        signature: signature.map(Signature),
    })
}

/// A duration as a column value.
pub(crate) fn duration_of(row: &RecordedTest) -> Option<i32> {
    row.duration_ms
        .map(|ms| i32::try_from(ms).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{RowSum, row_of};

    #[test]
    fn the_checksum_sees_every_field_and_no_order() {
        let row = row_of(1, (0, false), Some(5), None).unwrap();
        let others = [
            row_of(2, (0, false), Some(5), None),
            row_of(1, (1, false), Some(5), None),
            row_of(1, (0, true), Some(5), None),
            row_of(1, (0, false), None, None),
            row_of(1, (0, false), Some(5), Some(0)),
        ];
        for other in others.into_iter().flatten() {
            assert_ne!(RowSum::of(&[row]), RowSum::of(&[other]));
            assert_eq!(RowSum::of(&[row, other]), RowSum::of(&[other, row]));
        }
        assert_eq!(row_of(1, (9, false), None, None), None);
    }
}
