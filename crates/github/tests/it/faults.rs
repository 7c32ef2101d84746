//! Whatever goes wrong on the way: never two comments, and labels, statuses and check runs come out as they should.

use std::cell::Cell;
use std::time::Duration;

use fake_github::{Fault, Lag, Options, What, When};
use github::{Credentials, Done, Error, Github, Limits, Repo, Settings};
use model::Effect;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{ALL, Shop, check, comment, label, limits, settings, status};

fn what() -> impl Strategy<Value = What> {
    let broken = prop_oneof![
        Just(What::Reset),
        Just(What::ResetAfterHandling),
        Just(What::Truncated),
        Just(What::DuplicateDelivery),
    ];
    let statuses = vec![409_u16, 422, 429, 500, 502, 503, 504];
    let answered =
        (proptest::sample::select(statuses), proptest::bool::ANY).prop_map(|(status, later)| {
            What::Status {
                status,
                retry_after: (later || status == 429).then_some(0),
            }
        });
    let limited = prop_oneof![
        Just(What::SecondaryLimit { retry_after: None }),
        Just(What::SecondaryLimit {
            retry_after: Some(0)
        }),
        Just(What::PrimaryLimit { reset_in: -1 }),
    ];
    prop_oneof![4 => broken, 3 => answered, 1 => limited]
}

pub(crate) fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let on = vec![
        "POST *",
        "POST */comments",
        "GET */comments*",
        "PATCH *",
        "DELETE *",
        "POST */labels",
        "GET */labels*",
        "POST */statuses/*",
        "GET */status*",
        "POST */check-runs",
        "GET *check-runs*",
        "* *",
    ];
    let when = prop_oneof![
        (1_u64..6).prop_map(When::Nth),
        (1_u64..8).prop_map(When::First),
        (0.0_f64..0.6, any::<u64>())
            .prop_map(|(probability, seed)| When::Chance { probability, seed }),
    ];
    let fault = (proptest::sample::select(on), when, what()).prop_map(|(on, when, what)| Fault {
        on: on.to_owned(),
        when,
        what,
    });
    proptest::collection::vec(fault, 1..5)
}

fn effects(pr: u64, sha: &str, text: &str) -> Vec<Effect> {
    vec![
        comment(pr, text),
        label(pr, "risk/high", true),
        label(pr, "stale", false),
        status(sha, text),
        check(sha, 60),
    ]
}

fn all_good(applied: &[github::Applied]) -> bool {
    applied.iter().all(|one| one.result.is_ok())
}

/// What GitHub shows after `text` was applied without faults.
fn assert_converged(shop: &Shop, pr: u64, sha: &str, text: &str) {
    let comments = shop.seed.comments(pr);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0]["body"].as_str().unwrap().ends_with(text));
    assert_eq!(shop.seed.labels(pr), ["risk/high"]);
    let statuses = shop.seed.statuses(sha);
    let newest = statuses.last().unwrap();
    assert_eq!(newest["description"], text, "{statuses:#?}");
    for run in shop.seed.check_runs(sha) {
        assert_eq!(run["conclusion"], "failure");
        assert_eq!(run["output"]["summary"], "summary");
    }
    let runs = shop.seed.check_runs(sha);
    let longest = runs
        .iter()
        .map(|run| shop.seed.annotations(run["id"].as_u64().unwrap()).len())
        .max();
    assert!(longest.unwrap() >= 60);
}

