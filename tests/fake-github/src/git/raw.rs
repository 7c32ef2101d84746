//! Objects in the bytes in which git stores them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Commit, Entry, Objects, Person, Sha, hex, name};

impl Objects {
    /// Adds everything of another store.
    pub(crate) fn extend(&mut self, other: Self) {
        self.kept.extend(other.kept);
    }

    /// Adds an object as `git cat-file` prints it and returns its name. Kinds that the fake does not know (tags) are left out.
    pub(crate) fn put_raw(&mut self, kind: &str, bytes: &[u8]) -> Option<Sha> {
        match kind {
            "blob" => Some(self.put_blob(Bytes::copy_from_slice(bytes))),
            "tree" => Some(self.put_tree(tree(bytes))),
            "commit" => commit(&String::from_utf8_lossy(bytes)).map(|commit| {
                // A commit may hold what the fake does not keep (a signature, an encoding): its name is that of its bytes all the same.
                let sha = name("commit", bytes);
                self.put_commit_as(sha.clone(), commit);
                sha
            }),
            _ => None,
        }
    }
}

/// `mode SP name NUL 20 bytes`, again and again.
fn tree(bytes: &[u8]) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    let mut rest = bytes;
    while let Some((name, entry, after)) = entry(rest) {
        found.insert(name, entry);
        rest = after;
    }
    found
}

fn entry(bytes: &[u8]) -> Option<(String, Entry, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (head, rest) = bytes.split_at_checked(end)?;
    let head = String::from_utf8_lossy(head);
    let (mode, name) = head.split_once(' ')?;
    let (sha, after) = rest.get(1..)?.split_at_checked(20)?;
    Some((
        name.to_owned(),
        Entry {
            mode: format!("{mode:0>6}"),
            sha: hex(sha),
        },
        after,
    ))
}

fn commit(text: &str) -> Option<Commit> {
    let (head, message) = text.split_once("\n\n")?;
    let all = |key: &str| {
        head.lines()
            .filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let first = |key: &str| all(key).into_iter().next();
    Some(Commit {
        tree: first("tree")?,
        parents: all("parent"),
        author: person(&first("author")?)?,
        committer: person(&first("committer")?)?,
        message: message.to_owned(),
    })
}

/// `A U Thor <a@b.test> 1700000000 +0000`.
fn person(text: &str) -> Option<Person> {
    let (name, rest) = text.split_once(" <")?;
    let (email, time) = rest.split_once("> ")?;
    let seconds = time.split(' ').next()?.parse().ok()?;
    Some(Person {
        name: name.to_owned(),
        email: email.to_owned(),
        seconds,
    })
}
