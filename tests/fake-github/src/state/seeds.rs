//! Things that a test puts there.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::{App, Artifact, Comment, Job, Kind, Level, Milestone, Run, Team, World, timestamp};
use crate::reply::Reply;
use crate::repo::NewRun;

/// How long artifacts are kept.
const KEPT_DAYS: i64 = 90;

impl World {
    /// Adds an App and returns its number and that of its installation.
    pub(crate) fn add_app(
        &mut self,
        slug: &str,
        permissions: BTreeMap<String, Level>,
    ) -> (u64, u64) {
        let (id, installation) = (self.id(), self.id());
        self.user(&format!("{slug}[bot]"));
        self.apps.insert(
            id,
            App {
                id,
                slug: slug.to_owned(),
                installation,
                permissions,
            },
        );
        (id, installation)
    }

    pub(crate) fn add_comment(
        &mut self,
        repo: &str,
        (issue, login): (u64, &str),
        body: &str,
    ) -> Result<u64, Reply> {
        let (id, now) = (self.id(), self.now());
        self.user(login);
        let app = self
            .tokens
            .values()
            .find(|token| token.login == login && token.kind != Kind::Personal);
        let comment = Comment {
            id,
            issue,
            author: login.to_owned(),
            app: app.and_then(super::Token::app),
            body: body.to_owned(),
            created: now.clone(),
            updated: now,
            reactions: BTreeMap::new(),
            fresh: super::Fresh::default(),
        };
        let repo = self.repo_mut(repo)?;
        repo.issues.get(&issue).ok_or_else(Reply::not_found)?;
        repo.comments.insert(id, comment);
        Ok(id)
    }

    pub(crate) fn add_labels(
        &mut self,
        repo: &str,
        number: u64,
        names: &[String],
    ) -> Result<(), Reply> {
        let names = crate::api::ensure_labels(self, repo, names)?;
        let issue = self
            .repo_mut(repo)?
            .issues
            .get_mut(&number)
            .ok_or_else(Reply::not_found)?;
        issue.labels.extend(names);
        issue.labels.dedup();
        Ok(())
    }

    /// Puts people into a team and so into the organisation.
    pub(crate) fn add_team(&mut self, org: &str, slug: &str, logins: &[String]) {
        for login in logins {
            self.user(login);
        }
        let names: Vec<String> = logins.iter().map(|login| login.to_lowercase()).collect();
        let org = self.orgs.entry(org.to_lowercase()).or_default();
        org.members.extend(names.iter().cloned());
        let members = names
            .into_iter()
            .map(|login| (login, "member".to_owned()))
            .collect();
        org.teams.insert(slug.to_owned(), Team { members });
    }

    /// Moves the clock of the fake forward.
    pub(crate) fn move_clock(&mut self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead = self.ahead.saturating_add(millis);
    }

    pub(crate) fn add_milestone(&mut self, repo: &str, title: &str) -> Result<u64, Reply> {
        let (id, created) = (self.id(), self.now());
        let repo = self.repo_mut(repo)?;
        let number = repo
            .milestones
            .keys()
            .next_back()
            .copied()
            .unwrap_or_default()
            + 1;
        let milestone = Milestone {
            id,
            number,
            title: title.to_owned(),
            is_open: true,
            due: None,
            created,
        };
        repo.milestones.insert(number, milestone);
        Ok(number)
    }

    pub(crate) fn close(&mut self, repo: &str, number: u64) -> Result<(), Reply> {
        let now = self.now();
        let issue = self
            .repo_mut(repo)?
            .issues
            .get_mut(&number)
            .ok_or_else(Reply::not_found)?;
        issue.is_open = false;
        issue.closed = Some(now);
        Ok(())
    }

    pub(crate) fn add_run(&mut self, repo: &str, new: NewRun) -> Result<u64, Reply> {
        let (id, suite) = (self.id(), self.id());
        let created = timestamp(self.seconds() - new.age_seconds);
        let known = self.repo_mut(repo)?;
        let or =
            |text: String, other: &dyn Fn() -> String| if text.is_empty() { other() } else { text };
        let head_repo = or(new.head_repo, &|| known.full_name());
        let head_sha = or(new.head_sha, &|| {
            known.head(&new.head_branch).cloned().unwrap_or_default()
        });
        let run = Run {
            id,
            suite,
            number: known.runs.len() as u64 + 1,
            attempt: 1,
            path: format!(".github/workflows/{}.yml", new.name),
            name: new.name,
            event: new.event,
            status: if new.conclusion.is_empty() {
                "in_progress"
            } else {
                "completed"
            }
            .to_owned(),
            conclusion: Some(new.conclusion).filter(|text| !text.is_empty()),
            head_branch: new.head_branch,
            head_sha,
            head_repo,
            actor: "octocat".to_owned(),
            created,
        };
        known.runs.insert(id, run);
        Ok(id)
    }

    pub(crate) fn add_job(
        &mut self,
        repo: &str,
        run: u64,
        (name, conclusion): (&str, &str),
    ) -> Result<u64, Reply> {
        let id = self.id();
        let repo = self.repo_mut(repo)?;
        let attempt = repo.runs.get(&run).ok_or_else(Reply::not_found)?.attempt;
        let conclusion = (!conclusion.is_empty()).then(|| conclusion.to_owned());
        let log = Bytes::from(format!("log of {name}\n"));
        repo.jobs.insert(
            id,
            Job {
                id,
                run,
                attempt,
                name: name.to_owned(),
                conclusion,
                log,
            },
        );
        Ok(id)
    }

    pub(crate) fn add_artifact(
        &mut self,
        repo: &str,
        run: u64,
        (name, zip): (&str, Bytes),
    ) -> Result<u64, Reply> {
        let id = self.id();
        let expires = timestamp(self.seconds() + KEPT_DAYS * 86_400);
        let repo = self.repo_mut(repo)?;
        let created = repo
            .runs
            .get(&run)
            .ok_or_else(Reply::not_found)?
            .created
            .clone();
        repo.artifacts.insert(
            id,
            Artifact {
                id,
                run,
                name: name.to_owned(),
                zip,
                created,
                expires,
            },
        );
        Ok(id)
    }

    pub(crate) fn protect(
        &mut self,
        repo: &str,
        branch: &str,
        contexts: &[&str],
    ) -> Result<(), Reply> {
        let url = format!(
            "{}/repos/{repo}/branches/{branch}/protection",
            self.urls.api
        );
        let checks: Vec<_> = contexts
            .iter()
            .map(|context| json!({"context": context, "app_id": null}))
            .collect();
        let shown = json!({
            "url": url,
            "enabled": true,
            "required_status_checks": {
                "url": format!("{url}/required_status_checks"),
                "contexts_url": format!("{url}/required_status_checks/contexts"),
                "strict": false,
                "enforcement_level": "non_admins",
                "contexts": contexts,
                "checks": checks,
            },
        });
        self.repo_mut(repo)?
            .protection
            .insert(branch.to_owned(), shown);
        Ok(())
    }
}
