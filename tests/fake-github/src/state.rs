//! What the fake remembers.

mod access;
mod items;
mod pulls;
mod seeds;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value;

use crate::contract::Contract;
use crate::git::{Objects, Sha};
use crate::reply::Reply;

pub(crate) use access::{ACTIONS_LOGIN, Kind, Level, Token, permissions};
pub(crate) use items::{
    Artifact, Check, Comment, Fresh, Issue, Job, Label, Merged, Milestone, Pull, Release, Review,
    Run, Status,
};
pub(crate) use pulls::NewIssue;
pub(crate) use writes::Contents;

/// Where the parts of the fake are reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Urls {
    /// Root of the API: `http://127.0.0.1:1234`, on GHES with `/api/v3`.
    pub(crate) api: String,
    /// Root of the pages for people.
    pub(crate) html: String,
    /// Where artifacts and logs are stored: another host and port, which must never see a token.
    pub(crate) store: String,
}

/// How long a write stays hidden from readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// The next so many reads do not see it yet.
    pub reads: u32,
    /// It is not seen for so many milliseconds.
    pub millis: u64,
}

/// A person, a bot or an organisation.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: &'static str,
}

/// A team of an organisation: its members and their roles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Team {
    pub(crate) members: BTreeMap<String, String>,
}

/// An organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Org {
    pub(crate) members: BTreeSet<String>,
    pub(crate) teams: BTreeMap<String, Team>,
}

/// A GitHub App, installed on every repository.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) installation: u64,
    pub(crate) permissions: BTreeMap<String, Level>,
}

/// A repository.
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) default_branch: String,
    /// `owner/name` of what it was forked from.
    pub(crate) parent: Option<String>,
    /// Forks share the objects of their parent.
    pub(crate) network: u64,
    /// `refs/heads/main` and so on.
    pub(crate) refs: BTreeMap<String, Sha>,
    /// Where refs stood before they were last written, while readers may still see that.
    pub(crate) ref_fresh: BTreeMap<String, (Fresh, Option<Sha>)>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) reviews: BTreeMap<u64, Review>,
    /// By name in small letters.
    pub(crate) labels: BTreeMap<String, Label>,
    pub(crate) milestones: BTreeMap<u64, Milestone>,
    /// By commit, oldest first.
    pub(crate) statuses: BTreeMap<Sha, Vec<Status>>,
    pub(crate) checks: BTreeMap<u64, Check>,
    pub(crate) runs: BTreeMap<u64, Run>,
    pub(crate) jobs: BTreeMap<u64, Job>,
    pub(crate) artifacts: BTreeMap<u64, Artifact>,
    pub(crate) releases: BTreeMap<String, Release>,
    /// Permission (`read`, `triage`, `write`, `maintain`, `admin`) by login.
    pub(crate) collaborators: BTreeMap<String, String>,
    /// Answer of branch protection by branch, as seeded.
    pub(crate) protection: BTreeMap<String, Value>,
    /// Rules by branch, as seeded.
    pub(crate) rules: BTreeMap<String, Vec<Value>>,
    /// `(event type, payload)` of repository dispatches and `(workflow, inputs)` of workflow dispatches.
    pub(crate) dispatches: Vec<(String, Value)>,
    /// Uploaded SARIF files.
    pub(crate) sarifs: Vec<Value>,
    /// By digest.
    pub(crate) attestations: BTreeMap<String, Vec<Value>>,
}

impl Repo {
    /// `owner/name` as it was created.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The head of a branch.
    pub(crate) fn head(&self, branch: &str) -> Option<&Sha> {
        self.refs.get(&format!("refs/heads/{branch}"))
    }

