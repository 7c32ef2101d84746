//! Names and texts: kept once a repository, beside the compacted rows that refer to them.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, StringArray, types::Int64Type};
use arrow_schema::DataType;
use bytes::Bytes;
use model::{Signature, TestId, TestName};
use parquet::basic::Encoding;

use crate::{
    Result,
    commit::{Kind, State},
    history::History,
    pq::{self, FileWriter, Opened, Source, cell, optional, required},
    run_file::Whole,
};

/// Names of tests.
pub(crate) type Names = BTreeMap<TestId, TestName>;

/// Texts of failures.
pub(crate) type Texts = BTreeMap<Signature, String>;

/// The bytes of a names file: sorted by id.
pub(crate) fn encode_names(names: &Names) -> Result<Vec<u8>> {
    let schema = pq::schema(vec![
        required(pq::ID, DataType::Int64),
        required("suite", DataType::Utf8),
        optional("class", DataType::Utf8),
        required("name", DataType::Utf8),
    ]);
    let properties = pq::properties(pq::TEXT_ZSTD)
        .set_column_dictionary_enabled(pq::column(pq::ID), false)
        .set_column_dictionary_enabled(pq::column("name"), false)
        .build();
    let mut writer = FileWriter::new(&schema, properties)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(names.keys().map(|id| id.0))),
        Arc::new(StringArray::from_iter_values(
            names.values().map(|n| n.suite.as_str()),
        )),
        Arc::new(
            names
                .values()
                .map(|n| n.class.as_deref())
                .collect::<StringArray>(),
        ),
        Arc::new(StringArray::from_iter_values(
            names.values().map(|n| n.name.as_str()),
        )),
    ];
    writer.write(columns)?;
    writer.finish()
}

/// The bytes of a texts file: sorted by signature.
pub(crate) fn encode_texts(texts: &Texts) -> Result<Vec<u8>> {
    let schema = pq::schema(vec![
        required("signature", DataType::Int64),
        required("text", DataType::Utf8),
    ]);
    let properties = pq::properties(pq::TEXT_ZSTD)
        .set_dictionary_enabled(false)
        .set_column_encoding(pq::column("text"), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .build();
    let mut writer = FileWriter::new(&schema, properties)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(texts.keys().map(|s| s.0))),
        Arc::new(StringArray::from_iter_values(
            texts.values().map(String::as_str),
        )),
    ];
    writer.write(columns)?;
    writer.finish()
}

fn open(key: &str, bytes: Bytes) -> Result<Opened> {
    let source = Source::new(key, Arc::new(Whole(bytes)));
    Opened::open(source, false)
}

/// Adds the names of a file to those read before.
pub(crate) fn read_names(key: &str, bytes: Bytes, names: &mut Names) -> Result<()> {
    read_names_of(key, bytes, |_id| true, names)
}

/// Whether a file names all of some tests.
pub(crate) fn knows_all(key: &str, bytes: &Bytes, ids: &[TestId]) -> Result<bool> {
    let opened = open(key, bytes.clone())?;
    pq::guarded(key, || {
        let mut named = Vec::new();
        for batch in opened.reader(&[pq::ID], 1 << 13, None)? {
            let batch = batch.map_err(pq::damaged(key))?;
            named.extend_from_slice(pq::primitive::<Int64Type>(&batch, key, pq::ID)?.values());
        }
        named.sort_unstable();
        Ok(ids.iter().all(|id| named.binary_search(&id.0).is_ok()))
    })
}

/// Adds the names of some tests to those read before.
pub(crate) fn read_names_of(
    key: &str,
    bytes: Bytes,
    wanted: impl Fn(TestId) -> bool,
    names: &mut Names,
) -> Result<()> {
    let opened = open(key, bytes)?;
    pq::guarded(key, || {
        for batch in opened.reader(&[pq::ID, "suite", "class", "name"], 1 << 13, None)? {
            let batch = batch.map_err(pq::damaged(key))?;
            let ids = pq::primitive::<Int64Type>(&batch, key, pq::ID)?;
            let suites = pq::text(&batch, key, "suite")?;
            let classes = pq::text(&batch, key, "class")?;
            let cases = pq::text(&batch, key, "name")?;
            for at in 0..batch.num_rows() {
                let id = TestId(ids.value(at));
                if wanted(id) {
                    let name =
                        || TestName::new(suites.value(at), cell(classes, at), cases.value(at));
                    names.entry(id).or_insert_with(name);
                }
            }
        }
        Ok(())
    })
}

/// Adds the texts of a file to those read before.
pub(crate) fn read_texts(key: &str, bytes: Bytes, texts: &mut Texts) -> Result<()> {
    let opened = open(key, bytes)?;
    pq::guarded(key, || {
        for batch in opened.reader(&["signature", "text"], 1 << 13, None)? {
            let batch = batch.map_err(pq::damaged(key))?;
            let signatures = pq::primitive::<Int64Type>(&batch, key, "signature")?;
            let values = pq::text(&batch, key, "text")?;
            for at in 0..batch.num_rows() {
                let signature = Signature(signatures.value(at));
                texts
                    .entry(signature)
                    .or_insert_with(|| values.value(at).to_owned());
            }
        }
        Ok(())
    })
}

impl History {
    /// All compacted names of a repository.
    pub(crate) fn names_of(&self, state: &State, repo: &str) -> Result<Names> {
        let mut names = Names::new();
        for file in state.of_kind(Kind::Names).filter(|f| f.of.repo == repo) {
            read_names(&file.key, self.store.get(&file.key)?, &mut names)?;
        }
        Ok(names)
    }

    /// All compacted texts of a repository.
    pub(crate) fn texts_of(&self, state: &State, repo: &str) -> Result<Texts> {
        let mut texts = Texts::new();
        for file in state.of_kind(Kind::Texts).filter(|f| f.of.repo == repo) {
            read_texts(&file.key, self.store.get(&file.key)?, &mut texts)?;
        }
        Ok(texts)
    }
}
