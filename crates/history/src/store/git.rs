//! A branch of any git repository, read and written by the `git` command.
//!
//! All work happens in a bare repository of its own in the temporary folder, which goes with the process: a checkout, its index and its configuration are
//! never touched. Only the newest commit is fetched, and of its files only those that are read, where the other side can do that. A push carries the commit
//! that the branch must be at, so that it is a compare-and-swap, also for a commit without a parent.

mod command;
mod scratch;
mod words;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::{Remote, RemoteChange, RemoteEntry, RemoteFile, Written, random};
use crate::{Error, ErrorKind, Result};
use command::Output;
use scratch::Scratch;
use words::{entry_of, is_race, kind_of};

/// The branch in the repository of our own.
const FETCHED: &str = "refs/sprag/fetched";

/// Who commits.
const COMMITTER: &str = "sprag <sprag@localhost> now";

/// A branch of a git repository.
#[derive(Debug)]
pub struct GitRemote {
    url: String,
    branch: String,
    /// Commands in one repository take turns.
    scratch: Mutex<Scratch>,
}

impl GitRemote {
    /// A branch of the repository at `url`: whatever `git fetch` takes, also a path.
    ///
    /// # Errors
    /// [`ErrorKind::BadLocation`] when the name of the branch is none, or the URL looks like an option; [`ErrorKind::Io`] when there is no `git`.
    pub fn new(url: &str, branch: &str) -> Result<Self> {
        Self::with(url, branch, None)
    }

    /// A branch of the remote `origin` of a checkout, with what the configuration of the checkout says of passwords and proxies.
    ///
    /// # Errors
    /// As [`GitRemote::new`]; [`ErrorKind::BadLocation`] when the folder is no checkout or has no such remote.
    pub fn of_checkout(folder: &Path, branch: &str) -> Result<Self> {
        let (url, config) = scratch::origin_of(folder).ok_or_else(|| {
            let why = "this is no checkout that has a remote `origin`".to_owned();
            Error::new("cannot open history", branch, ErrorKind::BadLocation(why))
        })?;
        Self::with(&url, branch, Some(&config))
    }

    fn with(url: &str, branch: &str, config: Option<&str>) -> Result<Self> {
        let bad = |why: &str| {
            let kind = ErrorKind::BadLocation(why.to_owned());
            Error::new("cannot open history", branch, kind)
        };
        if !is_branch_name(branch) {
            return Err(bad("this is no name of a branch"));
        }
        if url.is_empty() || url.starts_with('-') || url.contains(['\0', '\n']) {
            return Err(bad("this is no address of a repository"));
        }
        // Commands run in a folder of their own, so a path has to be whole.
        let path = Path::new(url);
        let url = match std::path::absolute(path) {
            Ok(whole) if path.exists() => whole.display().to_string(),
            Ok(_) | Err(_) => url.to_owned(),
        };
        Ok(Self {
            scratch: Mutex::new(Scratch::new(&url, config)?),
            url,
            branch: branch.to_owned(),
        })
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, doing: &'static str, output: &Output) -> Error {
        Error::new(doing, &self.location(), kind_of(&output.errors))
    }

    /// Fetches the newest commit.
    fn fetch(&self, scratch: &Scratch) -> Result<Option<String>> {
        let from = format!("+refs/heads/{}:{FETCHED}", self.branch);
        let fetched = scratch.far(&[
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--depth=1",
            "--filter=blob:none",
            "--end-of-options",
            "origin",
            &from,
        ])?;
        if fetched.done {
            let at = scratch.near(&["rev-parse", "--verify", FETCHED], &[])?;
            if at.done {
                return Ok(Some(at.text()));
            }
            return Err(self.error("cannot read", &at));
        }
        if fetched.errors.contains("couldn't find remote ref") {
            return Ok(None);
        }
        Err(self.error("cannot read", &fetched))
    }

    /// Where the branch is, without fetching it.
    fn ask(&self, scratch: &Scratch) -> Result<Option<String>> {
        let name = format!("refs/heads/{}", self.branch);
        let listed = scratch.far(&["ls-remote", "--quiet", "--end-of-options", "origin", &name])?;
        if !listed.done {
            return Err(self.error("cannot read", &listed));
        }
        let text = listed.text();
        let id = text.split_ascii_whitespace().next();
        Ok(id.map(str::to_owned))
    }

