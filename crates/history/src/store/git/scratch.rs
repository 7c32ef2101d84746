//! The bare repository of our own in which everything happens.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::command::{self, Output};
use crate::{Error, ErrorKind, Result, error::Context as _, store::random};

/// The longest time of a command that talks to the other side.
const FAR: Duration = Duration::from_mins(2);

/// The longest time of a command that does not.
const NEAR: Duration = Duration::from_mins(1);

/// A bare repository in the temporary folder; removed with this value.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Makes the repository, with one remote, and with some lines of configuration.
    pub(super) fn new(url: &str, config: Option<&str>) -> Result<Self> {
        let name = format!("sprag-git-{}-{:016x}", std::process::id(), random());
        let folder = std::env::temp_dir().join(name);
        make_private(&folder).context("cannot make", "a temporary folder")?;
        let scratch = Self { folder };
        let made = scratch.near(&["init", "--quiet", "--bare", "--template="], &[])?;
        if !made.done {
            let kind = ErrorKind::Io(io::Error::other(made.errors));
            return Err(Error::new("cannot use", "git", kind));
        }
        let path = scratch.folder.join("config");
        let mut text = fs::read_to_string(&path).context("cannot use", "git")?;
        text.push_str(config.unwrap_or_default());
        text.push_str(&setting("remote.origin.url", url));
        for (name, value) in [
            ("remote.origin.promisor", "true"),
            ("remote.origin.partialclonefilter", "blob:none"),
            ("core.hookspath", "/dev/null"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("transfer.fsckobjects", "true"),
            ("push.gpgsign", "false"),
            ("protocol.version", "2"),
        ] {
            text.push_str(&setting(name, value));
        }
        fs::write(&path, text).context("cannot use", "git")?;
        Ok(scratch)
    }

    /// Runs a command that talks to the other side.
    pub(super) fn far(&self, arguments: &[&str]) -> Result<Output> {
        self.run(arguments, &[], FAR)
    }

    /// As [`Scratch::far`], with input.
    pub(super) fn far_with(&self, arguments: &[&str], input: &[u8]) -> Result<Output> {
        self.run(arguments, input, FAR)
    }

    /// Runs a command that stays on this machine.
    pub(super) fn near(&self, arguments: &[&str], input: &[u8]) -> Result<Output> {
        self.run(arguments, input, NEAR)
    }

    fn run(&self, arguments: &[&str], input: &[u8], limit: Duration) -> Result<Output> {
        let mut git = command::git();
        git.current_dir(&self.folder)
            .env("GIT_DIR", &self.folder)
            .args(arguments);
        command::run(git, input, limit).context("cannot run", "git")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

/// One setting as it stands in a file of configuration. The name is `section.key` or `section.subsection.key`.
fn setting(name: &str, value: &str) -> String {
    let quoted = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let (section, key) = name.rsplit_once('.').unwrap_or(("sprag", name));
    let head = match section.split_once('.') {
        Some((section, sub)) => format!("[{section} \"{}\"]", quoted(sub)),
        None => format!("[{section}]"),
    };
    format!("{head}\n\t{key} = \"{}\"\n", quoted(value))
}

/// The address of the remote `origin` of a checkout, and what its own configuration says of how to reach it: passwords, proxies, other names of hosts.
pub(super) fn origin_of(folder: &Path) -> Option<(String, String)> {
    let ask = |arguments: &[&str]| -> Option<String> {
        let mut git = command::git();
        git.current_dir(folder).args(arguments);
        let output = command::run(git, &[], NEAR).ok()?;
        output
            .done
            .then(|| String::from_utf8_lossy(&output.bytes).into_owned())
    };
    let url = ask(&["config", "--get", "remote.origin.url"])?
        .trim_end()
        .to_owned();
    let listed = ask(&[
        "config",
        "--local",
        "--includes",
        "--null",
        "--get-regexp",
        "^(http|credential|url|core\\.sshcommand)",
    ]);
    let listed = listed.unwrap_or_default();
    let settings = listed.split('\0').filter_map(|line| line.split_once('\n'));
    let config: String = settings.map(|(name, value)| setting(name, value)).collect();
    // A relative address is relative to the checkout.
    let whole = folder.join(&url);
    let url = if whole.exists() {
        whole.display().to_string()
    } else {
        url
    };
    Some((url, config))
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn a_setting_is_quoted() {
        let text = setting("http.https://x.y/.extraheader", "a \"b\" \\ c");
        insta::assert_snapshot!(text, @r#"
        [http "https://x.y/"]
        	extraheader = "a \"b\" \\ c"
        "#);
    }
}
