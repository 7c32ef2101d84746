//! What the two harnesses share: what starts a workflow, and what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{root, sprag_compare};
use crate::workflows;

/// What starts a workflow, as GitHub says it to a runner.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    /// `push`, `pull_request`, ...
    pub(crate) event: &'static str,
    pub(crate) payload: Value,
    /// `refs/heads/main`, `refs/pull/7/merge`, ...
    pub(crate) reference: String,
    pub(crate) sha: String,
    /// Id of the workflow run.
    pub(crate) run: u64,
    pub(crate) attempt: u32,
    /// What `github.token` is.
    pub(crate) token: String,
    /// Root of the API.
    pub(crate) api: String,
}

/// A job that ran.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its id, with the values of its matrix.
    pub(crate) name: String,
    /// Whether GitHub shows it green.
    pub(crate) green: bool,
    /// The step of this action; `None` when it did not run.
    pub(crate) step: Option<Step>,
    /// Everything printed.
    pub(crate) log: String,
}

/// A step that ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub(crate) green: bool,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) log: String,
    /// The job summary.
    pub(crate) summary: Option<String>,
}

/// Something that runs a workflow of the checkout.
pub(crate) trait Runner {
    /// Runs all jobs of `.github/workflows/<workflow>` for a trigger.
    fn run(&self, stage: &Stage, workflow: &str, trigger: &Trigger) -> Vec<Job>;
    /// Its name, for messages.
    fn name(&self) -> &'static str;
}

/// A machine: a checkout, the action beside it, and where artifacts go.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// A checkout with all shipped workflows, whose `make test` copies the results of the test to `out` and fails when they do.
    pub(crate) fn new() -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for path in workflows::shipped() {
            copy(&path, &stage.workflow(name(&path)));
        }
        stage.write("Makefile", "test:\n\t@bash tests\n");
        stage.write("tests", TESTS);
        stage.place_action();
        fs::create_dir(stage.artifacts()).unwrap();
        stage
    }

    /// The action as a runner unpacks it, with the binary under test beside it.
    fn place_action(&self) {
        for file in ["action.yml", "action/run.sh", "backfill/action.yml"] {
            copy(&root().join(file), &self.action().join(file));
        }
        let beside = self.action().join("sprag-compare");
        std::os::unix::fs::symlink(sprag_compare(), beside).unwrap();
    }

    /// The repository, where steps run.
    pub(crate) fn checkout(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    /// The action.
    pub(crate) fn action(&self) -> PathBuf {
        self.folder.path().join("action")
    }

    /// What the jobs uploaded, a folder each.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }

    /// A folder for the harness.
    pub(crate) fn scratch(&self) -> PathBuf {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch).unwrap();
        scratch
    }

    /// The file of a workflow.
    pub(crate) fn workflow(&self, name: &str) -> PathBuf {
        self.checkout().join(".github/workflows").join(name)
    }

    /// Writes a file of the checkout.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.checkout().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Lets the jobs of a run end with these results, the last of them also for all jobs that follow; none means that they crash.
    pub(crate) fn results(&self, of_jobs: &[&str]) {
        let folder = self.checkout().join("prepared");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        for (job, xml) in of_jobs.iter().enumerate() {
            self.write(&format!("prepared/{job}.xml"), xml);
        }
    }

    /// The next job is the first of a run, which has no artifacts yet.
    pub(crate) fn start_run(&self) {
        fs::remove_dir_all(self.artifacts()).unwrap();
        fs::create_dir(self.artifacts()).unwrap();
        fs::write(self.folder.path().join("count"), "0").unwrap();
    }
}

/// The n-th job of a run ends with the n-th results.
const TESTS: &str = r#"set -euo pipefail
counter=$SPRAG_ARTIFACTS/../count
job=$(cat "$counter")
echo $((job + 1)) > "$counter"
rm -rf out && mkdir out
while [ ! -e prepared/$job.xml ]; do job=$((job - 1)); [ $job -ge 0 ]; done
cp prepared/$job.xml out/results.xml
if grep -q '<failure' out/results.xml || [ -e prepared/crash ]; then exit 1; fi
"#;

/// Where the stand-in for actions/upload-artifact is.
pub(crate) fn upload_artifact() -> PathBuf {
    root().join("tests/e2e/act/upload-artifact")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
