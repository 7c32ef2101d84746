//! The rules that GitHub's description lacks.

use std::time::Duration;

use fake_github::{Lag, Limits, Options};
use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::world::World;

#[track_caller]
fn refused(answer: &Response, status: u16, part: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert!(body.to_string().contains(part), "{body}");
}

#[test]
fn texts_have_limits_counted_in_characters() {
    let world = World::new();
    let post = |path: &str, body: Value| world.client.call("POST", &world.at(path), &body);
    let comments = format!("/issues/{}/comments", world.pull);
    assert_eq!(
        post(&comments, json!({"body": "é".repeat(65_536)})).status,
        201
    );
    refused(
        &post(&comments, json!({"body": "x".repeat(65_537)})),
        422,
        "body is too long (maximum is 65536 characters)",
    );
    assert_eq!(
        post(
            "/labels",
            json!({"name": "é".repeat(50), "description": "d".repeat(100)})
        )
        .status,
        201
    );
    refused(
        &post("/labels", json!({"name": "x".repeat(51)})),
        422,
        "name is too long (maximum is 50 characters)",
    );
    refused(
        &post(
            "/labels",
            json!({"name": "y", "description": "d".repeat(101)}),
        ),
        422,
        "maximum is 100 characters",
    );
    let statuses = format!("/statuses/{}", world.head);
    assert_eq!(
        post(
            &statuses,
            json!({"state": "success", "description": "é".repeat(140)})
        )
        .status,
        201
    );
    let long = json!({"state": "success", "description": "x".repeat(141)});
    refused(
        &post(&statuses, long),
        422,
        "description is too long (maximum is 140 characters)",
    );
    world.github.assert_clean();
}

#[test]
fn a_label_exists_once_whatever_its_case() {
    let world = World::new();
    let post = |name: &str| {
        world.client.call(
            "POST",
            &world.at("/labels"),
            &json!({"name": name, "color": "abcdef"}),
        )
    };
    assert_eq!(post("Bug").status, 201);
    refused(&post("bug"), 422, "already_exists");
    world.github.assert_clean();
}

#[test]
fn a_completed_check_run_needs_a_conclusion_and_takes_fifty_annotations() {
    let world = World::new();
    let line = json!({"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"});
    let post = |body: Value| world.client.call("POST", &world.at("/check-runs"), &body);
    let with = |count: usize| json!({"name": "c", "head_sha": world.head, "output": {"title": "t", "summary": "s", "annotations": vec![line.clone(); count]}});
    assert_eq!(post(with(50)).status, 201);
    world.github.assert_clean();
    refused(&post(with(51)), 422, "No more than 50 items");
    refused(
        &post(json!({"name": "c", "head_sha": world.head, "status": "completed"})),
        422,
        "conclusion",
    );
    assert!(
        world
            .github
            .violations()
            .iter()
            .all(|found| found.side == fake_github::Side::Request)
    );
}

#[test]
fn only_an_app_writes_check_runs() {
    let world = World::new();
    let person = Client::new(
        &world.github.url(),
        &world.github.personal_token("ann", &["checks: write"]),
    );
    let answer = person.call(
        "POST",
        &world.at("/check-runs"),
        &json!({"name": "c", "head_sha": world.head}),
    );
    refused(&answer, 403, "You must authenticate via a GitHub App.");
    world.github.assert_clean();
}

#[test]
fn a_commit_takes_a_thousand_statuses_of_a_context() {
    let world = World::new();
    let path = world.at(&format!("/statuses/{}", world.head));
    let post = |context: &str| {
        world.client.call(
            "POST",
            &path,
            &json!({"state": "success", "context": context}),
        )
    };
    for _ in 0..1000 {
        assert_eq!(post("a").status, 201);
    }
    refused(&post("a"), 422, "maximum number of statuses");
    assert_eq!(post("b").status, 201);
}

#[test]
fn a_missing_permission_is_named() {
    let world = World::new();
    let client = world.client_with(&["contents: read"]);
    let answer = client.call(
        "POST",
        &world.at("/issues/1/comments"),
        &json!({"body": "x"}),
    );
    refused(&answer, 403, "Resource not accessible by integration");
    assert_eq!(
        answer.header("x-accepted-github-permissions"),
        "issues=write; pull_requests=write"
    );
    let person = Client::new(
        &world.github.url(),
        &world.github.personal_token("ann", &["contents: read"]),
    );
    refused(
        &person.call("POST", &world.at("/git/blobs"), &json!({"content": "x"})),
        403,
        "Resource not accessible by personal access token",
    );
    world.github.assert_clean();
}

