//! The file of one run: rows, names and texts in one immutable Parquet file.
//!
//! What belongs to the whole run stands in the key-value metadata as JSON (read in one piece, exactly) and again in constant columns,
//! so that other engines need no knowledge of Sprag. Checksums of the data, the information and the rows stand in the metadata.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{
    ArrayRef, BooleanArray, Int8Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
    types::{Int8Type, Int32Type, Int64Type},
};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use model::{RecordedRun, RecordedTest, RunInfo, Signature, TestId, TestName};
use parquet::file::properties::EnabledStatistics;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Error, Result,
    pq::{self, FileWriter, Opened, Source, cell, optional, required},
    row::{RowSum, duration_of, row_of, storable},
};

const INFO_KEY: &str = "sprag.run";
const INFO_SUM_KEY: &str = "sprag.run_xxh3";
const DATA_SUM_KEY: &str = "sprag.data_xxh3";

/// What a run file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) info: RunInfo,
    pub(crate) rows: u64,
    pub(crate) sum: u64,
    /// Bytes before the footer: what the data checksum covers.
    data: u64,
}

/// The schema of a run file.
fn schema() -> SchemaRef {
    pq::schema(vec![
        required(pq::ID, DataType::Int64),
        required("outcome", DataType::Int8),
        required("flaked", DataType::Boolean),
        optional("duration_ms", DataType::Int32),
        optional("signature", DataType::Int64),
        required("suite", DataType::Utf8),
        optional("class", DataType::Utf8),
        required("name", DataType::Utf8),
        optional("text", DataType::Utf8),
        required("started_at", pq::moment()),
        required("run", DataType::Utf8),
        required("commit", DataType::Utf8),
        required("tree", DataType::Utf8),
        optional("pr", DataType::Int64),
    ])
}

/// A run as it can be kept: rows once a test in rising order of id, durations in range, no name or text that no row has.
pub(crate) fn canonical(run: &RecordedRun) -> RecordedRun {
    let mut rows: Vec<RecordedTest> = run.rows.iter().map(|row| storable(*row)).collect();
    if !rows.is_sorted_by(|a, b| a.id < b.id) {
        let once: BTreeMap<TestId, RecordedTest> = rows.iter().map(|row| (row.id, *row)).collect();
        rows = once.into_values().collect();
    }
    let used: std::collections::BTreeSet<Signature> =
        rows.iter().filter_map(|row| row.signature).collect();
    let mut names = run.names.clone();
    names.retain(|id, _| rows.binary_search_by_key(id, |row| row.id).is_ok());
    let mut texts = run.texts.clone();
    texts.retain(|signature, _| used.contains(signature));
    RecordedRun {
        info: run.info.clone(),
        rows,
        names,
        texts,
    }
}

/// The bytes of a run's file. Equal runs give equal bytes.
pub(crate) fn encode(run: &RecordedRun) -> Result<Vec<u8>> {
    let run = canonical(run);
    let properties = pq::properties(pq::ROWS_ZSTD)
        .set_offset_index_disabled(true)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(pq::column(pq::ID), EnabledStatistics::Chunk)
        .set_column_dictionary_enabled(pq::column(pq::ID), false)
        .set_column_dictionary_enabled(pq::column("duration_ms"), false)
        .set_column_dictionary_enabled(pq::column("name"), false)
        .set_column_dictionary_enabled(pq::column("text"), false)
        .build();
    let mut writer = FileWriter::new(&schema(), properties)?;
    writer.write(columns(&run))?;
    writer.flush()?;
    let data = writer.bytes()?;
    let (length, data_sum) = (data.len() as u64, xxh3_64(data));
    let RowSum { rows, sum } = RowSum::of(&run.rows);
    let header = Header {
        info: run.info,
        rows,
        sum,
        data: length,
    };
    let header = serde_json::to_string(&header).map_err(pq::damaged("new file"))?;
    writer.meta(INFO_SUM_KEY, format!("{:016x}", xxh3_64(header.as_bytes())));
    writer.meta(DATA_SUM_KEY, format!("{data_sum:016x}"));
    writer.meta(INFO_KEY, header);
    writer.finish()
}

fn columns(run: &RecordedRun) -> Vec<ArrayRef> {
    let rows = &run.rows;
    let info = &run.info;
    let none = TestName::default();
    let name = |row: &RecordedTest| run.names.get(&row.id).unwrap_or(&none);
    let constant = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| text)))
    };
    let start = TimestampMillisecondArray::from_value(info.started_at.0, rows.len());
    let pr = info.pr.and_then(|pr| i64::try_from(pr).ok());
    let number = format!("{}-{}", info.key.run, info.key.attempt);
    vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.id.0))),
        Arc::new(Int8Array::from_iter_values(
            rows.iter().map(|r| r.outcome.code()),
        )),
        Arc::new(
            rows.iter()
                .map(|r| Some(r.flaked))
                .collect::<BooleanArray>(),
        ),
        Arc::new(rows.iter().map(duration_of).collect::<Int32Array>()),
        Arc::new(
            rows.iter()
                .map(|r| r.signature.map(|s| s.0))
                .collect::<Int64Array>(),
        ),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|r| name(r).suite.as_str()),
        )),
        Arc::new(
            rows.iter()
                .map(|r| name(r).class.as_deref())
                .collect::<StringArray>(),
        ),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|r| name(r).name.as_str()),
        )),
        Arc::new(first_texts(run).into_iter().collect::<StringArray>()),
        Arc::new(start.with_timezone("UTC")),
        constant(&number),
        constant(&info.commit),
        constant(&info.tree),
        Arc::new(rows.iter().map(|_| pr).collect::<Int64Array>()),
    ]
}

