//! Pull requests.

use serde_json::{Map, Value, json};

use super::{View, node_id};
use crate::state::{Issue, Pull};

impl View<'_> {
    /// A pull request by one of the schemas `pull-request` and `pull-request-simple`.
    pub(crate) fn pull(&self, issue: &Issue, schema: &str) -> Value {
        let Some(pull) = &issue.pull else {
            return Value::Null;
        };
        let mut fields = Map::new();
        for part in [
            self.of_issue(issue),
            self.links(issue, pull),
            self.branches(pull),
            self.merging(issue, pull),
        ] {
            fields.extend(part.as_object().cloned().unwrap_or_default());
        }
        if schema == "pull-request" {
            fields.extend(
                self.totals(issue, pull)
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
            );
        }
        self.world.filled(schema, Value::Object(fields))
    }

    fn of_issue(&self, issue: &Issue) -> Value {
        json!({
            "id": issue.id,
            "node_id": node_id("PR", issue.id),
            "number": issue.number,
            "state": if issue.is_open { "open" } else { "closed" },
            "locked": false,
            "title": issue.title,
            "body": issue.body,
            "user": self.world.user_json(&issue.author),
            "labels": self.labels_of(issue),
            "assignee": issue.assignees.first().map(|login| self.world.user_json(login)),
            "assignees": issue.assignees.iter().map(|login| self.world.user_json(login)).collect::<Vec<_>>(),
            "requested_reviewers": [],
            "requested_teams": [],
            "milestone": self.milestone_of(issue),
            "created_at": issue.created,
            "updated_at": issue.updated,
            "closed_at": issue.closed,
            "author_association": self.association(&issue.author),
            "auto_merge": null,
        })
    }

    fn links(&self, issue: &Issue, pull: &Pull) -> Value {
        let url = self.url(&format!("/pulls/{}", issue.number));
        let as_issue = self.url(&format!("/issues/{}", issue.number));
        let page = self.html(&format!("/pull/{}", issue.number));
        let statuses = self.url(&format!("/statuses/{}", pull.head_sha));
        let link = |href: String| json!({"href": href});
        json!({
            "url": url,
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "issue_url": as_issue,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": self.url("/pulls/comments{/number}"),
            "comments_url": format!("{as_issue}/comments"),
            "statuses_url": statuses,
            "_links": {
                "self": link(url.clone()),
                "html": link(page),
                "issue": link(as_issue.clone()),
                "comments": link(format!("{as_issue}/comments")),
                "review_comments": link(format!("{url}/comments")),
                "review_comment": link(self.url("/pulls/comments{/number}")),
                "commits": link(format!("{url}/commits")),
                "statuses": link(statuses.clone()),
            },
        })
    }

    /// How it was merged, or the commit that merging it would make.
    fn merging(&self, issue: &Issue, pull: &Pull) -> Value {
        let merged = pull.merged.as_ref();
        let test = self.test_merge(issue);
        json!({
            "merged_at": merged.map(|merged| &merged.at),
            "merge_commit_sha": merged.map(|merged| &merged.commit).or(test),
        })
    }

    fn test_merge(&self, issue: &Issue) -> Option<&String> {
        self.repo
            .refs
            .get(&format!("refs/pull/{}/merge", issue.number))
    }

    fn branches(&self, pull: &Pull) -> Value {
        let head = self.of(&pull.head_repo);
        let owner = pull.head_repo.split('/').next().unwrap_or_default();
        let base_sha = pull
            .merged
            .as_ref()
            .map(|merged| &merged.base)
            .or_else(|| self.repo.head(&pull.base_ref));
        json!({
            "draft": pull.draft,
            "head": {
                "label": format!("{owner}:{}", pull.head_ref),
                "ref": pull.head_ref,
                "sha": pull.head_sha,
                "user": self.world.user_json(owner),
                "repo": head.map(|head| head.repository("repository")),
            },
            "base": {
                "label": format!("{}:{}", self.repo.owner, pull.base_ref),
                "ref": pull.base_ref,
                "sha": base_sha.cloned().unwrap_or_default(),
                "user": self.world.user_json(&self.repo.owner),
                "repo": self.repository("repository"),
            },
        })
    }

    fn totals(&self, issue: &Issue, pull: &Pull) -> Value {
        let files = self.files_of(pull);
        let is_mergeable = self.test_merge(issue).is_some();
        let state = match (issue.is_open, is_mergeable) {
            (true, true) => "clean",
            (true, false) => "dirty",
            (false, _) => "unknown",
        };
        let sum = |field: &str| {
            files
                .iter()
                .filter_map(|file| file.get(field)?.as_u64())
                .sum::<u64>()
        };
        json!({
            "merged": pull.merged.is_some(),
            "mergeable": issue.is_open.then_some(is_mergeable),
            "rebaseable": issue.is_open.then_some(is_mergeable),
            "mergeable_state": state,
            "merged_by": pull.merged.as_ref().map(|merged| self.world.user_json(&merged.by)),
            "comments": self.repo.comments.values().filter(|comment| comment.issue == issue.number).count(),
            "review_comments": 0,
            "maintainer_can_modify": false,
            "commits": self.commits_of(pull).len(),
            "additions": sum("additions"),
            "deletions": sum("deletions"),
            "changed_files": files.len(),
        })
    }

    fn base_of(&self, pull: &Pull) -> String {
        let base = pull
            .merged
            .as_ref()
            .map(|merged| &merged.base)
            .or_else(|| self.repo.head(&pull.base_ref));
        base.cloned().unwrap_or_default()
    }

    /// The files that a pull request changes since it left its base; GitHub lists 3,000 at most.
    pub(crate) fn files_of(&self, pull: &Pull) -> Vec<Value> {
        let objects = self.world.objects(self.repo);
        let fork = objects
            .merge_base(&self.base_of(pull), &pull.head_sha)
            .unwrap_or_default();
        let mut files = self.changes(&fork, &pull.head_sha);
        files.truncate(3000);
        files
    }

    /// The commits of a pull request, oldest first; GitHub lists 250 at most.
    pub(crate) fn commits_of(&self, pull: &Pull) -> Vec<Value> {
        let commits = self
            .world
            .objects(self.repo)
            .since(&self.base_of(pull), &pull.head_sha);
        commits
            .iter()
            .take(250)
            .filter_map(|sha| self.commit(sha))
            .collect()
    }

    /// A pull request inside a check or a run.
    pub(crate) fn small_pull(&self, issue: &Issue) -> Value {
        let Some(pull) = &issue.pull else {
            return Value::Null;
        };
        let repo = |view: &View<'_>| json!({"id": view.repo.id, "url": view.url(""), "name": view.repo.name});
        let head = self.of(&pull.head_repo).unwrap_or(*self);
        json!({
            "id": issue.id,
            "number": issue.number,
            "url": self.url(&format!("/pulls/{}", issue.number)),
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repo(&head)},
            "base": {"ref": pull.base_ref, "sha": self.base_of(pull), "repo": repo(self)},
        })
    }
}
