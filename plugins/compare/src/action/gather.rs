//! Everything a comparison asks of the outside, asked at once: history, changed files, the comment that may be there.

use std::fs;
use std::path::Path;
use std::thread;

use github::Repo;
use history::History;
use host::GitFacts;
use model::TestRun;

use super::Step;
use super::target::Target;
use crate::check::{Past, Subject};
use crate::error::Error;
use crate::remote;

/// No configuration is longer.
const MOST_CONFIG_BYTES: u64 = 1 << 20;

/// One job under comparison.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) subject: &'a Subject,
    pub(super) run: &'a TestRun,
}

/// What was asked.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The history; `None` when there is none yet, or it cannot be opened.
    pub(super) history: Option<History>,
    /// What it says, a job each.
    pub(super) pasts: Vec<Past>,
    /// Paths that the change touches.
    pub(super) changed: Changed,
    /// Whether there is a comment already.
    pub(super) comment: Earlier,
}

/// Paths that a change touches.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) files: Vec<String>,
    /// Whether these are all of them for sure.
    pub(super) is_whole: bool,
}

/// Whether an earlier comparison left a comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Earlier {
    /// GitHub could not be asked.
    #[default]
    Unknown,
    Absent,
    There,
}

/// GitHub lists no more changed files of a pull request.
const MOST_PULL_FILES: usize = 3_000;

impl Step<'_> {
    /// Asks everything side by side: with a hundred milliseconds an answer, one after the other would take a second.
    pub(super) fn gather(&self, target: &Target, jobs: &[Job<'_>]) -> Result<Gathered, Error> {
        thread::scope(|scope| {
            let files = scope.spawn(|| self.changed_files(target));
            let comment = scope.spawn(|| self.comment(target));
            let (history, pasts) = self.pasts(jobs)?;
            let mut gathered = Gathered {
                history,
                pasts,
                ..Gathered::default()
            };
            let lost = |_panic| Err("an internal error".to_owned());
            match files.join().unwrap_or_else(lost) {
                Ok(changed) => gathered.changed = changed,
                Err(why) => self.warn(&format!("the changed files are not known: {why}")),
            }
            match comment
                .join()
                .unwrap_or_else(|_panic| Err("an internal error".to_owned()))
            {
                Ok(comment) => gathered.comment = comment,
                Err(why) => self.warn(&format!("the comments cannot be read: {why}")),
            }
            Ok(gathered)
        })
    }

    fn pasts(&self, jobs: &[Job<'_>]) -> Result<(Option<History>, Vec<Past>), Error> {
        let history = match remote::open(self.inputs.history(), self.context) {
            Ok(history) => history,
            // The first pull request may come before the first push: the report says how many runs are missing.
            Err(Error::History(error)) if error.is_absent() => {
                let pasts = jobs.iter().map(|_| Past::default()).collect();
                return Ok((None, pasts));
            }
            Err(error) => return Err(error),
        };
        let read = |job: &Job<'_>| Past::read(&history, job.subject, job.run);
        let pasts = jobs.iter().map(read).collect::<Result<_, _>>()?;
        Ok((Some(history), pasts))
    }

    fn changed_files(&self, target: &Target) -> Result<Changed, String> {
        let (Some(repo), Some(number)) = (&self.repo, target.pr) else {
            let differing = GitFacts::differing_files(Path::new("."), &target.base_commit);
            return Ok(Changed {
                is_whole: differing.is_some(),
                files: differing.unwrap_or_default(),
            });
        };
        let files = repo.pull_files(number).map_err(|error| error.to_string())?;
        let is_whole = files.len() < MOST_PULL_FILES;
        let both = files.into_iter().flat_map(|file| {
            let before = file.previous_filename;
            before.into_iter().chain([file.filename])
        });
        Ok(Changed {
            files: both.collect(),
            is_whole,
        })
    }

    fn comment(&self, target: &Target) -> Result<Earlier, String> {
        let (Some(repo), Some(number)) = (&self.repo, target.pr) else {
            return Ok(Earlier::Absent);
        };
        if !self.comments(target) {
            return Ok(Earlier::Absent);
        }
        match repo.comment_by_marker(number, &self.marker()) {
            Ok(Some(_)) => Ok(Earlier::There),
            Ok(None) => Ok(Earlier::Absent),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The configuration that holds for a change: never one that the change itself brings.
    pub(super) fn config(
        &self,
        target: &Target,
        changed: &Changed,
    ) -> Result<verdict::Config, Error> {
        let path = self.config_path();
        let local = Path::new(self.inputs.config());
        let is_link = fs::symlink_metadata(local).is_ok_and(|of| of.is_symlink());
        let edits = changed.files.iter().any(|file| file == path);
        let is_checked_out = target.in_checkout && (local.exists() || Path::new(".git").exists());
        let unknown = (!changed.is_whole || !is_checked_out) && self.repo.is_some();
        let text = if edits || unknown || is_link || !target.in_checkout {
            self.config_of_base(target, path)?
        } else {
            config_of_checkout(local)
        };
        self.inputs.settings(&text)
    }

    /// The path of the configuration file in the repository.
    pub(super) fn config_path(&self) -> &str {
        let path = self.inputs.config();
        let workspace = self.context.env.get("GITHUB_WORKSPACE").unwrap_or_default();
        let below = Some(workspace).filter(|folder| !folder.is_empty());
        let below = below.and_then(|folder| path.strip_prefix(folder));
        let path = below.map_or(path, |path| path.trim_start_matches('/'));
        path.trim_start_matches("./")
    }

    fn config_of_base(&self, target: &Target, path: &str) -> Result<String, Error> {
        let Some(repo) = &self.repo else {
            self.warn(&format!(
                "{path} may be of this change; without a token that of its base cannot be read, so the defaults hold"
            ));
            return Ok(String::new());
        };
        text_at(repo, path, &target.base_commit)
    }
}

/// The text of a file of a commit; empty when there is none.
pub(super) fn text_at(repo: &Repo, path: &str, commit: &str) -> Result<String, Error> {
    let file = repo.file(path, commit)?;
    let bytes = file.map(|file| file.bytes).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The text of a configuration file; empty when there is none.
pub(super) fn config_of_checkout(path: &Path) -> String {
    let small = fs::metadata(path).is_ok_and(|of| of.is_file() && of.len() <= MOST_CONFIG_BYTES);
    if small {
        fs::read_to_string(path).unwrap_or_default()
    } else {
        String::new()
    }
}
