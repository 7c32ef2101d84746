//! The event that started a GitHub workflow: only what a plugin needs of it.
//!
//! GitHub writes the event file, so it is believed; what stands in an artifact is not. Unknown fields are passed over, because
//! payloads differ in age.

use serde::Deserialize;

/// What started a workflow run (`GITHUB_EVENT_NAME` and `GITHUB_EVENT_PATH`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A branch moved, or is tested as it stands: `push`, `schedule`, `workflow_dispatch`.
    Branch(BranchEvent),
    /// A pull request: `pull_request`, `pull_request_target`.
    PullRequest(PullRequestEvent),
    /// A merge queue asks for its checks: `merge_group`.
    MergeGroup(MergeGroupEvent),
    /// Another workflow run ended: `workflow_run`.
    WorkflowRun(WorkflowRunEvent),
    /// Anything else.
    Other,
}

/// A run of a branch itself. The branch stands in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchEvent {
    /// The default branch of the repository; empty when the event does not say.
    pub default_branch: String,
}

/// A pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestEvent {
    /// The number of the pull request.
    pub number: u64,
    /// The branch it wants to join.
    pub base_branch: String,
    /// The head of that branch when the event was sent.
    pub base_commit: String,
    /// The head of the pull request.
    pub head_commit: String,
    /// `owner/name` of the repository that holds the head; empty when that repository is gone.
    pub head_repo: String,
    /// `owner/name` of the repository that it wants to join.
    pub base_repo: String,
}

impl PullRequestEvent {
    /// Whether the head is in another repository: then the run's token may only read.
    pub fn is_from_fork(&self) -> bool {
        self.head_repo != self.base_repo
    }
}

/// A group of pull requests in a merge queue, merged on trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeGroupEvent {
    /// The branch that the group wants to join.
    pub base_branch: String,
    /// Its head, on which the group stands.
    pub base_commit: String,
    /// The commit of the group.
    pub head_commit: String,
}

