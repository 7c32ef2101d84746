//! Git data: compare-and-swap, and many writers at once.

use std::thread;

use serde_json::{Value, json};

use crate::client::Client;
use crate::world::World;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A commit of one more file on `parent`, by four requests as a client of the API makes them.
fn commit(client: &Client, (parent, file): (Option<&str>, &str)) -> String {
    let post = |path: &str, body: Value| {
        let answer = client.call("POST", &format!("/repos/acme/shop/git/{path}"), &body);
        assert_eq!(answer.status, 201, "{}", answer.json());
        text(&answer.json()["sha"])
    };
    let blob = post("blobs", json!({"content": file, "encoding": "utf-8"}));
    let line =
        json!({"path": format!("runs/{file}"), "mode": "100644", "type": "blob", "sha": blob});
    let tree = match parent {
        Some(parent) => post("trees", json!({"base_tree": parent, "tree": [line]})),
        None => post("trees", json!({"tree": [line]})),
    };
    let parents: Vec<&str> = parent.into_iter().collect();
    post(
        "commits",
        json!({"message": file, "tree": tree, "parents": parents}),
    )
}

fn start(world: &World) -> String {
    let first = commit(&world.client, (None, "first"));
    let made = world.client.call(
        "POST",
        &world.at("/git/refs"),
        &json!({"ref": "refs/heads/history", "sha": first}),
    );
    assert_eq!(made.status, 201);
    first
}

fn moved(client: &Client, sha: &str, force: bool) -> (u16, String) {
    let path = "/repos/acme/shop/git/refs/heads/history";
    let answer = client.call("PATCH", path, &json!({"sha": sha, "force": force}));
    (
        answer.status,
        answer.json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

#[test]
fn a_ref_moves_forward_only_unless_it_is_forced() {
    let world = World::new();
    let first = start(&world);
    let [left, right] = ["left", "right"].map(|file| commit(&world.client, (Some(&first), file)));
    assert_eq!(moved(&world.client, &left, false).0, 200);
    assert_eq!(
        moved(&world.client, &right, false),
        (422, "Update is not a fast forward".to_owned())
    );
    assert_eq!(moved(&world.client, &right, true).0, 200);
    let again = world.client.call(
        "POST",
        &world.at("/git/refs"),
        &json!({"ref": "refs/heads/history", "sha": first}),
    );
    assert_eq!(
        (again.status, again.json()["message"].clone()),
        (422, json!("Reference already exists"))
    );
    assert_eq!(world.shop.branch_files("history").len(), 2);
    world.github.assert_clean();
}

#[test]
fn deleting_a_path_removes_it_and_a_missing_one_is_refused() {
    let world = World::new();
    let first = start(&world);
    let delete = |path: &str| {
        let line = json!({"path": path, "mode": "100644", "type": "blob", "sha": null});
        world.client.call(
            "POST",
            &world.at("/git/trees"),
            &json!({"base_tree": first, "tree": [line]}),
        )
    };
    assert_eq!(delete("runs/first").json()["tree"], json!([]));
    let missing = delete("runs/none");
    assert_eq!(
        (missing.status, missing.json()["message"].clone()),
        (422, json!("GitRPC::BadObjectState"))
    );
    world.github.assert_clean();
}

#[test]
fn fifty_writers_lose_nothing() {
    let world = World::new();
    start(&world);
    let writers: Vec<_> = (0..50)
        .map(|number| (world.client.clone(), number))
        .map(|writer| thread::spawn(move || append(&writer)))
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(world.shop.branch_files("history").len(), 51);
    assert_eq!(world.shop.commits_of("history").len(), 51);
    world.github.assert_clean();
}

fn append((client, number): &(Client, u32)) {
    for _ in 0..2000 {
        let head =
            text(&client.get("/repos/acme/shop/git/ref/heads/history").json()["object"]["sha"]);
        let next = commit(client, (Some(&head), &number.to_string()));
        if moved(client, &next, false).0 == 200 {
            return;
        }
    }
    panic!("writer {number} never got through");
}

#[test]
fn a_file_is_replaced_by_who_knows_what_it_replaces() {
    let world = World::new();
    let put = |sha: Option<&str>, branch: &str| {
        let mut body = json!({"message": "m", "content": "aGk=", "branch": branch});
        if let Some(sha) = sha {
            body["sha"] = json!(sha);
        }
        world.client.call("PUT", &world.at("/contents/a/b"), &body)
    };
    let made = put(None, "main");
    assert_eq!(made.status, 201);
    assert_eq!(put(None, "main").status, 422);
    assert_eq!(
        put(Some("0123456789012345678901234567890123456789"), "main").status,
        409
    );
    assert_eq!(
        put(Some(&text(&made.json()["content"]["sha"])), "main").status,
        200
    );
    assert_eq!(put(None, "nowhere").status, 404);
    world.github.assert_clean();
}

#[test]
fn large_files_come_raw() {
    let world = World::new();
    world
        .shop
        .push_commit("main", &[("big", &vec![7; 2 << 20])]);
    let path = world.at("/contents/big?ref=main");
    let shown = world.client.get(&path).json();
    assert_eq!(
        (&shown["encoding"], &shown["content"], &shown["size"]),
        (&json!("none"), &json!(""), &json!(2 << 20))
    );
    let raw = world.client.send(
        "GET",
        &path,
        &[("accept", "application/vnd.github.raw+json")],
        "",
    );
    assert_eq!((raw.status, raw.body.len()), (200, 2 << 20));
    world.github.assert_clean();
}

#[test]
fn a_pull_request_has_a_test_merge_until_it_conflicts() {
    let world = World::new();
    let path = world.at(&format!("/pulls/{}", world.pull));
    let pull = world.client.get(&path).json();
    let merge = world.shop.test_merge(world.pull).unwrap();
    assert_eq!(
        (&pull["merge_commit_sha"], &pull["mergeable"]),
        (&json!(merge), &json!(true))
    );
    let parents = world
        .client
        .get(&world.at(&format!("/git/commits/{merge}")))
        .json()["parents"]
        .clone();
    assert_eq!(parents[1]["sha"], world.head);
    world
        .shop
        .push_commit("main", &[("feature.txt", b"other".as_slice())]);
    let head = world
        .shop
        .push_commit("feature", &[("feature.txt", b"more".as_slice())]);
    let pull = world.client.get(&path).json();
    assert_eq!(
        (&pull["head"]["sha"], &pull["merge_commit_sha"]),
        (&json!(head), &Value::Null)
    );
    assert_eq!(pull["mergeable_state"], "dirty");
    assert_eq!(
        world
            .client
            .call("PUT", &format!("{path}/merge"), &Value::Null)
            .status,
        405
    );
    world.github.assert_clean();
}
