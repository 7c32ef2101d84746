//! The little of Parquet that every file of the lake shares: reading from a store, writer properties, typed columns.

use std::{
    collections::VecDeque,
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use arrow_array::{Array as _, RecordBatch, cast::AsArray as _, types};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder, RowSelection,
        },
        arrow_writer::ArrowWriterOptions,
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, PageIndexPolicy},
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
        reader::{ChunkReader, Length},
    },
    schema::types::ColumnPath,
};

use crate::{Error, ErrorKind, Result, store::Blob};

/// The newest version of a file of the layout that this build reads; every file has its own in its key-value metadata as `sprag.version`.
pub(crate) const FILE_VERSION: u32 = THINNED_VERSION;

/// Files that stand for themselves.
const PLAIN_VERSION: u32 = 1;

/// Thinned rows and the cells beside them: a build that knows only plain files would take them for all there is.
pub(crate) const THINNED_VERSION: u32 = 2;

const VERSION_KEY: &str = "sprag.version";

/// zstd levels: rows are rewritten often, names and texts once.
pub(crate) const ROWS_ZSTD: i32 = 3;
/// See [`ROWS_ZSTD`].
pub(crate) const TEXT_ZSTD: i32 = 9;

/// Rows of a page: what one look-up has to decode.
const PAGE_ROWS: usize = 8192;

/// Rows of a row group.
pub(crate) const GROUP_ROWS: usize = 1 << 20;

/// How much is read from a store at once: Parquet itself asks for single bytes of headers and for pages of some kilobytes.
const WINDOW: u64 = 96 << 10;

/// Windows kept: one for each column that is read side by side.
const WINDOWS: usize = 8;

/// A blob as Parquet reads it, through a few windows.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) key: String,
    pub(crate) blob: Arc<dyn Blob>,
    windows: Arc<Mutex<VecDeque<(u64, Bytes)>>>,
}

impl Source {
    pub(crate) fn new(key: &str, blob: Arc<dyn Blob>) -> Self {
        Self {
            key: key.to_owned(),
            blob,
            windows: Arc::default(),
        }
    }

    /// Bytes from a place on: at least `length`, and all that the window holds.
    fn from(&self, start: u64, length: u64) -> Result<Bytes> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = windows.iter().find_map(|(at, bytes)| {
            let skip = usize::try_from(start.checked_sub(*at)?).ok()?;
            let left = bytes.len().checked_sub(skip)?;
            (left as u64 >= length && left > 0).then(|| bytes.slice(skip..))
        });
        if let Some(bytes) = hit {
            return Ok(bytes);
        }
        let left = self.blob.size().saturating_sub(start);
        let wanted = length.max(WINDOW.min(left));
        let wanted = usize::try_from(wanted).map_err(damaged(&self.key))?;
        let bytes = self.blob.read(start, wanted)?;
        if windows.len() >= WINDOWS {
            windows.pop_front();
        }
        windows.push_back((start, bytes.clone()));
        Ok(bytes)
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.blob.size()
    }
}

impl ChunkReader for Source {
    type T = SourceRead;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(SourceRead {
            source: self.clone(),
            at: start,
            chunk: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self
            .from(start, length as u64)
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(bytes.slice(..length))
    }
}

/// Reads a blob from a place on.
#[derive(Debug)]
pub(crate) struct SourceRead {
    source: Source,
    /// Where `chunk` ends.
    at: u64,
    chunk: Bytes,
}

impl Read for SourceRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && self.at < self.source.len() {
            let read = self.source.from(self.at, 1);
            self.chunk = read.map_err(|error| io::Error::other(error.to_string()))?;
            self.at += self.chunk.len() as u64;
        }
        let length = buffer.len().min(self.chunk.len());
        let (head, _rest) = buffer.split_at_mut(length);
        head.copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

/// Runs a reader over bytes that may be damaged. The Parquet crate returns an error for most damage and panics on some; both
/// become one error here.
pub(crate) fn guarded<T>(key: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_panic| Err(Error::corrupt(key, "its content makes no sense")))
}

/// Turns an error of the Parquet crate into one that names the object.
pub(crate) fn damaged<E: std::fmt::Display>(key: &str) -> impl Fn(E) -> Error {
    move |error| Error::corrupt(key, error)
}

/// An opened Parquet file: its footer, its metadata.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) source: Source,
    footer: ArrowReaderMetadata,
}

impl Opened {
    /// Reads the footer (and the page index) and checks the version.
    pub(crate) fn open(source: Source, page_index: bool) -> Result<Self> {
        let policy = PageIndexPolicy::from(page_index);
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let key = source.key.clone();
        let footer = guarded(&key, || {
            ArrowReaderMetadata::load(&source, options).map_err(damaged(&key))
        })?;
        let opened = Self { source, footer };
        opened.check_version()?;
        Ok(opened)
    }

