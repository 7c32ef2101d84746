//! A repository of the fake: seeding it and looking at it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::fake::done;
use crate::pipeline::Core;
use crate::reply::Reply;
use crate::state::{self, Contents, World};

/// A repository of the fake.
#[derive(Clone, Debug)]
pub struct Repo {
    core: Arc<Core>,
    name: String,
}

/// What a pull request starts with.
#[derive(Clone, Debug)]
pub struct NewPull {
    /// As shown.
    pub title: String,
    /// Who opens it.
    pub author: String,
    /// `owner/name` of the head: the repository itself or a fork.
    pub head_repo: String,
    /// The branch of the head; it has to be there.
    pub head: String,
    /// The branch that it wants to join.
    pub base: String,
}

/// What a workflow run is.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Name of the workflow.
    pub name: String,
    /// The event that started it.
    pub event: String,
    /// The branch of its head.
    pub head_branch: String,
    /// The commit of its head.
    pub head_sha: String,
    /// `owner/name` where the head is; empty for the repository itself.
    pub head_repo: String,
    /// `success` and so on; empty while it runs.
    pub conclusion: String,
    /// Seconds before now at which it was created.
    pub age_seconds: i64,
}

impl Default for NewRun {
    fn default() -> Self {
        Self {
            name: "ci".to_owned(),
            event: "push".to_owned(),
            head_branch: "main".to_owned(),
            head_sha: String::new(),
            head_repo: String::new(),
            conclusion: "success".to_owned(),
            age_seconds: 0,
        }
    }
}

impl Repo {
    pub(crate) fn new(core: Arc<Core>, name: &str) -> Self {
        Self {
            core,
            name: name.to_owned(),
        }
    }

    /// `owner/name`.
    pub fn full_name(&self) -> &str {
        &self.name
    }

    #[track_caller]
    fn with<T>(&self, what: &str, act: impl FnOnce(&mut World) -> Result<T, Reply>) -> T {
        done(what, act(&mut self.core.world()))
    }

