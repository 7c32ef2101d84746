//! The one file that every writer of a branch rewrites: what the branch holds, and small objects of the last days themselves.
//!
//! Plain zstd (with its own checksum) over JSON, so that `zstd -dc v1/head` shows it. Its blob id is the unit of compare-and-swap: it has a counter, so no
//! two versions of it are equal, and whoever changes anything on the branch changes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use model::{RecordedRun, Timestamp};
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, ErrorKind, Result, garbage::without_date, run_file, store::RemoteEntry};

/// The path of the file.
pub(crate) const HEAD: &str = "v1/head";

const VERSION: u32 = 1;

/// The longest file that is read.
const MOST_PACKED: usize = 8 << 20;

/// The longest content that is read.
const MOST_BYTES: u64 = 64 << 20;

/// Names of writers that are kept, so that a writer whose answer was lost finds out.
const WRITERS: usize = 64;

/// Days of runs that are known one by one.
const LEDGER_DAYS: usize = 14;

/// Runs that are known one by one: eight bytes each.
const LEDGER_RUNS: usize = 2_000;

/// The longest key; longer ones no version writes.
const MOST_KEY: usize = 1_024;

/// Bytes of a small object, packed alone, up to which it stands in the head.
const INLINE_BYTES: usize = 16 << 10;

/// Bytes of the head; above, the largest objects in it become files.
const HEAD_BYTES: usize = 96 << 10;

/// What the branch holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    version: u32,
    /// Counts the writes.
    sequence: u64,
    /// The last writers, each with a random name of its own for each write.
    writers: Vec<String>,
    /// Objects that are files of the branch.
    pub(crate) files: BTreeMap<String, Stored>,
    /// Small objects.
    inline: BTreeMap<String, Inline>,
    /// Run files that a snapshot has not seen.
    pub(crate) unseen: BTreeMap<String, Vec<String>>,
    ledger: Ledger,
    /// Bytes written since the branch last had one commit.
    pub(crate) since_squash: u64,
    /// Who is about to replace the branch.
    pub(crate) lock: Option<Lock>,
}

/// A file of the branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The id of its blob.
    pub(crate) id: String,
    pub(crate) size: u64,
}

/// A small object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Inline {
    Text(String),
    /// In base64.
    Bytes(String),
    /// What a run file holds: many of them together pack far better than their Parquet files.
    Run(Box<RecordedRun>),
}

/// The runs of the last days, so that a run that comes twice is known without a look at compacted files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ledger {
    /// Every run of this day and later ones is listed.
    from: String,
    /// By day.
    runs: BTreeMap<String, BTreeSet<String>>,
}

/// Who may replace the branch, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    pub(crate) owner: String,
    pub(crate) at: Timestamp,
}

impl Inline {
    fn of(key: &str, bytes: &[u8]) -> Self {
        if key.starts_with("v1/runs")
            && let Ok(run) = run_file::decode(key, &Bytes::copy_from_slice(bytes))
            && run_file::encode(&run).is_ok_and(|again| again == bytes)
        {
            return Self::Run(Box::new(run));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(STANDARD.encode(bytes)),
        }
    }

    fn bytes(&self, key: &str) -> Result<Bytes> {
        match self {
            Self::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Self::Bytes(text) => {
                let bytes = STANDARD.decode(text).map_err(crate::pq::damaged(key))?;
                Ok(bytes.into())
            }
            Self::Run(run) => Ok(run_file::encode(run)?.into()),
        }
    }

    /// Bytes that it takes in the head, roughly.
    fn weight(&self) -> u64 {
        match self {
            Self::Text(text) | Self::Bytes(text) => text.len() as u64,
            Self::Run(run) => {
                let texts: usize = run.texts.values().map(|text| text.len() + 24).sum();
                let names: usize = run
                    .names
                    .values()
                    .map(|n| n.suite.len() + n.name.len() + 48)
                    .sum();
                (200 + run.rows.len() * 80 + texts + names) as u64
            }
        }
    }
}

/// Which objects may stand in the head.
fn may_be_inline(key: &str) -> bool {
    key == "v1/history.json"
        || ["v1/commit/", "v1/runs-pr/", "v1/parts/"]
            .iter()
            .any(|folder| key.starts_with(folder))
}

