//! Effects become true, once.

use github::{Done, Error, Github, Settings};
use model::Effect;
use serde_json::Value;

use crate::support::{ALL, MARKER, Shop, check, client, comment, label, settings, status};

fn done(repo: &github::Repo, effects: &[Effect]) -> Vec<Result<Done, Error>> {
    let applied = repo.apply(effects);
    applied.into_iter().map(|one| one.result).collect()
}

#[test]
fn applying_twice_changes_nothing() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let sha = shop.seed.head_of_pull(pr);
    let effects = [
        comment(pr, "2 of 5"),
        label(pr, "risk/high", true),
        status(&sha, "2 of 5"),
        check(&sha, 3),
    ];
    let first = done(&shop.repo, &effects);
    assert_eq!(first, vec![Ok(Done::Created); 4]);
    assert_eq!(done(&shop.repo, &effects), vec![Ok(Done::Unchanged); 4]);
    assert_eq!(shop.seed.comments(pr).len(), 1);
    assert_eq!(shop.seed.labels(pr), ["risk/high"]);
    assert_eq!(shop.seed.statuses(&sha).len(), 1);
    assert_eq!(shop.seed.check_runs(&sha).len(), 1);
    let again = done(&shop.other_process(), &effects);
    let kept = [
        Done::Unchanged,
        Done::Unchanged,
        Done::Created,
        Done::Unchanged,
    ];
    assert_eq!(again, kept.map(Ok), "a status is written without looking");
}

#[test]
fn a_comment_is_edited_in_place_and_its_url_known() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let first = shop.repo.apply(&[comment(pr, "one")]);
    let second = shop.repo.apply(&[comment(pr, "two")]);
    assert_eq!(second[0].result, Ok(Done::Updated));
    assert!(first[0].url.is_some());
    assert_eq!(first[0].url, second[0].url);
    assert_eq!(bodies(&shop, pr), [format!("{MARKER}\ntwo")]);
}

fn bodies(shop: &Shop, pr: u64) -> Vec<String> {
    let comments = shop.seed.comments(pr);
    let body = |comment: &Value| comment["body"].as_str().unwrap().to_owned();
    comments.iter().map(body).collect()
}

#[test]
fn a_comment_that_is_only_to_be_edited_is_not_added() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let mut effect = comment(pr, "green again");
    if let Effect::Comment { create, .. } = &mut effect {
        *create = false;
    }
    assert_eq!(done(&shop.repo, &[effect]), [Ok(Done::Unchanged)]);
    assert!(shop.seed.comments(pr).is_empty());
}

#[test]
fn a_marker_planted_by_somebody_else_is_left_alone() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let planted = format!("{MARKER}\nhello");
    shop.seed.add_comment(pr, "mallory", &planted);
    shop.repo.apply(&[comment(pr, "ours")]);
    assert_eq!(bodies(&shop, pr), [planted, format!("{MARKER}\nours")]);
}

#[test]
fn comments_that_are_there_twice_become_one() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    for text in ["a", "b", "c"] {
        shop.seed
            .add_comment(pr, "github-actions[bot]", &format!("{MARKER}\n{text}"));
    }
    assert_eq!(done(&shop.repo, &[comment(pr, "x")]), [Ok(Done::Updated)]);
    assert_eq!(bodies(&shop, pr), [format!("{MARKER}\nx")]);
}

#[test]
fn a_comment_of_the_second_page_is_found() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    for n in 0..120 {
        shop.seed.add_comment(pr, "somebody", &format!("{n}"));
    }
    shop.repo.apply(&[comment(pr, "one")]);
    shop.other_process().apply(&[comment(pr, "two")]);
    assert_eq!(shop.seed.comments(pr).len(), 121);
    assert_eq!(bodies(&shop, pr)[120], format!("{MARKER}\ntwo"));
}

#[test]
fn comments_that_were_just_read_are_not_read_again() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let sha = shop.seed.head_of_pull(pr);
    shop.repo.comments(pr).unwrap();
    let before = shop.repo.github().calls();
    shop.repo.apply(&[comment(pr, "x"), status(&sha, "x")]);
    // The comment, the list that confirms it, the status.
    assert_eq!(shop.repo.github().calls() - before, 3);
    let before = shop.repo.github().calls();
    shop.repo.apply(&[comment(pr, "y"), status(&sha, "y")]);
    assert_eq!(shop.repo.github().calls() - before, 2);
}

#[test]
fn two_processes_that_finish_together_leave_one_comment_with_a_whole_text() {
    let shop = Shop::open();
    for round in 0..10 {
        let pr = shop.pull(&format!("branch-{round}"));
        let writers: Vec<github::Repo> = (0..4).map(|_| shop.other_process()).collect();
        std::thread::scope(|scope| {
            for (n, repo) in writers.iter().enumerate() {
                scope.spawn(move || {
                    let applied = repo.apply(&[comment(pr, &format!("part {n}"))]);
                    assert!(applied[0].result.is_ok(), "{applied:?}");
                });
            }
        });
        let bodies = bodies(&shop, pr);
        assert_eq!(bodies.len(), 1, "{bodies:?}");
    }
}

