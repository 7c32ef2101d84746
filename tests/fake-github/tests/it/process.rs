//! The fake as a process, with the seed that `README.md` shows.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::Client;

struct Process {
    child: Child,
    client: Client,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn start(arguments: &[&str]) -> Process {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-github"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let client = Client::new(line.trim(), "the-token-of-a-push");
    Process { child, client }
}

fn seed() -> String {
    format!("{}/seed.json", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_seed_file_makes_a_world() {
    let process = start(&["--seed", &seed()]);
    let client = &process.client;
    let pull = client.get("/repos/acme/shop/pulls/2").json();
    assert_eq!(pull["head"]["label"], "bob:typo");
    assert_eq!(
        client
            .call(
                "POST",
                "/repos/acme/shop/issues/1/comments",
                &json!({"body": "hello"})
            )
            .status,
        201
    );
    let fork = Client::new(&client.url, "the-token-of-a-fork");
    assert_eq!(
        fork.call(
            "POST",
            "/repos/acme/shop/issues/1/comments",
            &json!({"body": "hello"})
        )
        .status,
        403
    );
    let state = client.get("/_control/state").json();
    let shop = &state["repos"]["acme/shop"];
    assert_eq!(shop["issues"]["1"]["comments"][0]["body"], "hello");
    assert_eq!(shop["issues"]["1"]["labels"], json!(["bug"]));
    assert_eq!(shop["branches"]["main"]["files"]["src/shop.py"], 40);
    assert_eq!(client.get("/_control/violations").json(), json!([]));
    let log = client.get("/_control/log").json();
    assert_eq!(
        (&log[1]["status"], &log[2]["token"]),
        (&json!(201), &json!("fork"))
    );
    let artifact = shop["artifacts"][0]["id"].clone();
    let place = client
        .get(&format!(
            "/repos/acme/shop/actions/artifacts/{artifact}/zip"
        ))
        .header("location")
        .to_owned();
    assert!(Client::new("", "").get(&place).body.starts_with(b"PK"));
}

#[test]
fn faults_tokens_and_seeds_come_by_http() {
    let process = start(&["--description", "ghes317", "--no-limits"]);
    let client = &process.client;
    assert!(client.url.ends_with("/api/v3"));
    let root = client.url.replace("/api/v3", "");
    let control = |method: &str, path: &str, body: Value| {
        let answer = client.call(method, &format!("{root}/_control/{path}"), &body);
        (answer.status, answer.json())
    };
    let seed = json!({"repos": {"a/b": {"pulls": [{"head": "x", "files": {"f": "1"}}]}}});
    assert_eq!(
        control("POST", "seed", seed).1["repos"]["a/b"]["pulls"],
        json!([1])
    );
    let token =
        control("POST", "token", json!({"permissions": {"issues": "write"}})).1["token"].clone();
    let own = Client::new(&client.url, token.as_str().unwrap());
    let fault =
        json!([{"on": "GET /repos/*", "when": {"first": 1}, "what": {"status": {"status": 503}}}]);
    assert_eq!(control("POST", "faults", fault), (200, json!({})));
    assert_eq!(
        [own.get("/repos/a/b").status, own.get("/repos/a/b").status],
        [503, 200]
    );
    let (status, problem) = control("POST", "faults", json!([{"on": "*", "what": "explode"}]));
    assert_eq!(status, 400);
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .contains("unknown variant `explode`"),
        "{problem}"
    );
    assert_eq!(control("POST", "nothing", Value::Null).0, 400);
    assert_eq!(control("DELETE", "log", Value::Null).0, 200);
    assert_eq!(control("GET", "log", Value::Null).1, json!([]));
}

#[test]
fn a_seed_that_is_wrong_is_refused_by_name_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed.json");
    std::fs::write(&path, r#"{"tokns": []}"#).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fake-github"))
        .arg("--seed")
        .arg(&path)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains("seed.json: unknown field `tokns`"),
        "{error}"
    );
}
