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
        let name = repo.full_name();
        self.test_merge(&name, number)?;
        Ok(number)
    }

    /// Sets the two refs of a pull request: its head, and the commit that merging it would make; a pull request that conflicts has no such commit.
    pub(crate) fn test_merge(&mut self, repo: &str, number: u64) -> Result<(), Reply> {
        let known = self.repo(repo)?;
        let Some(pull) = known
            .issues
            .get(&number)
            .and_then(|issue| issue.pull.clone())
        else {
            return Ok(());
        };
        let base = known.head(&pull.base_ref).cloned().unwrap_or_default();
        let message = format!("Merge {} into {base}", pull.head_sha);
        let merge = self
            .merge_commit(repo, (&base, &pull.head_sha), &message)
            .ok()
            .flatten();
        let refs = &mut self.repo_mut(repo)?.refs;
        refs.insert(format!("refs/pull/{number}/head"), pull.head_sha);
        let name = format!("refs/pull/{number}/merge");
        match merge {
            Some(sha) => refs.insert(name, sha),
            None => refs.remove(&name),
        };
        Ok(())
    }

    fn merge_commit(
        &mut self,
        repo: &str,
        (base, head): (&str, &str),
        message: &str,
    ) -> Result<Option<Sha>, Reply> {
        let author = self.person("web-flow");
        let objects = self.objects_mut(repo)?;
        let tree = match objects.merge(base, head) {
            Merge::Tree(tree) => tree,
            Merge::Nothing => return Ok(None),
            Merge::Conflict => return Err(Reply::error(409, "Merge conflict")),
        };
        let commit = Commit {
            tree,
            parents: vec![base.to_owned(), head.to_owned()],
            author: author.clone(),
            committer: author,
            message: message.to_owned(),
        };
        Ok(Some(objects.put_commit(commit)))
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
        let merge = self.merge_commit(repo, (&base, head), message)?;
        if let Some(sha) = &merge {
            self.set_ref(repo, &format!("refs/heads/{branch}"), Some(sha))?;
        }
        Ok(merge)
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
