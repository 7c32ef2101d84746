//! A branch whose head and files somebody else wrote: whatever they say, reading ends, does not panic, and names no path outside of the history.
#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use history::{
    BranchStore, Error, ErrorKind, Filter, History, Pace, Remote, RemoteChange, RemoteEntry,
    RemoteFile, Result, Written, blob_id,
};
use libfuzzer_sys::fuzz_target;
use model::Timestamp;

/// A branch that has these bytes for a head, and for every other file.
#[derive(Debug)]
struct Hostile(Bytes);

fn refused<T>() -> Result<T> {
    let kind = ErrorKind::ReadOnly("for reading only".to_owned());
    Err(Error::new("cannot write to", "the input", kind))
}

impl Remote for Hostile {
    fn location(&self) -> String {
        "input".to_owned()
    }

    fn file(&self, _path: &str) -> Result<Option<RemoteFile>> {
        let bytes = self.0.clone();
        let blob = blob_id(&bytes);
        Ok(Some(RemoteFile {
            bytes,
            blob,
            commit: None,
        }))
    }

    fn newest(&self) -> Result<Option<String>> {
        Ok(Some("0".repeat(40)))
    }

    fn file_at(&self, _commit: &str, path: &str) -> Result<Option<RemoteFile>> {
        self.file(path)
    }

    fn blob(&self, _id: &str) -> Result<Bytes> {
        Ok(self.0.clone())
    }

    fn tree(&self, _commit: &str) -> Result<Vec<RemoteEntry>> {
        Ok(Vec::new())
    }

    fn put(&self, _path: &str, _bytes: &Bytes, _expected: &str, _message: &str) -> Result<Written> {
        refused()
    }

    fn advance(
        &self,
        _parent: Option<&str>,
        _changes: &[RemoteChange],
        _message: &str,
    ) -> Result<Written> {
        refused()
    }

    fn replace(
        &self,
        _of: &str,
        _what: (&[RemoteChange], &str),
        _safe: &dyn Fn() -> bool,
    ) -> Result<Written> {
        refused()
    }

    fn replaces_conditionally(&self) -> bool {
        true
    }
}

fuzz_target!(|bytes: &[u8]| {
    // The fuzzer writes the text of the head; half of its inputs also as they are.
    let packed = zstd::bulk::compress(bytes, 1).unwrap_or_default();
    for head in [packed, bytes.to_vec()] {
        let remote = Hostile(head.into());
        let store = BranchStore::new(Box::new(remote), Pace::default(), Timestamp::default);
        let Ok(history) = History::init_in(Arc::new(store), Timestamp(0)) else {
            continue;
        };
        let _stat = history.stat();
        let _proof = history.verify();
        let _parts = history.parts("group");
        if let Ok(runs) = history.runs(&Filter::default()) {
            let _count = runs.count();
        }
    }
});