#[test]
fn labels_are_set_and_removed() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    shop.seed.add_labels(pr, &["Bug"]);
    let applied = done(
        &shop.repo,
        &[label(pr, "bug", true), label(pr, "risk/low", true)],
    );
    assert_eq!(applied, [Ok(Done::Unchanged), Ok(Done::Created)]);
    let applied = done(
        &shop.repo,
        &[label(pr, "BUG", false), label(pr, "absent", false)],
    );
    assert_eq!(applied, [Ok(Done::Updated), Ok(Done::Unchanged)]);
    assert_eq!(shop.seed.labels(pr), ["risk/low"]);
}

#[test]
fn a_long_description_of_a_status_is_shortened() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let sha = shop.seed.head_of_pull(pr);
    let long = status(&sha, &"ü".repeat(500));
    assert_eq!(done(&shop.repo, &[long]), [Ok(Done::Created)]);
    let description = shop.seed.statuses(&sha)[0]["description"].clone();
    assert_eq!(description.as_str().unwrap().chars().count(), 140);
}

#[test]
fn annotations_over_fifty_come_in_batches_and_only_once() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let sha = shop.seed.head_of_pull(pr);
    assert_eq!(done(&shop.repo, &[check(&sha, 120)]), [Ok(Done::Created)]);
    let again = done(&shop.other_process(), &[check(&sha, 120)]);
    assert_eq!(again, [Ok(Done::Unchanged)]);
    let more = done(&shop.repo, &[check(&sha, 130)]);
    assert_eq!(more, [Ok(Done::Updated)]);
    let runs = shop.seed.check_runs(&sha);
    assert_eq!(runs.len(), 1);
    let id = runs[0]["id"].as_u64().unwrap();
    assert_eq!(shop.seed.annotations(id).len(), 130);
}

#[test]
fn a_check_run_goes_from_in_progress_to_its_conclusion() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let sha = shop.seed.head_of_pull(pr);
    let mut running = check(&sha, 0);
    if let Effect::CheckRun { conclusion, .. } = &mut running {
        *conclusion = None;
    }
    assert_eq!(done(&shop.repo, &[running]), [Ok(Done::Created)]);
    assert_eq!(done(&shop.repo, &[check(&sha, 1)]), [Ok(Done::Updated)]);
    let runs = shop.seed.check_runs(&sha);
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["conclusion"], "failure");
}

#[test]
fn a_token_that_can_only_read_is_told_which_permission_it_lacks() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let sha = shop.seed.head_of_pull(pr);
    let token = shop
        .fake
        .token(&["contents: read", "pull-requests: read", "checks: read"]);
    let reader = client(&shop.fake, &token);
    let effects = [
        comment(pr, "x"),
        label(pr, "x", true),
        status(&sha, "x"),
        check(&sha, 1),
    ];
    let calls = reader.github().calls();
    for (applied, words) in reader.apply(&effects).into_iter().zip([
        "pull-requests: write",
        "pull-requests: write",
        "statuses: write",
        "checks: write",
    ]) {
        let error = applied.result.unwrap_err();
        assert!(error.is_denied(), "{error}");
        assert!(error.permission().unwrap().contains(words), "{error}");
    }
    // One read and one refused write each, and the label is looked up: nothing is tried again.
    assert!(reader.github().calls() - calls <= 8);
}

#[test]
fn a_dry_run_sends_nothing() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let settings = Settings {
        dry_run: true,
        ..settings(&shop.fake, &shop.fake.token(ALL))
    };
    let repo = Github::new(settings).unwrap().repo("acme/shop").unwrap();
    assert_eq!(done(&repo, &[comment(pr, "x")]), [Ok(Done::WouldDo)]);
    assert_eq!(repo.github().calls(), 0);
}

#[test]
fn texts_over_the_limits_are_refused_before_anything_is_sent() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    let effects = [
        comment(pr, &"x".repeat(70_000)),
        label(pr, &"x".repeat(51), true),
    ];
    for applied in shop.repo.apply(&effects) {
        assert!(matches!(applied.result, Err(Error::TooLarge { .. })));
    }
    assert_eq!(shop.repo.github().calls(), 0);
}

#[test]
fn the_author_of_our_comments_is_asked_when_it_is_not_given() {
    let shop = Shop::open();
    let pr = shop.pull("feature");
    for token in [shop.fake.token(ALL), shop.fake.personal_token("robin", ALL)] {
        let settings = Settings {
            login: None,
            ..settings(&shop.fake, &token)
        };
        let repo = Github::new(settings).unwrap().repo("acme/shop").unwrap();
        assert_eq!(done(&repo, &[comment(pr, "x")]), [Ok(Done::Created)]);
        assert_eq!(done(&repo, &[comment(pr, "x")]), [Ok(Done::Unchanged)]);
    }
    assert_eq!(shop.seed.comments(pr).len(), 2);
}