/// The text of each signature at the first row that has it.
fn first_texts(run: &RecordedRun) -> Vec<Option<&str>> {
    let mut left: BTreeMap<Signature, &str> =
        run.texts.iter().map(|(s, t)| (*s, t.as_str())).collect();
    run.rows
        .iter()
        .map(|row| row.signature.and_then(|s| left.remove(&s)))
        .collect()
}

/// Reads what a run file says of itself, without its rows.
pub(crate) fn header(opened: &Opened) -> Result<Header> {
    let key = &opened.source.key;
    let text = opened.meta(INFO_KEY)?;
    let sum = format!("{:016x}", xxh3_64(text.as_bytes()));
    if opened.meta(INFO_SUM_KEY)? != sum {
        return Err(Error::corrupt(key, "the checksum of its header is wrong"));
    }
    serde_json::from_str(text).map_err(pq::damaged(key))
}

/// Reads a run file and checks all its checksums.
pub(crate) fn decode(key: &str, bytes: &Bytes) -> Result<RecordedRun> {
    decode_without(key, bytes, |_id| false)
}

/// As [`decode`], without the names that the caller has: making names costs more than all the rest.
pub(crate) fn decode_without(
    key: &str,
    bytes: &Bytes,
    named: impl Fn(TestId) -> bool,
) -> Result<RecordedRun> {
    let source = Source::new(key, Arc::new(Whole(bytes.clone())));
    let opened = Opened::open(source, false)?;
    let header = header(&opened)?;
    let covered = usize::try_from(header.data)
        .ok()
        .and_then(|n| bytes.get(..n));
    let sum = covered.map(|data| format!("{:016x}", xxh3_64(data)));
    if sum.as_deref() != Some(opened.meta(DATA_SUM_KEY)?) {
        return Err(Error::corrupt(key, "the checksum of its data is wrong"));
    }
    let run = pq::guarded(key, || read_rows(&opened, &header, &named))?;
    let expected = RowSum {
        rows: header.rows,
        sum: header.sum,
    };
    if RowSum::of(&run.rows) != expected {
        return Err(Error::corrupt(key, "the checksum of its rows is wrong"));
    }
    Ok(run)
}

fn read_rows(
    opened: &Opened,
    header: &Header,
    named: &impl Fn(TestId) -> bool,
) -> Result<RecordedRun> {
    const COLUMNS: [&str; 6] = [
        pq::ID,
        "outcome",
        "flaked",
        "duration_ms",
        "signature",
        "text",
    ];
    let key = &opened.source.key;
    let mut run = RecordedRun {
        info: header.info.clone(),
        ..RecordedRun::default()
    };
    for batch in opened.reader(&COLUMNS, 1 << 16, None)? {
        read_batch(&batch.map_err(pq::damaged(key))?, key, &mut run)?;
    }
    if run.rows.iter().any(|row| !named(row.id)) {
        read_names(opened, named, &mut run)?;
    }
    Ok(run)
}

fn read_batch(batch: &RecordBatch, key: &str, run: &mut RecordedRun) -> Result<()> {
    let ids = pq::primitive::<Int64Type>(batch, key, pq::ID)?;
    let outcomes = pq::primitive::<Int8Type>(batch, key, "outcome")?;
    let flaked = pq::boolean(batch, key, "flaked")?;
    let durations = pq::primitive::<Int32Type>(batch, key, "duration_ms")?;
    let signatures = pq::primitive::<Int64Type>(batch, key, "signature")?;
    let texts = pq::text(batch, key, "text")?;
    for at in 0..batch.num_rows() {
        let outcome = (outcomes.value(at), flaked.value(at));
        let row = row_of(
            ids.value(at),
            outcome,
            cell(durations, at),
            cell(signatures, at),
        )
        .ok_or_else(|| Error::corrupt(key, "it holds an unknown outcome"))?;
        if let (Some(signature), Some(text)) = (row.signature, cell(texts, at)) {
            run.texts.insert(signature, text.to_owned());
        }
        run.rows.push(row);
    }
    Ok(())
}

/// Adds the names of the tests that are not named yet.
fn read_names(
    opened: &Opened,
    named: &impl Fn(TestId) -> bool,
    run: &mut RecordedRun,
) -> Result<()> {
    let key = &opened.source.key;
    let mut names = Vec::new();
    for batch in opened.reader(&[pq::ID, "suite", "class", "name"], 1 << 16, None)? {
        let batch = batch.map_err(pq::damaged(key))?;
        let ids = pq::primitive::<Int64Type>(&batch, key, pq::ID)?;
        let suites = pq::text(&batch, key, "suite")?;
        let classes = pq::text(&batch, key, "class")?;
        let cases = pq::text(&batch, key, "name")?;
        for at in 0..batch.num_rows() {
            let id = TestId(ids.value(at));
            if named(id) {
                continue;
            }
            let name = TestName::new(suites.value(at), cell(classes, at), cases.value(at));
            if name.id() == id {
                names.push((id, name));
            }
        }
    }
    run.names = names.into_iter().collect();
    Ok(())
}

/// Bytes in memory as a blob.
#[derive(Debug)]
pub(crate) struct Whole(pub(crate) Bytes);

impl crate::store::Blob for Whole {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(length);
        if end > self.0.len() {
            return Err(Error::corrupt("bytes in memory", "they end too early"));
        }
        Ok(self.0.slice(start..end))
    }
}