    fn check_version(&self) -> Result<()> {
        let key = &self.source.key;
        let text = self.meta(VERSION_KEY)?;
        let found: u32 = text.parse().map_err(damaged(key))?;
        if found <= FILE_VERSION {
            return Ok(());
        }
        let kind = ErrorKind::TooNew {
            found,
            known: FILE_VERSION,
        };
        Err(Error::new("cannot read", key, kind))
    }

    pub(crate) fn footer(&self) -> &ArrowReaderMetadata {
        &self.footer
    }

    /// A value of the key-value metadata.
    pub(crate) fn meta(&self, name: &str) -> Result<&str> {
        let pairs = self.footer.metadata().file_metadata().key_value_metadata();
        pairs
            .and_then(|pairs| pairs.iter().find(|pair| pair.key == name))
            .and_then(|pair| pair.value.as_deref())
            .ok_or_else(|| {
                let why = format!("it has no `{name}`: not a file of this history");
                Error::corrupt(&self.source.key, why)
            })
    }

    /// A reader of some columns; of some rows where a selection is given.
    pub(crate) fn reader(
        &self,
        columns: &[&str],
        batch: usize,
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.source.clone(),
            self.footer.clone(),
        );
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let mut builder = builder.with_projection(mask).with_batch_size(batch);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(damaged(&self.source.key))
    }
}

/// Writes batches into one Parquet file in memory.
#[derive(Debug)]
pub(crate) struct FileWriter {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    version: u32,
}

/// How a file is written.
pub(crate) fn properties(zstd: i32) -> WriterPropertiesBuilder {
    let level = ZstdLevel::try_new(zstd).unwrap_or_default();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by("sprag history".to_owned())
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(column(ID), EnabledStatistics::Page)
}

/// The column that files are sorted by.
pub(crate) const ID: &str = "test_id";

/// A top-level column.
pub(crate) fn column(name: &str) -> ColumnPath {
    ColumnPath::new(vec![name.to_owned()])
}

impl FileWriter {
    pub(crate) fn new(schema: &SchemaRef, properties: WriterProperties) -> Result<Self> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)
            .map_err(damaged("new file"))?;
        Ok(Self {
            writer,
            schema: Arc::clone(schema),
            version: PLAIN_VERSION,
        })
    }

    /// Writes a file that older builds must refuse.
    pub(crate) fn needs(&mut self, version: u32) {
        self.version = version;
    }

    pub(crate) fn write(&mut self, columns: Vec<arrow_array::ArrayRef>) -> Result<()> {
        let batch =
            RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(damaged("new file"))?;
        self.writer.write(&batch).map_err(damaged("new file"))
    }

    /// Ends the row group; what is written so far is in [`FileWriter::bytes`].
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(damaged("new file"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&[u8]> {
        self.writer.sync().map_err(damaged("new file"))?;
        Ok(self.writer.inner().as_slice())
    }

    pub(crate) fn meta(&mut self, name: &str, value: String) {
        self.writer
            .append_key_value_metadata(KeyValue::new(name.to_owned(), value));
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.meta(VERSION_KEY, self.version.to_string());
        self.writer.into_inner().map_err(damaged("new file"))
    }
}

/// A required field.
pub(crate) fn required(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

/// A field that may be null.
pub(crate) fn optional(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

/// UTC milliseconds.
pub(crate) fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

pub(crate) fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn typed<'a, T: 'static>(batch: &'a RecordBatch, key: &str, name: &str) -> Result<&'a T> {
    batch
        .column_by_name(name)
        .and_then(|array| array.as_any().downcast_ref::<T>())
        .ok_or_else(|| {
            Error::corrupt(
                key,
                format!("column `{name}` is missing or of another type"),
            )
        })
}

/// A column of a primitive type.
pub(crate) fn primitive<'a, T: types::ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    key: &str,
    name: &str,
) -> Result<&'a arrow_array::PrimitiveArray<T>> {
    typed(batch, key, name)
}

/// A column of truth values.
pub(crate) fn boolean<'a>(
    batch: &'a RecordBatch,
    key: &str,
    name: &str,
) -> Result<&'a arrow_array::BooleanArray> {
    typed(batch, key, name)
}

/// A column of texts.
pub(crate) fn text<'a>(
    batch: &'a RecordBatch,
    key: &str,
    name: &str,
) -> Result<&'a arrow_array::StringArray> {
    let column = batch
        .column_by_name(name)
        .and_then(|array| array.as_string_opt::<i32>());
    column.ok_or_else(|| Error::corrupt(key, format!("column `{name}` is no text")))
}

/// The value of a cell that may be null.
#[expect(
    clippy::needless_pass_by_value,
    reason = "an accessor is a reference to an array"
)]
pub(crate) fn cell<A: arrow_array::ArrayAccessor>(array: A, at: usize) -> Option<A::Item> {
    array.is_valid(at).then(|| array.value(at))
}
