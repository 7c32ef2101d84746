//! The seed file: what a fake that runs as a process starts with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pipeline::Core;
use crate::reply::Reply;
use crate::repo::{NewPull, NewRun};
use crate::state::{ACTIONS_LOGIN, Contents, Kind, NewIssue, Pull, Token, World, permissions};

/// A seed; `README.md` shows one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    tokens: Vec<TokenSeed>,
    repos: BTreeMap<String, RepoSeed>,
    /// Logins by `org/team`.
    teams: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenSeed {
    /// What a client sends; made up when empty.
    secret: String,
    /// What the log calls it.
    name: String,
    /// The person whose it is; empty for a `GITHUB_TOKEN`.
    login: String,
    permissions: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RepoSeed {
    /// Folder of a git repository whose branches it starts with.
    git: Option<PathBuf>,
    private: bool,
    /// Text of files by path, by branch; `null` deletes. Branches come before pull requests.
    branches: BTreeMap<String, Map<String, Value>>,
    pulls: Vec<PullSeed>,
    collaborators: BTreeMap<String, String>,
    milestones: Vec<String>,
    /// Required checks by branch.
    protected: BTreeMap<String, Vec<String>>,
    runs: Vec<RunSeed>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PullSeed {
    head: String,
    base: String,
    title: String,
    author: String,
    /// Owner of the fork that holds the head; empty for the repository itself.
    fork: String,
    /// Text of files that the head changes.
    files: Map<String, Value>,
    labels: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RunSeed {
    name: String,
    event: String,
    head_branch: String,
    head_repo: String,
    head_sha: String,
    conclusion: String,
    age_seconds: i64,
    /// Text of files by name, by name of the artifact; the fake makes the zip.
    artifacts: BTreeMap<String, BTreeMap<String, String>>,
    /// Whole zips in base64, by name of the artifact.
    zips: BTreeMap<String, String>,
    /// Conclusions by name of the job.
    jobs: BTreeMap<String, String>,
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// What is wrong with the JSON, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Puts the seed into a fake and says what came of it: numbers of pull requests and runs, secrets of tokens.
    pub(crate) fn plant(self, core: &Arc<Core>) -> Result<Value, String> {
        let mut world = core.world();
        let mut made = Map::new();
        for (name, repo) in self.repos {
            made.insert(
                name.clone(),
                repo.plant(&mut world, &name)
                    .map_err(|reply| said(&name, &reply))?,
            );
        }
        let tokens: Vec<String> = self
            .tokens
            .into_iter()
            .map(|token| token.plant(&mut world))
            .collect();
        for (team, logins) in self.teams {
            let (org, slug) = team
                .split_once('/')
                .ok_or_else(|| format!("teams: `{team}` is no org/team"))?;
            world.add_team(org, slug, &logins);
        }
        Ok(json!({"repos": made, "tokens": tokens}))
    }
}

fn said(name: &str, reply: &Reply) -> String {
    format!("{name}: {} ({})", reply.message(), reply.status)
}

impl TokenSeed {
    /// Adds the token and returns its secret.
    pub(crate) fn plant(self, world: &mut World) -> String {
        let words: Vec<String> = self
            .permissions
            .iter()
            .map(|(scope, level)| format!("{scope}={level}"))
            .collect();
        let is_person = !self.login.is_empty();
        let name = [self.name, self.login.clone(), "GITHUB_TOKEN".to_owned()]
            .into_iter()
            .find(|name| !name.is_empty());
        let token = Token {
            name: name.unwrap_or_default(),
            login: if is_person {
                self.login
            } else {
                ACTIONS_LOGIN.to_owned()
            },
            kind: if is_person {
                Kind::Personal
            } else {
                Kind::Actions
            },
            permissions: permissions(words.iter().map(String::as_str)),
            expires: None,
        };
        if self.secret.is_empty() {
            return world.add_token(token);
        }
        world.user(&token.login);
        world.tokens.insert(self.secret.clone(), token);
        self.secret
    }
}

/// Bytes of files by path; what is no string deletes.
fn contents(files: &Map<String, Value>) -> Contents {
    let bytes = |value: &Value| value.as_str().map(|text| text.to_owned().into());
    files
        .iter()
        .map(|(path, value)| (path.clone(), bytes(value)))
        .collect()
}

impl RepoSeed {
    fn plant(self, world: &mut World, name: &str) -> Result<Value, Reply> {
        world.ensure_repo(name);
        if let Some(folder) = &self.git {
            let imported =
                crate::import::read(folder).and_then(|imported| world.import(name, imported));
            imported.map_err(|error| Reply::unprocessable(&error))?;
        }
        for (branch, files) in &self.branches {
            world.push(name, branch, contents(files), &format!("seed {branch}"))?;
        }
        for title in &self.milestones {
            world.add_milestone(name, title)?;
        }
        for (branch, contexts) in &self.protected {
            let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
            world.protect(name, branch, &contexts)?;
        }
        for login in self.collaborators.keys() {
            world.user(login);
        }
        let repo = world.repo_mut(name)?;
        repo.private = self.private;
        repo.collaborators.extend(
            self.collaborators
                .into_iter()
                .map(|(login, word)| (login.to_lowercase(), word)),
        );
        let pulls: Result<Vec<u64>, Reply> = self
            .pulls
            .into_iter()
            .map(|pull| pull.plant(world, name))
            .collect();
        let runs: Result<Vec<Value>, Reply> = self
            .runs
            .into_iter()
            .map(|run| run.plant(world, name))
            .collect();
        Ok(json!({"pulls": pulls?, "runs": runs?}))
    }
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() {
        other.to_owned()
    } else {
        text
    }
}

impl PullSeed {
    fn plant(self, world: &mut World, name: &str) -> Result<u64, Reply> {
        let base = or(self.base, &world.repo(name)?.default_branch);
        let head_repo = if self.fork.is_empty() {
            name.to_owned()
        } else {
            world.fork_to(name, &self.fork)?
        };
        if !self.files.is_empty() {
            world.push(
                &head_repo,
                &self.head,
                contents(&self.files),
                &format!("change {}", self.head),
            )?;
        }
        let title = or(self.title, &self.head);
        let author = or(self.author, &or(self.fork, "octocat"));
        let number = world.open_pull(
            name,
            NewPull {
                title,
                author,
                head_repo,
                head: self.head,
                base,
            },
        )?;
        world.add_labels(name, number, &self.labels)?;
        Ok(number)
    }
}

impl RunSeed {
    fn plant(self, world: &mut World, name: &str) -> Result<Value, Reply> {
        let new = NewRun {
            name: or(self.name, "ci"),
            event: or(self.event, "push"),
            head_branch: or(self.head_branch, "main"),
            head_sha: self.head_sha,
            head_repo: self.head_repo,
            conclusion: self.conclusion,
            age_seconds: self.age_seconds,
        };
        let run = world.add_run(name, new)?;
        let mut artifacts = Map::new();
        for (artifact, files) in self.artifacts {
            let id = world.add_artifact(name, run, (&artifact, zip_of(&files)?.into()))?;
            artifacts.insert(artifact, Value::from(id));
        }
        for (artifact, text) in self.zips {
            let id = world.add_artifact(name, run, (&artifact, crate::api::decoded(&text)?))?;
            artifacts.insert(artifact, Value::from(id));
        }
        for (job, conclusion) in self.jobs {
            world.add_job(name, run, (&job, &conclusion))?;
        }
        Ok(json!({"id": run, "artifacts": artifacts}))
    }
}

/// A zip of texts by name.
fn zip_of(files: &BTreeMap<String, String>) -> Result<Vec<u8>, Reply> {
    use std::io::Write as _;
    let broken = |error: String| Reply::error(500, &error);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer
            .start_file(name, options)
            .map_err(|error| broken(error.to_string()))?;
        writer
            .write_all(text.as_bytes())
            .map_err(|error| broken(error.to_string()))?;
    }
    writer
        .finish()
        .map(std::io::Cursor::into_inner)
        .map_err(|error| broken(error.to_string()))
}

impl World {
    /// Forks a repository to another owner and returns `owner/name`.
    pub(crate) fn fork_to(&mut self, parent: &str, owner: &str) -> Result<String, Reply> {
        let fork = format!("{owner}/{}", self.repo(parent)?.name);
        self.ensure_fork(parent, &fork)?;
        Ok(fork)
    }

    /// Opens a pull request whose head is there, and returns its number.
    pub(crate) fn open_pull(&mut self, repo: &str, new: NewPull) -> Result<u64, Reply> {
        let head_sha = self
            .repo(&new.head_repo)?
            .head(&new.head)
            .cloned()
            .ok_or_else(Reply::not_found)?;
        let pull = Pull {
            head_repo: new.head_repo,
            head_ref: new.head,
            head_sha,
            base_ref: new.base,
            draft: false,
            merged: None,
        };
        self.open(
            repo,
            NewIssue {
                title: new.title,
                body: None,
                author: new.author,
                pull: Some(pull),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_of_a_seed_is_refused_with_its_place() {
        let error = Seed::read(r#"{"repos": {"a/b": {"twigs": {}}}}"#).unwrap_err();
        assert!(
            error.contains("twigs") && error.contains("line 1"),
            "{error}"
        );
    }
}
