//! The calls behind the facts.

use serde::Deserialize;

use crate::call::{Call, encode, encode_path};
use crate::error::Result;
use crate::facts::{
    Branch, Check, Comment, Commit, Comparison, FileChange, Label, Membership, Milestone,
    Permission, Protection, Pull, RateLimit, RepoInfo, Rule, Status,
};
use crate::pages::Page;
use crate::repo::{Repo, found};

const PULLS: &str = "pull-requests: read";
const ISSUES: &str = "issues: read or pull-requests: read";
const METADATA: &str = "metadata: read";
const CONTENTS: &str = "contents: read";

const HUNDRED: (&str, Option<&str>) = ("per_page", Some("100"));

/// Reading. Every call can fail with any [`crate::Error`]; absence is [`crate::Error::NotFound`], or none where the type says so.
#[expect(
    clippy::missing_errors_doc,
    reason = "the same for all of them, said above"
)]
impl Repo {
    /// The repository itself.
    pub fn info(&self) -> Result<RepoInfo> {
        self.read("", "reading the repository", METADATA)
    }

    /// A pull request.
    pub fn pull(&self, number: u64) -> Result<Pull> {
        let what = format!("reading pull request #{number}");
        self.read(&format!("/pulls/{number}"), &what, PULLS)
    }

    /// Open pull requests whose head is `owner:branch`. The branch may be gone on: compare the commit.
    pub fn open_pulls_with_head(&self, head: &str) -> Result<Vec<Pull>> {
        let pairs = [("head", Some(head)), ("state", Some("open")), HUNDRED];
        let target = self.at_query("/pulls", &pairs);
        self.list::<Vec<Pull>>(target, "looking for pull requests of a branch", PULLS)
            .all()
    }

    /// Pull requests that a commit is part of.
    pub fn pulls_of_commit(&self, sha: &str) -> Result<Vec<Pull>> {
        let rest = format!("/commits/{}/pulls", encode(sha));
        let target = self.at_query(&rest, &[HUNDRED]);
        self.list::<Vec<Pull>>(target, "looking for pull requests of a commit", PULLS)
            .all()
    }

    /// The files that a pull request touches, at most 3,000: GitHub lists no more.
    pub fn pull_files(&self, number: u64) -> Result<Vec<FileChange>> {
        let target = self.at_query(&format!("/pulls/{number}/files"), &[HUNDRED]);
        let what = format!("reading the files of pull request #{number}");
        self.list::<Vec<FileChange>>(target, &what, PULLS).all()
    }

    /// The commits of a pull request, at most 250: GitHub lists no more.
    pub fn pull_commits(&self, number: u64) -> Result<Vec<Commit>> {
        let target = self.at_query(&format!("/pulls/{number}/commits"), &[HUNDRED]);
        let what = format!("reading the commits of pull request #{number}");
        self.list::<Vec<Commit>>(target, &what, PULLS).all()
    }

    /// All comments of an issue or pull request, oldest first. [`Repo::apply`] uses what was read here during the last half minute.
    pub fn comments(&self, number: u64) -> Result<Vec<Comment>> {
        let comments = self.list_comments(number)?;
        let memo = self.github.memo();
        memo.keep_comments(self.name(), number, &comments);
        Ok(comments)
    }

    pub(crate) fn list_comments(&self, number: u64) -> Result<Vec<Comment>> {
        let target = self.at_query(&format!("/issues/{number}/comments"), &[HUNDRED]);
        let what = format!("reading the comments of #{number}");
        self.list::<Vec<Comment>>(target, &what, ISSUES).all()
    }

    /// The labels of an issue or pull request. [`Repo::apply`] uses what was read here during the last half minute.
    pub fn labels_of(&self, number: u64) -> Result<Vec<Label>> {
        let target = self.at_query(&format!("/issues/{number}/labels"), &[HUNDRED]);
        let what = format!("reading the labels of #{number}");
        let labels = self.list::<Vec<Label>>(target, &what, ISSUES).all()?;
        self.github.memo().keep_labels(self.name(), number, &labels);
        Ok(labels)
    }

    /// The newest status of each context of a commit. [`Repo::apply`] uses what was read here during the last half minute.
    pub fn statuses(&self, sha: &str) -> Result<Vec<Status>> {
        let target = self.at_query(&format!("/commits/{}/status", encode(sha)), &[HUNDRED]);
        let what = "reading the statuses of a commit";
        let statuses = self
            .list::<CombinedStatus>(target, what, "statuses: read")
            .all()?;
        self.github
            .memo()
            .keep_statuses(self.name(), sha, &statuses);
        Ok(statuses)
    }

    /// The check runs of a commit, of any maker.
    pub fn check_runs(&self, sha: &str) -> Result<Vec<Check>> {
        self.check_runs_named(sha, None)
    }

