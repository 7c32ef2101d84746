//! Commits, trees, blobs, files and what differs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{View, node_id};
use crate::git::{Change, Commit, Entry, Files, Person};
use crate::state::timestamp;
use crate::url::escape_path;

/// GitHub leaves the patch out above this many bytes of a file.
const LARGEST_PATCH: usize = 400_000;

fn person(person: &Person) -> Value {
    json!({"name": person.name, "email": person.email, "date": timestamp(person.seconds)})
}

fn unsigned() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}

/// Base64 in lines of 60 characters, as GitHub sends it.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut lines = String::with_capacity(text.len() + text.len() / 60 + 1);
    for line in text.as_bytes().chunks(60) {
        lines.extend(line.iter().map(|byte| char::from(*byte)));
        lines.push('\n');
    }
    lines
}

impl View<'_> {
    fn found(&self, sha: &str) -> Option<&Commit> {
        self.world
            .objects(self.repo)
            .commit(sha)
            .map(|commit| &**commit)
    }

    fn parents(&self, commit: &Commit, path: &str) -> Vec<Value> {
        let parent = |sha: &String| json!({"sha": sha, "url": self.url(&format!("{path}/{sha}")), "html_url": self.html(&format!("/commit/{sha}"))});
        commit.parents.iter().map(parent).collect()
    }

    /// A commit of the Git data API.
    pub(crate) fn git_commit(&self, sha: &str) -> Option<Value> {
        let commit = self.found(sha)?;
        Some(json!({
            "sha": sha,
            "node_id": format!("C_{sha}"),
            "url": self.url(&format!("/git/commits/{sha}")),
            "html_url": self.html(&format!("/commit/{sha}")),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "tree": {"sha": commit.tree, "url": self.url(&format!("/git/trees/{}", commit.tree))},
            "message": commit.message,
            "parents": self.parents(commit, "/git/commits"),
            "verification": unsigned(),
        }))
    }

    /// A commit of the repositories API, without statistics.
    pub(crate) fn commit(&self, sha: &str) -> Option<Value> {
        let commit = self.found(sha)?;
        let url = self.url(&format!("/commits/{sha}"));
        Some(json!({
            "sha": sha,
            "node_id": format!("C_{sha}"),
            "url": url,
            "html_url": self.html(&format!("/commit/{sha}")),
            "comments_url": format!("{url}/comments"),
            "commit": {
                "author": person(&commit.author),
                "committer": person(&commit.committer),
                "message": commit.message,
                "tree": {"sha": commit.tree, "url": self.url(&format!("/git/trees/{}", commit.tree))},
                "url": self.url(&format!("/git/commits/{sha}")),
                "comment_count": 0,
                "verification": unsigned(),
            },
            "author": self.world.user_json(&commit.author.name),
            "committer": self.world.user_json(&commit.committer.name),
            "parents": self.parents(commit, "/commits"),
        }))
    }

    /// A commit with the files that it changes.
    pub(crate) fn commit_with_files(&self, sha: &str) -> Option<Value> {
        let mut shown = self.commit(sha)?;
        let before = self
            .found(sha)?
            .parents
            .first()
            .cloned()
            .unwrap_or_default();
        let files = self.changes(&before, sha);
        let sum = |field: &str| {
            files
                .iter()
                .filter_map(|file| file.get(field)?.as_u64())
                .sum::<u64>()
        };
        let (additions, deletions) = (sum("additions"), sum("deletions"));
        if let Value::Object(fields) = &mut shown {
            let stats = json!({"additions": additions, "deletions": deletions, "total": additions + deletions});
            fields.insert("stats".to_owned(), stats);
            fields.insert("files".to_owned(), Value::Array(files));
        }
        Some(shown)
    }

    /// The head commit of a run or a suite.
    pub(crate) fn short_commit(&self, sha: &str) -> Value {
        let Some(commit) = self.found(sha) else {
            return self.world.filled("simple-commit", json!({"id": sha}));
        };
        json!({
            "id": sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": timestamp(commit.committer.seconds),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        })
    }

    /// A ref of the Git data API.
    pub(crate) fn git_ref(&self, full: &str, sha: &str) -> Value {
        json!({
            "ref": full,
            "node_id": node_id("REF", self.repo.id),
            "url": self.url(&format!("/git/{}", escape_path(full))),
            "object": {"type": "commit", "sha": sha, "url": self.url(&format!("/git/commits/{sha}"))},
        })
    }

    /// A tree of the Git data API.
    pub(crate) fn git_tree(&self, sha: &str, entries: &Files) -> Value {
        let lines: Vec<Value> = entries
            .iter()
            .map(|(path, entry)| self.tree_line(path, entry))
            .collect();
        json!({"sha": sha, "url": self.url(&format!("/git/trees/{sha}")), "tree": lines, "truncated": false})
    }

    fn tree_line(&self, path: &str, entry: &Entry) -> Value {
        let folder = if entry.is_folder() { "trees" } else { "blobs" };
        let mut line = json!({
            "path": path,
            "mode": entry.mode,
            "type": entry.kind(),
            "sha": entry.sha,
            "url": self.url(&format!("/git/{folder}/{}", entry.sha)),
        });
        let size = self
            .world
            .objects(self.repo)
            .blob(&entry.sha)
            .map(bytes::Bytes::len);
        if let (Value::Object(fields), Some(size)) = (&mut line, size) {
            fields.insert("size".to_owned(), Value::from(size));
        }
        line
    }

    /// A file or a line of a folder of the contents API; `content` only for a file that was asked for by itself.
    pub(crate) fn content(&self, path: &str, entry: &Entry, reference: &str) -> Value {
        let is_folder = entry.is_folder();
        let (place, reference) = (escape_path(path), escape_path(reference));
        let size = self
            .world
            .objects(self.repo)
            .blob(&entry.sha)
            .map_or(0, bytes::Bytes::len);
        let url = self.url(&format!("/contents/{place}?ref={reference}"));
        let git = self.url(&format!(
            "/git/{}/{}",
            if is_folder { "trees" } else { "blobs" },
            entry.sha
        ));
        let page = self.html(&format!(
            "/{}/{reference}/{place}",
            if is_folder { "tree" } else { "blob" }
        ));
        json!({
            "type": if is_folder { "dir" } else { "file" },
            "name": path.rsplit('/').next().unwrap_or(path),
            "path": path,
            "sha": entry.sha,
            "size": size,
            "url": url,
            "html_url": page,
            "git_url": git,
            "download_url": (!is_folder).then(|| self.html(&format!("/raw/{reference}/{place}"))),
            "_links": {"self": url, "git": git, "html": page},
        })
    }

    /// The files that differ between two commits, with patches.
    pub(crate) fn changes(&self, before: &str, after: &str) -> Vec<Value> {
        let changes = self.world.objects(self.repo).changes(before, after);
        changes
            .iter()
            .map(|change| self.diff_entry(change, after))
            .collect()
    }

    fn diff_entry(&self, change: &Change, sha: &str) -> Value {
        let (added, removed, patch) = self.patch(change);
        let path = &change.path;
        let blob = change
            .after
            .as_ref()
            .or(change.before.as_ref())
            .map(|entry| entry.sha.clone());
        let mut shown = json!({
            "sha": blob,
            "filename": path,
            "status": change.status(),
            "additions": added,
            "deletions": removed,
            "changes": added + removed,
            "blob_url": self.html(&format!("/blob/{sha}/{}", escape_path(path))),
            "raw_url": self.html(&format!("/raw/{sha}/{}", escape_path(path))),
            "contents_url": self.url(&format!("/contents/{}?ref={sha}", escape_path(path))),
        });
        if let (Value::Object(fields), Some(patch)) = (&mut shown, patch) {
            fields.insert("patch".to_owned(), Value::from(patch));
        }
        shown
    }

    fn text_of(&self, entry: Option<&Entry>) -> Option<String> {
        let Some(entry) = entry else {
            return Some(String::new());
        };
        let bytes = self.world.objects(self.repo).blob(&entry.sha)?;
        (bytes.len() <= LARGEST_PATCH)
            .then(|| String::from_utf8(bytes.to_vec()).ok())
            .flatten()
    }

    fn patch(&self, change: &Change) -> (usize, usize, Option<String>) {
        let texts = self
            .text_of(change.before.as_ref())
            .zip(self.text_of(change.after.as_ref()));
        let Some((old, new)) = texts else {
            return (0, 0, None);
        };
        let diff = TextDiff::from_lines(&old, &new);
        let count = |tag: ChangeTag| {
            diff.iter_all_changes()
                .filter(|line| line.tag() == tag)
                .count()
        };
        let patch = diff.unified_diff().context_radius(3).to_string();
        let patch = patch.trim_end().to_owned();
        (
            count(ChangeTag::Insert),
            count(ChangeTag::Delete),
            (!patch.is_empty()).then_some(patch),
        )
    }
}
