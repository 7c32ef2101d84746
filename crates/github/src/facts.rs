//! What is so on GitHub: pull requests, comments, labels, statuses, people, rules.
//!
//! Structs of our own with a default for every field: an answer of an older or newer GitHub that lacks one is still an answer.

mod read;

use serde::{Deserialize, Deserializer};

/// `null` as the default.
pub(crate) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// A person, an organisation or a bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// The name that is mentioned; `NAME[bot]` for an App.
    pub login: String,
    /// `User`, `Organization` or `Bot`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RepoInfo {
    /// `owner/name`.
    pub full_name: String,
    /// `main`.
    pub default_branch: String,
    /// Whether strangers cannot see it.
    pub private: bool,
    /// Whether it is a copy of another.
    pub fork: bool,
    /// Whether nothing can be changed any more.
    pub archived: bool,
    /// Its page.
    pub html_url: String,
    /// Who it belongs to.
    pub owner: Account,
}

/// One side of a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PullEnd {
    /// The branch.
    #[serde(rename = "ref")]
    pub branch: String,
    /// Its newest commit.
    pub sha: String,
    /// `owner:branch`.
    #[serde(deserialize_with = "or_default")]
    pub label: String,
    /// Where it is; none when that repository was deleted.
    pub repo: Option<RepoInfo>,
}

/// A pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pull {
    /// Its number in the repository.
    pub number: u64,
    /// `open` or `closed`.
    pub state: String,
    /// Text of others.
    pub title: String,
    /// Text of others.
    #[serde(deserialize_with = "or_default")]
    pub body: String,
    /// Not yet for review.
    pub draft: bool,
    /// Who opened it.
    #[serde(deserialize_with = "or_default")]
    pub user: Account,
    /// What it brings.
    pub head: PullEnd,
    /// Where it wants to go.
    pub base: PullEnd,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Whether it was merged.
    #[serde(deserialize_with = "or_default")]
    pub merged: bool,
    /// The merge commit, or the one of a trial merge.
    #[serde(deserialize_with = "or_default")]
    pub merge_commit_sha: String,
    /// How the author relates to the repository: `MEMBER`, `CONTRIBUTOR`. A hint, not a proof.
    pub author_association: String,
    /// Its page.
    pub html_url: String,
}

impl Pull {
    /// Whether the change comes from another repository (or from one that is gone).
    pub fn is_from_fork(&self) -> bool {
        let name = |end: &PullEnd| end.repo.as_ref().map(|repo| repo.full_name.clone());
        name(&self.head).is_none() || name(&self.head) != name(&self.base)
    }
}

/// A file that a change touches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FileChange {
    /// Its path after the change.
    pub filename: String,
    /// Its path before, when it was renamed.
    pub previous_filename: Option<String>,
    /// `added`, `removed`, `modified`, `renamed` ...
    pub status: String,
    /// Lines.
    pub additions: u64,
    /// Lines.
    pub deletions: u64,
    /// The difference; none for binary and large files.
    pub patch: Option<String>,
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// Its hash.
    pub sha: String,
    /// What git knows of it.
    pub commit: CommitText,
    /// The account of the author, if GitHub knows one.
    pub author: Option<Account>,
    /// The hashes before it.
    #[serde(deserialize_with = "hashes")]
    pub parents: Vec<String>,
}

/// What git knows of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CommitText {
    /// Text of others.
    pub message: String,
    /// Who made the change.
    #[serde(deserialize_with = "or_default")]
    pub author: Signature,
    /// Who made the commit.
    #[serde(deserialize_with = "or_default")]
    pub committer: Signature,
    /// The hash of its tree.
    #[serde(deserialize_with = "hash")]
    pub tree: String,
}

/// Who and when, as git knows it: nobody proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Signature {
    /// Text of others.
    pub name: String,
    /// Text of others.
    pub email: String,
    /// RFC 3339.
    #[serde(deserialize_with = "or_default")]
    pub date: String,
}

/// A comment on an issue or a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Comment {
    /// Grows with time.
    pub id: u64,
    /// Text of others.
    #[serde(deserialize_with = "or_default")]
    pub body: String,
    /// Who wrote it.
    #[serde(deserialize_with = "or_default")]
    pub user: Account,
    /// Its place on the page.
    pub html_url: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// As in [`Pull::author_association`].
    pub author_association: String,
}

/// A label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Label {
    /// What it says; GitHub does not tell upper from lower case in it.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it means.
    #[serde(deserialize_with = "or_default")]
    pub description: String,
}

/// A commit status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Status {
    /// What it is called.
    pub context: String,
    /// `success`, `failure`, `error` or `pending`.
    pub state: String,
    /// Text of others.
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    /// Where its details are.
    pub target_url: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}

