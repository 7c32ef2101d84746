//! A folder as a store: a file an object.
//!
//! A new object is written to a temporary file, synced, and hard-linked to its name: the link either makes the whole object
//! visible or fails because the name exists. Two writers of one key therefore give one object on every local file system
//! that has hard links, without a lock that a killed writer could leave behind.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use model::Timestamp;

use super::{Blob, Created, Durability, Object, Store};
use crate::{Error, ErrorKind, Result, error::Context as _};

/// Where half-written objects live until they are linked.
const TEMPORARY: &str = ".tmp";

/// How often a create is tried again when a sweep removes its empty folder in between.
const FOLDER_RACES: u32 = 16;

/// A folder as a store.
#[derive(Clone, Debug)]
pub struct FileStore {
    root: PathBuf,
}

impl FileStore {
    /// A store in a folder, which is made when the first object is written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        let safe = key
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'));
        if safe {
            return Ok(self.root.join(key));
        }
        let why = "the key leaves its folder".to_owned();
        Err(Error::new("refused", key, ErrorKind::UnfitStore(why)))
    }

    /// Writes the bytes to a temporary file of a name that nobody else has.
    fn write_temporary(&self, bytes: &[u8], durability: Durability) -> io::Result<PathBuf> {
        let folder = self.root.join(TEMPORARY);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{:016x}", std::process::id(), random()));
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        file.write_all(bytes)?;
        if durability == Durability::Now {
            file.sync_all()?;
        }
        Ok(path)
    }

    fn link(&self, temporary: &Path, path: &Path, durability: Durability) -> io::Result<Created> {
        for _ in 0..FOLDER_RACES {
            let made = make_folders(&self.root, path)?;
            match fs::hard_link(temporary, path) {
                Ok(()) => {
                    if durability == Durability::Now {
                        sync_folders(&made)?;
                    }
                    return Ok(Created::New);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Ok(Created::Existed);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Store for FileStore {
    fn location(&self) -> String {
        format!("file:{}", self.root.display())
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let mut found = Vec::new();
        let folder = self.path(prefix)?;
        walk(&folder, prefix, &mut found).context("cannot list", prefix)?;
        found.sort_unstable();
        Ok(found)
    }

    fn open(&self, key: &str) -> Result<Arc<dyn Blob>> {
        let file = File::open(self.path(key)?).context("cannot open", key)?;
        let size = file.metadata().context("cannot open", key)?.len();
        Ok(Arc::new(FileBlob {
            file,
            size,
            key: key.to_owned(),
        }))
    }

    fn create(&self, key: &str, bytes: &[u8], durability: Durability) -> Result<Created> {
        let path = self.path(key)?;
        if path.exists() {
            return Ok(Created::Existed);
        }
        let temporary = self
            .write_temporary(bytes, durability)
            .context("cannot write", key)?;
        let linked = self.link(&temporary, &path, durability);
        let removed = fs::remove_file(&temporary);
        let created = linked.context("cannot write", key)?;
        removed.context("cannot tidy up after", key)?;
        Ok(created)
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(key)?;
        let temporary = self
            .write_temporary(bytes, Durability::Now)
            .context("cannot write", key)?;
        let made = make_folders(&self.root, &path).context("cannot write", key)?;
        fs::rename(&temporary, &path).context("cannot write", key)?;
        sync_folders(&made).context("cannot write", key)
    }

    fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context("cannot delete", key);
            }
            Ok(()) | Err(_) => {}
        }
        remove_empty_folders(&self.root, &path);
        Ok(())
    }

    fn flush(&self, keys: &[String]) -> Result<()> {
        let mut folders = BTreeSet::new();
        for key in keys {
            let path = self.path(key)?;
            let file = File::open(&path).context("cannot flush", key)?;
            file.sync_all().context("cannot flush", key)?;
            folders.extend(folders_above(&self.root, &path));
        }
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        sync_folders(&folders).context("cannot flush", TEMPORARY)
    }

    fn sweep(&self, before: Timestamp) -> Result<u64> {
        let folder = self.root.join(TEMPORARY);
        let Ok(entries) = fs::read_dir(&folder) else {
            return Ok(0);
        };
        let stale = entries
            .flatten()
            .filter(|entry| modified(entry).is_some_and(|at| at < before));
        let mut removed = 0;
        for entry in stale {
            removed += u64::from(fs::remove_file(entry.path()).is_ok());
        }
        Ok(removed)
    }
}

#[derive(Debug)]
struct FileBlob {
    file: File,
    size: u64,
    key: String,
}

impl Blob for FileBlob {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let end = offset.saturating_add(length as u64);
        if end > self.size {
            return Err(Error::corrupt(&self.key, "it ends too early"));
        }
        let mut bytes = vec![0; length];
        read_at(&self.file, &mut bytes, offset).context("cannot read", &self.key)?;
        Ok(bytes.into())
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    while !bytes.is_empty() {
        let read = file.seek_read(bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        offset += read as u64;
        bytes = bytes.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

/// 64 random bits: the keys that the standard library draws for its hash maps.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn modified(entry: &fs::DirEntry) -> Option<Timestamp> {
    let at = entry.metadata().ok()?.modified().ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

/// The folders between the root and a file, both ends included, deepest first.
fn folders_above(root: &Path, path: &Path) -> Vec<PathBuf> {
    path.ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(root))
        .map(Path::to_path_buf)
        .collect()
}

/// Makes the folders above a file; returns those whose entries changed: the file's own, and every one that got a new folder.
fn make_folders(root: &Path, path: &Path) -> io::Result<Vec<PathBuf>> {
    let above = folders_above(root, path);
    let missing = above.iter().take_while(|folder| !folder.exists()).count();
    if let (Some(deepest), true) = (above.first(), missing > 0) {
        fs::create_dir_all(deepest)?;
    }
    Ok(above.into_iter().take(missing + 1).collect())
}

/// Makes names survive a power cut. Windows has no such call and does it by itself.
fn sync_folders(folders: &[PathBuf]) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    for folder in folders {
        match File::open(folder) {
            Ok(handle) => handle.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A folder that still holds something refuses to go, which ends the walk.
fn remove_empty_folders(root: &Path, path: &Path) {
    for folder in folders_above(root, path) {
        if folder == root || fs::remove_dir(&folder).is_err() {
            return;
        }
    }
}

fn walk(folder: &Path, key: &str, found: &mut Vec<Object>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let key = format!("{key}/{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &key, found)?;
        } else if kind.is_file() {
            push_object(&entry, key, found)?;
        }
    }
    Ok(())
}

/// A file that goes away between listing and looking is no object any more.
fn push_object(entry: &fs::DirEntry, key: String, found: &mut Vec<Object>) -> io::Result<()> {
    match entry.metadata() {
        Ok(metadata) => found.push(Object {
            key,
            size: metadata.len(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Created, Durability, FileStore, Store as _};
    use model::Timestamp;

    fn store() -> (tempfile::TempDir, FileStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("lake"));
        (folder, store)
    }

    #[test]
    fn of_two_creates_the_first_wins() {
        let (_folder, store) = store();
        let create = |bytes| store.create("a/b/c", bytes, Durability::Now).unwrap();
        assert_eq!(create(b"one"), Created::New);
        assert_eq!(create(b"two"), Created::Existed);
        assert_eq!(store.get("a/b/c").unwrap().as_ref(), b"one");
        assert_eq!(store.list("a").unwrap().len(), 1);
        assert_eq!(store.list(".tmp").unwrap(), []);
    }

    #[test]
    fn sixteen_racing_creates_have_one_winner() {
        let (_folder, store) = store();
        let winners: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| store.create("k/x", b"1", Durability::Now).unwrap()))
                .collect();
            racers
                .into_iter()
                .map(|racer| usize::from(racer.join().unwrap() == Created::New))
                .sum()
        });
        assert_eq!(winners, 1);
    }

    #[test]
    fn a_key_cannot_leave_the_folder() {
        let (_folder, store) = store();
        for key in ["../x", "a/../../x", "a//b", "/etc/x", "a\\b", ""] {
            assert!(store.create(key, b"", Durability::Now).is_err(), "{key}");
        }
    }

    #[test]
    fn deleting_twice_is_deleting_once_and_leaves_no_empty_folders() {
        let (folder, store) = store();
        store.create("a/b/c", b"1", Durability::AtFlush).unwrap();
        store.flush(&["a/b/c".to_owned()]).unwrap();
        store.delete("a/b/c").unwrap();
        store.delete("a/b/c").unwrap();
        assert!(!folder.path().join("lake/a").exists());
        assert_eq!(store.list("a").unwrap(), []);
    }

    #[test]
    fn a_sweep_removes_what_is_older_than_the_moment() {
        let (folder, store) = store();
        store.create("a/b", b"1", Durability::Now).unwrap();
        std::fs::write(folder.path().join("lake/.tmp/9-0"), b"half").unwrap();
        assert_eq!(store.sweep(Timestamp(0)).unwrap(), 0);
        assert_eq!(store.sweep(Timestamp(i64::MAX)).unwrap(), 1);
    }
}
