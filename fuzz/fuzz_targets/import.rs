//! CSV and NDJSON of other tools, plain or gzip: whatever comes in is a history that proves whole.
#![no_main]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use history::{Blob, Created, Durability, Error, ErrorKind, History, ImportOptions, Object, Store};
use libfuzzer_sys::fuzz_target;
use model::Timestamp;

const NOW: Timestamp = Timestamp(1_795_132_800_000);

/// Objects in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<BTreeMap<String, Bytes>>);

#[derive(Debug)]
struct Held(Bytes);

impl Blob for Held {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> history::Result<Bytes> {
        let start = offset as usize;
        Ok(self.0.slice(start..start + length))
    }
}

impl Store for Memory {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn list(&self, prefix: &str) -> history::Result<Vec<Object>> {
        let objects = self.0.lock().unwrap();
        let below = objects
            .iter()
            .filter(|(key, _)| key.starts_with(&format!("{prefix}/")));
        Ok(below
            .map(|(key, bytes)| Object {
                key: key.clone(),
                size: bytes.len() as u64,
            })
            .collect())
    }

    fn open(&self, key: &str) -> history::Result<Arc<dyn Blob>> {
        match self.0.lock().unwrap().get(key) {
            Some(bytes) => Ok(Arc::new(Held(bytes.clone()))),
            None => Err(Error::new("cannot open", key, ErrorKind::NotFound)),
        }
    }

    fn create(&self, key: &str, bytes: &[u8], _: Durability) -> history::Result<Created> {
        let mut objects = self.0.lock().unwrap();
        if objects.contains_key(key) {
            return Ok(Created::Existed);
        }
        objects.insert(key.to_owned(), Bytes::copy_from_slice(bytes));
        Ok(Created::New)
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> history::Result<()> {
        self.0
            .lock()
            .unwrap()
            .insert(key.to_owned(), Bytes::copy_from_slice(bytes));
        Ok(())
    }

    fn delete(&self, key: &str) -> history::Result<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }

    fn flush(&self, _: &[String]) -> history::Result<()> {
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let history = History::init_in(Arc::new(Memory::default()), NOW).unwrap();
    let options = ImportOptions {
        now: NOW,
        repo: "org/repo".to_owned(),
        branch: "main".to_owned(),
        job: "default".to_owned(),
        partial: false,
    };
    if let Ok(done) = history.import_from(bytes, "fuzz", &options, &mut |_| {}) {
        let proof = history.verify().unwrap();
        assert_eq!(proof.problems, []);
        assert_eq!((proof.runs, proof.rows), (done.runs, done.rows));
    }
});
