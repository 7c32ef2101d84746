//! Git objects in memory, named by the SHA-1 that git itself gives them.

mod merge;
mod raw;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use sha1::{Digest as _, Sha1};

pub(crate) use merge::{Change, Merge};

/// An object name: 40 hex digits.
pub(crate) type Sha = String;
/// Full paths of files to what stands there.
pub(crate) type Files = BTreeMap<String, Entry>;

/// The mode of a folder; GitHub writes it with a leading zero, git without.
pub(crate) const FOLDER: &str = "040000";

/// A line of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: String,
    pub(crate) sha: Sha,
}

impl Entry {
    pub(crate) fn file(sha: Sha) -> Self {
        Self {
            mode: "100644".to_owned(),
            sha,
        }
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.mode == FOLDER
    }

    /// GitHub's word for what the entry names.
    pub(crate) fn kind(&self) -> &'static str {
        match self.mode.as_str() {
            FOLDER => "tree",
            "160000" => "commit",
            _ => "blob",
        }
    }
}

/// Who wrote or committed, and when (seconds since 1970, UTC).
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) seconds: i64,
}

impl Person {
    fn line(&self) -> String {
        format!("{} <{}> {} +0000", self.name, self.email, self.seconds)
    }
}

/// A commit.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) tree: Sha,
    pub(crate) parents: Vec<Sha>,
    pub(crate) author: Person,
    pub(crate) committer: Person,
    pub(crate) message: String,
}

impl Commit {
    fn bytes(&self) -> Vec<u8> {
        let parents: Vec<String> = self
            .parents
            .iter()
            .map(|parent| format!("parent {parent}\n"))
            .collect();
        let people = format!(
            "author {}\ncommitter {}",
            self.author.line(),
            self.committer.line()
        );
        format!(
            "tree {}\n{}{people}\n\n{}",
            self.tree,
            parents.concat(),
            self.message
        )
        .into_bytes()
    }
}

type Tree = BTreeMap<String, Entry>;

#[derive(Clone)]
enum Object {
    Blob(Bytes),
    Tree(Arc<Tree>),
    Commit(Arc<Commit>),
}

/// The objects of a repository and of its forks.
#[derive(Clone, Default)]
pub(crate) struct Objects {
    kept: BTreeMap<Sha, Object>,
}

impl Objects {
    pub(crate) const fn none() -> Self {
        Self {
            kept: BTreeMap::new(),
        }
    }

    pub(crate) fn put_blob(&mut self, bytes: Bytes) -> Sha {
        let sha = name("blob", &bytes);
        self.kept.entry(sha.clone()).or_insert(Object::Blob(bytes));
        sha
    }

    fn put_tree(&mut self, tree: Tree) -> Sha {
        let sha = name("tree", &tree_bytes(&tree));
        self.kept
            .entry(sha.clone())
            .or_insert_with(|| Object::Tree(Arc::new(tree)));
        sha
    }

    pub(crate) fn put_commit(&mut self, commit: Commit) -> Sha {
        let sha = name("commit", &commit.bytes());
        self.put_commit_as(sha.clone(), commit);
        sha
    }

    fn put_commit_as(&mut self, sha: Sha, commit: Commit) {
        self.kept
            .entry(sha)
            .or_insert_with(|| Object::Commit(Arc::new(commit)));
    }

    pub(crate) fn blob(&self, sha: &str) -> Option<&Bytes> {
        match self.kept.get(sha)? {
            Object::Blob(bytes) => Some(bytes),
            Object::Tree(_) | Object::Commit(_) => None,
        }
    }

    pub(crate) fn tree(&self, sha: &str) -> Option<&Arc<Tree>> {
        match self.kept.get(sha)? {
            Object::Tree(tree) => Some(tree),
            Object::Blob(_) | Object::Commit(_) => None,
        }
    }

    pub(crate) fn commit(&self, sha: &str) -> Option<&Arc<Commit>> {
        match self.kept.get(sha)? {
            Object::Commit(commit) => Some(commit),
            Object::Blob(_) | Object::Tree(_) => None,
        }
    }

    /// The tree of a commit, or the tree itself.
    pub(crate) fn tree_of(&self, sha: &str) -> Option<Sha> {
        let tree = self.commit(sha).map(|commit| commit.tree.clone());
        tree.or_else(|| self.tree(sha).map(|_| sha.to_owned()))
    }