    pub(crate) fn check_runs_named(&self, sha: &str, name: Option<&str>) -> Result<Vec<Check>> {
        let pairs = [("check_name", name), ("filter", Some("all")), HUNDRED];
        let target = self.at_query(&format!("/commits/{}/check-runs", encode(sha)), &pairs);
        self.list::<CheckRuns>(target, "reading the check runs of a commit", "checks: read")
            .all()
    }

    /// What somebody may do here; none when GitHub does not know them.
    pub fn permission_of(&self, user: &str) -> Result<Option<Permission>> {
        let rest = format!("/collaborators/{}/permission", encode(user));
        let what = format!("reading the permission of {user}");
        found(self.read(&rest, &what, METADATA))
    }

    /// Somebody's place in a team; none when they have none or the token may not know. Not possible with the token of a workflow.
    pub fn team_membership(&self, org: &str, team: &str, user: &str) -> Result<Option<Membership>> {
        let (org, team, user) = (encode(org), encode(team), encode(user));
        let target = format!("/orgs/{org}/teams/{team}/memberships/{user}");
        let what = self.what("reading a membership of a team");
        found(self.ask_json(&Call::get(target, what, "members: read")))
    }

    /// Whether somebody belongs to an organisation, as far as the token can see.
    pub fn is_org_member(&self, org: &str, user: &str) -> Result<bool> {
        let target = format!("/orgs/{}/members/{}", encode(org), encode(user));
        let what = self.what("reading a membership of an organisation");
        let asked = found(self.ask(&Call::get(target, what, "members: read")))?;
        Ok(asked.is_some_and(|answer| answer.status == 204))
    }

    /// The milestones, open and closed.
    pub fn milestones(&self) -> Result<Vec<Milestone>> {
        let target = self.at_query("/milestones", &[("state", Some("all")), HUNDRED]);
        self.list::<Vec<Milestone>>(target, "reading the milestones", ISSUES)
            .all()
    }

    /// The rules that hold for a branch. Any token may read them.
    pub fn branch_rules(&self, branch: &str) -> Result<Vec<Rule>> {
        let rest = format!("/rules/branches/{}", encode_path(branch)?);
        let target = self.at_query(&rest, &[HUNDRED]);
        self.list::<Vec<Rule>>(target, "reading the rules of a branch", METADATA)
            .all()
    }

    /// The older protection of a branch; none when it has none. The token of a workflow may not read it.
    pub fn branch_protection(&self, branch: &str) -> Result<Option<Protection>> {
        let rest = format!("/branches/{}/protection", encode_path(branch)?);
        let what = "reading the protection of a branch";
        found(self.read(&rest, what, "administration: read"))
    }

    /// A branch; none when there is no such branch.
    pub fn branch(&self, branch: &str) -> Result<Option<Branch>> {
        let rest = format!("/branches/{}", encode_path(branch)?);
        found(self.read(&rest, "reading a branch", CONTENTS))
    }

    /// How `head` relates to `base`, and where they parted. Both may be hashes, branches or `owner:branch`.
    pub fn compare(&self, base: &str, head: &str) -> Result<Comparison> {
        let (base, head) = (encode_path(base)?, encode_path(head)?);
        // One commit a page: only the head of the answer is of use.
        let rest = format!("/compare/{base}...{head}");
        let target = self.at_query(&rest, &[("per_page", Some("1"))]);
        self.ask_json(&Call::get(target, self.what("comparing commits"), CONTENTS))
    }

    /// A commit, by hash, branch or tag; none when there is none.
    pub fn commit(&self, git_ref: &str) -> Result<Option<Commit>> {
        let rest = format!("/commits/{}", encode_path(git_ref)?);
        let target = self.at_query(&rest, &[("per_page", Some("1"))]);
        let asked = self.ask_json(&Call::get(target, self.what("reading a commit"), CONTENTS));
        match found(asked) {
            // "No commit found for SHA"
            Err(error) if error.is_refused(&[422]) => Ok(None),
            other => other,
        }
    }

    /// What remains of the rate limit; none where there is none, as on most Enterprise Servers.
    pub fn rate_limit(&self) -> Result<Option<RateLimit>> {
        let what = self.what("reading the rate limit");
        let call = Call::get("/rate_limit".to_owned(), what, METADATA);
        let limits: Option<RateLimits> = found(self.ask_json(&call))?;
        Ok(limits.map(|limits| limits.resources.core))
    }
}

#[derive(Deserialize)]
struct CombinedStatus {
    #[serde(default)]
    statuses: Vec<Status>,
}

impl Page for CombinedStatus {
    type Item = Status;
    fn items(self) -> Vec<Status> {
        self.statuses
    }
}

#[derive(Deserialize)]
struct CheckRuns {
    #[serde(default)]
    check_runs: Vec<Check>,
}

impl Page for CheckRuns {
    type Item = Check;
    fn items(self) -> Vec<Check> {
        self.check_runs
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RateLimits {
    resources: Resources,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resources {
    core: RateLimit,
}
