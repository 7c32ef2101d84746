//! Answers kept with their `ETag`, in memory or in a folder.
//!
//! GitHub answers 304 to a read whose answer has not changed, and does not count it. A damaged, foreign or missing file is no answer: the next
//! read is a plain one. The key holds the address and the media type, never a token; GitHub checks the rights of each read itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::hash::sha256;

/// Larger answers are not kept, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;
/// In memory, all answers together, in bytes.
const MEMORY: usize = 8 * 1024 * 1024;
/// In a folder.
const FILES: usize = 512;

/// An answer that may still be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub etag: String,
    pub link: Option<String>,
    pub body: Bytes,
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Header {
    etag: String,
    link: Option<String>,
    /// Of the body.
    sha256: String,
}

#[derive(Debug)]
pub(crate) enum Cache {
    Memory(Mutex<BTreeMap<String, Kept>>),
    Folder(PathBuf),
}

impl Cache {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder),
            None => Self::Memory(Mutex::default()),
        }
    }

    /// The key of an answer.
    pub(crate) fn key(url: &str, accept: &str) -> String {
        sha256(format!("{accept} {url}").as_bytes())
    }

    pub(crate) fn get(&self, key: &str) -> Option<Kept> {
        match self {
            Self::Memory(kept) => lock(kept).get(key).cloned(),
            Self::Folder(folder) => parse(&fs::read(folder.join(key)).ok()?),
        }
    }

    /// Keeps an answer. A folder that cannot be written costs speed, nothing else.
    pub(crate) fn put(&self, key: &str, kept: Kept) {
        if kept.body.len() > LARGEST {
            return;
        }
        match self {
            Self::Memory(all) => remember(&mut lock(all), key, kept),
            Self::Folder(folder) => {
                let _lost = store(folder, key, &kept);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(all: &mut BTreeMap<String, Kept>, key: &str, kept: Kept) {
    let held: usize = all.values().map(|one| one.body.len()).sum();
    if held + kept.body.len() > MEMORY {
        all.clear();
    }
    all.insert(key.to_owned(), kept);
}

fn parse(file: &[u8]) -> Option<Kept> {
    let end = file.iter().position(|&byte| byte == b'\n')?;
    let (line, body) = file.split_at_checked(end)?;
    let body = body.get(1..)?;
    let header: Header = serde_json::from_slice(line).ok()?;
    (header.sha256 == sha256(body)).then(|| Kept {
        etag: header.etag,
        link: header.link,
        body: Bytes::copy_from_slice(body),
    })
}

/// Distinguishes the temporary files of one process.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn store(folder: &Path, key: &str, kept: &Kept) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    make_room(folder)?;
    let header = Header {
        etag: kept.etag.clone(),
        link: kept.link.clone(),
        sha256: sha256(&kept.body),
    };
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!("{}-{unique}.part", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    serde_json::to_writer(&mut file, &header)?;
    file.write_all(b"\n")?;
    file.write_all(&kept.body)?;
    fs::rename(&temporary, folder.join(key))
}

/// Removes everything once the folder is full: what is still of use comes back with the next read.
fn make_room(folder: &Path) -> std::io::Result<()> {
    let files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_ours(path))
        .collect();
    if files.len() >= FILES {
        files.iter().try_for_each(fs::remove_file)?;
    }
    Ok(())
}

/// The folder may be one that the user shares with other things.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{Cache, Kept, parse};

    fn kept(body: &[u8]) -> Kept {
        Kept {
            etag: "W/\"1\"".to_owned(),
            link: Some("<https://x>; rel=\"next\"".to_owned()),
            body: Bytes::copy_from_slice(body),
        }
    }

    #[test]
    fn what_was_put_is_got_from_memory_and_from_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for cache in [
            Cache::new(None),
            Cache::new(Some(folder.path().join("deep/er"))),
        ] {
            let key = Cache::key("https://x/y", "application/json");
            assert_eq!(cache.get(&key), None);
            cache.put(&key, kept(b"a\nb"));
            assert_eq!(cache.get(&key), Some(kept(b"a\nb")));
            assert_eq!(cache.get(&Cache::key("https://x/y", "other")), None);
        }
    }

    #[test]
    fn a_damaged_file_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned()));
        let key = Cache::key("u", "a");
        cache.put(&key, kept(b"body"));
        let path = folder.path().join(&key);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(cache.get(&key), None);
    }

    #[test]
    fn a_folder_does_not_grow_without_end_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned()));
        std::fs::write(folder.path().join("mine.txt"), "x").unwrap();
        for n in 0..600 {
            cache.put(&Cache::key(&n.to_string(), ""), kept(b"x"));
        }
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(files <= super::FILES + 1, "{files}");
        assert!(folder.path().join("mine.txt").exists());
    }

    proptest! {
        #[test]
        fn any_file_is_an_answer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = parse(&bytes);
        }
    }
}
