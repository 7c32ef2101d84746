//! Facts from GitHub, and effects on it. The only crate that names octocrab, and uses it as a transport only.
//!
//! Blocking and safe to share between threads: clone a [`Github`] or a [`Repo`] freely, all clones share connections, caches and limits. What is
//! asked side by side is asked from threads.
//!
//! ```no_run
//! use github::{Credentials, Github, Settings};
//!
//! let settings = Settings {
//!     credentials: Credentials::Token("token".into()),
//!     login: Some("github-actions[bot]".to_owned()),
//!     ..Settings::default()
//! };
//! let repo = Github::new(settings)?.repo("acme/shop")?;
//! let pull = repo.pull(7)?;
//! println!("{} by {}", pull.title, pull.user.login);
//! # Ok::<(), github::Error>(())
//! ```
//!
//! | file | what |
//! |---|---|
//! | `settings`, `error` | what a caller gives and gets |
//! | `policy` | when to ask again: pure |
//! | `call`, `address`, `refusal` | a request, where it may go, what a refusal means |
//! | `client`, `transport`, `cache`, `auth` | one call with everything around it |
//! | `connect`, `proxy`, `lost` | connections, and why there is none |
//! | `pages` | lists |
//! | `facts`, `files`, `actions` | reading |
//! | `git_data` | commits, trees, blobs, branches: reading and compare-and-swap |
//! | `identity` | whose our comments are |
//! | `effects` | making [`model::Effect`]s true |

mod actions;
mod address;
mod auth;
mod cache;
mod call;
mod client;
mod connect;
mod effects;
mod error;
mod facts;
mod files;
mod git_data;
mod hash;
mod identity;
mod lost;
mod memo;
mod pages;
mod policy;
mod proxy;
mod refusal;
mod repo;
mod settings;
mod transport;

use std::sync::Arc;

use client::Client;
use memo::Memo;

pub use actions::{Artifact, Job, RunFilter, Runs, WorkflowRun};
pub use effects::{Applied, Done};
pub use error::{Error, Result};
pub use facts::{
    Account, App, Branch, Check, CheckOutput, Comment, Commit, CommitText, Comparison, FileChange,
    Label, Membership, Milestone, Permission, Protection, Pull, PullEnd, RateLimit, RepoInfo, Rule,
    Signature, Status,
};
pub use files::{File, Put, PutFile};
pub use git_data::{Created, Moved, Tip, TreeEntry};
pub use pages::{Page, Pages};
pub use proxy::Proxies;
pub use repo::Repo;
pub use settings::{Credentials, Limits, Settings};

/// A GitHub and who asks it.
#[derive(Clone, Debug)]
pub struct Github {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    memo: Memo,
}

impl Github {
    /// Prepares to ask; sends nothing yet.
    ///
    /// # Errors
    /// [`Error::BadSettings`] when the address, the token or the key cannot be used, or the machine has no root certificates.
    pub fn new(settings: Settings) -> Result<Self> {
        let inner = Inner {
            client: Client::new(settings)?,
            memo: Memo::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// A repository, by `owner/name`; sends nothing.
    ///
    /// # Errors
    /// [`Error::BadSettings`] when `name` is no `owner/name`.
    pub fn repo(&self, name: &str) -> Result<Repo> {
        Repo::new(self.clone(), name)
    }

    /// HTTP requests sent so far, repeated and redirected ones too.
    pub fn calls(&self) -> u64 {
        self.client().calls()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn memo(&self) -> &Memo {
        &self.inner.memo
    }
}