#[test]
fn the_token_of_a_fork_reads_and_does_not_write() {
    let world = World::new();
    let number = world
        .shop
        .add_fork_pull("ann", "fix", &[("a.txt", b"a\n".as_slice())]);
    let fork = world.client_with(&[
        "contents: read",
        "pull-requests: read",
        "issues: read",
        "statuses: read",
        "checks: read",
    ]);
    let pull = fork.get(&world.at(&format!("/pulls/{number}"))).json();
    assert_eq!(
        (&pull["head"]["repo"]["full_name"], &pull["head"]["label"]),
        (&json!("ann/shop"), &json!("ann:fix"))
    );
    for (path, body) in [
        (format!("/issues/{number}/comments"), json!({"body": "x"})),
        (
            format!("/statuses/{}", pull["head"]["sha"].as_str().unwrap()),
            json!({"state": "success"}),
        ),
        ("/git/blobs".to_owned(), json!({"content": "x"})),
    ] {
        refused(
            &fork.call("POST", &world.at(&path), &body),
            403,
            "Resource not accessible by integration",
        );
    }
    world.github.assert_clean();
}

#[test]
fn the_token_of_a_workflow_does_not_write_to_a_fork() {
    let world = World::new();
    let number = world
        .shop
        .add_fork_pull("ann", "fix", &[("a.txt", b"a\n".as_slice())]);
    let head = world.shop.head_of_pull(number);
    let status = json!({"state": "success"});
    assert_eq!(
        world
            .client
            .call("POST", &world.at(&format!("/statuses/{head}")), &status)
            .status,
        201
    );
    refused(
        &world
            .client
            .call("POST", &format!("/repos/ann/shop/statuses/{head}"), &status),
        403,
        "not accessible",
    );
    assert_eq!(world.client.get("/repos/ann/shop").json()["fork"], true);
    world.github.assert_clean();
}

#[test]
fn a_wrong_token_is_no_token_and_nobody_reads_only() {
    let world = World::new();
    let wrong = Client::new(&world.github.url(), "ghs_wrong");
    refused(&wrong.get(&world.at("")), 401, "Bad credentials");
    let nobody = Client::new(&world.github.url(), "");
    assert_eq!(nobody.get(&world.at("/labels")).status, 200);
    refused(
        &nobody.call("POST", &world.at("/labels"), &json!({"name": "x"})),
        401,
        "Requires authentication",
    );
    world.shop.make_private();
    assert_eq!(nobody.get(&world.at("/labels")).status, 404);
    world.github.assert_clean();
}

#[test]
fn a_jwt_needs_the_shape_that_github_demands() {
    let world = World::new();
    let (app, client) = world.app();
    assert_eq!(client.get("/app/installations").status, 200);
    let late = Client::new(&client.url, &crate::world::jwt(app.id, 700));
    refused(&late.get("/app/installations"), 401, "could not be decoded");
    refused(
        &world.client.get("/app/installations"),
        401,
        "could not be decoded",
    );
    refused(&client.get(&world.at("/labels")), 403, "not accessible");
    world.github.assert_clean();
}

#[test]
fn the_token_of_an_installation_expires() {
    let world = World::new();
    let (app, client) = world.app();
    let made = client
        .call(
            "POST",
            &format!("/app/installations/{}/access_tokens", app.installation),
            &Value::Null,
        )
        .json();
    let own = Client::new(&client.url, made["token"].as_str().unwrap());
    assert_eq!(own.get(&world.at("/contents/README.md")).status, 200);
    world.github.advance(Duration::from_secs(3601));
    assert_eq!(own.get(&world.at("/contents/README.md")).status, 401);
    world.github.assert_clean();
}

#[test]
fn a_budget_is_counted_and_comes_back() {
    let world = World::with(Options {
        limits: Limits {
            per_hour: Some(2),
            content_per_minute: None,
        },
        ..Options::default()
    });
    let first = world.client.get(&world.at("/labels"));
    assert_eq!(
        (
            first.header("x-ratelimit-limit"),
            first.header("x-ratelimit-remaining")
        ),
        ("2", "1")
    );
    assert_eq!(world.client.get(&world.at("/labels")).status, 200);
    let third = world.client.get(&world.at("/labels"));
    refused(&third, 403, "API rate limit exceeded");
    assert_eq!(third.header("x-ratelimit-remaining"), "0");
    assert_eq!(
        world.client.get("/rate_limit").json()["rate"]["remaining"],
        0
    );
    world.github.advance(Duration::from_secs(3601));
    assert_eq!(world.client.get(&world.at("/labels")).status, 200);
    world.github.assert_clean();
}

