//! What every test has: a row a test and job, a column a number.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, Float32Array, Int32Array, Int64Array, RecordBatch,
    TimestampMillisecondArray,
    cast::AsArray as _,
    types::{Float32Type, Int32Type, Int64Type, TimestampMillisecondType},
};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use model::{TestId, Timestamp};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
};
use verdict::{Baseline, Decayed, Durations, Entry, Job, Learnt, RunRef, Suite, Weeks};

use super::{
    Head, Loaded, Needed, WHOLE_ZSTD, check_version, in_memory, listed::Tests, pack,
    states::States, tables::Tables, unpack,
};
use crate::{
    Error, Result,
    pq::{self, FileWriter, Opened, cell, optional, required},
};

const KEY: &str = "snapshot";

/// Rows that are decoded at once.
const BATCH: usize = 1 << 13;

/// Whole-number columns after the id, in order. `w0` is the newest week.
const NUMBERS: [&str; 24] = [
    "job",
    "suite",
    "runs",
    "failures",
    "bits",
    "last_run",
    "last_pass",
    "duration_seen",
    "duration_median",
    "duration_spread",
    "week",
    "w0",
    "w1",
    "w2",
    "w3",
    "w4",
    "w5",
    "w6",
    "w7",
    "w8",
    "w9",
    "w10",
    "w11",
    "w12",
];

fn schema() -> SchemaRef {
    let mut fields = vec![required(pq::ID, DataType::Int64)];
    fields.extend(NUMBERS.map(|name| required(name, DataType::Int32)));
    fields.push(required("rate_at", pq::moment()));
    fields.push(required("rate_runs", DataType::Float32));
    fields.push(required("rate_failures", DataType::Float32));
    fields.push(optional("shared", DataType::Binary));
    pq::schema(fields)
}

/// The bytes of the file.
pub(super) fn encode(
    baseline: &Baseline,
    head: &Head,
    (tests, tables): (&Tests, &Tables),
) -> Result<Vec<u8>> {
    let rows: Vec<(&(TestId, u32), &Entry)> = baseline.entries.iter().collect();
    let Baseline {
        jobs,
        suites,
        runs,
        names: _,
        entries: _,
        test_texts: _,
        signatures,
        learnt,
    } = baseline;
    let states = States::of(signatures, tables);
    let shared = pack(&(head, (jobs, suites, runs, learnt, tables, states)))?;
    let numbers: Vec<[i32; 24]> = rows
        .iter()
        .map(|((id, job), entry)| numbers((*job, tests.suite(*id)), entry))
        .collect();
    let mut columns: Vec<ArrayRef> = vec![ids(&rows, tests)];
    for at in 0..NUMBERS.len() {
        let values = numbers.iter().map(|row| row.get(at).copied().unwrap_or(0));
        columns.push(Arc::new(Int32Array::from_iter_values(
            values.chain((rows.is_empty()).then_some(0)),
        )));
    }
    let at = rows
        .iter()
        .map(|(_, entry)| entry.rate.at.0)
        .chain(rows.is_empty().then_some(0));
    let at = TimestampMillisecondArray::from_iter_values(at);
    columns.push(Arc::new(at.with_timezone("UTC")));
    columns.push(floats(&rows, |entry| entry.rate.runs));
    columns.push(floats(&rows, |entry| entry.rate.failures));
    // The first row carries what belongs to no test; an empty baseline has one row for it.
    let count = rows.len().max(1);
    let first = (0..count).map(|at| (at == 0).then_some(shared.as_slice()));
    columns.push(Arc::new(first.collect::<BinaryArray>()));
    let mut writer = FileWriter::new(&schema(), properties(tests.are_listed()))?;
    writer.meta("sprag.rows", rows.len().to_string());
    writer.write(columns)?;
    writer.finish()
}

