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
use parquet::{basic::Encoding, file::properties::WriterProperties};
use verdict::Baseline;

use super::{
    Loaded, WHOLE_ZSTD,
    listed::Tests,
    tables::Tables,
    trouble::{self, Place},
};
use crate::{
    Error, Result,
    pages::select_ids,
    pq::{self, FileWriter, Opened, Source, required},
    store::Blob,
};

const KEY: &str = "snapshot detail";

/// The columns of bytes: those of a [`Place`], and the texts.
const BYTES: [&str; 5] = ["counts", "streaks", "newest", "recent", "texts"];

/// Rows of a page.
const PAGE_ROWS: usize = 256;

/// The job of a row that holds the texts of a test over all jobs.
const TEXTS: i32 = -1;

/// A row of the file.
struct Row {
    id: TestId,
    job: i32,
    /// The place in the table of signatures from which its texts go on.
    first: i32,
    trouble: [Vec<u8>; 4],
    texts: Vec<u8>,
}

/// The bytes of the file.
pub(super) fn encode(baseline: &Baseline, tests: &Tests, tables: &Tables) -> Result<Vec<u8>> {
    let rows = rows(baseline, tables)?;
    let mut fields = vec![
        required(pq::ID, DataType::Int64),
        required("job", DataType::Int32),
        required("first", DataType::Int32),
    ];
    fields.extend(BYTES.map(|name| required(name, DataType::Binary)));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| tests.number(row.id)),
        )),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.job))),
        Arc::new(Int32Array::from_iter_values(
            rows.iter().map(|row| row.first),
        )),
    ];
    for column in 0..BYTES.len() {
        let of = |row: &'_ Row| row.trouble.get(column).unwrap_or(&row.texts).clone();
        let bytes: Vec<Vec<u8>> = rows.iter().map(of).collect();
        columns.push(Arc::new(BinaryArray::from_iter_values(&bytes)));
    }
    let properties = properties(tests.are_listed());
    let mut writer = FileWriter::new(&pq::schema(fields), properties)?;
    writer.write(columns)?;
    writer.finish()
}

fn properties(listed: bool) -> WriterProperties {
    let (zstd, rows) = if listed {
        (WHOLE_ZSTD, 1 << 20)
    } else {
        (pq::TEXT_ZSTD, PAGE_ROWS)
    };
    let mut properties = pq::properties(zstd)
        .set_data_page_row_count_limit(rows)
        .set_write_batch_size(rows)
        .set_dictionary_enabled(false)
        .set_column_encoding(pq::column(pq::ID), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(pq::column("first"), Encoding::DELTA_BINARY_PACKED);
    for name in BYTES {
        properties =
            properties.set_column_encoding(pq::column(name), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    properties.build()
}

/// The texts of a test come before its jobs.
fn rows(baseline: &Baseline, tables: &Tables) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut next = 0;
    for (id, texts) in &baseline.test_texts {
        let (first, texts) = trouble::encode_texts(tables, (baseline, *id), texts, &mut next)?;
        rows.push(Row {
            id: *id,
            job: TEXTS,
            first: first.cast_signed(),
            trouble: Default::default(),
            texts,
        });
    }
    for ((id, job), entry) in &baseline.entries {
        let Some(trouble) = &entry.trouble else {
            continue;
        };
        let place = Place {
            tables,
            job: *job,
            texts: baseline.test_texts.get(id),
        };
        rows.push(Row {
            id: *id,
            job: job.cast_signed(),
            first: 0,
            trouble: place.encode(trouble)?,
            texts: Vec::new(),
        });
    }
    rows.sort_by_key(|row| (row.id, row.job));
    // Only texts need it, but steps of nothing cost nothing.
    let mut first = 0;
    for row in &mut rows {
        first = if row.job == TEXTS { row.first } else { first };
        row.first = first;
    }
    Ok(rows)
}

/// Adds the details of some tests, or of all, to what was read before.
pub(super) fn decode_into(
    blob: Arc<dyn Blob>,
    ids: Option<&[TestId]>,
    loaded: &mut Loaded,
) -> Result<()> {
    let source = Source::new(KEY, blob);
    // Pages are found by ids, so not where tests are listed.
    let paged = ids.filter(|_| !loaded.tests.are_listed());
    let opened = Opened::open(source, paged.is_some())?;
    let selection = paged.and_then(|ids| select_ids(&opened, ids));
    let mut columns = vec![pq::ID, "job", "first"];
    columns.extend(BYTES);
    pq::guarded(KEY, || {
        for batch in opened.reader(&columns, 4096, selection)? {
            read_batch(&batch.map_err(pq::damaged(KEY))?, ids, loaded)?;
        }
        trouble::date_texts(&mut loaded.baseline);
        Ok(())
    })
}

fn read_batch(batch: &RecordBatch, wanted: Option<&[TestId]>, loaded: &mut Loaded) -> Result<()> {
    let numbers = pq::primitive::<Int64Type>(batch, KEY, pq::ID)?;
    let jobs = pq::primitive::<Int32Type>(batch, KEY, "job")?;
    let first = pq::primitive::<Int32Type>(batch, KEY, "first")?;
    let columns = BYTES.map(|name| bytes(batch, name));
    let [counts, streaks, newest, recent, texts] = columns;
    let (counts, streaks, newest, recent) = (counts?, streaks?, newest?, recent?);
    let texts = texts?;
    let Loaded {
        baseline,
        tests,
        tables,
        ..
    } = loaded;
    for at in 0..batch.num_rows() {
        let id = tests.id(numbers.value(at)).ok_or_else(unlisted)?;
        let job = jobs.value(at);
        if wanted.is_some_and(|wanted| wanted.binary_search(&id).is_err()) {
            continue;
        }
        if job == TEXTS {
            let first = first.value(at).cast_unsigned();
            let texts = trouble::decode_texts(tables, first, texts.value(at))?;
            baseline.test_texts.insert(id, texts);
            continue;
        }
        let job = job.cast_unsigned();
        if let Some(entry) = baseline.entries.get_mut(&(id, job)) {
            let texts = baseline.test_texts.get(&id);
            let place = Place { tables, job, texts };
            let columns = [&counts, &streaks, &newest, &recent].map(|column| column.value(at));
            entry.trouble = Some(Box::new(place.decode(columns)?));
        }
    }
    Ok(())
}

fn bytes<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BinaryArray> {
    let column = batch.column_by_name(name);
    let column = column.and_then(|column| column.as_binary_opt::<i32>());
    column.ok_or_else(|| Error::corrupt(KEY, format!("column `{name}` is missing")))
}

fn unlisted() -> Error {
    Error::corrupt(KEY, "a test is not in the list")
}