#[test]
fn an_answer_that_is_known_costs_nothing() {
    let world = World::with(Options {
        limits: Limits {
            per_hour: Some(2),
            content_per_minute: None,
        },
        ..Options::default()
    });
    let first = world.client.get(&world.at("/labels"));
    let tag = first.header("etag").to_owned();
    for _ in 0..5 {
        let again = world
            .client
            .send("GET", &world.at("/labels"), &[("if-none-match", &tag)], "");
        assert_eq!(
            (
                again.status,
                again.body.len(),
                again.header("x-ratelimit-remaining")
            ),
            (304, 0, "1")
        );
    }
    world.shop.add_labels(world.pull, &["new"]);
    let changed = world
        .client
        .send("GET", &world.at("/labels"), &[("if-none-match", &tag)], "");
    assert_eq!(changed.status, 200);
    world.github.assert_clean();
}

#[test]
fn eighty_pieces_of_content_fill_a_minute() {
    let world = World::with(Options {
        limits: Limits::github(),
        ..Options::default()
    });
    let path = world.at(&format!("/issues/{}/comments", world.pull));
    let post = || world.client.call("POST", &path, &json!({"body": "x"}));
    assert!((0..80).all(|_| post().status == 201));
    let over = post();
    refused(&over, 403, "secondary rate limit");
    assert!(over.header("retry-after").parse::<u32>().unwrap() <= 60);
    assert_ne!(over.header("x-ratelimit-remaining"), "0");
    world.github.assert_clean();
}

#[test]
fn what_was_just_written_is_seen_a_little_later() {
    let world = World::with(Options {
        lag: Lag {
            reads: 2,
            millis: 0,
        },
        ..Options::default()
    });
    let path = world.at(&format!("/issues/{}/comments", world.pull));
    let url = world
        .client
        .call("POST", &path, &json!({"body": "x"}))
        .json()["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.client.get(&url).status, 404);
    assert_eq!(world.client.get(&path).json(), json!([]));
    assert_eq!(world.client.get(&url).status, 200);
    assert_eq!(world.client.get(&path).json().as_array().unwrap().len(), 1);
    world.github.assert_clean();
}

#[test]
fn a_ref_that_was_just_moved_is_seen_where_it_was() {
    let world = World::with(Options {
        lag: Lag {
            reads: 1,
            millis: 0,
        },
        ..Options::default()
    });
    let old = world.shop.head("main").unwrap();
    let head =
        || world.client.get(&world.at("/git/ref/heads/main")).json()["object"]["sha"].clone();
    head();
    let new = world.shop.push_commit("main", &[("a", b"a".as_slice())]);
    assert_eq!([head(), head()], [json!(old), json!(new)]);
    world.github.assert_clean();
}

#[test]
fn an_expired_artifact_is_gone() {
    let world = World::new();
    let (_, _, artifact) = world.run();
    world.shop.expire_artifact(artifact);
    assert_eq!(
        world
            .client
            .get(&world.at(&format!("/actions/artifacts/{artifact}")))
            .json()["expired"],
        true
    );
    let answer = world
        .client
        .get(&world.at(&format!("/actions/artifacts/{artifact}/zip")));
    refused(&answer, 410, "Artifact has expired");
    world.github.assert_clean();
}

#[test]
fn lists_come_in_pages_that_link_to_each_other() {
    let world = World::new();
    for number in 0..5 {
        world
            .shop
            .add_comment(world.pull, "octocat", &format!("comment {number}"));
    }
    let path = world.at(&format!("/issues/{}/comments?per_page=2", world.pull));
    let first = world.client.get(&path);
    assert_eq!(first.json().as_array().unwrap().len(), 2);
    let next = first
        .header("link")
        .split('<')
        .nth(1)
        .unwrap()
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    let second = world.client.get(&next);
    assert_eq!(second.json()[0]["body"], "comment 2");
    assert!(second.header("link").contains(r#"rel="last""#));
    world.github.assert_clean();
}

#[test]
fn the_search_filters_for_real() {
    let world = World::new();
    let other = world.shop.add_pull("other");
    world.shop.add_labels(other, &["do not merge"]);
    world.shop.add_pull("closed");
    world.shop.close(3);
    let found = |query: &str| {
        let answer = world.client.get(&format!("/search/issues?q={query}"));
        let items = answer.json()["items"].as_array().cloned().unwrap();
        items
            .iter()
            .map(|item| item["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("repo:acme/shop+is:pr+is:open"), [2, 1]);
    assert_eq!(
        found("repo:acme/shop+is:open+label:%22do%20not%20merge%22"),
        [2]
    );
    assert_eq!(
        found("repo:acme/shop+is:pr+-label:%22do%20not%20merge%22+head:feature"),
        [1]
    );
    assert_eq!(found("repo:acme/shop+is:closed&order=asc"), [3]);
    assert_eq!(found("repo:acme/shop+is:issue"), Vec::<u64>::new());
    world.github.assert_clean();
}
