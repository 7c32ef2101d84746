//! A repository on the fake GitHub and a machine that runs its workflows.

use std::cell::Cell;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use fake_github::{FakeGithub, NewRun, Options, Repo};
use serde_json::Value;

use super::bare::Bare;
use super::payload::{self, REPOSITORY};
use super::runner::{Job, Runner, Stage, Trigger};
use crate::workflows::yaml;

/// Results of a run in which all is well.
pub(crate) const GREEN: &str = r#"<testsuite name="cart">
  <testcase classname="cart" name="adds" time="0.1"/>
  <testcase classname="cart" name="removes" time="0.1"/>
  <testcase classname="cart" name="totals" time="0.1"/>
</testsuite>"#;

/// Results of a run in which one test of three fails.
pub(crate) const RED: &str = r#"<testsuite name="cart">
  <testcase classname="cart" name="adds" time="0.1"/>
  <testcase classname="cart" name="removes" time="0.1"><failure message="3 is not 2">at cart.py:7</failure></testcase>
  <testcase classname="cart" name="totals" time="0.1"/>
</testsuite>"#;

/// Everything of one case.
pub(crate) struct World {
    pub(crate) fake: FakeGithub,
    pub(crate) repo: Repo,
    pub(crate) stage: Stage,
    runs: Cell<u64>,
    /// The newest run of tests.yml that GitHub knows.
    ended: Cell<u64>,
}

/// A change: the pull request, its base and its head.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) number: u64,
    pub(crate) base: String,
    pub(crate) head: String,
    /// `owner/name` that holds the head.
    pub(crate) from: String,
}

impl World {
    /// An empty repository.
    pub(crate) fn new() -> Self {
        Self::on(Options::default())
    }

    /// An empty repository on some other GitHub.
    pub(crate) fn on(options: Options) -> Self {
        let fake = FakeGithub::start(options);
        let repo = fake.repo(REPOSITORY);
        Self {
            fake,
            repo,
            stage: Stage::new(),
            runs: Cell::new(1000),
            ended: Cell::new(0),
        }
    }

    /// As many green pushes to main as a first verdict needs, and more.
    pub(crate) fn with_history(workflow: &str) -> Self {
        let world = Self::new();
        world.grow(workflow);
        world
    }

    fn grow(&self, workflow: &str) {
        self.stage.results(&[GREEN]);
        for _ in 0..6 {
            let jobs = self.push(&Bare, workflow);
            assert!(jobs.iter().all(|job| job.green), "{jobs:#?}");
        }
    }

    /// As [`World::with_history`], on some other GitHub.
    pub(crate) fn with_history_on(options: Options, workflow: &str) -> Self {
        let world = Self::on(options);
        world.grow(workflow);
        world
    }

    /// Pushes to main; the results are those that stand prepared.
    pub(crate) fn push(&self, runner: &dyn Runner, workflow: &str) -> Vec<Job> {
        let sha = self.commit();
        let payload = payload::push("main", &sha);
        self.run(
            runner,
            workflow,
            ("push", payload),
            ("refs/heads/main", &sha),
            Rights::OfWorkflow,
        )
    }

    /// A new commit on main.
    pub(crate) fn commit(&self) -> String {
        let text = self.next_run().to_string();
        self.repo
            .push_commit("main", &[("count.txt", text.as_bytes())])
    }

    /// A pull request from a branch of the repository.
    pub(crate) fn pull(&self) -> Change {
        let base = self.repo.head("main").unwrap();
        let number = self.repo.add_pull("fix");
        let head = self.repo.head_of_pull(number);
        Change {
            number,
            base,
            head,
            from: REPOSITORY.to_owned(),
        }
    }

    /// A pull request from a fork.
    pub(crate) fn fork_pull(&self) -> Change {
        let base = self.repo.head("main").unwrap();
        let number = self
            .repo
            .add_fork_pull("mallory", "fix", &[("fix.txt", b"fix")]);
        let head = self.repo.head_of_pull(number);
        Change {
            number,
            base,
            head,
            from: "mallory/shop".to_owned(),
        }
    }

    /// Runs a workflow for a pull request.
    pub(crate) fn test(&self, runner: &dyn Runner, workflow: &str, change: &Change) -> Vec<Job> {
        let rights = if change.from == REPOSITORY {
            Rights::OfWorkflow
        } else {
            Rights::ReadOnly
        };
        self.test_with(runner, workflow, change, rights)
    }

    /// Runs a workflow for a pull request with these rights.
    pub(crate) fn test_with(
        &self,
        runner: &dyn Runner,
        workflow: &str,
        change: &Change,
        rights: Rights,
    ) -> Vec<Job> {
        let payload =
            payload::pull_request(change.number, &change.base, (&change.from, &change.head));
        let reference = format!("refs/pull/{}/merge", change.number);
        self.run(
            runner,
            workflow,
            ("pull_request", payload),
            (&reference, &change.head),
            rights,
        )
    }

    /// Runs a workflow for a merge group.
    pub(crate) fn queue(&self, runner: &dyn Runner, workflow: &str, head: &str) -> Vec<Job> {
        let base = self.repo.head("main").unwrap();
        let payload = payload::merge_group(&base, head);
        let reference = payload["merge_group"]["head_ref"]
            .as_str()
            .unwrap()
            .to_owned();
        self.run(
            runner,
            workflow,
            ("merge_group", payload),
            (&reference, head),
            Rights::OfWorkflow,
        )
    }

