//! Faults: each does what it says, and only that.

use fake_github::{Fault, What, When};
use serde_json::json;

use crate::client::{Client, Response};
use crate::world::World;

/// A comment under one fault: the answer, and how many comments there are after it.
fn comment(what: What) -> (Response, usize) {
    let world = World::new();
    world.github.faults(vec![Fault {
        on: "POST */comments".to_owned(),
        when: When::Nth(1),
        what,
    }]);
    let path = world.at(&format!("/issues/{}/comments", world.pull));
    let answer = world
        .client
        .call("POST", &path, &json!({"body": "x".repeat(200)}));
    world.github.assert_clean();
    (answer, world.shop.comments(world.pull).len())
}

#[test]
fn a_status_comes_instead_of_handling() {
    let (answer, comments) = comment(What::Status {
        status: 502,
        retry_after: Some(3),
    });
    assert_eq!(
        (answer.status, answer.header("retry-after"), comments),
        (502, "3", 0)
    );
}

#[test]
fn the_two_rate_limits_look_like_those_of_github() {
    let (answer, comments) = comment(What::SecondaryLimit { retry_after: None });
    assert_eq!((answer.status, comments), (403, 0));
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("secondary rate limit")
    );
    let (answer, _) = comment(What::PrimaryLimit { reset_in: 5 });
    assert_eq!(
        (answer.status, answer.header("x-ratelimit-remaining")),
        (403, "0")
    );
    assert!(answer.header("x-ratelimit-reset").parse::<i64>().unwrap() > 1_700_000_000);
}

#[test]
fn a_reset_comes_before_or_after_handling() {
    let (answer, comments) = comment(What::Reset);
    assert_eq!((answer.status, comments), (0, 0));
    let (answer, comments) = comment(What::ResetAfterHandling);
    assert_eq!((answer.status, comments), (0, 1));
}

#[test]
fn a_truncated_body_is_shorter_than_announced() {
    let (answer, comments) = comment(What::Truncated);
    assert_eq!(
        (answer.status, answer.is_whole(), comments),
        (201, false, 1)
    );
    assert!(!answer.body.is_empty());
}

#[test]
fn a_duplicate_delivery_is_done_twice() {
    let (answer, comments) = comment(What::DuplicateDelivery);
    assert_eq!((answer.status, answer.is_whole(), comments), (201, true, 2));
}

#[test]
fn the_log_tells_faults_and_tokens_but_no_secrets() {
    let world = World::new();
    world.github.faults(vec![Fault {
        on: "GET *".to_owned(),
        when: When::Nth(2),
        what: What::Reset,
    }]);
    for _ in 0..2 {
        world.client.get(&world.at("/labels?page=1"));
    }
    let log = world.github.log();
    let lines: Vec<String> = log
        .iter()
        .map(|line| {
            format!(
                "{} {} {} {} {}",
                line.method, line.path, line.status, line.token, line.fault
            )
        })
        .collect();
    let path = world.at("/labels?page=1");
    assert_eq!(
        lines,
        [
            format!("GET {path} 200 GITHUB_TOKEN "),
            format!("GET {path} 0 GITHUB_TOKEN reset")
        ]
    );
    assert!(!format!("{log:?}").contains(&world.client.token));
}

#[test]
fn a_download_can_break_too() {
    let world = World::new();
    let (_, _, artifact) = world.run();
    world.github.faults(vec![Fault {
        on: "GET /signed/*".to_owned(),
        when: When::First(1),
        what: What::Truncated,
    }]);
    let place = world
        .client
        .get(&world.at(&format!("/actions/artifacts/{artifact}/zip")))
        .header("location")
        .to_owned();
    let nobody = Client::new("", "");
    assert!(!nobody.get(&place).is_whole());
    assert_eq!(nobody.get(&place).body, b"PK zip");
    world.github.assert_clean();
}