fn properties(listed: bool) -> WriterProperties {
    let properties = pq::properties(pq::TEXT_ZSTD)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(pq::column(pq::ID), EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(1 << 20)
        .set_column_dictionary_enabled(pq::column(pq::ID), false)
        .set_column_encoding(pq::column(pq::ID), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(pq::column("shared"), false)
        .set_column_dictionary_enabled(pq::column("duration_median"), false)
        .set_column_encoding(pq::column("duration_median"), Encoding::BYTE_STREAM_SPLIT)
        .set_column_dictionary_enabled(pq::column("rate_runs"), false)
        .set_column_encoding(pq::column("rate_runs"), Encoding::BYTE_STREAM_SPLIT);
    if listed {
        let whole = pq::column("shared");
        let zstd = ZstdLevel::try_new(WHOLE_ZSTD).unwrap_or_default();
        return properties
            .set_column_compression(whole, Compression::ZSTD(zstd))
            .build();
    }
    // The gaps between hashes are as random as hashes: nothing to gain, time to lose.
    properties
        .set_column_compression(pq::column(pq::ID), Compression::UNCOMPRESSED)
        .build()
}

fn ids(rows: &[(&(TestId, u32), &Entry)], tests: &Tests) -> ArrayRef {
    let ids = rows.iter().map(|((id, _), _)| tests.number(*id));
    Arc::new(Int64Array::from_iter_values(
        ids.chain(rows.is_empty().then_some(0)),
    ))
}

fn floats(rows: &[(&(TestId, u32), &Entry)], value: impl Fn(&Entry) -> f32) -> ArrayRef {
    let values = rows.iter().map(|(_, entry)| value(entry));
    Arc::new(Float32Array::from_iter_values(
        values.chain(rows.is_empty().then_some(0.0)),
    ))
}

/// The whole numbers of an entry, in the order of [`NUMBERS`]; the suite as what differs from `usual`.
fn numbers((job, usual): (u32, u32), entry: &Entry) -> [i32; 24] {
    let Entry {
        suite,
        rate: _,
        runs,
        failures,
        bits,
        last_run,
        last_pass,
        weeks,
        durations,
        trouble: _,
    } = entry;
    let mut out = [0; 24];
    let dense = [
        job,
        *suite ^ usual,
        *runs,
        *failures,
        *bits,
        *last_run,
        *last_pass,
    ]
    .map(u32::cast_signed);
    let time = [
        i32::from(durations.seen),
        i32::from(durations.median),
        i32::from(durations.spread),
    ];
    let counts = weeks.counts.iter().map(|count| i32::from(*count));
    let all = dense
        .into_iter()
        .chain(time)
        .chain([weeks.newest])
        .chain(counts);
    out.iter_mut()
        .zip(all)
        .for_each(|(slot, value)| *slot = value);
    out
}

fn open(bytes: Bytes) -> Result<Opened> {
    Opened::open(in_memory(KEY, bytes), false)
}

/// Which runs the snapshot has seen.
pub(super) fn head(bytes: Bytes) -> Result<Head> {
    let opened = open(bytes)?;
    pq::guarded(KEY, || Ok(read_head(&read_shared(&opened)?)?.0))
}

/// The bytes of what belongs to no test.
fn read_shared(opened: &Opened) -> Result<Vec<u8>> {
    let mut reader = opened.reader(&["shared"], 1, None)?;
    let batch = reader.next().transpose().map_err(pq::damaged(KEY))?;
    let empty = || Error::corrupt(KEY, "it is empty");
    let batch = batch.ok_or_else(empty)?;
    let column = batch
        .column_by_name("shared")
        .and_then(|c| c.as_binary_opt::<i32>());
    let bytes = column.and_then(|column| cell(column, 0));
    Ok(bytes.ok_or_else(empty)?.to_vec())
}

fn read_head(shared: &[u8]) -> Result<(Head, &[u8])> {
    let (head, rest): (Head, &[u8]) =
        postcard::take_from_bytes(shared).map_err(pq::damaged(KEY))?;
    check_version(&head)?;
    Ok((head, rest))
}

/// What belongs to no test, after the head.
type Shared = (
    Vec<Job>,
    BTreeMap<u32, Suite>,
    BTreeMap<u32, RunRef>,
    Learnt,
    Tables,
    States,
);

/// Reads the file; with `needed`, only those entries.
pub(super) fn decode(bytes: Bytes, tests: Tests, needed: Option<&Needed<'_>>) -> Result<Loaded> {
    let opened = open(bytes)?;
    pq::guarded(KEY, || {
        let shared = read_shared(&opened)?;
        let (head, rest) = read_head(&shared)?;
        let (jobs, suites, runs, learnt, tables, states): Shared = unpack(rest)?;
        let mut baseline = Baseline {
            jobs,
            suites,
            runs,
            signatures: states.read(&tables)?,
            learnt,
            ..Baseline::default()
        };
        let rows: usize = opened
            .meta("sprag.rows")?
            .parse()
            .map_err(pq::damaged(KEY))?;
        if rows > 0 {
            read_entries(&opened, (&tests, needed), &mut baseline)?;
        }
        Ok(Loaded {
            head,
            baseline,
            tests,
            tables,
        })
    })
}

fn read_entries(
    opened: &Opened,
    (tests, needed): (&Tests, Option<&Needed<'_>>),
    baseline: &mut Baseline,
) -> Result<()> {
    let job = needed.and_then(|needed| baseline.job_index(needed.job?));
    let mut columns = vec![pq::ID, "rate_at", "rate_runs", "rate_failures"];
    columns.extend(NUMBERS);
    let mut entries = Vec::new();
    for batch in opened.reader(&columns, BATCH, None)? {
        let batch = batch.map_err(pq::damaged(KEY))?;
        let columns = Columns::of(&batch, tests)?;
        let all = 0..batch.num_rows();
        match needed {
            None => entries.extend(all.filter_map(|at| columns.entry(at))),
            Some(Needed { ids, .. }) => {
                let mut places: Vec<usize> = columns.places(ids).collect();
                places.extend(job.into_iter().flat_map(|job| columns.of_job(job)));
                places.sort_unstable();
                places.dedup();
                entries.extend(places.into_iter().filter_map(|at| columns.entry(at)));
            }
        }
    }
    baseline.entries = entries.into_iter().collect();
    Ok(())
}

struct Columns<'a> {
    ids: Vec<TestId>,
    tests: &'a Tests,
    numbers: Vec<&'a [i32]>,
    at: &'a [i64],
    runs: &'a [f32],
    failures: &'a [f32],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch, tests: &'a Tests) -> Result<Self> {
        let places = pq::primitive::<Int64Type>(batch, KEY, pq::ID)?.values();
        let ids: Option<_> = places.iter().map(|place| tests.id(*place)).collect();
        let ids = ids.ok_or_else(|| Error::corrupt(KEY, "a test is not in the list"))?;
        let mut numbers: Vec<&[i32]> = Vec::with_capacity(NUMBERS.len());
        for name in NUMBERS {
            numbers.push(pq::primitive::<Int32Type>(batch, KEY, name)?.values());
        }
        Ok(Self {
            ids,
            tests,
            numbers,
            at: pq::primitive::<TimestampMillisecondType>(batch, KEY, "rate_at")?.values(),
            runs: pq::primitive::<Float32Type>(batch, KEY, "rate_runs")?.values(),
            failures: pq::primitive::<Float32Type>(batch, KEY, "rate_failures")?.values(),
        })
    }

    /// The rows of some tests, both in rising order.
    fn places(&self, ids: &'a [TestId]) -> impl Iterator<Item = usize> {
        let bounds = self.ids.first().zip(self.ids.last());
        let within = bounds.map_or(&[][..], |(first, last)| {
            let start = ids.partition_point(|id| id < first);
            let end = ids.partition_point(|id| id <= last);
            ids.get(start..end).unwrap_or_default()
        });
        within.iter().flat_map(|id| {
            let start = self.ids.partition_point(|other| other < id);
            let rest = self.ids.get(start..).unwrap_or_default();
            let same = rest.iter().take_while(|other| *other == id).count();
            start..start + same
        })
    }

    /// The rows of a job.
    fn of_job(&self, job: u32) -> impl Iterator<Item = usize> {
        let jobs = self.numbers.first().copied().unwrap_or_default();
        let rows = jobs.iter().enumerate();
        rows.filter_map(move |(at, of)| (of.cast_unsigned() == job).then_some(at))
    }

    fn entry(&self, at: usize) -> Option<((TestId, u32), Entry)> {
        let mut numbers = self
            .numbers
            .iter()
            .map(|column| column.get(at).copied().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let [job, suite, runs, failures, bits, last_run, last_pass] =
            std::array::from_fn(|_| next().cast_unsigned());
        let durations = Durations {
            seen: u8::try_from(next()).ok()?,
            median: i16::try_from(next()).ok()?,
            spread: i16::try_from(next()).ok()?,
        };
        let newest = next();
        let counts = std::array::from_fn(|_| u16::try_from(next()).unwrap_or(u16::MAX));
        let id = *self.ids.get(at)?;
        let entry = Entry {
            suite: suite ^ self.tests.suite(id),
            rate: Decayed {
                at: Timestamp(self.at.get(at).copied()?),
                runs: self.runs.get(at).copied()?,
                failures: self.failures.get(at).copied()?,
            },
            runs,
            failures,
            bits,
            last_run,
            last_pass,
            weeks: Weeks { newest, counts },
            durations,
            trouble: None,
        };
        Some(((id, job), entry))
    }
}