impl Head {
    /// The head of a branch that was written without one.
    pub(crate) fn of_tree(entries: Vec<RemoteEntry>) -> Self {
        let ours = entries
            .into_iter()
            .filter(|entry| is_key(&entry.path) && entry.path != HEAD);
        let stored = |entry: RemoteEntry| {
            let (id, size) = (entry.blob, entry.size);
            (entry.path, Stored { id, size })
        };
        let mut head = Self {
            files: ours.map(stored).collect(),
            ..Self::default()
        };
        if !head.files.is_empty() {
            // Nothing is known of what compacted files hold.
            "9999".clone_into(&mut head.ledger.from);
        }
        head
    }

    /// The bytes of the file. What no reader would take is not written.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let (json, packed) = self.pack()?;
        if json as u64 <= MOST_BYTES && packed.len() <= MOST_PACKED {
            return Ok(packed);
        }
        let why = format!(
            "the list of what the branch holds would have {} bytes, {MOST_PACKED} are the most (hint: `history compact` makes it shorter)",
            packed.len()
        );
        let kind = ErrorKind::UnfitStore(why);
        Err(Error::new("cannot write", HEAD, kind))
    }

    /// The length of its text, and the text packed.
    fn pack(&self) -> Result<(usize, Vec<u8>)> {
        let damaged = |error: std::io::Error| Error::corrupt(HEAD, error);
        let json = serde_json::to_vec(self).map_err(crate::pq::damaged(HEAD))?;
        // In one piece: the compressor then takes no more memory than the text needs.
        let mut compressor = zstd::bulk::Compressor::new(9).map_err(damaged)?;
        compressor.include_checksum(true).map_err(damaged)?;
        let packed = compressor.compress(&json).map_err(damaged)?;
        Ok((json.len(), packed))
    }

    /// Reads the file. It is hostile: everything in it that is used as a path, an id or a size is checked.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        if bytes.len() > MOST_PACKED {
            return Err(Error::corrupt(HEAD, "it is too long"));
        }
        let mut json = Vec::new();
        let decoder = zstd::Decoder::with_buffer(bytes).map_err(|e| Error::corrupt(HEAD, e))?;
        let read = decoder.take(MOST_BYTES + 1).read_to_end(&mut json);
        let read = read.map_err(|error| Error::corrupt(HEAD, error))?;
        if read as u64 > MOST_BYTES {
            return Err(Error::corrupt(HEAD, "its content is too long"));
        }
        let Version { version } =
            serde_json::from_slice(&json).map_err(crate::pq::damaged(HEAD))?;
        if version > VERSION {
            let kind = ErrorKind::TooNew {
                found: version,
                known: VERSION,
            };
            return Err(Error::new("cannot read", HEAD, kind));
        }
        let head: Self = serde_json::from_slice(&json).map_err(crate::pq::damaged(HEAD))?;
        head.check()?;
        Ok(head)
    }

    fn check(&self) -> Result<()> {
        let keys = self
            .files
            .keys()
            .chain(self.inline.keys())
            .chain(self.unseen.values().flatten());
        if let Some(key) = keys.into_iter().find(|key| !is_key(key)) {
            let shown: String = key.escape_debug().take(80).collect();
            return Err(Error::corrupt(
                HEAD,
                format_args!("it names `{shown}`, which is no object of a history"),
            ));
        }
        if self.files.values().any(|file| !is_id(&file.id)) {
            return Err(Error::corrupt(HEAD, "an id in it is none"));
        }
        Ok(())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.inline.contains_key(key) || self.files.contains_key(key)
    }

    /// The bytes of a small object.
    pub(crate) fn inline(&self, key: &str) -> Option<Result<Bytes>> {
        self.inline.get(key).map(|object| object.bytes(key))
    }

    /// Keys and sizes below a folder, in rising order.
    pub(crate) fn list(&self, folder: &str) -> Vec<(String, u64)> {
        let prefix = format!("{folder}/");
        let files = self
            .files
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix));
        let inline = self
            .inline
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix));
        let mut all: Vec<(String, u64)> =
            files.map(|(key, file)| (key.clone(), file.size)).collect();
        all.extend(inline.map(|(key, object)| (key.clone(), object.weight())));
        all.sort_unstable();
        all
    }

    /// Puts an object in; `true` when it stands in the head, else its bytes have to become a file.
    pub(crate) fn put(&mut self, key: &str, bytes: &[u8]) -> bool {
        self.note_run(key);
        self.inline.remove(key);
        if may_be_inline(key) && packed_size(bytes) <= INLINE_BYTES {
            self.files.remove(key);
            self.inline.insert(key.to_owned(), Inline::of(key, bytes));
            return true;
        }
        let stored = Stored {
            id: blob_id(bytes),
            size: bytes.len() as u64,
        };
        self.files.insert(key.to_owned(), stored);
        false
    }

    /// Takes an object out; `true` when it was a file.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        self.inline.remove(key);
        self.files.remove(key).is_some()
    }

    /// Takes the largest small objects out until the head is short; they have to become files.
    pub(crate) fn spill(&mut self) -> Result<Vec<(String, Bytes)>> {
        let mut spilled = Vec::new();
        while self.pack()?.1.len() > HEAD_BYTES {
            let largest = self.inline.iter().max_by_key(|(_, object)| object.weight());
            let Some(key) = largest.map(|(key, _)| key.clone()) else {
                break;
            };
            if let Some(object) = self.inline.remove(&key) {
                let bytes = object.bytes(&key)?;
                let stored = Stored {
                    id: blob_id(&bytes),
                    size: bytes.len() as u64,
                };
                self.files.insert(key.clone(), stored);
                spilled.push((key, bytes));
            }
        }
        Ok(spilled)
    }

    /// Marks a new version by a writer.
    pub(crate) fn sign(&mut self, writer: &str) {
        self.version = VERSION;
        self.sequence += 1;
        self.writers.push(writer.to_owned());
        let old = self.writers.len().saturating_sub(WRITERS);
        self.writers.drain(..old);
    }

    /// Whether a write of that name is part of this version.
    pub(crate) fn is_signed_by(&self, writer: &str) -> bool {
        self.writers.iter().any(|name| name == writer)
    }

    /// A new run file: it is known from now on, and no snapshot has seen it.
    fn note_run(&mut self, key: &str) {
        if !key.starts_with("v1/runs") || self.has(key) {
            return;
        }
        self.remember(key);
        let Some((_, branch)) = key.split_once("v1/runs/") else {
            return;
        };
        let branch = branch
            .split_once("/job=")
            .map_or(branch, |(branch, _)| branch);
        if let Some(unseen) = self.unseen.get_mut(&format!("v1/snapshot/{branch}")) {
            unseen.push(key.to_owned());
        }
    }

    /// Says what a snapshot has not seen, or that nobody knows.
    pub(crate) fn set_unseen(&mut self, snapshot: &str, keys: Option<&[String]>) {
        match keys {
            Some(keys) => drop(self.unseen.insert(snapshot.to_owned(), keys.to_vec())),
            None => drop(self.unseen.remove(snapshot)),
        }
    }

    /// Lists a run as known.
    pub(crate) fn remember(&mut self, key: &str) {
        let day = day_of(key);
        if day < self.ledger.from.as_str() {
            return;
        }
        self.ledger
            .runs
            .entry(day.to_owned())
            .or_default()
            .insert(hash(key));
        while self.ledger.runs.len() > LEDGER_DAYS || self.ledger.is_long() {
            let Some((day, _)) = self.ledger.runs.pop_first() else {
                return;
            };
            self.ledger.from = format!("{day}+");
        }
    }

    /// Whether a run was recorded; `None` for one of a day that is not listed any more.
    pub(crate) fn knows_run(&self, key: &str) -> Option<bool> {
        let hash = hash(key);
        if self.ledger.runs.values().any(|day| day.contains(&hash)) {
            return Some(true);
        }
        (day_of(key) >= self.ledger.from.as_str()).then_some(false)
    }
}

