//! Recorded history: runs kept for ever in plain Parquet, with no server and no lock.

mod chunk;
mod commit;
mod dictionary;
mod error;
mod history;
mod key;
mod plan;
mod pq;
mod read;
mod row;
mod run_file;
mod run_table;
mod store;

pub use error::{Error, ErrorKind, Result};
pub use history::{History, Recorded};
pub use key::{Lane, Partition};
pub use plan::Filter;
pub use read::Runs;
pub use store::{Blob, Created, Durability, FileStore, Object, Store, store_of};
