//! The objects of git over the API: blobs, trees, commits, branches.
//!
//! Objects are named by their content, so making one twice is making it once. A branch is the one thing that moves, by compare-and-swap.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::{Call, RAW, encode_path};
use crate::error::{Error, Result};
use crate::repo::{Repo, checked_sha, found};

const READ: &str = "contents: read";
const WRITE: &str = "contents: write";

/// A file in a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TreeEntry {
    /// Its path from the root of the tree.
    pub path: String,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its hash.
    pub sha: String,
    /// In bytes; 0 for what is no file.
    pub size: u64,
}

/// What became of making a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there and points where it should.
    Created,
    /// There is one already, pointing elsewhere.
    Exists,
}

/// What became of moving a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It points where it should.
    Moved,
    /// Somebody else moved it meanwhile. When an answer was lost, it may be that the commit landed and that others have built on it: the caller finds its own work
    /// on the branch.
    Stale,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    sha: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    object: Object,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tree {
    tree: Vec<TreeEntry>,
    truncated: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GitCommit {
    tree: Object,
}

/// Where a branch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The hash of its newest commit.
    pub commit: String,
    /// The hash of the tree of that commit.
    pub tree: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Branch {
    commit: BranchCommit,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BranchCommit {
    sha: String,
    commit: GitCommit,
}

/// Git objects. Every call can fail with any [`Error`].
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for all of them, said above"
)]
impl Repo {
    /// The commit that a branch points to; none when there is no such branch.
    pub fn branch_head(&self, branch: &str) -> Result<Option<String>> {
        let rest = format!("/git/ref/heads/{}", encode_path(branch)?);
        let read = self.read(&rest, &format!("reading branch {branch}"), READ);
        let reference: Option<Reference> = match found(read) {
            // "Git Repository is empty."
            Err(error) if error.is_refused(&[409]) => None,
            other => other?,
        };
        Ok(reference.map(|reference| reference.object.sha))
    }

    /// The commit that a branch points to, and its tree; none when there is no such branch.
    pub fn branch_tip(&self, branch: &str) -> Result<Option<Tip>> {
        let rest = format!("/branches/{}", encode_path(branch)?);
        let read = self.read(&rest, &format!("reading branch {branch}"), READ);
        let tip: Option<Branch> = found(read)?;
        Ok(tip.map(|tip| Tip {
            commit: tip.commit.sha,
            tree: tip.commit.commit.tree.sha,
        }))
    }

    /// The tree of a commit.
    pub fn commit_tree(&self, sha: &str) -> Result<String> {
        let rest = format!("/git/commits/{}", checked_sha(sha)?);
        let call = Call::get(self.at(&rest), self.what("reading a commit"), READ).soon();
        let commit: GitCommit = self.ask_json(&call)?;
        Ok(commit.tree.sha)
    }

    /// The entries of a tree, by its hash or that of a commit, or by a branch.
    ///
    /// [`Error::TooLarge`] when GitHub leaves entries out (over 100,000 or 7 MB).
    pub fn tree(&self, sha_or_ref: &str, recursive: bool) -> Result<Vec<TreeEntry>> {
        let rest = format!("/git/trees/{}", crate::call::encode(sha_or_ref));
        let target = self.at_query(&rest, &[("recursive", recursive.then_some("1"))]);
        let call = Call::get(target, self.what("reading a tree"), READ).soon();
        let tree: Tree = self.ask_json(&call)?;
        if tree.truncated {
            return Err(Error::TooLarge {
                what: call.what,
                limit: tree.tree.len() as u64,
                unit: "entries",
            });
        }
        Ok(tree.tree)
    }

    /// The bytes of a file by its hash, up to 100 MB.
    pub fn blob(&self, sha: &str) -> Result<Bytes> {
        let rest = format!("/git/blobs/{}", checked_sha(sha)?);
        let call = Call::get(self.at(&rest), self.what("reading a file"), READ).accept(RAW);
        Ok(self.ask(&call.soon())?.body)
    }

    /// Stores a file; its hash.
    pub fn create_blob(&self, bytes: &[u8]) -> Result<String> {
        let body = json!({"content": STANDARD.encode(bytes), "encoding": "base64"});
        self.create("/git/blobs", &body, "storing a file")
    }

    /// Makes a tree from another and changes to it: a hash puts a file, none removes one that is there. Its hash.
    pub fn create_tree(
        &self,
        base_tree: Option<&str>,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<String> {
        let entry = |(path, sha): (&String, &Option<String>)| json!({"path": path, "mode": "100644", "type": "blob", "sha": sha});
        let tree: Vec<Value> = changes.iter().map(entry).collect();
        let mut body = json!({"tree": tree});
        if let (Some(base), Some(body)) = (base_tree, body.as_object_mut()) {
            body.insert("base_tree".to_owned(), base.into());
        }
        self.create("/git/trees", &body, "storing a tree")
    }

    /// Makes a commit, on no branch yet; its hash. Author and date are GitHub's, so the same call later makes another commit.
    pub fn create_commit(&self, message: &str, tree: &str, parents: &[&str]) -> Result<String> {
        let body = json!({"message": message, "tree": tree, "parents": parents});
        self.create("/git/commits", &body, "storing a commit")
    }

    fn create(&self, rest: &str, body: &Value, what: &str) -> Result<String> {
        let call = self
            .write(Method::POST, rest, body)?
            .to(self.what(what), WRITE);
        let object: Object = self.ask_json(&call.repeatable().soon())?;
        Ok(object.sha)
    }

    /// Makes a branch.
    pub fn create_branch(&self, branch: &str, sha: &str) -> Result<Created> {
        encode_path(branch)?;
        let body = json!({"ref": format!("refs/heads/{branch}"), "sha": checked_sha(sha)?});
        let call = self.write(Method::POST, "/git/refs", &body)?.soon();
        // Repeated: a branch that is there already is told apart by reading it.
        let call = call.to(self.what("making a branch"), WRITE).repeatable();
        let Err(error) = self.ask(&call) else {
            return Ok(Created::Created);
        };
        let may_exist = error.is_refused(&[422]) || error.is_temporary();
        match may_exist.then(|| self.branch_head(branch)) {
            Some(Ok(Some(head))) if head == sha => Ok(Created::Created),
            Some(Ok(Some(_))) => Ok(Created::Exists),
            _ => Err(error),
        }
    }

    /// Moves a branch to a commit: without `force` only to one that comes after where it points now.
    pub fn move_branch(&self, branch: &str, sha: &str, force: bool) -> Result<Moved> {
        let rest = format!("/git/refs/heads/{}", encode_path(branch)?);
        let body = json!({"sha": checked_sha(sha)?, "force": force});
        let call = self.write(Method::PATCH, &rest, &body)?.soon();
        let call = call.to(self.what("moving a branch"), WRITE);
        match self.ask(&call) {
            Ok(_) => Ok(Moved::Moved),
            Err(error) if is_overtaken(&error) => Ok(Moved::Stale),
            Err(error) => Err(error),
        }
    }
}

/// 409 and "Update is not a fast forward".
fn is_overtaken(error: &Error) -> bool {
    matches!(error, Error::Stale { .. })
        || matches!(error, Error::Refused { status: 422, why, .. } if why.contains("fast forward"))
}
