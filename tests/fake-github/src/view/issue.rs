//! Labels, comments, issues and milestones.

use serde_json::{Map, Value, json};

use super::{View, node_id};
use crate::state::{Comment, Issue, Label, Milestone, Review};
use crate::url::escape;

const REACTIONS: [&str; 8] = [
    "+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket",
];

impl View<'_> {
    pub(crate) fn label(&self, label: &Label) -> Value {
        json!({
            "id": label.id,
            "node_id": node_id("LA", label.id),
            "url": self.url(&format!("/labels/{}", escape(&label.name))),
            "name": label.name,
            "description": label.description,
            "color": label.color,
            "default": false,
        })
    }

    /// The labels of an issue, by name.
    pub(crate) fn labels_of(&self, issue: &Issue) -> Vec<Value> {
        let known = issue
            .labels
            .iter()
            .filter_map(|name| self.repo.labels.get(&name.to_lowercase()));
        known.map(|label| self.label(label)).collect()
    }

    pub(crate) fn comment(&self, comment: &Comment) -> Value {
        let url = self.url(&format!("/issues/comments/{}", comment.id));
        json!({
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "url": url,
            "html_url": self.html(&format!("/pull/{}#issuecomment-{}", comment.issue, comment.id)),
            "issue_url": self.url(&format!("/issues/{}", comment.issue)),
            "user": self.world.user_json(&comment.author),
            "body": comment.body,
            "created_at": comment.created,
            "updated_at": comment.updated,
            "author_association": self.association(&comment.author),
            "performed_via_github_app": self.world.app_json(comment.app),
            "reactions": reactions(comment, &url),
        })
    }

    /// What somebody is to the repository.
    pub(crate) fn association(&self, login: &str) -> &'static str {
        if login.eq_ignore_ascii_case(&self.repo.owner) {
            return "OWNER";
        }
        let is_known = self.repo.collaborators.contains_key(&login.to_lowercase());
        if is_known { "COLLABORATOR" } else { "NONE" }
    }

    /// An issue or a pull request as an issue.
    pub(crate) fn issue(&self, issue: &Issue) -> Value {
        let url = self.url(&format!("/issues/{}", issue.number));
        let below = |path: &str| format!("{url}/{path}");
        let mut shown = json!({
            "id": issue.id,
            "node_id": node_id("I", issue.id),
            "number": issue.number,
            "url": url,
            "html_url": self.page(issue),
            "repository_url": self.url(""),
            "labels_url": below("labels{/name}"),
            "comments_url": below("comments"),
            "events_url": below("events"),
            "state": if issue.is_open { "open" } else { "closed" },
            "title": issue.title,
            "body": issue.body,
            "user": self.world.user_json(&issue.author),
            "labels": self.labels_of(issue),
            "assignee": issue.assignees.first().map(|login| self.world.user_json(login)),
            "assignees": issue.assignees.iter().map(|login| self.world.user_json(login)).collect::<Vec<_>>(),
            "milestone": self.milestone_of(issue),
            "locked": false,
            "comments": self.repo.comments.values().filter(|comment| comment.issue == issue.number).count(),
            "created_at": issue.created,
            "updated_at": issue.updated,
            "closed_at": issue.closed,
            "author_association": self.association(&issue.author),
            "score": 1.0,
        });
        if let (Value::Object(fields), Some(_)) = (&mut shown, &issue.pull) {
            fields.insert("pull_request".to_owned(), self.link_to_pull(issue));
        }
        shown
    }

    fn page(&self, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() {
            "pull"
        } else {
            "issues"
        };
        self.html(&format!("/{kind}/{}", issue.number))
    }

    fn link_to_pull(&self, issue: &Issue) -> Value {
        let page = self.page(issue);
        let merged = issue.pull.as_ref().and_then(|pull| pull.merged.as_ref());
        json!({
            "url": self.url(&format!("/pulls/{}", issue.number)),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "merged_at": merged.map(|merged| &merged.at),
        })
    }

    /// The milestone of an issue, or null.
    pub(crate) fn milestone_of(&self, issue: &Issue) -> Value {
        let found = issue
            .milestone
            .and_then(|number| self.repo.milestones.get(&number));
        found.map_or(Value::Null, |milestone| self.milestone(milestone))
    }

    pub(crate) fn milestone(&self, milestone: &Milestone) -> Value {
        let of_it = |issue: &&Issue| issue.milestone == Some(milestone.number);
        let open = self
            .repo
            .issues
            .values()
            .filter(of_it)
            .filter(|issue| issue.is_open)
            .count();
        let url = self.url(&format!("/milestones/{}", milestone.number));
        json!({
            "id": milestone.id,
            "node_id": node_id("MI", milestone.id),
            "number": milestone.number,
            "url": url,
            "html_url": self.html(&format!("/milestone/{}", milestone.number)),
            "labels_url": format!("{url}/labels"),
            "title": milestone.title,
            "description": null,
            "creator": self.world.user_json(&self.repo.owner),
            "open_issues": open,
            "closed_issues": self.repo.issues.values().filter(of_it).count() - open,
            "state": if milestone.is_open { "open" } else { "closed" },
            "created_at": milestone.created,
            "updated_at": milestone.created,
            "due_on": milestone.due,
            "closed_at": if milestone.is_open { Value::Null } else { Value::from(milestone.created.clone()) },
        })
    }

    pub(crate) fn review(&self, review: &Review) -> Value {
        let page = self.html(&format!(
            "/pull/{}#pullrequestreview-{}",
            review.pull, review.id
        ));
        let pull = self.url(&format!("/pulls/{}", review.pull));
        json!({
            "id": review.id,
            "node_id": node_id("PRR", review.id),
            "user": self.world.user_json(&review.author),
            "body": review.body,
            "state": review.state,
            "html_url": page,
            "pull_request_url": pull,
            "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
            "submitted_at": review.submitted,
            "commit_id": review.commit,
            "author_association": self.association(&review.author),
        })
    }
}

fn reactions(comment: &Comment, url: &str) -> Value {
    let count = |wanted: &str| {
        comment
            .reactions
            .keys()
            .filter(|(_, content)| content == wanted)
            .count()
    };
    let mut rollup: Map<String, Value> = REACTIONS
        .iter()
        .map(|name| ((*name).to_owned(), Value::from(count(name))))
        .collect();
    rollup.insert("url".to_owned(), Value::from(format!("{url}/reactions")));
    rollup.insert(
        "total_count".to_owned(),
        Value::from(comment.reactions.len()),
    );
    Value::Object(rollup)
}