/// The cases of a property, on one fake.
pub(crate) fn for_all<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    });
    let outcome = runner.run(strategy, |value| {
        test(value);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn never_two_comments_and_everything_converges() {
    let shop = Shop::open();
    let next = Cell::new(0);
    for_all(64, &faults(), |faults| {
        next.set(next.get() + 1);
        let pr = shop.pull(&format!("branch-{}", next.get()));
        let sha = shop.seed.head_of_pull(pr);
        shop.seed.add_labels(pr, &["stale"]);
        shop.fake.faults(faults);
        let applied = shop.other_process().apply(&effects(pr, &sha, "first"));
        let found = shop.seed.comments(pr).len();
        if applied[0].result.is_ok() {
            assert_eq!(found, 1, "a comment that was confirmed is the only one");
        }
        let again = shop.other_process().apply(&effects(pr, &sha, "second"));
        if again[0].result.is_ok() {
            assert_eq!(shop.seed.comments(pr).len(), 1);
        }
        shop.fake.faults(Vec::new());
        let last = shop.other_process().apply(&effects(pr, &sha, "third"));
        assert!(all_good(&last), "{last:#?}");
        assert_converged(&shop, pr, &sha, "third");
        // Nothing is left to do.
        let settled = shop.other_process().apply(&effects(pr, &sha, "third"));
        assert_eq!(settled[0].result, Ok(Done::Unchanged));
        assert_eq!(settled[4].result, Ok(Done::Unchanged));
        assert_converged(&shop, pr, &sha, "third");
    });
}

#[test]
fn two_processes_under_faults_leave_one_comment() {
    let shop = Shop::open();
    let next = Cell::new(0);
    for_all(32, &faults(), |faults| {
        next.set(next.get() + 1);
        let pr = shop.pull(&format!("branch-{}", next.get()));
        shop.fake.faults(faults);
        let writers = [shop.other_process(), shop.other_process()];
        let results: Vec<bool> = std::thread::scope(|scope| {
            let one = |repo: &Repo, text| all_good(&repo.apply(&[comment(pr, text)]));
            let [first, second] = &writers;
            let threads = [
                scope.spawn(move || one(first, "a")),
                scope.spawn(move || one(second, "b")),
            ];
            threads.map(|thread| thread.join().unwrap()).to_vec()
        });
        if results.iter().all(|good| *good) {
            assert_eq!(shop.seed.comments(pr).len(), 1);
        }
        shop.fake.faults(Vec::new());
        assert!(all_good(&shop.other_process().apply(&[comment(pr, "c")])));
        assert_eq!(shop.seed.comments(pr).len(), 1);
    });
}

#[test]
fn a_list_that_is_behind_does_not_make_two_comments() {
    for reads in 1..4 {
        let shop = Shop::with(Options {
            lag: Lag { reads, millis: 0 },
            ..Options::default()
        });
        let pr = shop.pull("feature");
        for text in ["one", "two"] {
            let applied = shop.other_process().apply(&[comment(pr, text)]);
            assert!(all_good(&applied), "{applied:#?}");
        }
        assert_eq!(shop.seed.comments(pr).len(), 1);
    }
}

#[test]
fn a_lost_answer_is_looked_for_before_anything_is_sent_again() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    shop.fake.faults(vec![Fault {
        on: "POST */comments".to_owned(),
        when: When::First(1),
        what: What::ResetAfterHandling,
    }]);
    let applied = shop.repo.apply(&[comment(pr, "x")]);
    assert_eq!(applied[0].result, Ok(Done::Created));
    let log = shop.fake.log();
    let posts = log.iter().filter(|call| call.method == "POST").count();
    assert_eq!(posts, 1);
}

#[test]
fn a_limit_beyond_patience_is_an_error_with_its_end_and_no_storm_of_requests() {
    let shop = Shop::open();
    shop.fake.faults(vec![Fault {
        on: "* *".to_owned(),
        when: When::Every,
        what: What::PrimaryLimit { reset_in: 3_000 },
    }]);
    let error = shop.repo.info().unwrap_err();
    assert!(
        matches!(error, Error::RateLimited { until: Some(_), .. }),
        "{error}"
    );
    assert_eq!(shop.repo.github().calls(), 1);
}

#[test]
fn attempts_end() {
    let shop = Shop::open();
    shop.fake.faults(vec![Fault {
        on: "* *".to_owned(),
        when: When::Every,
        what: What::Status {
            status: 503,
            retry_after: None,
        },
    }]);
    let error = shop.repo.info().unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert_eq!(shop.repo.github().calls(), 6);
}

#[test]
fn an_answer_that_is_too_slow_is_given_up_and_asked_again() {
    let shop = Shop::open();
    let settings = Settings {
        credentials: Credentials::Token(shop.fake.token(ALL).into()),
        limits: Limits {
            timeout: Duration::from_millis(300),
            attempts: 30,
            ..limits()
        },
        ..settings(&shop.fake, "x")
    };
    let repo = Github::new(settings).unwrap().repo("acme/shop").unwrap();
    shop.fake.faults(vec![Fault {
        on: "* *".to_owned(),
        when: When::Nth(1),
        what: What::Slow(5_000),
    }]);
    assert_eq!(repo.info().unwrap().full_name, "acme/shop");
    assert!(repo.github().calls() >= 2);
}

#[test]
fn reads_survive_what_connections_do() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    for what in [
        What::Reset,
        What::ResetAfterHandling,
        What::Truncated,
        What::DuplicateDelivery,
        What::SecondaryLimit { retry_after: None },
    ] {
        shop.fake.faults(vec![Fault {
            on: "GET *".to_owned(),
            when: When::First(2),
            what,
        }]);
        assert_eq!(shop.other_process().pull(pr).unwrap().number, pr);
    }
}

#[test]
fn a_download_goes_on_where_the_connection_broke() {
    let shop = Shop::open();
    let run = shop.seed.add_run(fake_github::NewRun {
        head_sha: shop.seed.head("main").unwrap(),
        ..fake_github::NewRun::default()
    });
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let id = shop.seed.add_artifact(run, "results", bytes.clone());
    for what in [What::Reset, What::Truncated] {
        shop.fake.faults(vec![Fault {
            on: "GET *".to_owned(),
            when: When::First(2),
            what,
        }]);
        let mut got = Vec::new();
        shop.repo
            .download_artifact(id, 1_000_000, &mut got)
            .unwrap();
        assert_eq!(got, bytes);
    }
}

/// The API of this crate cannot misspell a field; a filter is the one text that goes out as it was given.
#[test]
fn a_sabotaged_client_is_caught_by_the_contract() {
    let fake = fake_github::FakeGithub::start(Options::default());
    fake.repo("acme/shop");
    let repo = crate::support::client(&fake, &fake.token(ALL));
    let good = github::RunFilter {
        status: Some("success"),
        ..github::RunFilter::default()
    };
    repo.workflow_runs(&good).all().unwrap();
    fake.assert_clean();
    let bad = github::RunFilter {
        status: Some("no such status"),
        ..good
    };
    let _refused = repo.workflow_runs(&bad).all();
    assert!(!fake.violations().is_empty());
}

#[test]
fn a_sabotaged_answer_is_caught_by_the_contract_and_read_all_the_same() {
    let fake = fake_github::FakeGithub::start(Options::default());
    let seed = fake.repo("acme/shop");
    seed.push_commit("feature", &[("a", b"b".as_slice())]);
    let pr = seed.add_pull("feature");
    fake.faults(vec![Fault {
        on: "GET */pulls/*".to_owned(),
        when: When::Every,
        what: What::Drop("/html_url".to_owned()),
    }]);
    let repo = crate::support::client(&fake, &fake.token(ALL));
    assert_eq!(repo.pull(pr).unwrap().number, pr);
    assert!(!fake.violations().is_empty());
}
