//! Reading: every fact, with the contract of GitHub checked on the way.

use fake_github::NewRun;
use github::RunFilter;
use serde_json::json;

use crate::support::{ALL, Shop, client};

#[test]
fn a_pull_request_and_what_belongs_to_it() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let pull = shop.repo.pull(pr).unwrap();
    assert_eq!((pull.number, pull.state.as_str()), (pr, "open"));
    assert_eq!(pull.base.branch, "main");
    assert!(!pull.is_from_fork());
    assert_eq!(pull.head.sha, shop.seed.head_of_pull(pr));
    let files = shop.repo.pull_files(pr).unwrap();
    assert_eq!(files[0].filename, "src/lib.rs");
    assert_eq!(shop.repo.pull_commits(pr).unwrap().len(), 1);
    let of_commit = shop.repo.pulls_of_commit(&pull.head.sha).unwrap();
    assert_eq!(of_commit[0].number, pr);
    assert_eq!(shop.repo.info().unwrap().default_branch, "main");
}

#[test]
fn the_pull_request_of_a_fork_is_found_by_its_branch() {
    let shop = Shop::open();
    let files: [(&str, &[u8]); 1] = [("a.py", b"x = 1\n")];
    let pr = shop.seed.add_fork_pull("mallory", "patch/1", &files);
    let found = shop.repo.open_pulls_with_head("mallory:patch/1").unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].number, pr);
    assert!(found[0].is_from_fork());
    assert!(
        shop.repo
            .open_pulls_with_head("nobody:patch/1")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn more_files_than_fit_a_page() {
    let shop = Shop::open();
    let names: Vec<String> = (0..250).map(|n| format!("src/f{n:03}.rs")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), b"x".as_slice()))
        .collect();
    shop.seed.push_commit("wide", &files);
    let pr = shop.seed.add_pull("wide");
    assert_eq!(shop.repo.pull_files(pr).unwrap().len(), 250);
}

#[test]
fn what_does_not_exist_is_none_or_an_error() {
    let shop = Shop::open();
    assert!(shop.repo.pull(999).unwrap_err().is_not_found());
    assert_eq!(shop.repo.branch("nope").unwrap(), None);
    assert_eq!(shop.repo.branch_head("nope").unwrap(), None);
    assert_eq!(shop.repo.file("nope.txt", "main").unwrap(), None);
    assert_eq!(shop.repo.commit(&"0".repeat(40)).unwrap(), None);
    assert_eq!(
        shop.repo
            .comment_by_marker(shop.pull("feature"), "<!-- none -->")
            .unwrap(),
        None
    );
}

#[test]
fn commits_and_where_they_parted() {
    let shop = Shop::open();
    let base = shop.seed.head("main").unwrap();
    let pr = shop.pull("feature");
    shop.seed
        .push_commit("main", &[("other.txt", b"y".as_slice())]);
    let head = shop.seed.head_of_pull(pr);
    let comparison = shop.repo.compare("main", &head).unwrap();
    assert_eq!(comparison.merge_base, base);
    assert_eq!((comparison.ahead_by, comparison.behind_by), (1, 1));
    let commit = shop.repo.commit("feature").unwrap().unwrap();
    assert_eq!(commit.sha, head);
    assert_eq!(commit.parents, [base]);
    assert_eq!(shop.repo.branch("main").unwrap().unwrap().name, "main");
}

