//! What only tests that failed have: a row a test and job (its trouble), and a row a test with job -1 (its texts). Small pages, so that
//! the few failing tests of a run cost a few pages.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch,
    cast::AsArray as _,
    types::{Int32Type, Int64Type},
};
use arrow_schema::DataType;
use model::TestId;
use verdict::Baseline;

use super::{pack, unpack};
use crate::{
    Error, Result,
    pages::select_ids,
    pq::{self, FileWriter, Opened, Source, required},
    store::Blob,
};

const KEY: &str = "snapshot detail";

/// Rows of a page.
const PAGE_ROWS: usize = 256;

/// The job of a row that holds the texts of a test over all jobs.
const TEXTS: i32 = -1;

/// The bytes of the file.
pub(super) fn encode(baseline: &Baseline) -> Result<Vec<u8>> {
    let mut rows: Vec<(TestId, i32, Vec<u8>)> = Vec::new();
    for (id, texts) in &baseline.test_texts {
        rows.push((*id, TEXTS, pack(texts)?));
    }
    for ((id, job), entry) in &baseline.entries {
        if let Some(trouble) = &entry.trouble {
            rows.push((*id, job.cast_signed(), pack(trouble)?));
        }
    }
    rows.sort_unstable();
    let schema = pq::schema(vec![
        required(pq::ID, DataType::Int64),
        required("job", DataType::Int32),
        required("packed", DataType::Binary),
    ]);
    let properties = pq::properties(pq::TEXT_ZSTD)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_dictionary_enabled(false)
        .build();
    let mut writer = FileWriter::new(&schema, properties)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0.0))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1))),
        Arc::new(BinaryArray::from_iter_values(
            rows.iter().map(|row| row.2.as_slice()),
        )),
    ];
    writer.write(columns)?;
    writer.finish()
}

/// Adds the details of some tests, or of all, to a baseline.
pub(super) fn decode_into(
    blob: Arc<dyn Blob>,
    ids: Option<&[TestId]>,
    baseline: &mut Baseline,
) -> Result<()> {
    let source = Source::new(KEY, blob);
    let opened = Opened::open(source, ids.is_some())?;
    let selection = ids.and_then(|ids| select_ids(&opened, ids));
    pq::guarded(KEY, || {
        for batch in opened.reader(&[pq::ID, "job", "packed"], 4096, selection)? {
            read_batch(&batch.map_err(pq::damaged(KEY))?, ids, baseline)?;
        }
        Ok(())
    })
}

fn read_batch(
    batch: &RecordBatch,
    wanted: Option<&[TestId]>,
    baseline: &mut Baseline,
) -> Result<()> {
    let ids = pq::primitive::<Int64Type>(batch, KEY, pq::ID)?;
    let jobs = pq::primitive::<Int32Type>(batch, KEY, "job")?;
    let packed = batch
        .column_by_name("packed")
        .and_then(|c| c.as_binary_opt::<i32>());
    let packed = packed.ok_or_else(|| Error::corrupt(KEY, "column `packed` is missing"))?;
    for at in 0..batch.num_rows() {
        let (id, job) = (TestId(ids.value(at)), jobs.value(at));
        if wanted.is_some_and(|wanted| wanted.binary_search(&id).is_err()) {
            continue;
        }
        if job == TEXTS {
            baseline.test_texts.insert(id, unpack(packed.value(at))?);
        } else if let Some(entry) = baseline.entries.get_mut(&(id, job.cast_unsigned())) {
            entry.trouble = Some(Box::new(unpack(packed.value(at))?));
        }
    }
    Ok(())
}