impl Ledger {
    fn is_long(&self) -> bool {
        self.runs.len() > 1 && self.runs.values().map(BTreeSet::len).sum::<usize>() > LEDGER_RUNS
    }
}

fn day_of(key: &str) -> &str {
    let day = key
        .split_once("/date=")
        .and_then(|(_, rest)| rest.split_once('/'));
    day.map_or("", |(day, _)| day)
}

fn hash(key: &str) -> String {
    format!("{:016x}", xxh3_64(without_date(key).as_bytes()))
}

fn packed_size(bytes: &[u8]) -> usize {
    zstd::bulk::compress(bytes, 3).map_or(bytes.len(), |packed| packed.len())
}

/// The id of a blob in a repository of git's first object format.
pub fn blob_id(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut sha = Sha1::new();
    sha.update(format!("blob {}\0", bytes.len()));
    sha.update(bytes);
    let mut id = String::with_capacity(40);
    for byte in sha.finalize() {
        let _infallible = write!(id, "{byte:02x}");
    }
    id
}

/// Whether a text is the id of an object.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text can be the key of an object: what [`crate::key::encode`] makes, in parts below the root.
pub(crate) fn is_key(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"%~_-.=".contains(&b))
    };
    text.len() <= MOST_KEY && text.starts_with("v1/") && text.split('/').all(part)
}

#[cfg(test)]
mod tests;
