//! Recorded history: runs kept for ever in plain Parquet, with no server and no lock.

mod chunk;
mod commit;
mod compact;
mod dictionary;
mod error;
mod export;
mod garbage;
mod history;
mod import;
mod key;
mod merge;
mod pack;
mod pages;
mod plan;
mod pq;
mod read;
mod row;
mod run_file;
mod run_table;
mod scan;
mod stat;
mod store;
mod verify;

pub use compact::{CompactOptions, Compacted};
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportFormat, Exported};
pub use history::{History, Recorded};
pub use import::{ImportOptions, Imported, OnProgress, Progress};
pub use key::{Lane, Partition};
pub use plan::Filter;
pub use read::Runs;
pub use scan::{Counts, MOST_WINDOWS, Scan, Scanned, TestCounts};
pub use stat::{JobStat, Stat, TestHistory, TestResultAt};
pub use store::{Blob, Created, Durability, FileStore, Object, Store, store_of};
pub use verify::Verified;
