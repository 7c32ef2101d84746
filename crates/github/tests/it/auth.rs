//! Apps, tokens and secrets.

use fake_github::{Description, FakeGithub, Options};
use github::{Credentials, Github, Settings};

use crate::support::{ALL, Shop, comment, settings};

const KEY: &str = include_str!("../keys/app-pkcs1.pem");

fn app_settings(fake: &FakeGithub, id: u64) -> Settings {
    Settings {
        credentials: Credentials::App {
            id: id.to_string(),
            private_key: KEY.into(),
        },
        login: None,
        ..settings(fake, "unused")
    }
}

#[test]
fn an_app_makes_its_own_token_once_and_knows_its_name() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let app = shop.fake.app("sprag", ALL);
    let github = Github::new(app_settings(&shop.fake, app.id)).unwrap();
    let repo = github.repo("acme/shop").unwrap();
    repo.apply(&[comment(pr, "one")]);
    let applied = repo.apply(&[comment(pr, "two")]);
    assert!(applied[0].result.is_ok(), "{applied:?}");
    let comments = shop.seed.comments(pr);
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0]["user"]["login"], "sprag[bot]");
    let log = shop.fake.log();
    let made = log
        .iter()
        .filter(|call| call.path.ends_with("access_tokens"));
    assert_eq!(made.count(), 1);
}

#[test]
fn a_token_that_github_does_not_know_is_said_to_be_so() {
    let shop = Shop::open();
    let github = Github::new(settings(&shop.fake, "ghs_wrong")).unwrap();
    let error = github.repo("acme/shop").unwrap().info().unwrap_err();
    assert!(error.is_denied(), "{error}");
    assert!(!format!("{error} {error:?}").contains("ghs_wrong"));
}

#[test]
fn nothing_that_can_be_shown_holds_the_token() {
    let shop = Shop::open();
    let token = shop.fake.token(ALL);
    let github = Github::new(settings(&shop.fake, &token)).unwrap();
    let repo = github.repo("acme/shop").unwrap();
    let pages = repo.workflow_runs(&github::RunFilter::default());
    let shown = format!("{github:?} {repo:?} {pages:?} {:?}", repo.info());
    assert!(!shown.contains(&token), "{shown}");
    assert!(!shown.contains(token.trim_start_matches("ghs_")));
}

#[test]
fn the_cache_folder_holds_no_token_and_serves_the_next_process() {
    let shop = Shop::open();
    let folder = tempfile::tempdir().unwrap();
    let token = shop.fake.token(ALL);
    let open = || {
        let settings = Settings {
            cache: Some(folder.path().to_owned()),
            ..settings(&shop.fake, &token)
        };
        Github::new(settings).unwrap().repo("acme/shop").unwrap()
    };
    open().info().unwrap();
    shop.fake.clear_log();
    open().info().unwrap();
    assert_eq!(shop.fake.log()[0].status, 304);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(&token));
    }
}

#[test]
fn an_enterprise_server_answers_under_its_prefix() {
    let shop = Shop::with(Options {
        description: Description::Ghes317,
        ..Options::default()
    });
    assert!(shop.fake.url().ends_with("/api/v3"));
    let pr = shop.pull("feature");
    let applied = shop.repo.apply(&[comment(pr, "x")]);
    assert!(applied[0].result.is_ok(), "{applied:?}");
    let run = shop.seed.add_run(fake_github::NewRun {
        head_sha: shop.seed.head("main").unwrap(),
        ..fake_github::NewRun::default()
    });
    let id = shop.seed.add_artifact(run, "results", b"zip".to_vec());
    let mut got = Vec::new();
    shop.repo.download_artifact(id, 100, &mut got).unwrap();
    assert_eq!(got, b"zip");
    for n in 0..101 {
        shop.seed.add_comment(pr, "somebody", &n.to_string());
    }
    assert_eq!(shop.repo.comments(pr).unwrap().len(), 102);
}
