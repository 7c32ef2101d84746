//! What differs between two commits, and their merge. Files are merged whole: two sides that change one file conflict.

use super::{Entry, Files, Objects, Sha};

/// A file that differs.
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) before: Option<Entry>,
    pub(crate) after: Option<Entry>,
}

impl Change {
    /// GitHub's word for it.
    pub(crate) fn status(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "modified",
        }
    }
}

/// How a merge ends.
pub(crate) enum Merge {
    /// The tree of the merge commit.
    Tree(Sha),
    /// The base has it all already.
    Nothing,
    Conflict,
}

impl Objects {
    /// The files that differ between two commits or trees, by path.
    pub(crate) fn changes(&self, before: &str, after: &str) -> Vec<Change> {
        let (old, new) = (self.files(before), self.files(after));
        let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
        paths.sort();
        paths.dedup();
        paths
            .into_iter()
            .filter(|path| old.get(*path) != new.get(*path))
            .map(|path| Change {
                path: path.clone(),
                before: old.get(path).cloned(),
                after: new.get(path).cloned(),
            })
            .collect()
    }

    /// Merges `head` into `base`.
    pub(crate) fn merge(&mut self, base: &str, head: &str) -> Merge {
        if self.contains(base, head) {
            return Merge::Nothing;
        }
        let Some(fork) = self.merge_base(base, head) else {
            return Merge::Conflict;
        };
        let ours = self.files(base);
        let theirs = self.changes(&fork, head);
        if theirs.iter().any(|change| clashes(change, &ours)) {
            return Merge::Conflict;
        }
        let tree = self.tree_of(base);
        let changes = theirs
            .into_iter()
            .map(|change| (change.path, change.after))
            .collect();
        Merge::Tree(self.edit(tree.as_deref(), changes))
    }
}

fn clashes(change: &Change, ours: &Files) -> bool {
    let here = ours.get(&change.path);
    here != change.before.as_ref() && here != change.after.as_ref()
}