/// A workflow run that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowRunEvent {
    /// The id of the run.
    pub id: u64,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// The name of its workflow.
    pub workflow: String,
    /// The file of its workflow: `.github/workflows/ci.yml`; empty when the event does not say.
    pub path: String,
    /// What started it: `pull_request`, `push`, ...
    pub event: String,
    /// How it ended: `success`, `failure`, `cancelled`, ...; empty while it runs.
    pub conclusion: String,
    /// The branch of its head.
    pub head_branch: String,
    /// Its head.
    pub head_commit: String,
    /// `owner/name` of the repository that holds the head; empty when that repository is gone.
    pub head_repo: String,
    /// `owner/name` of the repository of the workflow.
    pub repo: String,
    /// The default branch of that repository.
    pub default_branch: String,
    /// When it started, as GitHub writes it.
    pub started_at: String,
    /// Where a person reads it.
    pub url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    pull_request: Option<PullRequest>,
    merge_group: Option<MergeGroup>,
    workflow_run: Option<WorkflowRun>,
    repository: Option<Repository>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Repository {
    full_name: Option<String>,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct PullRequest {
    number: u64,
    base: Side,
    head: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    #[serde(default)]
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct MergeGroup {
    base_ref: String,
    base_sha: String,
    head_sha: String,
}

#[derive(Deserialize)]
struct WorkflowRun {
    id: u64,
    #[serde(default)]
    run_attempt: Option<u32>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    event: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    head_branch: Option<String>,
    head_sha: String,
    #[serde(default)]
    head_repository: Option<Repository>,
    #[serde(default)]
    run_started_at: Option<String>,
    #[serde(default)]
    html_url: String,
}

impl Event {
    /// Reads the event `name` from its payload; `None` when the payload does not hold what an event of that name must.
    pub fn read(name: &str, json: &str) -> Option<Self> {
        let payload: Payload = serde_json::from_str(json).ok()?;
        let repository = payload.repository.unwrap_or_default();
        match name {
            "push" | "schedule" | "workflow_dispatch" => Some(Self::Branch(BranchEvent {
                default_branch: repository.default_branch.unwrap_or_default(),
            })),
            "pull_request" | "pull_request_target" => payload
                .pull_request
                .map(|pull| Self::PullRequest(pull_request(pull, repository))),
            "merge_group" => payload
                .merge_group
                .map(|group| Self::MergeGroup(merge_group(group))),
            "workflow_run" => payload
                .workflow_run
                .map(|run| Self::WorkflowRun(workflow_run(run, repository))),
            _ => Some(Self::Other),
        }
    }
}

fn full_name(repository: Option<Repository>) -> String {
    repository
        .and_then(|repository| repository.full_name)
        .unwrap_or_default()
}

fn pull_request(pull: PullRequest, repository: Repository) -> PullRequestEvent {
    let base_repo = full_name(pull.base.repo);
    PullRequestEvent {
        number: pull.number,
        base_branch: pull.base.branch,
        base_commit: pull.base.sha,
        head_commit: pull.head.sha,
        head_repo: full_name(pull.head.repo),
        base_repo: if base_repo.is_empty() {
            full_name(Some(repository))
        } else {
            base_repo
        },
    }
}

fn merge_group(group: MergeGroup) -> MergeGroupEvent {
    let branch = group.base_ref.strip_prefix("refs/heads/");
    MergeGroupEvent {
        base_branch: branch.unwrap_or(&group.base_ref).to_owned(),
        base_commit: group.base_sha,
        head_commit: group.head_sha,
    }
}

fn workflow_run(run: WorkflowRun, repository: Repository) -> WorkflowRunEvent {
    WorkflowRunEvent {
        id: run.id,
        attempt: run.run_attempt.unwrap_or(1),
        workflow: run.name.unwrap_or_default(),
        path: run.path.unwrap_or_default(),
        event: run.event,
        conclusion: run.conclusion.unwrap_or_default(),
        head_branch: run.head_branch.unwrap_or_default(),
        head_commit: run.head_sha,
        head_repo: full_name(run.head_repository),
        default_branch: repository.default_branch.clone().unwrap_or_default(),
        repo: full_name(Some(repository)),
        started_at: run.run_started_at.unwrap_or_default(),
        url: run.html_url,
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    const PULL: &str = r#"{"action":"opened","pull_request":{"number":7,"title":"x",
        "base":{"ref":"main","sha":"aa","repo":{"full_name":"acme/shop"}},
        "head":{"ref":"fix","sha":"bb","repo":null}}}"#;

    #[test]
    fn a_pull_request_event_names_both_sides() {
        let Some(Event::PullRequest(pull)) = Event::read("pull_request", PULL) else {
            panic!("no pull request");
        };
        assert_eq!((pull.number, pull.base_branch.as_str()), (7, "main"));
        assert_eq!(
            (pull.base_commit.as_str(), pull.head_commit.as_str()),
            ("aa", "bb")
        );
        assert!(pull.is_from_fork(), "the fork is gone");
    }

    #[test]
    fn a_pull_request_of_the_repository_itself_is_no_fork() {
        let same = PULL.replace("null", r#"{"full_name":"acme/shop"}"#);
        let Some(Event::PullRequest(pull)) = Event::read("pull_request", &same) else {
            panic!("no pull request");
        };
        assert!(!pull.is_from_fork());
    }

    #[test]
    fn a_payload_that_lacks_its_subject_is_no_event() {
        assert_eq!(
            Event::read("pull_request", r#"{"ref":"refs/heads/main"}"#),
            None
        );
        assert_eq!(Event::read("merge_group", "{}"), None);
        assert_eq!(Event::read("push", "not json"), None);
        assert_eq!(Event::read("watch", "{}"), Some(Event::Other));
    }

    /// GitHub's own examples: `SPRAG_SHARED/data/webhooks`.
    #[test]
    fn githubs_own_examples_are_read() {
        let shared = std::env::var("SPRAG_SHARED").unwrap_or_else(|_| "../../../shared".to_owned());
        let folder = std::path::Path::new(&shared).join("data/webhooks");
        if !folder.is_dir() {
            println!("skipped: no webhook examples in {}", folder.display());
            return;
        }
        for name in ["push", "pull_request", "merge_group", "workflow_run"] {
            for entry in std::fs::read_dir(folder.join(name)).unwrap() {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap();
                let event = Event::read(name, &text);
                assert!(
                    !matches!(event, None | Some(Event::Other)),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
