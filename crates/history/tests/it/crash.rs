//! A writer that dies at any operation of the store loses and doubles nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use history::{
    BaselineOf, Blob, CompactOptions, Created, Durability, Error, ErrorKind, FileStore, Filter,
    History, Object, Result, Store,
};
use model::RecordedRun;

use crate::sample::{START, run};

/// A store that fails at its n-th write and at every one after it: what a killed process leaves.
#[derive(Debug)]
pub(crate) struct Dying {
    inner: FileStore,
    left: AtomicU64,
    /// Whether the write that dies is done all the same: killed just after it.
    after: bool,
}

impl Dying {
    /// A new history in a folder, and a store in it that dies at its `left`-th write.
    pub(crate) fn in_folder(folder: &std::path::Path, left: u64, after: bool) -> Arc<Self> {
        let inner = FileStore::new(folder);
        History::init_in(Arc::new(inner.clone()), START).unwrap();
        Arc::new(Self {
            inner,
            left: AtomicU64::new(left),
            after,
        })
    }

    fn step(&self, key: &str) -> Result<bool> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            let why = std::io::Error::other("killed");
            return Err(Error::new("cannot write", key, ErrorKind::Io(why)));
        }
        self.left.store(left - 1, Ordering::Relaxed);
        Ok(left == 1)
    }

    fn write<T>(&self, key: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.step(key)? {
            return work();
        }
        if self.after {
            work()?;
        }
        let why = std::io::Error::other("killed");
        Err(Error::new("cannot write", key, ErrorKind::Io(why)))
    }
}

impl Store for Dying {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        self.inner.list(prefix)
    }

    fn open(&self, key: &str) -> Result<Arc<dyn Blob>> {
        self.inner.open(key)
    }

    fn create(&self, key: &str, bytes: &[u8], durability: Durability) -> Result<Created> {
        self.write(key, || self.inner.create(key, bytes, durability))
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.write(key, || self.inner.replace(key, bytes))
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.write(key, || self.inner.delete(key))
    }

    fn flush(&self, keys: &[String]) -> Result<()> {
        self.write("flush", || self.inner.flush(keys))
    }
}

fn read(history: &History) -> Vec<RecordedRun> {
    let filter = Filter {
        with_names: true,
        with_texts: true,
        ..Filter::default()
    };
    let mut runs = history.runs(&filter).unwrap();
    let read = runs.by_ref().collect();
    assert_eq!(runs.finish().unwrap(), []);
    read
}

/// Records, compacts twice and takes a snapshot, until the store dies; whether it got through.
fn work(history: &History, recorded: &mut usize) -> Result<()> {
    for n in 0..4 {
        history.record(&run("linux", n * 24, 6))?;
        *recorded += 1;
    }
    let mut options = CompactOptions::at(START.plus_days(3.0));
    options.grace_days = 0.0;
    history.compact(&options)?;
    history.record_all(&[run("mac", 1, 5), run("mac", 2, 5)], START)?;
    *recorded += 2;
    options.now = START.plus_days(70.0);
    history.compact(&options)?;
    let of = BaselineOf {
        repo: "org/repo".to_owned(),
        branch: "main".to_owned(),
        at: START.plus_days(80.0),
    };
    history.snapshot(&of).map(|_| ())
}

#[test]
fn dying_at_any_write_loses_and_doubles_nothing() {
    let all = |recorded: usize| -> Vec<RecordedRun> {
        let linux = (0..4).map(|n| run("linux", n * 24, 6));
        let mac = [run("mac", 1, 5), run("mac", 2, 5)];
        let mut runs: Vec<_> = linux.chain(mac).take(recorded).collect();
        runs.sort_by(|a, b| {
            (a.info.started_at, &a.info.key).cmp(&(b.info.started_at, &b.info.key))
        });
        runs
    };
    for after in [false, true] {
        for left in 1.. {
            let folder = tempfile::tempdir().unwrap();
            let dying = Dying::in_folder(folder.path(), left, after);
            let mut recorded = 0;
            let history = History::open_in(dying).unwrap();
            let through = work(&history, &mut recorded).is_ok();

            let survivor = History::open(folder.path().to_str().unwrap()).unwrap();
            let left_over = read(&survivor);
            let atomic = left_over == all(recorded)
                || left_over == all(recorded + 1)
                || left_over == all(recorded + 2);
            assert!(
                atomic,
                "died at write {left}: {} of {recorded} runs",
                left_over.len()
            );
            let proof = survivor.verify().unwrap();
            assert_eq!(
                (proof.problems, proof.doubled_runs),
                (vec![], 0),
                "died at write {left}"
            );

            work(&survivor, &mut 0).unwrap();
            assert_eq!(
                read(&survivor),
                all(6),
                "done again after dying at write {left}"
            );
            assert_eq!(survivor.verify().unwrap().problems, []);
            if through {
                break;
            }
        }
    }
}
