//! Repositories, refs and commits.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Pull, Repo, World};
use crate::git::{Commit, Entry, Person, Sha};
use crate::reply::Reply;

/// Files of a commit: a path gets bytes, or nothing.
pub(crate) type Contents = Vec<(String, Option<Bytes>)>;

impl World {
    /// Creates the repository with one commit on `main`, unless it is there.
    pub(crate) fn ensure_repo(&mut self, full_name: &str) {
        if self.repo(full_name).is_ok() {
            return;
        }
        let network = self.id();
        self.insert_repo(full_name, network, None);
        let readme = vec![(
            "README.md".to_owned(),
            Some(Bytes::from(format!("# {full_name}\n"))),
        )];
        drop(self.push(full_name, "main", readme, "first commit"));
    }

    /// Creates a fork with the branches of its parent, unless it is there.
    pub(crate) fn ensure_fork(&mut self, parent: &str, full_name: &str) -> Result<(), Reply> {
        if self.repo(full_name).is_ok() {
            return Ok(());
        }
        let repo = self.repo(parent)?;
        let (network, refs, parent) = (repo.network, repo.refs.clone(), repo.full_name());
        self.insert_repo(full_name, network, Some(parent));
        self.repo_mut(full_name)?.refs = refs;
        Ok(())
    }

    fn insert_repo(&mut self, full_name: &str, network: u64, parent: Option<String>) {
        let (owner, name) = full_name.split_once('/').unwrap_or(("acme", full_name));
        let id = self.id();
        self.user(owner);
        let repo = Repo {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: false,
            default_branch: "main".to_owned(),
            parent,
            network,
            refs: BTreeMap::new(),
            ref_fresh: BTreeMap::new(),
            issues: BTreeMap::new(),
            comments: BTreeMap::new(),
            reviews: BTreeMap::new(),
            labels: BTreeMap::new(),
            milestones: BTreeMap::new(),
            statuses: BTreeMap::new(),
            checks: BTreeMap::new(),
            runs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            releases: BTreeMap::new(),
            collaborators: BTreeMap::from([(owner.to_lowercase(), "admin".to_owned())]),
            protection: BTreeMap::new(),
            rules: BTreeMap::new(),
            dispatches: Vec::new(),
            sarifs: Vec::new(),
            attestations: BTreeMap::new(),
        };
        self.repos.insert(full_name.to_lowercase(), repo);
    }

    /// Commits files to a branch, which starts at the default branch when it is new, and returns the commit.
    pub(crate) fn push(
        &mut self,
        repo: &str,
        branch: &str,
        files: Contents,
        message: &str,
    ) -> Result<Sha, Reply> {
        let known = self.repo(repo)?;
        let parent = known
            .head(branch)
            .or_else(|| known.head(&known.default_branch))
            .cloned();
        let author = self.person("octocat");
        let objects = self.objects_mut(repo)?;
        let mut entry = |bytes: Bytes| Entry::file(objects.put_blob(bytes));
        let changes = files
            .into_iter()
            .map(|(path, bytes)| (path, bytes.map(&mut entry)))
            .collect();
        let base = parent.as_deref().and_then(|parent| objects.tree_of(parent));
        let commit = Commit {
            tree: objects.edit(base.as_deref(), changes),
            parents: parent.into_iter().collect(),
            author: author.clone(),
            committer: author,
            message: message.to_owned(),
        };
        let sha = objects.put_commit(commit);
        self.set_ref(repo, &format!("refs/heads/{branch}"), Some(&sha))?;
        Ok(sha)
    }

    /// Somebody who commits now.
    pub(crate) fn person(&self, login: &str) -> Person {
        let id = self
            .users
            .get(&login.to_lowercase())
            .map_or(1, |user| user.id);
        Person {
            name: login.to_owned(),
            email: format!("{id}+{login}@users.noreply.github.com"),
            seconds: self.seconds(),
        }
    }

    /// Points a full ref at a commit or deletes it; pull requests from that branch follow.
    pub(crate) fn set_ref(
        &mut self,
        repo: &str,
        full_ref: &str,
        sha: Option<&str>,
    ) -> Result<(), Reply> {
        let fresh = self.fresh();
        let known = self.repo_mut(repo)?;
        let name = known.full_name();
        let Some(sha) = sha else {
            known.refs.remove(full_ref);
            return Ok(());
        };
        let before = known.refs.insert(full_ref.to_owned(), sha.to_owned());
        known.ref_fresh.insert(full_ref.to_owned(), (fresh, before));
        if let Some(branch) = full_ref.strip_prefix("refs/heads/") {
            for (repo, number) in self.move_heads(&name, branch, sha) {
                self.test_merge(&repo, number)?;
            }
        }
        Ok(())
    }

    /// Moves the heads of the open pull requests from a branch and returns those.
    fn move_heads(&mut self, head_repo: &str, branch: &str, sha: &str) -> Vec<(String, u64)> {
        let now = self.now();
        let mut moved = Vec::new();
        for repo in self.repos.values_mut() {
            let name = repo.full_name();
            for issue in repo.issues.values_mut().filter(|issue| issue.is_open) {
                let its = |pull: &&mut Pull| pull.head_repo == head_repo && pull.head_ref == branch;
                if let Some(pull) = issue.pull.as_mut().filter(its) {
                    sha.clone_into(&mut pull.head_sha);
                    issue.updated.clone_from(&now);
                    moved.push((name.clone(), issue.number));
                }
            }
        }
        moved
    }
}
