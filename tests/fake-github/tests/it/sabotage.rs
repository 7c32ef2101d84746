//! The guard works: a fake that answers wrongly is caught, and so is a client that asks wrongly.

use fake_github::{Fault, Side, What, When};
use serde_json::{Value, json};

use crate::client::Client;
use crate::world::World;

fn spoiled(world: &World, what: What) -> String {
    let on = "GET *".to_owned();
    world.github.faults(vec![Fault {
        on,
        when: When::Every,
        what,
    }]);
    let comment = world.shop.comments(world.pull)[0]["id"].clone();
    world
        .client
        .get(&world.at(&format!("/issues/comments/{comment}")));
    let found = world.github.violations();
    assert!(found.iter().all(|violation| violation.side == Side::Answer));
    found.last().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_fake_that_drops_a_field_is_caught() {
    let world = World::new();
    world.shop.add_comment(world.pull, "octocat", "hello");
    let found = spoiled(&world, What::Drop("/html_url".to_owned()));
    assert!(
        found.contains(r#""html_url" is a required property"#),
        "{found}"
    );
}

#[test]
fn a_fake_that_answers_a_wrong_type_is_caught() {
    let world = World::new();
    world.shop.add_comment(world.pull, "octocat", "hello");
    let found = spoiled(&world, What::Set("/user".to_owned(), json!("octocat")));
    assert!(found.contains("/user: "), "{found}");
}

#[test]
fn a_fake_that_answers_a_wrong_value_deep_inside_is_caught() {
    let world = World::new();
    world.shop.add_comment(world.pull, "octocat", "hello");
    let found = spoiled(&world, What::Set("/user/id".to_owned(), json!("7")));
    assert!(
        found.contains("/user/id: ") && found.contains("integer"),
        "{found}"
    );
}

/// What the guard says of one request, which must be a violation by the client.
#[track_caller]
fn caught(method: &str, path: &str, body: Value) -> String {
    let world = World::new();
    let path = world.at(path).replace("HEAD", &world.head);
    world.client.call(method, &path, &body);
    let found = world.github.violations();
    assert!(
        found
            .iter()
            .all(|violation| violation.side == Side::Request),
        "{found:#?}"
    );
    let first = found.first().map(ToString::to_string).unwrap_or_default();
    assert!(
        first.starts_with(&format!("{method} {path} request: ")),
        "{first}"
    );
    first.split(": ").skip(1).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_misspelt_optional_field_is_caught() {
    let found = caught(
        "POST",
        "/statuses/HEAD",
        json!({"state": "success", "ctx": "x"}),
    );
    assert_eq!(found, "/ctx: field is not described");
}

#[test]
fn a_misspelt_field_deep_inside_is_caught() {
    let line = json!({"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m", "heading": "t"});
    let body = json!({"name": "c", "head_sha": "HEAD", "output": {"title": "t", "summary": "s", "annotations": [line]}});
    assert_eq!(
        caught("POST", "/check-runs", body),
        "/output/annotations/0/heading: field is not described"
    );
}

#[test]
fn a_missing_field_is_caught() {
    assert_eq!(
        caught("POST", "/issues/1/comments", json!({"bdy": "x"})),
        r#": "body" is a required property"#
    );
    assert_eq!(
        caught("POST", "/issues/1/comments", Value::Null),
        "body is missing"
    );
}

#[test]
fn a_status_state_that_does_not_exist_is_caught() {
    let found = caught("POST", "/statuses/HEAD", json!({"state": "ok"}));
    assert!(found.starts_with("/state: \"ok\" is not one of"), "{found}");
}

#[test]
fn a_route_that_does_not_exist_is_caught() {
    assert_eq!(
        caught("POST", "/issues/comments/1", json!({"body": "x"})),
        "no such operation in the description"
    );
    assert_eq!(
        caught("GET", "/comments", Value::Null),
        "no such operation in the description"
    );
}

#[test]
fn a_parameter_that_does_not_exist_is_caught() {
    assert_eq!(
        caught("GET", "/pulls?stat=open", Value::Null),
        "query parameter `stat` is not described"
    );
    assert!(caught("GET", "/pulls?state=opened", Value::Null).starts_with("/state: "));
    assert!(caught("GET", "/pulls/one", Value::Null).starts_with("/pull_number: "));
    assert_eq!(
        caught("GET", "/pulls?per_page=200", Value::Null),
        "query parameter `per_page` is over 100: GitHub sends 100"
    );
}

#[test]
fn a_body_that_is_no_json_or_does_not_say_so_is_caught() {
    let world = World::new();
    let path = world.at("/issues/1/comments");
    assert_eq!(
        world
            .client
            .send("POST", &path, &[("content-type", "application/json")], "{")
            .status,
        400
    );
    assert_eq!(
        world
            .client
            .send(
                "POST",
                &path,
                &[("content-type", "text/plain")],
                r#"{"body":"x"}"#
            )
            .status,
        201
    );
    let found: Vec<String> = world
        .github
        .violations()
        .iter()
        .map(|violation| violation.what.clone())
        .collect();
    assert_eq!(
        found,
        [
            "the body is not JSON",
            "media type of the body is `text/plain`, not `application/json`"
        ]
    );
}

#[test]
fn a_client_without_a_name_is_refused() {
    let world = World::new();
    let answer = world
        .client
        .send("GET", &world.at(""), &[("user-agent", "")], "");
    assert_eq!(answer.status, 403);
    assert_eq!(world.github.violations()[0].what, "no User-Agent header");
}

#[test]
fn a_version_of_the_api_that_does_not_exist_is_refused() {
    let world = World::new();
    let ask = |version: &str| {
        world
            .client
            .send(
                "GET",
                &world.at(""),
                &[("x-github-api-version", version)],
                "",
            )
            .status
    };
    assert_eq!((ask("2022-11-28"), ask("2020-01-01")), (200, 400));
    assert_eq!(world.github.violations().len(), 1);
}

#[test]
fn a_token_that_reaches_the_storage_host_is_caught() {
    let world = World::new();
    let (_, _, artifact) = world.run();
    let path = world.at(&format!("/actions/artifacts/{artifact}/zip"));
    let place = world.client.get(&path).header("location").to_owned();
    let nobody = Client::new("", "");
    assert_eq!(nobody.get(&place).body, b"PK zip");
    world.github.assert_clean();
    assert_eq!(world.client.get(&place).status, 200);
    assert_eq!(
        world.github.violations()[0].what,
        "a token was sent to the storage host"
    );
}

#[test]
#[should_panic(expected = "1 contract violations")]
fn assert_clean_stops_the_test() {
    let world = World::new();
    world.client.get("/nothing");
    world.github.assert_clean();
}

#[test]
#[should_panic(expected = "1 contract violations")]
fn a_violation_that_nobody_looks_at_stops_the_test() {
    let world = World::new();
    world.client.get("/nothing");
}
