//! A fake GitHub with a pull request, and clients of it.

use std::time::Duration;

use fake_github::{FakeGithub, Options};
use github::{Credentials, Github, Limits, Repo, Settings};
use model::{CheckConclusion, Effect, StatusState};

pub(crate) const ALL: &[&str] = &[
    "actions: read",
    "checks: write",
    "contents: write",
    "issues: write",
    "pull-requests: write",
    "statuses: write",
];

pub(crate) const MARKER: &str = "<!-- sprag:compare -->";

/// Short waits; the longest time is what a loaded machine needs for an answer.
pub(crate) fn limits() -> Limits {
    Limits {
        longest_wait: Duration::from_secs(5),
        patience: Duration::from_mins(1),
        attempts: 6,
        first_wait: Duration::from_millis(1),
        secondary_wait: Duration::from_millis(2),
        timeout: Duration::from_secs(20),
        largest_body: 8 * 1024 * 1024,
    }
}

pub(crate) fn settings(fake: &FakeGithub, token: &str) -> Settings {
    Settings {
        api_url: fake.url(),
        credentials: Credentials::Token(token.into()),
        login: Some("github-actions[bot]".to_owned()),
        limits: limits(),
        ..Settings::default()
    }
}

/// A fake, its repository `acme/shop` and a client that may do everything.
pub(crate) struct Shop {
    pub fake: FakeGithub,
    pub seed: fake_github::Repo,
    pub repo: Repo,
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let fake = FakeGithub::start(options);
        let seed = fake.repo("acme/shop");
        let token = fake.token(ALL);
        let repo = client(&fake, &token);
        Self { fake, seed, repo }
    }

    /// A pull request of its own branch.
    pub(crate) fn pull(&self, branch: &str) -> u64 {
        let files: [(&str, &[u8]); 1] = [("src/lib.rs", branch.as_bytes())];
        self.seed.push_commit(branch, &files);
        self.seed.add_pull(branch)
    }

    /// Another process with the same rights.
    pub(crate) fn other_process(&self) -> Repo {
        client(&self.fake, &self.fake.token(ALL))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.fake.assert_clean();
        }
    }
}

pub(crate) fn client(fake: &FakeGithub, token: &str) -> Repo {
    let github = Github::new(settings(fake, token)).unwrap();
    github.repo("acme/shop").unwrap()
}

pub(crate) fn comment(pr: u64, text: &str) -> Effect {
    Effect::Comment {
        pr,
        marker: MARKER.to_owned(),
        body: format!("{MARKER}\n{text}"),
        create: true,
    }
}

pub(crate) fn label(pr: u64, name: &str, present: bool) -> Effect {
    Effect::Label {
        pr,
        name: name.to_owned(),
        present,
        color: "d93f0b".to_owned(),
        description: "what it means".to_owned(),
    }
}

pub(crate) fn status(sha: &str, description: &str) -> Effect {
    Effect::Status {
        sha: sha.to_owned(),
        context: "sprag/compare".to_owned(),
        state: StatusState::Failure,
        description: description.to_owned(),
        url: Some("https://example.org/run/1".to_owned()),
    }
}

pub(crate) fn check(sha: &str, annotations: usize) -> Effect {
    Effect::CheckRun {
        sha: sha.to_owned(),
        name: "sprag/compare".to_owned(),
        external_id: "run-1".to_owned(),
        conclusion: Some(CheckConclusion::Failure),
        title: "2 of 5 failures look caused by this change".to_owned(),
        summary: "summary".to_owned(),
        text: "text".to_owned(),
        annotations: (1..=annotations).map(annotation).collect(),
        url: Some("https://example.org/run/1".to_owned()),
    }
}

fn annotation(line: usize) -> model::Annotation {
    model::Annotation {
        path: "src/lib.rs".to_owned(),
        start_line: line as u64,
        end_line: line as u64,
        level: model::AnnotationLevel::Failure,
        title: "adds_tax".to_owned(),
        message: format!("failed at {line}"),
        raw: String::new(),
    }
}