#[test]
fn people_and_rules() {
    let shop = Shop::open();
    shop.seed.add_collaborator("robin", "write");
    shop.seed.add_rule(
        "main",
        json!({"type": "required_status_checks", "parameters": {
            "required_status_checks": [{"context": "sprag/compare"}],
            "strict_required_status_checks_policy": false,
        }}),
    );
    shop.seed.protect("main", &["ci"]);
    shop.seed.add_milestone("v1.0");
    shop.fake.add_team("acme", "core", &["robin"]);
    let mut words = ALL.to_vec();
    words.extend(["members: read", "administration: read"]);
    let repo = client(&shop.fake, &shop.fake.token(&words));
    assert!(repo.permission_of("robin").unwrap().unwrap().can_write());
    let rules = repo.branch_rules("main").unwrap();
    assert_eq!(rules[0].required_checks(), ["sprag/compare"]);
    assert!(repo.branch_protection("main").unwrap().is_some());
    assert_eq!(repo.milestones().unwrap()[0].title, "v1.0");
    let membership = repo.team_membership("acme", "core", "robin").unwrap();
    assert_eq!(membership.unwrap().state, "active");
    assert_eq!(
        repo.team_membership("acme", "core", "mallory").unwrap(),
        None
    );
    assert!(repo.is_org_member("acme", "robin").unwrap());
    assert!(!repo.is_org_member("acme", "mallory").unwrap());
    assert!(repo.rate_limit().unwrap().unwrap().remaining > 0);
}

#[test]
fn runs_jobs_and_artifacts() {
    let shop = Shop::open();
    let head_sha = shop.seed.head("main").unwrap();
    let run = |event: &str, age_seconds| {
        shop.seed.add_run(NewRun {
            event: event.to_owned(),
            head_sha: head_sha.clone(),
            age_seconds,
            ..NewRun::default()
        })
    };
    let id = run("push", 0);
    for age in 1..=120 {
        run("push", age);
    }
    run("schedule", 0);
    shop.seed.add_job(id, "test (3.12)", "success");
    shop.seed.add_artifact(id, "results", b"zip".to_vec());
    let read = shop.repo.workflow_run(id).unwrap();
    assert_eq!(
        (read.event.as_str(), read.head_sha.as_str()),
        ("push", head_sha.as_str())
    );
    let filter = RunFilter {
        branch: Some("main"),
        event: Some("push"),
        status: Some("completed"),
        ..RunFilter::default()
    };
    assert_eq!(shop.repo.workflow_runs(&filter).all().unwrap().len(), 121);
    let first: Vec<_> = shop.repo.workflow_runs(&filter).at_most(1).collect();
    assert_eq!(first[0].as_ref().unwrap().len(), 100);
    assert_eq!(shop.repo.run_jobs(id).unwrap()[0].name, "test (3.12)");
    assert_eq!(shop.repo.run_artifacts(id).unwrap()[0].name, "results");
}

#[test]
fn an_artifact_comes_in_pieces_and_never_in_excess() {
    let shop = Shop::open();
    let run = shop.seed.add_run(NewRun {
        head_sha: shop.seed.head("main").unwrap(),
        ..NewRun::default()
    });
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let id = shop.seed.add_artifact(run, "results", bytes.clone());
    let mut got = Vec::new();
    let length = shop
        .repo
        .download_artifact(id, 1_000_000, &mut got)
        .unwrap();
    assert_eq!(length, 300_000);
    assert_eq!(got, bytes);
    let mut little = Vec::new();
    let error = shop
        .repo
        .download_artifact(id, 1_000, &mut little)
        .unwrap_err();
    assert!(
        matches!(error, github::Error::TooLarge { limit: 1_000, .. }),
        "{error}"
    );
    assert!(little.len() <= 1_000);
    shop.seed.expire_artifact(id);
    let gone = shop.repo.download_artifact(id, 1_000, &mut Vec::new());
    assert!(gone.unwrap_err().is_not_found());
}

#[test]
fn reading_again_costs_nothing_when_nothing_changed() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    shop.repo.pull(pr).unwrap();
    let before = shop.repo.rate_limit().unwrap().unwrap().remaining;
    let again = shop.repo.pull(pr).unwrap();
    assert_eq!(again.number, pr);
    let after = shop.repo.rate_limit().unwrap().unwrap().remaining;
    assert_eq!(before, after);
    let last = shop.fake.log();
    assert!(
        last.iter()
            .any(|call| call.status == 304 && call.path.ends_with(&format!("/pulls/{pr}")))
    );
}