    /// What stands at a path below a tree.
    pub(crate) fn at(&self, tree: &str, path: &str) -> Option<Entry> {
        let mut here = Entry {
            mode: FOLDER.to_owned(),
            sha: tree.to_owned(),
        };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            here = self.tree(&here.sha)?.get(part)?.clone();
        }
        Some(here)
    }

    /// Everything below a tree, folders too, by full path.
    pub(crate) fn walk(&self, tree: &str) -> Files {
        let mut found = Files::new();
        self.walk_into(tree, "", &mut found);
        found
    }

    fn walk_into(&self, tree: &str, prefix: &str, found: &mut Files) {
        for (name, entry) in self.tree(tree).into_iter().flat_map(|tree| tree.iter()) {
            let path = format!("{prefix}{name}");
            if entry.is_folder() {
                self.walk_into(&entry.sha, &format!("{path}/"), found);
            }
            found.insert(path, entry.clone());
        }
    }

    /// The files of a commit or tree, without folders.
    pub(crate) fn files(&self, sha: &str) -> Files {
        let tree = self.tree_of(sha).unwrap_or_default();
        self.walk(&tree)
            .into_iter()
            .filter(|(_, entry)| !entry.is_folder())
            .collect()
    }

    /// A tree as `base` with changes: a path gets an entry, or nothing.
    pub(crate) fn edit(
        &mut self,
        base: Option<&str>,
        changes: Vec<(String, Option<Entry>)>,
    ) -> Sha {
        let mut tree = base
            .and_then(|sha| self.tree(sha))
            .map(|tree| Tree::clone(tree))
            .unwrap_or_default();
        for (name, inner) in by_folder(changes) {
            let entry = match inner {
                Inner::Here(entry) => entry,
                Inner::Below(changes) => self.edit_folder(tree.get(&name), changes),
            };
            match entry {
                Some(entry) => drop(tree.insert(name, entry)),
                None => drop(tree.remove(&name)),
            }
        }
        self.put_tree(tree)
    }

    fn edit_folder(
        &mut self,
        folder: Option<&Entry>,
        changes: Vec<(String, Option<Entry>)>,
    ) -> Option<Entry> {
        let base = folder
            .filter(|entry| entry.is_folder())
            .map(|entry| entry.sha.clone());
        let sha = self.edit(base.as_deref(), changes);
        let is_empty = self.tree(&sha).is_none_or(|tree| tree.is_empty());
        (!is_empty).then(|| Entry {
            mode: FOLDER.to_owned(),
            sha,
        })
    }

    /// The commit and everything before it, nearest first.
    fn before<'o>(&'o self, sha: &'o str) -> impl Iterator<Item = &'o str> {
        let mut seen = BTreeSet::from([sha]);
        let mut todo = VecDeque::from([sha]);
        std::iter::from_fn(move || {
            let sha = todo.pop_front()?;
            let parents = self.commit(sha).map(|commit| commit.parents.as_slice());
            for parent in parents.unwrap_or_default() {
                if seen.insert(parent.as_str()) {
                    todo.push_back(parent);
                }
            }
            Some(sha)
        })
    }

    /// The commit and everything before it, nearest first.
    pub(crate) fn ancestors(&self, sha: &str) -> Vec<Sha> {
        let known = self.before(sha).filter(|sha| self.commit(sha).is_some());
        known.map(str::to_owned).collect()
    }

    /// Whether `later` contains `earlier`.
    pub(crate) fn contains(&self, later: &str, earlier: &str) -> bool {
        self.before(later).any(|sha| sha == earlier)
    }

    /// The nearest commit that both contain.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<Sha> {
        let theirs: BTreeSet<Sha> = self.ancestors(other).into_iter().collect();
        self.ancestors(one)
            .into_iter()
            .find(|sha| theirs.contains(sha))
    }

    /// The commits that `head` has and `base` has not, oldest first.
    pub(crate) fn since(&self, base: &str, head: &str) -> Vec<Sha> {
        let old: BTreeSet<Sha> = self.ancestors(base).into_iter().collect();
        let mut new: Vec<Sha> = self
            .ancestors(head)
            .into_iter()
            .filter(|sha| !old.contains(sha))
            .collect();
        new.reverse();
        new
    }
}

enum Inner {
    Here(Option<Entry>),
    Below(Vec<(String, Option<Entry>)>),
}