/// A check run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Grows with time.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// The commit.
    pub head_sha: String,
    /// What its maker calls it.
    #[serde(deserialize_with = "or_default")]
    pub external_id: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// Where its details are.
    #[serde(deserialize_with = "or_default")]
    pub details_url: String,
    /// Its page.
    #[serde(deserialize_with = "or_default")]
    pub html_url: String,
    /// What it shows.
    pub output: CheckOutput,
    /// The App that made it.
    #[serde(deserialize_with = "or_default")]
    pub app: App,
}

/// A GitHub App.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct App {
    /// What it is called in addresses; its login is this with `[bot]` behind it.
    #[serde(deserialize_with = "or_default")]
    pub slug: String,
}

/// What a check run shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CheckOutput {
    /// The line above.
    #[serde(deserialize_with = "or_default")]
    pub title: String,
    /// Markdown.
    #[serde(deserialize_with = "or_default")]
    pub summary: String,
    /// Markdown.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
    /// How many remarks it has at lines of files.
    pub annotations_count: u64,
}

/// What somebody may do in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Permission {
    /// `admin`, `write`, `read` or `none`.
    pub permission: String,
    /// `admin`, `maintain`, `write`, `triage`, `read`, or a role of the organisation.
    pub role_name: String,
}

impl Permission {
    /// Whether they may push.
    pub fn can_write(&self) -> bool {
        matches!(self.permission.as_str(), "admin" | "write")
    }
}

/// Somebody's place in a team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// `active` or `pending`.
    pub state: String,
    /// `member` or `maintainer`.
    pub role: String,
}

/// A milestone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Milestone {
    /// Its number in the repository.
    pub number: u64,
    /// Text of others.
    pub title: String,
    /// `open` or `closed`.
    pub state: String,
    /// RFC 3339.
    pub due_on: Option<String>,
}

/// A branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Branch {
    /// `main`.
    pub name: String,
    /// Its newest commit.
    pub commit: Commit,
    /// Whether rules hold for it.
    pub protected: bool,
}

/// A rule that holds for a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// `required_status_checks`, `pull_request`, `merge_queue` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What the rule asks for; its form depends on `kind`.
    pub parameters: serde_json::Value,
}

impl Rule {
    /// The names of the checks that this rule requires.
    pub fn required_checks(&self) -> Vec<String> {
        let checks = self.parameters.get("required_status_checks");
        let checks = checks.and_then(serde_json::Value::as_array);
        checks
            .into_iter()
            .flatten()
            .filter_map(|check| Some(check.get("context")?.as_str()?.to_owned()))
            .collect()
    }
}

/// The older kind of rules of a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Protection {
    /// Which checks are required; its form is GitHub's.
    pub required_status_checks: serde_json::Value,
}

/// How two commits relate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// `ahead`, `behind`, `diverged` or `identical`, seen from the head.
    pub status: String,
    /// Commits of the head that the base lacks.
    pub ahead_by: u64,
    /// Commits of the base that the head lacks.
    pub behind_by: u64,
    /// Where they parted.
    #[serde(rename = "merge_base_commit", deserialize_with = "hash")]
    pub merge_base: String,
}

/// What remains of the rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RateLimit {
    /// Calls an hour.
    pub limit: u64,
    /// Calls until the reset.
    pub remaining: u64,
    /// Seconds since 1970.
    pub reset: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hash {
    sha: String,
}

fn hash<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Hash::deserialize(from)?.sha)
}

fn hashes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let all = Vec::<Hash>::deserialize(from)?;
    Ok(all.into_iter().map(|one| one.sha).collect())
}

#[cfg(test)]
mod tests {
    use super::{Comment, Comparison, Pull, Rule};

    #[test]
    fn an_answer_may_lack_any_field_and_hold_null() {
        let pull: Pull = serde_json::from_str(
            r#"{"number":7,"body":null,"user":null,"merged":null,"head":{"repo":null},"merge_commit_sha":null}"#,
        )
        .unwrap();
        assert_eq!(pull.number, 7);
        assert!(pull.is_from_fork());
        assert_eq!(serde_json::from_str::<Comment>("{}").unwrap().id, 0);
    }

    #[test]
    fn a_merge_base_is_a_hash() {
        let json = r#"{"status":"ahead","merge_base_commit":{"sha":"abc","x":1}}"#;
        let comparison: Comparison = serde_json::from_str(json).unwrap();
        assert_eq!(comparison.merge_base, "abc");
    }

    #[test]
    fn required_checks_are_read_from_a_rule() {
        let json = r#"{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"ci"},{}]}}"#;
        let rule: Rule = serde_json::from_str(json).unwrap();
        assert_eq!(rule.required_checks(), ["ci"]);
    }
}
