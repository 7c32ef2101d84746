//! Which pages of a sorted file can hold some tests: by the page index, without reading the pages.

use model::TestId;
use parquet::{
    arrow::arrow_reader::{RowSelection, RowSelector},
    file::{metadata::ParquetMetaData, page_index::column_index::ColumnIndexMetaData},
};

use crate::pq::Opened;

/// The rows of all pages that can hold one of the tests (in rising order); `None` when the file has no page index or all tests are
/// asked for.
pub(crate) fn select_ids(opened: &Opened, ids: &[TestId]) -> Option<RowSelection> {
    if ids.is_empty() {
        return None;
    }
    let metadata = opened.footer().metadata();
    let mut selectors = Vec::new();
    for group in 0..metadata.num_row_groups() {
        select_in_group(metadata, group, ids, &mut selectors)?;
    }
    Some(RowSelection::from(selectors))
}

/// The test id is the first column of every file.
const ID_COLUMN: usize = 0;

fn select_in_group(
    metadata: &ParquetMetaData,
    group: usize,
    ids: &[TestId],
    selectors: &mut Vec<RowSelector>,
) -> Option<()> {
    let column = metadata.column_index()?.get(group)?.get(ID_COLUMN)?;
    let ColumnIndexMetaData::INT64(column) = column else {
        return None;
    };
    let offsets = metadata.offset_index()?.get(group)?.get(ID_COLUMN)?;
    let starts: Vec<i64> = offsets
        .page_locations()
        .iter()
        .map(|page| page.first_row_index)
        .collect();
    let total = metadata.row_group(group).num_rows();
    let ends = starts.iter().skip(1).copied().chain([total]);
    for (page, (start, end)) in starts.iter().zip(ends).enumerate() {
        let rows = usize::try_from(end.checked_sub(*start)?).ok()?;
        let bounds = column.min_value(page).zip(column.max_value(page));
        let hit = bounds.is_none_or(|(min, max)| any_between(ids, *min, *max));
        selectors.push(if hit {
            RowSelector::select(rows)
        } else {
            RowSelector::skip(rows)
        });
    }
    Some(())
}

fn any_between(ids: &[TestId], min: i64, max: i64) -> bool {
    let at = ids.partition_point(|id| id.0 < min);
    ids.get(at).is_some_and(|id| id.0 <= max)
}

#[cfg(test)]
mod tests {
    use super::any_between;
    use model::TestId;

    #[test]
    fn a_page_is_read_only_when_a_test_can_be_in_it() {
        let ids = [TestId(-5), TestId(10)];
        assert!(
            any_between(&ids, -9, -5) && any_between(&ids, 10, 10) && any_between(&ids, -9, 99)
        );
        assert!(!any_between(&ids, -4, 9) && !any_between(&ids, 11, 12));
    }
}