fn by_folder(changes: Vec<(String, Option<Entry>)>) -> BTreeMap<String, Inner> {
    let mut found = BTreeMap::new();
    for (path, entry) in changes {
        let Some((folder, rest)) = path.split_once('/') else {
            found.insert(path, Inner::Here(entry));
            continue;
        };
        let change = (rest.to_owned(), entry);
        match found
            .entry(folder.to_owned())
            .or_insert_with(|| Inner::Below(Vec::new()))
        {
            Inner::Below(changes) => changes.push(change),
            here @ Inner::Here(_) => *here = Inner::Below(vec![change]),
        }
    }
    found
}

/// A folder sorts as if its name ended in a slash.
fn tree_bytes(tree: &Tree) -> Vec<u8> {
    let sorted: BTreeMap<String, (&str, &Entry)> = tree
        .iter()
        .map(|(name, entry)| {
            (
                if entry.is_folder() {
                    format!("{name}/")
                } else {
                    name.clone()
                },
                (name.as_str(), entry),
            )
        })
        .collect();
    let line = |(name, entry): &(&str, &Entry)| {
        let mut line = format!("{} {name}\0", entry.mode.trim_start_matches('0')).into_bytes();
        line.extend(binary(&entry.sha));
        line
    };
    sorted.values().flat_map(line).collect()
}

fn binary(sha: &str) -> impl Iterator<Item = u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .unwrap_or_default()
    };
    let (pairs, _) = sha.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(move |[high, low]| digit(*high) * 16 + digit(*low))
}

fn name(kind: &str, bytes: &[u8]) -> Sha {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {}\0", bytes.len()));
    hash.update(bytes);
    hex(&hash.finalize())
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person {
            name: "A".to_owned(),
            email: "a@b.test".to_owned(),
            seconds: 1_700_000_000,
        }
    }

    fn blob(objects: &mut Objects, text: &str) -> Entry {
        Entry::file(objects.put_blob(Bytes::from(text.to_owned())))
    }

    #[test]
    fn names_are_the_names_of_git() {
        let mut objects = Objects::default();
        assert_eq!(
            objects.put_blob(Bytes::new()),
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
        );
        assert_eq!(
            objects.edit(None, Vec::new()),
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        );
        let hello = blob(&mut objects, "hello\n");
        assert_eq!(hello.sha, "ce013625030ba8dba906f756967f9e9ca394464a");
        // `a-b` sorts before the folder `a/`: as `git write-tree` says of the same three files.
        let changes = ["a/x", "a-b", "b"].map(|path| (path.to_owned(), Some(hello.clone())));
        let tree = objects.edit(None, changes.to_vec());
        assert_eq!(tree, "7a61b279b5ba50390ef25bc28038709d5101eaaf");
        let commit = Commit {
            tree,
            parents: Vec::new(),
            author: person(),
            committer: person(),
            message: "one\n".to_owned(),
        };
        assert_eq!(
            objects.put_commit(commit),
            "c3bc4d3bf71541f43fb314da440630e9ac0ba062"
        );
    }

    #[test]
    fn an_edit_touches_only_its_paths_and_drops_empty_folders() {
        let mut objects = Objects::default();
        let one = Some(blob(&mut objects, "1"));
        let tree = objects.edit(
            None,
            vec![
                ("a/b/c".to_owned(), one.clone()),
                ("d".to_owned(), one.clone()),
            ],
        );
        let tree = objects.edit(
            Some(&tree),
            vec![("a/b/c".to_owned(), None), ("e/f".to_owned(), one)],
        );
        assert_eq!(
            objects.files(&tree).into_keys().collect::<Vec<_>>(),
            ["d", "e/f"]
        );
        assert!(objects.at(&tree, "a").is_none());
    }

    #[test]
    fn the_merge_base_is_where_the_branches_parted() {
        let mut objects = Objects::default();
        let tree = objects.edit(None, Vec::new());
        let mut commit = |message: &str, parents: &[&Sha]| {
            let parents = parents.iter().map(|sha| (*sha).clone()).collect();
            objects.put_commit(Commit {
                tree: tree.clone(),
                parents,
                author: person(),
                committer: person(),
                message: message.to_owned(),
            })
        };
        let root = commit("root", &[]);
        let fork = commit("fork", &[&root]);
        let left = commit("left", &[&fork]);
        let right = commit("right", &[&fork]);
        assert_eq!(objects.merge_base(&left, &right), Some(fork.clone()));
        assert_eq!(objects.since(&right, &left), std::slice::from_ref(&left));
        assert!(objects.contains(&left, &root) && !objects.contains(&root, &left));
    }
}