    /// The commit that a branch, a tag, a full ref or an object name means.
    pub(crate) fn resolve(&self, reference: &str, objects: &Objects) -> Option<Sha> {
        let short = reference
            .trim_start_matches("refs/")
            .trim_start_matches("heads/")
            .trim_start_matches("tags/");
        let named = ["refs/heads/", "refs/tags/", "refs/"]
            .iter()
            .find_map(|prefix| self.refs.get(&format!("{prefix}{short}")));
        let sha = named
            .cloned()
            .or_else(|| (reference.len() == 40).then(|| reference.to_owned()))?;
        objects.commit(&sha).map(|_| sha)
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) contract: Arc<Contract>,
    pub(crate) urls: Urls,
    pub(crate) lag: Lag,
    /// What the clock of the fake is ahead of the clock of the machine, in milliseconds.
    pub(crate) ahead: i64,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) orgs: BTreeMap<String, Org>,
    pub(crate) apps: BTreeMap<u64, App>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) repos: BTreeMap<String, Repo>,
    pub(crate) networks: BTreeMap<u64, Objects>,
    /// What the storage host serves, by path, until when (milliseconds).
    pub(crate) downloads: BTreeMap<String, (Bytes, i64)>,
    last_id: u64,
}

impl World {
    pub(crate) fn new(contract: Arc<Contract>, lag: Lag) -> Self {
        Self {
            contract,
            urls: Urls::default(),
            lag,
            ahead: 0,
            users: BTreeMap::new(),
            orgs: BTreeMap::new(),
            apps: BTreeMap::new(),
            tokens: BTreeMap::new(),
            repos: BTreeMap::new(),
            networks: BTreeMap::new(),
            downloads: BTreeMap::new(),
            last_id: 1000,
        }
    }

    /// A number that no other thing has.
    pub(crate) fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Milliseconds since 1970, UTC, by the clock of the fake.
    pub(crate) fn millis(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or_default() + self.ahead
    }

    /// Seconds since 1970, UTC.
    pub(crate) fn seconds(&self) -> i64 {
        self.millis().div_euclid(1000)
    }

    /// Now, as GitHub writes it: `2026-11-20T13:00:00Z`.
    pub(crate) fn now(&self) -> String {
        timestamp(self.seconds())
    }

    /// The stamp of something that was just written.
    pub(crate) fn fresh(&self) -> Fresh {
        Fresh::new(self.millis(), self.lag)
    }

    /// The repository of that name.
    ///
    /// # Errors
    /// GitHub's answer for what does not exist.
    pub(crate) fn repo(&self, name: &str) -> Result<&Repo, Reply> {
        self.repos
            .get(&name.to_lowercase())
            .ok_or_else(Reply::not_found)
    }

    /// As [`World::repo`], to change.
    pub(crate) fn repo_mut(&mut self, name: &str) -> Result<&mut Repo, Reply> {
        self.repos
            .get_mut(&name.to_lowercase())
            .ok_or_else(Reply::not_found)
    }

    /// The objects of a repository.
    pub(crate) fn objects(&self, repo: &Repo) -> &Objects {
        static NONE: Objects = Objects::none();
        self.networks.get(&repo.network).unwrap_or(&NONE)
    }

    /// The objects of the named repository, to add to.
    pub(crate) fn objects_mut(&mut self, name: &str) -> Result<&mut Objects, Reply> {
        let network = self.repo(name)?.network;
        Ok(self.networks.entry(network).or_default())
    }

    /// The user of that login; whoever is named exists.
    pub(crate) fn user(&mut self, login: &str) -> User {
        let key = login.to_lowercase();
        if let Some(user) = self.users.get(&key) {
            return user.clone();
        }
        let kind = if login.ends_with("[bot]") {
            "Bot"
        } else {
            "User"
        };
        let user = User {
            id: self.id(),
            login: login.to_owned(),
            kind,
        };
        self.users.insert(key, user.clone());
        user
    }
}

/// `2026-11-20T13:00:00Z`.
pub(crate) fn timestamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

/// Seconds since 1970 of a timestamp, 0 when it is none.
pub(crate) fn seconds_of(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_second)
        .unwrap_or_default()
}
