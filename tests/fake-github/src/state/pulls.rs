//! Opening issues and pull requests, closing and merging them.

use super::items::Merged;
use super::{Issue, Pull, World};
use crate::git::{Commit, Merge, Sha};
use crate::reply::Reply;

/// What an issue or pull request starts with.
pub(crate) struct NewIssue {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: String,
    pub(crate) pull: Option<Pull>,
}

impl World {
    /// Opens an issue or a pull request and returns its number.
    pub(crate) fn open(&mut self, repo: &str, new: NewIssue) -> Result<u64, Reply> {
        let (id, now) = (self.id(), self.now());
        self.user(&new.author);
        let repo = self.repo_mut(repo)?;
        let number = repo.issues.keys().next_back().copied().unwrap_or_default() + 1;
        if let Some(pull) = &new.pull {
            repo.refs
                .insert(format!("refs/pull/{number}/head"), pull.head_sha.clone());
        }
        let issue = Issue {
            id,
            number,
            title: new.title,
            body: new.body,
            author: new.author,
            is_open: true,
            labels: Vec::new(),
            assignees: Vec::new(),
            milestone: None,
            created: now.clone(),
            updated: now,
            closed: None,
            pull: new.pull,
        };
        repo.issues.insert(number, issue);
        Ok(number)
    }

    /// Merges `head` into a branch and returns the merge commit; `None` when there is nothing to merge.
    ///
    /// # Errors
    /// 404 when the branch is missing, 409 when the two conflict.
    pub(crate) fn merge_into(
        &mut self,
        repo: &str,
        (branch, head): (&str, &str),
        message: &str,
    ) -> Result<Option<Sha>, Reply> {
        let base = self
            .repo(repo)?
            .head(branch)
            .cloned()
            .ok_or_else(Reply::not_found)?;
        let author = self.person("web-flow");
        let objects = self.objects_mut(repo)?;
        let tree = match objects.merge(&base, head) {
            Merge::Tree(tree) => tree,
            Merge::Nothing => return Ok(None),
            Merge::Conflict => return Err(Reply::error(409, "Merge conflict")),
        };
        let commit = Commit {
            tree,
            parents: vec![base, head.to_owned()],
            author: author.clone(),
            committer: author,
            message: message.to_owned(),
        };
        let sha = objects.put_commit(commit);
        self.set_ref(repo, &format!("refs/heads/{branch}"), Some(&sha))?;
        Ok(Some(sha))
    }

    /// Marks a pull request as merged by a commit.
    pub(crate) fn mark_merged(
        &mut self,
        repo: &str,
        number: u64,
        merged: Merged,
    ) -> Result<(), Reply> {
        let issue = self
            .repo_mut(repo)?
            .issues
            .get_mut(&number)
            .ok_or_else(Reply::not_found)?;
        issue.is_open = false;
        issue.closed = Some(merged.at.clone());
        issue.updated.clone_from(&merged.at);
        if let Some(pull) = &mut issue.pull {
            pull.merged = Some(merged);
        }
        Ok(())
    }
}
