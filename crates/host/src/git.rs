//! What the checkout says of itself. Everything is optional: a history needs no git.

use std::path::Path;
use std::process::Command;

/// Facts of a checkout, asked of the `git` command; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// The commit that is checked out.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// The branch; empty for a detached head.
    pub branch: String,
    /// `owner/name` of the remote `origin`.
    pub repo: String,
}

impl GitFacts {
    /// Asks git in `folder`.
    pub fn read(folder: &Path) -> Self {
        let revisions = git(folder, &["rev-parse", "HEAD", "HEAD^{tree}"]);
        let mut lines = revisions.lines();
        Self {
            commit: lines.next().unwrap_or_default().to_owned(),
            tree: lines.next().unwrap_or_default().to_owned(),
            branch: git(folder, &["symbolic-ref", "--quiet", "--short", "HEAD"]),
            repo: repo_of_url(&git(folder, &["config", "--get", "remote.origin.url"])),
        }
    }

    /// The files that differ between `base` and the checkout; empty when git cannot say.
    pub fn changed_files(folder: &Path, base: &str) -> Vec<String> {
        Self::differing_files(folder, base).unwrap_or_default()
    }

    /// As [`GitFacts::changed_files`]; `None` when git cannot say.
    pub fn differing_files(folder: &Path, base: &str) -> Option<Vec<String>> {
        let range = format!("{base}...HEAD");
        let diff = [
            "diff",
            "--name-only",
            "-z",
            "--end-of-options",
            &range,
            "--",
        ];
        let listed = asked(folder, &diff)?;
        let paths = listed.split('\0').filter(|path| !path.is_empty());
        Some(paths.map(str::to_owned).collect())
    }

    /// The files that git tracks, in its order; empty when git cannot say.
    pub fn files(folder: &Path) -> Vec<String> {
        let listed = git(folder, &["ls-files", "-z"]);
        let paths = listed.split('\0').filter(|path| !path.is_empty());
        paths.map(str::to_owned).collect()
    }

    /// The newest common ancestor of `base` and the checkout; empty when git cannot say.
    pub fn merge_base(folder: &Path, base: &str) -> String {
        git(folder, &["merge-base", "--end-of-options", base, "HEAD"])
    }
}

/// What git prints, without the last line break; empty when it fails.
fn git(folder: &Path, arguments: &[&str]) -> String {
    asked(folder, arguments).unwrap_or_default()
}

/// What git prints, without the last line break; `None` when it fails.
fn asked(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.trim_end().to_owned())
}

/// `owner/name` of a clone URL, in any of git's spellings; empty when it has no two parts.
fn repo_of_url(url: &str) -> String {
    let path = url.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']).filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(name), Some(owner)) => format!("{owner}/{name}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{GitFacts, repo_of_url};

    #[test]
    fn every_spelling_of_a_remote_names_the_same_repository() {
        for url in [
            "https://github.com/acme/shop.git",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com/acme/shop/",
        ] {
            assert_eq!(repo_of_url(url), "acme/shop", "{url}");
        }
        assert_eq!(repo_of_url(""), "");
    }

    #[test]
    fn a_folder_without_git_has_no_facts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(GitFacts::read(dir.path()).commit, "");
        assert_eq!(GitFacts::merge_base(Path::new("/nonexistent"), "main"), "");
    }
}
