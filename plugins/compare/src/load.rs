//! From the patterns of a user to results: files are read two at a time, and told in the order of their names.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use formats::{Collector, Limits, Visitor, loss};
use model::{Problem, TestRun};

/// How many files are read at once. Parsing is bound by memory bandwidth soon after two.
const AT_ONCE: usize = 2;

/// Reads each file with a visitor of its own and gives the visitors back in the order of the files.
pub(crate) fn read_each<V: Visitor + Default + Send>(files: &[PathBuf], limits: &Limits) -> Vec<V> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(files.len()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(files.len()) {
            scope.spawn(|| {
                while let Some((index, path)) = take(files, &next) {
                    let mut visitor = V::default();
                    read_one(path, limits, &mut visitor);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((index, visitor));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, visitor)| visitor).collect()
}

fn take<'a>(files: &'a [PathBuf], next: &AtomicUsize) -> Option<(usize, &'a Path)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, files.get(index)?))
}

/// Reads one file; what keeps it from being read is a problem of that file, not the end of the work.
pub(crate) fn read_one(path: &Path, limits: &Limits, visitor: &mut dyn Visitor) {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(mut file) => formats::read(&name, &mut file, limits, visitor),
        Err(error) => {
            visitor.begin_file(&name, None);
            visitor.problem(
                model::Place::File,
                format!("cannot be opened: {error}"),
                loss::UNREAD,
            );
            visitor.end_file();
        }
    }
}

/// All files as one run.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The results.
    pub(crate) run: TestRun,
    /// What is malformed.
    pub(crate) problems: Vec<Problem>,
    /// Whether results are missing because a file was cut off, damaged or refused.
    pub(crate) lost: bool,
}

/// All files as one run, in the order of their names.
pub(crate) fn collect(files: &[PathBuf], limits: &Limits) -> Loaded {
    let mut collector = Collector::default();
    for file in files {
        read_one(file, limits, &mut collector);
    }
    let lost = collector.lost();
    let (run, problems) = collector.finish();
    Loaded {
        run,
        problems,
        lost,
    }
}
