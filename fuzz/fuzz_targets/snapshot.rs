//! A snapshot on a branch that somebody else wrote: whatever one of its parts says, reading ends and does not panic.
#![no_main]

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{Arc, Mutex, OnceLock},
};

use bytes::Bytes;
use history::{
    BaselineOf, BranchStore, Error, ErrorKind, History, Needed, Pace, Remote, RemoteChange,
    RemoteEntry, RemoteFile, Result, Written, blob_id,
};
use libfuzzer_sys::fuzz_target;
use model::{Outcome, RecordedRun, RecordedTest, RunInfo, RunKey, Signature, TestName, Timestamp};

/// The files of the newest commit.
type Files = BTreeMap<String, Bytes>;

/// A branch in memory that one writer at a time writes to.
#[derive(Clone, Debug, Default)]
struct Branch(Arc<Mutex<Files>>);

impl Branch {
    fn files(&self) -> Files {
        self.0.lock().map(|files| files.clone()).unwrap_or_default()
    }

    fn history(&self) -> Result<History> {
        let store = BranchStore::new(Box::new(self.clone()), Pace::default(), Timestamp::default);
        History::init_in(Arc::new(store), Timestamp(0))
    }
}

impl Remote for Branch {
    fn location(&self) -> String {
        "input".to_owned()
    }

    fn file(&self, path: &str) -> Result<Option<RemoteFile>> {
        let file = |bytes: &Bytes| RemoteFile {
            bytes: bytes.clone(),
            blob: blob_id(bytes),
            commit: None,
        };
        Ok(self.files().get(path).map(file))
    }

    fn newest(&self) -> Result<Option<String>> {
        Ok((!self.files().is_empty()).then(|| "0".repeat(40)))
    }

    fn file_at(&self, _commit: &str, path: &str) -> Result<Option<RemoteFile>> {
        self.file(path)
    }

    fn blob(&self, id: &str) -> Result<Bytes> {
        let found = self
            .files()
            .into_values()
            .find(|bytes| blob_id(bytes) == id);
        found.ok_or_else(|| Error::new("cannot read", id, ErrorKind::NotFound))
    }

    fn tree(&self, _commit: &str) -> Result<Vec<RemoteEntry>> {
        let entry = |(path, bytes): (String, Bytes)| RemoteEntry {
            path,
            blob: blob_id(&bytes),
            size: bytes.len() as u64,
        };
        Ok(self.files().into_iter().map(entry).collect())
    }

    fn put(&self, path: &str, bytes: &Bytes, _expected: &str, message: &str) -> Result<Written> {
        let change = RemoteChange {
            path: path.to_owned(),
            bytes: Some(bytes.clone()),
        };
        self.advance(None, &[change], message)
    }

    fn advance(
        &self,
        _parent: Option<&str>,
        changes: &[RemoteChange],
        _message: &str,
    ) -> Result<Written> {
        if let Ok(mut files) = self.0.lock() {
            for RemoteChange { path, bytes } in changes {
                match bytes {
                    Some(bytes) => drop(files.insert(path.clone(), bytes.clone())),
                    None => drop(files.remove(path)),
                }
            }
        }
        Ok(Written::Done(Some("0".repeat(40))))
    }

    fn replace(
        &self,
        _of: &str,
        (changes, message): (&[RemoteChange], &str),
        _safe: &dyn Fn() -> bool,
    ) -> Result<Written> {
        self.advance(None, changes, message)
    }

    fn replaces_conditionally(&self) -> bool {
        true
    }
}

fn run(n: u32) -> RecordedRun {
    let key = RunKey {
        repo: "a/b".to_owned(),
        branch: "main".to_owned(),
        job: "j".to_owned(),
        run: n.to_string(),
        attempt: 1,
    };
    let mut run = RecordedRun {
        info: RunInfo {
            key,
            started_at: Timestamp(i64::from(n) * 3_600_000),
            ..RunInfo::default()
        },
        ..RecordedRun::default()
    };
    for t in 0..20 {
        let name = TestName::new("suite", None, &format!("test {t}"));
        let fails = (n + t) % 5 == 0;
        let text = format!("text {}", t % 3);
        let signature = fails.then(|| Signature::of(&text));
        run.texts
            .extend(signature.map(|signature| (signature, text)));
        run.rows.push(RecordedTest {
            id: name.id(),
            outcome: if fails { Outcome::Fail } else { Outcome::Pass },
            flaked: false,
            duration_ms: Some(t),
            signature,
        });
        run.names.insert(name.id(), name);
    }
    run.rows.sort_unstable_by_key(|row| row.id);
    run
}

fn of() -> BaselineOf {
    BaselineOf {
        repo: "a/b".to_owned(),
        branch: "main".to_owned(),
        at: Timestamp(1 << 40),
    }
}

/// A branch with some runs, as its writers left it, and the key of its snapshot.
fn sound() -> &'static (Files, String) {
    static SOUND: OnceLock<(Files, String)> = OnceLock::new();
    SOUND.get_or_init(|| {
        let branch = Branch::default();
        for n in 1..12 {
            let history = branch.history().expect("a history in memory");
            history
                .record_at(&run(n), Timestamp(1 << 40))
                .expect("it takes runs");
        }
        (branch.files(), of().snapshot_object())
    })
}

/// The three parts of a snapshot: the magic, the length of each, then each.
fn parts(file: &[u8]) -> [Vec<u8>; 3] {
    let length = |at: usize| {
        let bytes = file[8 + 8 * at..16 + 8 * at]
            .try_into()
            .expect("eight bytes");
        usize::try_from(u64::from_le_bytes(bytes)).expect("a length")
    };
    let (first, second) = (length(0), length(1));
    let rest = &file[32..];
    [
        rest[..first].to_vec(),
        rest[first..first + second].to_vec(),
        rest[first + second..].to_vec(),
    ]
}

fn whole(parts: &[Vec<u8>; 3]) -> Bytes {
    let mut file = b"SPRAGSN1".to_vec();
    for part in parts {
        file.extend_from_slice(&(part.len() as u64).to_le_bytes());
    }
    file.extend(parts.iter().flatten());
    file.into()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let (files, key) = sound();
    let mut files = files.clone();
    let old = files[key].clone();
    let mut parts = parts(&old);
    // A part is replaced, packed or as it is, so that the fuzzer gets behind the compression.
    let packed = zstd::bulk::compress(bytes, 1).unwrap_or_default();
    parts[usize::from(choice % 3)] = if choice & 4 == 0 {
        packed
    } else {
        bytes.to_vec()
    };
    let new = whole(&parts);
    // The head names every file by its id.
    let head = zstd::stream::decode_all(files["v1/head"].as_ref()).unwrap_or_default();
    let head = String::from_utf8_lossy(&head).replace(&blob_id(&old), &blob_id(&new));
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("a compressor");
    let written = encoder.write_all(head.as_bytes());
    written.expect("memory");
    files.insert(
        "v1/head".to_owned(),
        encoder.finish().expect("memory").into(),
    );
    files.insert(key.clone(), new);
    let history = Branch(Arc::new(Mutex::new(files)))
        .history()
        .expect("its head is sound");
    let ids: Vec<_> = run(1).rows.iter().map(|row| row.id).collect();
    let needed = Needed {
        ids: &ids,
        job: Some("j"),
    };
    let _some = history.baseline(&of(), Some(&needed));
    let _entries = history.snapshot_entries(&of(), &ids);
    let read = history
        .baseline(&of(), None)
        .expect("the runs themselves are there");
    assert!(read.baseline.jobs.len() < 1_000_000);
});