    /// Lets GitHub know a finished run of tests.yml with what its jobs uploaded, and runs sprag.yml for it.
    pub(crate) fn after(
        &self,
        runner: &dyn Runner,
        event: &str,
        change: &Change,
        tests: &[Job],
    ) -> Vec<Job> {
        let passed = tests.iter().all(|job| job.green);
        let conclusion = if passed { "success" } else { "failure" };
        let queue = format!("gh-readonly-queue/main/pr-7-{}", change.base);
        let branch = match event {
            "push" => "main",
            "merge_group" => &queue,
            _ => "fix",
        };
        let run = self.finished(event, conclusion, branch, change);
        for job in tests {
            let conclusion = if job.green { "success" } else { "failure" };
            self.repo.add_job(run, &job.name, conclusion);
        }
        let head = (change.from.as_str(), branch, change.head.as_str());
        let payload = payload::workflow_run(run, event, conclusion, head);
        self.on_main(runner, "sprag.yml", ("workflow_run", payload))
    }

    /// The newest run of tests.yml was run again and passed; runs sprag.yml for its second attempt.
    pub(crate) fn after_rerun(&self, runner: &dyn Runner, change: &Change) -> Vec<Job> {
        let run = self.ended.get();
        self.hand_over(run);
        let head = (change.from.as_str(), "fix", change.head.as_str());
        let mut payload = payload::workflow_run(run, "pull_request", "success", head);
        payload["workflow_run"]["run_attempt"] = 2.into();
        self.on_main(runner, "sprag.yml", ("workflow_run", payload))
    }

    /// A run of tests.yml that GitHub knows, with what its jobs uploaded.
    pub(crate) fn finished(
        &self,
        event: &str,
        conclusion: &str,
        branch: &str,
        change: &Change,
    ) -> u64 {
        let run = self.repo.add_run(NewRun {
            name: "tests".to_owned(),
            event: event.to_owned(),
            head_branch: branch.to_owned(),
            head_sha: change.head.clone(),
            head_repo: change.from.clone(),
            conclusion: conclusion.to_owned(),
            ..NewRun::default()
        });
        self.hand_over(run);
        self.ended.set(run);
        run
    }

    /// GitHub has what the jobs uploaded.
    fn hand_over(&self, run: u64) {
        for folder in folders(&self.stage.artifacts()) {
            let name = folder.file_name().unwrap().to_str().unwrap();
            self.repo.add_artifact(run, name, zip(&folder));
            fs::remove_dir_all(&folder).unwrap();
        }
    }

    /// Runs a workflow of the default branch.
    pub(crate) fn on_main(
        &self,
        runner: &dyn Runner,
        workflow: &str,
        event: (&'static str, Value),
    ) -> Vec<Job> {
        let main = self.repo.head("main").unwrap();
        let place = ("refs/heads/main", main.as_str());
        self.run(runner, workflow, event, place, Rights::OfWorkflow)
    }

    fn run(
        &self,
        runner: &dyn Runner,
        workflow: &str,
        (event, payload): (&'static str, Value),
        (reference, sha): (&str, &str),
        rights: Rights,
    ) -> Vec<Job> {
        let trigger = Trigger {
            event,
            payload,
            reference: reference.to_owned(),
            sha: sha.to_owned(),
            run: self.next_run(),
            attempt: 1,
            token: self.token(workflow, rights),
            api: self.fake.url(),
        };
        self.stage.start_run();
        let jobs = runner.run(&self.stage, workflow, &trigger);
        self.fake.assert_clean();
        jobs
    }

    fn next_run(&self) -> u64 {
        self.runs.set(self.runs.get() + 1);
        self.runs.get()
    }

    /// The token that GitHub gives to the jobs of a workflow: what `permissions` says, and of a fork no right to write.
    fn token(&self, workflow: &str, rights: Rights) -> String {
        let workflow = yaml(&self.stage.workflow(workflow));
        let jobs = workflow["jobs"].as_object().unwrap().values();
        let permissions = jobs.flat_map(|job| job["permissions"].as_object().unwrap());
        let words = permissions.map(|(name, level)| match rights {
            Rights::OfWorkflow => format!("{name}: {}", level.as_str().unwrap()),
            Rights::ReadOnly => format!("{name}: read"),
        });
        let words: Vec<String> = words.collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.fake.token(&words)
    }

    /// The states that `sprag/compare` has had on a commit, oldest first.
    pub(crate) fn states(&self, sha: &str) -> Vec<String> {
        let statuses = self.repo.statuses(sha);
        let ours = statuses
            .iter()
            .filter(|status| status["context"] == "sprag/compare");
        ours.map(|status| status["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The texts of the comments on a pull request.
    pub(crate) fn comments(&self, change: &Change) -> Vec<String> {
        let comments = self.repo.comments(change.number);
        comments
            .iter()
            .map(|comment| comment["body"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// What the token of a run may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// What the workflow asks for.
    OfWorkflow,
    /// Reading only: a fork, Dependabot, or a repository that allows no more.
    ReadOnly,
}

fn folders(parent: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(parent).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// The files of a folder as GitHub packs an artifact.
fn zip(folder: &Path) -> Vec<u8> {
    let mut packed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for path in folders(folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        packed
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        packed.write_all(&fs::read(&path).unwrap()).unwrap();
    }
    packed.finish().unwrap().into_inner()
}
