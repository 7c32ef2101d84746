//! Whose our comments are: those of another bot with our marker are neither edited nor removed nor taken for ours.

use std::cell::Cell;

use github::{Done, Error, Github, Repo, Settings};
use model::Effect;

use crate::faults::{faults, for_all};
use crate::support::{ALL, MARKER, Shop, check, comment, settings, status};

const MIMIC: &str = "mimic[bot]";

/// A client of a token with what is believed of its login.
fn client(shop: &Shop, token: &str, login: Option<&str>) -> Repo {
    let settings = Settings {
        login: login.map(str::to_owned),
        ..settings(&shop.fake, token)
    };
    Github::new(settings).unwrap().repo("acme/shop").unwrap()
}

/// A pull request that another bot has commented on with our marker, and what it wrote.
fn mimicked(shop: &Shop, branch: &str) -> (u64, String) {
    shop.fake.app("mimic", ALL);
    let (pr, text) = (shop.pull(branch), format!("{MARKER}\nmine"));
    shop.seed.add_comment(pr, MIMIC, &text);
    (pr, text)
}

fn bodies(shop: &Shop, pr: u64, login: &str) -> Vec<String> {
    let comments = shop.seed.comments(pr);
    let by = comments.iter().filter(|one| one["user"]["login"] == login);
    by.map(|one| one["body"].as_str().unwrap().to_owned())
        .collect()
}

fn done(repo: &Repo, effects: &[Effect]) -> Vec<Result<Done, Error>> {
    let applied = repo.apply(effects).into_iter();
    applied.map(|one| one.result).collect()
}

fn writes(shop: &Shop) -> Vec<String> {
    let log = shop.fake.log();
    let writes = log.iter().filter(|call| call.method != "GET");
    writes
        .map(|call| format!("{} {}", call.method, call.path))
        .collect()
}

#[test]
fn the_token_of_a_workflow_writes_beside_another_bot() {
    let shop = Shop::open();
    let (pr, text) = mimicked(&shop, "feature");
    let open = || client(&shop, &shop.fake.token(ALL), Some("github-actions[bot]"));
    assert!(open().comment_by_marker(pr, MARKER).unwrap().is_none());
    assert_eq!(done(&open(), &[comment(pr, "one")]), [Ok(Done::Created)]);
    assert_eq!(done(&open(), &[comment(pr, "two")]), [Ok(Done::Updated)]);
    assert_eq!(bodies(&shop, pr, MIMIC), [text]);
    assert_eq!(bodies(&shop, pr, "github-actions[bot]").len(), 1);
    let ours = open().comment_by_marker(pr, MARKER).unwrap().unwrap();
    assert_eq!(ours.user.login, "github-actions[bot]");
}

#[test]
fn the_token_of_another_app_learns_its_login_from_a_status_or_a_check_run() {
    let shop = Shop::open();
    let (pr, text) = mimicked(&shop, "feature");
    let sha = shop.seed.head_of_pull(pr);
    let token = shop.fake.app_token("judge", ALL);
    for (n, first) in [status(&sha, "x"), check(&sha, 0)].into_iter().enumerate() {
        let repo = client(&shop, &token, None);
        let effects = [comment(pr, &n.to_string()), first];
        let wanted = if n == 0 { Done::Created } else { Done::Updated };
        assert_eq!(done(&repo, &effects)[0], Ok(wanted));
        assert_eq!(bodies(&shop, pr, MIMIC), std::slice::from_ref(&text));
        assert_eq!(bodies(&shop, pr, "judge[bot]"), [format!("{MARKER}\n{n}")]);
    }
}

#[test]
fn who_cannot_know_touches_nothing_and_says_what_helps() {
    let shop = Shop::open();
    let (pr, text) = mimicked(&shop, "feature");
    let token = shop.fake.app_token("judge", ALL);
    shop.fake.clear_log();
    let result = &done(&client(&shop, &token, None), &[comment(pr, "x")])[0];
    let error = result.as_ref().unwrap_err().to_string();
    for part in [MIMIC, "commenting on", "acme/shop", "SPRAG_LOGIN"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(writes(&shop), [""; 0]);
    assert_eq!(bodies(&shop, pr, MIMIC), [text]);
    let told = client(&shop, &token, Some("judge[bot]"));
    assert_eq!(done(&told, &[comment(pr, "x")]), [Ok(Done::Created)]);
}

#[test]
fn the_first_comment_tells_the_login_too() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let repo = client(&shop, &shop.fake.app_token("judge", ALL), None);
    assert_eq!(done(&repo, &[comment(pr, "one")]), [Ok(Done::Created)]);
    shop.seed.add_comment(pr, MIMIC, &format!("{MARKER}\nmine"));
    assert_eq!(done(&repo, &[comment(pr, "two")]), [Ok(Done::Updated)]);
    assert_eq!(bodies(&shop, pr, "judge[bot]"), [format!("{MARKER}\ntwo")]);
}

#[test]
fn a_login_that_is_wrong_does_not_make_two_comments() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let token = shop.fake.app_token("judge", ALL);
    for text in ["one", "two", "three"] {
        let repo = client(&shop, &token, Some("github-actions[bot]"));
        assert!(done(&repo, &[comment(pr, text)])[0].is_ok());
        assert_eq!(
            bodies(&shop, pr, "judge[bot]"),
            [format!("{MARKER}\n{text}")]
        );
    }
}

#[test]
fn under_faults_there_is_one_of_ours_and_the_other_bot_s_stays() {
    let shop = Shop::open();
    let token = shop.fake.app_token("judge", ALL);
    let next = Cell::new(0);
    for_all(48, &faults(), |faults| {
        next.set(next.get() + 1);
        let is_mimicked = next.get() % 2 == 0;
        let branch = format!("branch-{}", next.get());
        let (pr, others) = if is_mimicked {
            let (pr, text) = mimicked(&shop, &branch);
            (pr, vec![text])
        } else {
            (shop.pull(&branch), Vec::new())
        };
        let sha = shop.seed.head_of_pull(pr);
        let apply = |text| {
            let effects = [comment(pr, text), status(&sha, text)];
            done(&client(&shop, &token, None), &effects)
        };
        shop.fake.faults(faults);
        for text in ["first", "second"] {
            if apply(text)[0].is_ok() {
                assert_eq!(bodies(&shop, pr, "judge[bot]").len(), 1);
            }
            assert_eq!(bodies(&shop, pr, MIMIC), others);
        }
        shop.fake.faults(Vec::new());
        let last = apply("third");
        assert!(last.iter().all(Result::is_ok), "{last:?}");
        assert_eq!(
            bodies(&shop, pr, "judge[bot]"),
            [format!("{MARKER}\nthird")]
        );
        assert_eq!(bodies(&shop, pr, MIMIC), others);
    });
}