    fn read(scratch: &Scratch, commit: &str, path: &str) -> Result<Option<RemoteFile>> {
        let read = scratch.far_with(
            &["cat-file", "--batch"],
            format!("{commit}:{path}\n").as_bytes(),
        )?;
        let Some(end) = read.bytes.iter().position(|byte| *byte == b'\n') else {
            return Err(Error::new("cannot read", path, kind_of(&read.errors)));
        };
        let line = String::from_utf8_lossy(read.bytes.get(..end).unwrap_or_default()).into_owned();
        let words: Vec<&str> = line.split(' ').collect();
        let [id, "blob", size] = words.as_slice() else {
            // Git says the same of a file that is not in the tree and of one whose bytes did not come.
            return Self::absent(scratch, commit, path).map(|()| None);
        };
        let size: usize = size.parse().map_err(crate::pq::damaged(path))?;
        let bytes = read.bytes.get(end + 1..end + 1 + size);
        let bytes = bytes.ok_or_else(|| Error::corrupt(path, "it ends too early"))?;
        Ok(Some(RemoteFile {
            bytes: Bytes::copy_from_slice(bytes),
            blob: (*id).to_owned(),
            commit: Some(commit.to_owned()),
        }))
    }

    /// Makes sure that a file is not in the tree of a commit.
    fn absent(scratch: &Scratch, commit: &str, path: &str) -> Result<()> {
        let listed = scratch.far(&[
            "ls-tree",
            "-z",
            "--full-tree",
            "--end-of-options",
            commit,
            path,
        ])?;
        if listed.done && listed.bytes.is_empty() {
            return Ok(());
        }
        let why = format!("it did not come: {}", command::harmless(&listed.errors));
        Err(Error::new("cannot read", path, ErrorKind::Unavailable(why)))
    }

    /// Makes a commit in the repository of our own.
    fn commit(
        scratch: &Scratch,
        from: From<'_>,
        changes: &[RemoteChange],
        message: &str,
    ) -> Result<String> {
        let name = format!("refs/sprag/new-{:016x}", random());
        let base = match from {
            From::Nothing => String::new(),
            From::Parent(id) => format!("from {id}\n"),
            From::TreeOf(id) => {
                let tree = format!("{id}^{{tree}}");
                let tree =
                    scratch.near(&["rev-parse", "--verify", "--end-of-options", &tree], &[])?;
                format!("M 040000 {} \"\"\n", tree.text())
            }
        };
        let stream = stream(&name, &base, changes, message);
        let made = scratch.near(
            &["fast-import", "--quiet", "--force", "--date-format=now"],
            &stream,
        )?;
        if !made.done {
            let kind = ErrorKind::Io(std::io::Error::other(made.errors));
            return Err(Error::new("cannot make a commit for", message, kind));
        }
        let commit = scratch.near(&["rev-parse", "--verify", &name], &[])?.text();
        scratch.near(&["update-ref", "-d", &name], &[])?;
        Ok(commit)
    }

    /// Moves the branch from one commit to another, if it is there.
    fn push(&self, scratch: &Scratch, from: Option<&str>, to: &str) -> Result<Written> {
        let name = format!("refs/heads/{}", self.branch);
        let lease = format!("--force-with-lease={name}:{}", from.unwrap_or_default());
        let what = format!("{to}:{name}");
        let pushed = scratch.far(&[
            "push",
            "--quiet",
            "--no-verify",
            "--porcelain",
            &lease,
            "--end-of-options",
            "origin",
            &what,
        ])?;
        if pushed.done {
            return Ok(Written::Done(Some(to.to_owned())));
        }
        // A push that failed may have come through, or have been too late: the branch itself says.
        let now = self.ask(scratch)?;
        if now.as_deref() == Some(to) {
            return Ok(Written::Done(Some(to.to_owned())));
        }
        if now.as_deref() != from {
            return Ok(Written::Stale);
        }
        let said = format!("{}\n{}", pushed.text(), pushed.errors);
        if is_race(&said) {
            return Ok(Written::Stale);
        }
        Err(Error::new(
            "cannot write to",
            &self.location(),
            kind_of(&said),
        ))
    }

    fn change(&self, from: From<'_>, changes: &[RemoteChange], message: &str) -> Result<Written> {
        let scratch = self.scratch();
        let commit = Self::commit(&scratch, from, changes, message)?;
        self.push(&scratch, from.commit(), &commit)
    }
}

