//! Names and texts in compaction: new ones are added, many files become one, and what no row needs any more is let go.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::{Array as _, types::Int64Type};
use model::{Signature, TestId};

use crate::{
    Result, chunk,
    commit::{FileEntry, Kind},
    compact::{CompactOptions, batch::Batch},
    dictionary::{Names, Texts, read_names, read_texts},
    pq,
};

/// Files of names or texts of a repository before they are merged into one.
const DICTIONARIES: usize = 8;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1 << 13;

/// The tests and signatures that rows refer to.
#[derive(Debug, Default)]
struct Needed {
    ids: BTreeSet<TestId>,
    signatures: BTreeSet<Signature>,
}

impl Batch<'_> {
    /// Merges files of names and texts when there are many, and when rows were let go; then, and wherever retention is bounded, without those that no row
    /// needs.
    pub(super) fn merge_dictionaries(&mut self, options: &CompactOptions) -> Result<()> {
        let mut due: BTreeMap<(Kind, String), Vec<FileEntry>> = BTreeMap::new();
        for kind in [Kind::Names, Kind::Texts] {
            for file in self.state.of_kind(kind) {
                let files = due.entry((kind, file.of.repo.clone())).or_default();
                files.push(file.clone());
            }
        }
        due.retain(|(_, repo), files| {
            let all = self.let_go.contains(repo);
            let many = files.len() > DICTIONARIES;
            if many && !all {
                spare_largest(files);
            }
            many || all
        });
        let repos: BTreeSet<&String> = due.keys().map(|(_, repo)| repo).collect();
        let mut needed = BTreeMap::new();
        for repo in repos {
            if options.is_bounded() || self.let_go.contains(repo) {
                needed.insert(repo.clone(), self.needed(repo)?);
                self.collected.insert(repo.clone());
            }
        }
        for ((kind, repo), files) in due {
            for file in &files {
                self.pack.remove(file);
            }
            self.put_merged((kind, &repo), &files, needed.get(&repo))?;
        }
        self.let_go.clear();
        Ok(())
    }

    fn put_merged(
        &mut self,
        (kind, repo): (Kind, &str),
        files: &[FileEntry],
        needed: Option<&Needed>,
    ) -> Result<()> {
        let store = &self.history.store;
        if kind == Kind::Names {
            let mut names = Names::new();
            for file in files {
                read_names(&file.key, store.get(&file.key)?, &mut names)?;
            }
            names.retain(|id, _| needed.is_none_or(|needed| needed.ids.contains(id)));
            return self.pack.put_names(repo, &names);
        }
        let mut texts = Texts::new();
        for file in files {
            read_texts(&file.key, store.get(&file.key)?, &mut texts)?;
        }
        texts.retain(|s, _| needed.is_none_or(|needed| needed.signatures.contains(s)));
        self.pack.put_texts(repo, &texts)
    }

    /// What the rows of a repository refer to once this commit is made.
    fn needed(&self, repo: &str) -> Result<Needed> {
        let commit = &self.pack.commit;
        let removed: BTreeSet<&str> = commit.removed.iter().map(|f| f.key.as_str()).collect();
        let live = self.state.files.values();
        let live = live.filter(|file| !removed.contains(file.key.as_str()));
        let mut needed = Needed::default();
        for file in live
            .chain(&commit.added)
            .filter(|file| file.of.repo == repo)
        {
            match file.kind {
                Kind::Rows => self.add_needed(&file.key, &[pq::ID, "signature"], &mut needed)?,
                Kind::Cells => self.add_needed(&file.key, &[pq::ID], &mut needed)?,
                Kind::Names | Kind::Texts => {}
            }
        }
        Ok(needed)
    }

    fn add_needed(&self, key: &str, columns: &[&str], needed: &mut Needed) -> Result<()> {
        let opened = chunk::open(self.history.store.as_ref(), key, false)?;
        pq::guarded(key, || {
            let mut last = None;
            for batch in opened.reader(columns, BATCH_ROWS, None)? {
                let batch = batch.map_err(pq::damaged(key))?;
                let ids = pq::primitive::<Int64Type>(&batch, key, pq::ID)?.values();
                for id in ids.iter().filter(|id| last.replace(**id) != Some(**id)) {
                    needed.ids.insert(TestId(*id));
                }
                if columns.len() > 1 {
                    let signatures = pq::primitive::<Int64Type>(&batch, key, "signature")?;
                    if signatures.null_count() < signatures.len() {
                        needed
                            .signatures
                            .extend(signatures.iter().flatten().map(Signature));
                    }
                }
            }
            Ok(())
        })
    }

    /// Names and texts that the lake does not have yet.
    pub(super) fn put_new_dictionaries(&mut self) -> Result<()> {
        for (repo, mut names) in std::mem::take(&mut self.names) {
            let known = self.history.names_of(&self.state, &repo)?;
            names.retain(|id, _| !known.contains_key(id));
            self.pack.put_names(&repo, &names)?;
        }
        for (repo, mut texts) in std::mem::take(&mut self.texts) {
            let known = self.history.texts_of(&self.state, &repo)?;
            texts.retain(|signature, _| !known.contains_key(signature));
            self.pack.put_texts(&repo, &texts)?;
        }
        Ok(())
    }
}

/// Leaves out a file that is much larger than all others together: it would be written again for little.
fn spare_largest(files: &mut Vec<FileEntry>) {
    let all: u64 = files.iter().map(|file| file.size).sum();
    files.retain(|file| file.size < all - file.size);
}
