//! Files on a branch: reading with hash, writing by compare-and-swap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::{Deserialize, Serialize};

use crate::call::{Call, RAW, encode, encode_path};
use crate::error::{Error, Result};
use crate::hash::blob_sha;
use crate::repo::{Repo, found};

/// A file on a branch.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// What is in it.
    pub bytes: bytes::Bytes,
    /// Its hash as git computes it: the unit of [`Repo::put_file`].
    pub sha: String,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File({}, {} bytes)", self.sha, self.bytes.len())
    }
}

/// What became of a write of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is on the branch.
    Done {
        /// The new commit; none when an earlier attempt had made it and only its answer was lost.
        commit: Option<String>,
        /// The hash of the file.
        blob: String,
    },
    /// The file is not what was expected, or the branch moved meanwhile. Read again and decide again: when an answer was lost, it may be that this
    /// write landed and that others have built on it.
    Stale,
}

#[derive(Serialize)]
struct PutBody<'a> {
    message: &'a str,
    content: String,
    branch: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PutAnswer {
    content: Option<Hashed>,
    commit: Hashed,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hashed {
    sha: String,
}

impl Repo {
    /// A file at a branch, tag or hash; none when there is no such file, branch or repository to be seen.
    ///
    /// One call: the bytes are asked for raw, up to 100 MB, and the hash is computed from them as git does.
    ///
    /// # Errors
    /// [`Error::BadAnswer`] when the path is a folder; any other when GitHub cannot be asked.
    pub fn file(&self, path: &str, git_ref: &str) -> Result<Option<File>> {
        let rest = format!("/contents/{}?ref={}", encode_path(path)?, encode(git_ref));
        let what = self.what("reading a file");
        let call = Call::get(self.at(&rest), what, "contents: read").accept(RAW);
        let Some(answer) = found(self.ask(&call))? else {
            return Ok(None);
        };
        // A folder has no raw form: its listing comes instead.
        let is_listing = |kind: &str| kind.starts_with("application/json");
        if answer.header("content-type").is_some_and(is_listing) {
            return Err(Error::bad_answer(&call.what, "it is a folder"));
        }
        Ok(Some(File {
            sha: blob_sha(&answer.body),
            bytes: answer.body,
        }))
    }

    /// Writes a file in a commit of its own on top of the branch, if the file still has the hash `expected` (none: does not exist).
    ///
    /// GitHub makes the comparison and the write one step.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the branch does not exist; [`Error::Unavailable`] when it cannot be found out whether it was written.
    pub fn put_file(&self, write: &PutFile<'_>) -> Result<Put> {
        let blob = blob_sha(write.bytes);
        let body = PutBody {
            message: write.message,
            content: STANDARD.encode(write.bytes),
            branch: write.branch,
            sha: write.expected,
        };
        let rest = format!("/contents/{}", encode_path(write.path)?);
        let call = Call {
            // Repeated below, where a lost answer is told from a refusal.
            again: crate::policy::Again::Unhandled,
            ..self.write(Method::PUT, &rest, &body)?
        };
        let call = call.to(self.what("writing a file"), "contents: write");
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.ask_json::<PutAnswer>(&call) {
                Ok(answer) => return Ok(done(&answer, blob)),
                Err(error) if is_stale(&error) => return Ok(Put::Stale),
                Err(error) if error.is_unavailable() => {
                    self.github.client().back_off(attempt);
                    // Stands the file there as we wrote it, then it was us, or somebody who wrote the same.
                    match self.file(write.path, write.branch)? {
                        Some(file) if file.sha == blob => {
                            return Ok(Put::Done { commit: None, blob });
                        }
                        now if now.as_ref().map(|file| file.sha.as_str()) != write.expected => {
                            return Ok(Put::Stale);
                        }
                        _ if attempt >= self.github.client().settings.limits.attempts => {
                            return Err(error);
                        }
                        _ => {}
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What [`Repo::put_file`] writes.
#[derive(Clone, Copy, Debug)]
pub struct PutFile<'a> {
    /// The branch, which must exist.
    pub branch: &'a str,
    /// The path, with `/`.
    pub path: &'a str,
    /// The new content, whole.
    pub bytes: &'a [u8],
    /// The hash that the file has now; none when it does not exist.
    pub expected: Option<&'a str>,
    /// The message of the commit.
    pub message: &'a str,
}

fn done(answer: &PutAnswer, blob: String) -> Put {
    let commit = (!answer.commit.sha.is_empty()).then(|| answer.commit.sha.clone());
    let blob = answer
        .content
        .as_ref()
        .map_or(blob, |content| content.sha.clone());
    Put::Done { commit, blob }
}

/// 409: the hash is another, or the branch moved; 422: a hash is missing, so the file exists.
fn is_stale(error: &Error) -> bool {
    let lacks_hash = |why: &str| why.contains("sha");
    matches!(error, Error::Stale { .. })
        || matches!(error, Error::Refused { status: 422, why, .. } if lacks_hash(why))
}