/// What a commit builds on.
#[derive(Clone, Copy, Debug)]
enum From<'a> {
    Nothing,
    Parent(&'a str),
    /// The tree of a commit, but not the commit.
    TreeOf(&'a str),
}

impl From<'_> {
    fn commit(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Parent(id) | Self::TreeOf(id) => Some(id),
        }
    }
}

/// The input of `git fast-import` that makes one commit.
fn stream(name: &str, base: &str, changes: &[RemoteChange], message: &str) -> Vec<u8> {
    let mut out = format!(
        "commit {name}\ncommitter {COMMITTER}\ndata {}\n{message}\n",
        message.len()
    )
    .into_bytes();
    out.extend_from_slice(base.as_bytes());
    for RemoteChange { path, bytes } in changes {
        match bytes {
            None => out.extend_from_slice(format!("D {path}\n").as_bytes()),
            Some(bytes) => {
                out.extend_from_slice(
                    format!("M 100644 inline {path}\ndata {}\n", bytes.len()).as_bytes(),
                );
                out.extend_from_slice(bytes);
                out.push(b'\n');
            }
        }
    }
    out
}

/// The rules of `git check-ref-format`, and no leading dash.
pub fn is_branch_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.rsplit_once('.').is_none_or(|(_, end)| end != "lock")
    };
    let bad = |c: char| c.is_control() || " ~^:?*[\\\"".contains(c);
    name.len() <= 200
        && !name.starts_with('-')
        && !name.ends_with('.')
        && name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(bad)
        && name.split('/').all(part)
}

impl Remote for GitRemote {
    fn location(&self) -> String {
        format!("git:{}#{}", command::without_secret(&self.url), self.branch)
    }

    fn file(&self, path: &str) -> Result<Option<RemoteFile>> {
        let scratch = self.scratch();
        match self.fetch(&scratch)? {
            Some(commit) => Self::read(&scratch, &commit, path),
            None => Ok(None),
        }
    }

    fn newest(&self) -> Result<Option<String>> {
        self.fetch(&self.scratch())
    }

    fn file_at(&self, commit: &str, path: &str) -> Result<Option<RemoteFile>> {
        Self::read(&self.scratch(), commit, path)
    }

    fn blob(&self, id: &str) -> Result<Bytes> {
        let scratch = self.scratch();
        let read = scratch.far(&["cat-file", "blob", "--end-of-options", id])?;
        if read.done {
            return Ok(read.bytes.into());
        }
        Err(Error::new(
            "cannot read",
            id,
            ErrorKind::Unavailable(command::harmless(&read.errors)),
        ))
    }

    fn tree(&self, commit: &str) -> Result<Vec<RemoteEntry>> {
        let listed = self.scratch().far(&[
            "ls-tree",
            "-r",
            "-l",
            "-z",
            "--full-tree",
            "--end-of-options",
            commit,
        ])?;
        if !listed.done {
            return Err(self.error("cannot list", &listed));
        }
        let text = String::from_utf8_lossy(&listed.bytes);
        let lines = text.split('\0').filter(|line| !line.is_empty());
        lines
            .filter_map(|line| entry_of(line).transpose())
            .collect()
    }

    fn put(&self, path: &str, bytes: &Bytes, expected: &str, message: &str) -> Result<Written> {
        let Some(now) = self.file(path)? else {
            return Ok(Written::Stale);
        };
        let Some(parent) = now.commit.filter(|_| now.blob == expected) else {
            return Ok(Written::Stale);
        };
        let change = RemoteChange {
            path: path.to_owned(),
            bytes: Some(bytes.clone()),
        };
        self.change(From::Parent(&parent), &[change], message)
    }

    fn advance(
        &self,
        parent: Option<&str>,
        changes: &[RemoteChange],
        message: &str,
    ) -> Result<Written> {
        let from = parent.map_or(From::Nothing, From::Parent);
        self.change(from, changes, message)
    }

    fn replace(
        &self,
        of: &str,
        (changes, message): (&[RemoteChange], &str),
        _safe: &dyn Fn() -> bool,
    ) -> Result<Written> {
        self.change(From::TreeOf(of), changes, message)
    }

    fn replaces_conditionally(&self) -> bool {
        true
    }
}