    #[track_caller]
    fn look<T>(&self, act: impl FnOnce(&crate::view::View<'_>) -> T) -> T {
        let world = self.core.world();
        let repo = done("find the repository", world.repo(&self.name));
        act(&crate::view::View {
            world: &world,
            repo,
        })
    }

    /// Commits files to a branch, which starts at the default branch when it is new. Returns the commit.
    #[track_caller]
    pub fn push_commit(&self, branch: &str, files: &[(&str, &[u8])]) -> String {
        self.push_to(&self.name, branch, files)
    }

    #[track_caller]
    fn push_to(&self, repo: &str, branch: &str, files: &[(&str, &[u8])]) -> String {
        let owned = |(path, bytes): &(&str, &[u8])| {
            ((*path).to_owned(), Some(Bytes::copy_from_slice(bytes)))
        };
        let files: Contents = files.iter().map(owned).collect();
        self.with("push", |world| {
            world.push(repo, branch, files, &format!("change {branch}"))
        })
    }

    /// Takes branches and tags of a git repository on this machine, under the names that its commits have there. They replace the branches that are here.
    ///
    /// # Panics
    /// When there is no `git` or no repository.
    #[track_caller]
    pub fn import(&self, folder: &Path) {
        let imported = done("read the git repository", crate::import::read(folder));
        done("import", self.core.world().import(&self.name, imported));
    }

    /// Opens a pull request from a branch of the repository to its default branch; a branch that has nothing new gets a commit.
    #[track_caller]
    pub fn add_pull(&self, branch: &str) -> u64 {
        self.ensure_commit(&self.name, branch);
        let base = self.default_branch();
        self.open(NewPull {
            title: format!("pull {branch}"),
            author: "octocat".to_owned(),
            head_repo: self.name.clone(),
            head: branch.to_owned(),
            base,
        })
    }

    /// Opens another pull request of the same head, into another branch.
    #[track_caller]
    pub fn add_pull_of(&self, number: u64, base: &str) -> u64 {
        let (head_repo, head) = self.look(|view| {
            let pull = view.repo.issues.get(&number);
            let pull = pull.and_then(|issue| issue.pull.as_ref());
            pull.map(|pull| (pull.head_repo.clone(), pull.head_ref.clone()))
                .unwrap_or_default()
        });
        self.open(NewPull {
            title: format!("pull {head} into {base}"),
            author: "octocat".to_owned(),
            head_repo,
            head,
            base: base.to_owned(),
        })
    }

    /// Opens a pull request from the fork `owner/<name>`, which is made when it is not there, with a commit of these files.
    #[track_caller]
    pub fn add_fork_pull(&self, owner: &str, branch: &str, files: &[(&str, &[u8])]) -> u64 {
        let fork = self.fork(owner);
        self.push_to(&fork, branch, files);
        let base = self.default_branch();
        self.open(NewPull {
            title: format!("pull {owner}:{branch}"),
            author: owner.to_owned(),
            head_repo: fork,
            head: branch.to_owned(),
            base,
        })
    }

    /// Forks the repository to another owner and returns `owner/name`.
    #[track_caller]
    pub fn fork(&self, owner: &str) -> String {
        self.with("fork", |world| world.fork_to(&self.name, owner))
    }

    /// Opens a pull request and returns its number.
    #[track_caller]
    pub fn open(&self, new: NewPull) -> u64 {
        self.with("open the pull request", |world| {
            world.open_pull(&self.name, new)
        })
    }

    #[track_caller]
    fn ensure_commit(&self, repo: &str, branch: &str) {
        let base = self.default_branch();
        let is_new = self.look(|view| {
            let head = view.repo.head(branch);
            head.is_none() || head == view.repo.head(&base)
        });
        if is_new {
            self.push_to(repo, branch, &[(&format!("{branch}.txt"), b"new\n")]);
        }
    }

    fn default_branch(&self) -> String {
        self.look(|view| view.repo.default_branch.clone())
    }

    /// The head of a branch, when it is there.
    #[track_caller]
    pub fn head(&self, branch: &str) -> Option<String> {
        self.look(|view| view.repo.head(branch).cloned())
    }

    /// The head commit of a pull request.
    #[track_caller]
    pub fn head_of_pull(&self, number: u64) -> String {
        self.look(|view| {
            let pull = view
                .repo
                .issues
                .get(&number)
                .and_then(|issue| issue.pull.as_ref());
            pull.map(|pull| pull.head_sha.clone()).unwrap_or_default()
        })
    }

    /// The commit that merging a pull request would make: what `GITHUB_SHA` is for the event `pull_request`. None when it conflicts.
    #[track_caller]
    pub fn test_merge(&self, number: u64) -> Option<String> {
        let name = format!("refs/pull/{number}/merge");
        self.look(|view| view.repo.refs.get(&name).cloned())
    }

    /// The comments of a pull request or issue, oldest first, as the API shows them.
    #[track_caller]
    pub fn comments(&self, number: u64) -> Vec<Value> {
        self.look(|view| {
            let its = view
                .repo
                .comments
                .values()
                .filter(|comment| comment.issue == number);
            its.map(|comment| view.comment(comment)).collect()
        })
    }

    /// The names of the labels of a pull request or issue.
    #[track_caller]
    pub fn labels(&self, number: u64) -> Vec<String> {
        self.look(|view| {
            view.repo
                .issues
                .get(&number)
                .map(|issue| issue.labels.clone())
                .unwrap_or_default()
        })
    }

    /// The statuses of a commit, oldest first, as the API shows them.
    #[track_caller]
    pub fn statuses(&self, sha: &str) -> Vec<Value> {
        self.look(|view| {
            view.repo
                .statuses
                .get(sha)
                .into_iter()
                .flatten()
                .map(|status| view.status(sha, status))
                .collect()
        })
    }

    /// The check runs of a commit, as the API shows them.
    #[track_caller]
    pub fn check_runs(&self, sha: &str) -> Vec<Value> {
        self.look(|view| {
            view.repo
                .checks
                .values()
                .filter(|check| check.sha == sha)
                .map(|check| view.check(check))
                .collect()
        })
    }

    /// The annotations of a check run, as they were sent.
    #[track_caller]
    pub fn annotations(&self, check_run: u64) -> Vec<Value> {
        self.look(|view| {
            view.repo
                .checks
                .get(&check_run)
                .map(|check| check.annotations.clone())
                .unwrap_or_default()
        })
    }

    /// The files of a branch; none when it is not there.
    #[track_caller]
    pub fn branch_files(&self, branch: &str) -> BTreeMap<String, Vec<u8>> {
        self.look(|view| {
            let objects = view.world.objects(view.repo);
            let files = view
                .repo
                .head(branch)
                .map(|head| objects.files(head))
                .unwrap_or_default();
            let bytes = |sha: &str| {
                objects
                    .blob(sha)
                    .map(|bytes| bytes.to_vec())
                    .unwrap_or_default()
            };
            files
                .into_iter()
                .map(|(path, entry)| (path, bytes(&entry.sha)))
                .collect()
        })
    }

    /// The commits of a branch, newest first, as the API shows them.
    #[track_caller]
    pub fn commits_of(&self, branch: &str) -> Vec<Value> {
        self.look(|view| {
            let head = view.repo.head(branch).cloned().unwrap_or_default();
            let commits = view.world.objects(view.repo).ancestors(&head);
            commits
                .iter()
                .filter_map(|sha| view.git_commit(sha))
                .collect()
        })
    }

    /// Adds a comment by somebody and returns its number.
    #[track_caller]
    pub fn add_comment(&self, number: u64, login: &str, body: &str) -> u64 {
        self.with("comment", |world| {
            world.add_comment(&self.name, (number, login), body)
        })
    }

    /// Adds labels to a pull request or issue; those that the repository has not are made.
    #[track_caller]
    pub fn add_labels(&self, number: u64, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.with("label", |world| {
            world.add_labels(&self.name, number, &names)
        });
    }

    /// Adds a milestone and returns its number.
    #[track_caller]
    pub fn add_milestone(&self, title: &str) -> u64 {
        self.with("add the milestone", |world| {
            world.add_milestone(&self.name, title)
        })
    }

    /// Gives somebody `read`, `triage`, `write`, `maintain` or `admin`.
    #[track_caller]
    pub fn add_collaborator(&self, login: &str, permission: &str) {
        self.with("add the collaborator", |world| {
            world.user(login);
            let repo = world.repo_mut(&self.name)?;
            repo.collaborators
                .insert(login.to_lowercase(), permission.to_owned());
            Ok(())
        });
    }

    /// Hides the repository from who may not read it.
    #[track_caller]
    pub fn make_private(&self) {
        self.with("hide the repository", |world| {
            world.repo_mut(&self.name)?.private = true;
            Ok(())
        });
    }

    /// Adds a workflow run and returns its number.
    #[track_caller]
    pub fn add_run(&self, new: NewRun) -> u64 {
        self.with("add the run", |world| world.add_run(&self.name, new))
    }

    /// Adds a job to a run and returns its number. The conclusion is empty while it runs.
    #[track_caller]
    pub fn add_job(&self, run: u64, name: &str, conclusion: &str) -> u64 {
        self.with("add the job", |world| {
            world.add_job(&self.name, run, (name, conclusion))
        })
    }

    /// Adds an artifact to a run and returns its number.
    #[track_caller]
    pub fn add_artifact(&self, run: u64, name: &str, zip: impl Into<Bytes>) -> u64 {
        self.with("add the artifact", |world| {
            world.add_artifact(&self.name, run, (name, zip.into()))
        })
    }

    /// Lets an artifact expire.
    #[track_caller]
    pub fn expire_artifact(&self, id: u64) {
        self.with("expire the artifact", |world| {
            let now = world.now();
            let artifact = world
                .repo_mut(&self.name)?
                .artifacts
                .get_mut(&id)
                .ok_or_else(Reply::not_found)?;
            artifact.expires = now;
            Ok(())
        });
    }

    /// Protects a branch with these required checks.
    #[track_caller]
    pub fn protect(&self, branch: &str, contexts: &[&str]) {
        self.with("protect the branch", |world| {
            world.protect(&self.name, branch, contexts)
        });
    }

    /// Adds a rule to a branch, as `GET /rules/branches` shows it.
    #[track_caller]
    pub fn add_rule(&self, branch: &str, rule: Value) {
        self.with("add the rule", |world| {
            world
                .repo_mut(&self.name)?
                .rules
                .entry(branch.to_owned())
                .or_default()
                .push(rule);
            Ok(())
        });
    }

    /// Adds a release with these files and returns its number.
    #[track_caller]
    pub fn add_release(&self, tag: &str, assets: &[(&str, &[u8])]) -> u64 {
        self.with("add the release", |world| {
            let (id, created) = (world.id(), world.now());
            let assets = assets
                .iter()
                .map(|(name, bytes)| ((*name).to_owned(), Bytes::copy_from_slice(bytes)))
                .collect();
            let release = state::Release {
                id,
                tag: tag.to_owned(),
                author: "octocat".to_owned(),
                created,
                assets,
            };
            world
                .repo_mut(&self.name)?
                .releases
                .insert(tag.to_owned(), release);
            Ok(id)
        })
    }

    /// What repository and workflow dispatches asked for: the event type or the workflow, and the payload or the inputs.
    #[track_caller]
    pub fn dispatches(&self) -> Vec<(String, Value)> {
        self.look(|view| view.repo.dispatches.clone())
    }

    /// Closes a pull request or issue.
    #[track_caller]
    pub fn close(&self, number: u64) {
        self.with("close it", |world| world.close(&self.name, number));
    }
}
