//! Recorded history: runs kept for ever in plain Parquet, with no server and no lock.

mod cells;
mod chunk;
mod commit;
mod compact;
mod days;
mod dictionary;
mod error;
mod expand;
mod export;
mod garbage;
mod history;
mod import;
mod key;
mod lean;
mod merge;
mod pack;
mod pages;
mod parts;
mod plan;
mod pq;
mod read;
mod row;
mod run_file;
mod run_table;
mod scan;
mod snapshot;
mod stat;
mod store;
mod thin;
mod verify;

pub use compact::{CompactOptions, Compacted};
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportFormat, Exported};
pub use history::{History, Recorded};
pub use import::{ImportOptions, Imported, OnProgress, Progress};
pub use key::{Lane, Partition};
pub use lean::list_passes;
pub use parts::{MOST_PART_BYTES, Parts};
pub use plan::Filter;
pub use read::Runs;
pub use scan::{Counts, MOST_WINDOWS, Scan, Scanned, TestCounts};
pub use snapshot::{BaselineOf, BaselineRead, Needed, Snapshotted};
pub use stat::{JobStat, Stat, TestHistory, TestResultAt};
pub use store::{
    Blob, BranchStore, Created, Draft, Durability, FileStore, GitRemote, Object, Pace, Remote,
    RemoteChange, RemoteEntry, RemoteFile, Store, Written, blob_id, is_branch_name, store_of,
};
pub use verify::Verified;
