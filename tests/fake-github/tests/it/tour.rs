//! Every operation is asked for once, on github.com and on GitHub Enterprise Server, and nothing breaks the contract.

use std::collections::BTreeSet;

use fake_github::{Description, Options};
use serde_json::{Value, json};

use crate::client::Client;
use crate::world::World;

#[test]
fn every_operation_works_on_github_com() {
    tour(Description::Github);
}

#[test]
fn every_operation_works_on_github_enterprise_server() {
    tour(Description::Ghes317);
}

fn tour(description: Description) {
    let world = World::with(Options {
        description,
        ..Options::default()
    });
    let tour = Tour {
        world,
        has_attestations: description == Description::Github,
    };
    tour.issues();
    tour.labels();
    tour.checks();
    tour.statuses_and_commits();
    tour.git();
    tour.contents();
    tour.actions();
    tour.people();
    tour.apps();
    tour.repository();
    tour.pulls();
    let never: BTreeSet<String> = tour
        .world
        .github
        .described_operations()
        .difference(&tour.world.github.operations())
        .cloned()
        .collect();
    assert!(never.is_empty(), "never asked for: {never:#?}");
    tour.world.github.assert_clean();
}

struct Tour {
    world: World,
    has_attestations: bool,
}

impl Tour {
    /// Calls below the repository and demands a status.
    #[track_caller]
    fn call(&self, status: u16, line: &str, body: Value) -> Value {
        let (method, path) = line.split_once(' ').unwrap();
        let path = if path.starts_with("//") {
            path[1..].to_owned()
        } else {
            self.world.at(path)
        };
        call(&self.world.client, status, (method, &path), body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.call(200, &format!("GET {path}"), Value::Null)
    }

    fn issues(&self) {
        let pull = self.world.pull;
        let comment = self.call(
            201,
            &format!("POST /issues/{pull}/comments"),
            json!({"body": "b"}),
        );
        let id = &comment["id"];
        assert_eq!(self.get(&format!("/issues/comments/{id}")), comment);
        self.call(
            201,
            &format!("POST /issues/comments/{id}/reactions"),
            json!({"content": "eyes"}),
        );
        self.call(
            200,
            &format!("POST /issues/comments/{id}/reactions"),
            json!({"content": "eyes"}),
        );
        assert_eq!(
            self.get(&format!("/issues/{pull}/comments"))[0]["reactions"]["eyes"],
            1
        );
        self.call(
            200,
            &format!("PATCH /issues/comments/{id}"),
            json!({"body": "c"}),
        );
        self.call(204, &format!("DELETE /issues/comments/{id}"), Value::Null);
        let milestone = self.world.shop.add_milestone("v1");
        let changed = self.call(
            200,
            &format!("PATCH /issues/{pull}"),
            json!({"milestone": milestone, "assignees": ["octocat"]}),
        );
        assert_eq!(
            (
                &changed["milestone"]["title"],
                &changed["assignee"]["login"]
            ),
            (&json!("v1"), &json!("octocat"))
        );
        assert_eq!(
            self.get(&format!("/issues/{pull}"))["milestone"]["open_issues"],
            1
        );
        assert_eq!(
            self.get("/milestones")[0],
            self.get(&format!("/milestones/{milestone}"))
        );
        let found = self.get("//search/issues?q=is:pr+is:open+repo:acme/shop+milestone:v1");
        assert_eq!(found["total_count"], 1);
    }

    fn labels(&self) {
        let pull = self.world.pull;
        self.call(
            201,
            "POST /labels",
            json!({"name": "size/L", "color": "ff0000", "description": "large"}),
        );
        self.call(
            200,
            &format!("POST /issues/{pull}/labels"),
            json!({"labels": ["size/l", "new one"]}),
        );
        assert_eq!(self.world.shop.labels(pull), ["size/L", "new one"]);
        self.call(
            200,
            &format!("DELETE /issues/{pull}/labels/size%2FL"),
            Value::Null,
        );
        assert_eq!(
            self.get(&format!("/issues/{pull}/labels"))[0]["color"],
            "ededed"
        );
        self.call(
            200,
            &format!("PUT /issues/{pull}/labels"),
            json!({"labels": ["size/L"]}),
        );
        assert_eq!(self.get("/labels/size%2FL")["description"], "large");
        assert_eq!(self.get("/labels").as_array().unwrap().len(), 2);
    }

    fn checks(&self) {
        let head = &self.world.head;
        let line = json!({"path": "a", "start_line": 1, "end_line": 2, "annotation_level": "failure", "message": "m"});
        let output = json!({"title": "t", "summary": "s", "annotations": [line]});
        let check = self.call(
            201,
            "POST /check-runs",
            json!({"name": "c", "head_sha": head, "status": "in_progress", "output": output}),
        );
        let path = format!("/check-runs/{}", check["id"]);
        let done = self.call(
            200,
            &format!("PATCH {path}"),
            json!({"conclusion": "failure", "output": output}),
        );
        assert_eq!(
            (&done["status"], &done["output"]["annotations_count"]),
            (&json!("completed"), &json!(2))
        );
        assert_eq!(self.get(&path), done);
        assert_eq!(
            self.get(&format!("{path}/annotations"))
                .as_array()
                .unwrap()
                .len(),
            2
        );
        self.call(201, &format!("POST {path}/rerequest"), Value::Null);
        assert_eq!(
            self.get(&format!("/commits/{head}/check-runs"))["check_runs"][0]["status"],
            "queued"
        );
        assert_eq!(
            self.get("/commits/feature/check-suites")["check_suites"][0]["head_branch"],
            "feature"
        );
    }

    fn statuses_and_commits(&self) {
        let head = &self.world.head;
        for state in ["pending", "success"] {
            self.call(
                201,
                &format!("POST /statuses/{head}"),
                json!({"state": state, "context": "c", "target_url": "https://x.test"}),
            );
        }
        let combined = self.get(&format!("/commits/{head}/status"));
        assert_eq!(
            (&combined["state"], &combined["total_count"]),
            (&json!("success"), &json!(1))
        );
        assert_eq!(
            self.get("/commits/feature/statuses")
                .as_array()
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            self.get("/commits/feature")["files"][0]["filename"],
            "feature.txt"
        );
        assert_eq!(
            self.get(&format!("/commits/{head}/pulls"))[0]["number"],
            self.world.pull
        );
        let compared = self.get("/compare/main...feature");
        assert_eq!(
            (&compared["status"], &compared["ahead_by"]),
            (&json!("ahead"), &json!(1))
        );
    }

    fn git(&self) {
        let blob = self.call(
            201,
            "POST /git/blobs",
            json!({"content": "aGVsbG8K", "encoding": "base64"}),
        );
        assert_eq!(blob["sha"], "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(
            self.get(&format!("/git/blobs/{}", text(&blob["sha"])))["size"],
            6
        );
        let line = json!({"path": "a/b", "mode": "100644", "type": "blob", "sha": blob["sha"]});
        let tree = self.call(201, "POST /git/trees", json!({"tree": [line]}));
        let whole = self.get(&format!("/git/trees/{}?recursive=1", text(&tree["sha"])));
        assert_eq!(
            (&whole["tree"][1]["path"], &whole["tree"][1]["size"]),
            (&json!("a/b"), &json!(6))
        );
        let commit = self.call(
            201,
            "POST /git/commits",
            json!({"message": "m", "tree": tree["sha"], "parents": []}),
        );
        let sha = text(&commit["sha"]);
        assert_eq!(self.get(&format!("/git/commits/{sha}")), commit);
        self.call(
            201,
            "POST /git/refs",
            json!({"ref": "refs/heads/sprag-history", "sha": sha}),
        );
        assert_eq!(
            self.get("/git/ref/heads/sprag-history")["object"]["sha"],
            sha
        );
        let next = self.call(
            201,
            "POST /git/commits",
            json!({"message": "n", "tree": tree["sha"], "parents": [sha]}),
        );
        self.call(
            200,
            "PATCH /git/refs/heads/sprag-history",
            json!({"sha": next["sha"]}),
        );
        self.call(204, "DELETE /git/refs/heads/sprag-history", Value::Null);
    }

    fn contents(&self) {
        let body = json!({"message": "m", "content": "aGk=", "branch": "main"});
        let made = self.call(201, "PUT /contents/.github/a%20b.txt", body);
        assert_eq!(
            self.get("/contents/.github/a%20b.txt?ref=main")["sha"],
            made["content"]["sha"]
        );
        assert_eq!(self.get("/contents/.github")[0]["name"], "a b.txt");
        assert_eq!(
            self.get("/branches/main")["commit"]["sha"],
            made["commit"]["sha"]
        );
    }

    fn actions(&self) {
        let (run, job, artifact) = self.world.run();
        assert_eq!(
            self.get("/actions/runs?branch=feature&status=success")["total_count"],
            1
        );
        assert_eq!(
            self.get(&format!("/actions/runs/{run}"))["pull_requests"][0]["number"],
            self.world.pull
        );
        assert_eq!(
            self.get(&format!("/actions/runs/{run}/jobs"))["jobs"][0]["conclusion"],
            "failure"
        );
        let shown = self.get(&format!("/actions/artifacts/{artifact}"));
        assert_eq!(
            self.get(&format!("/actions/runs/{run}/artifacts"))["artifacts"][0],
            shown
        );
        assert_eq!(
            self.get("/actions/artifacts?name=results")["artifacts"][0],
            shown
        );
        self.call(
            302,
            &format!("GET /actions/artifacts/{artifact}/zip"),
            Value::Null,
        );
        self.call(302, &format!("GET /actions/jobs/{job}/logs"), Value::Null);
        self.call(
            201,
            &format!("POST /actions/runs/{run}/rerun-failed-jobs"),
            Value::Null,
        );
        self.call(403, &format!("POST /actions/runs/{run}/rerun"), Value::Null);
        self.call(
            204,
            "POST /actions/workflows/ci.yml/dispatches",
            json!({"ref": "main", "inputs": {"a": "b"}}),
        );
        self.call(
            204,
            "POST /dispatches",
            json!({"event_type": "go", "client_payload": {"c": 1}}),
        );
        assert_eq!(
            self.world.shop.dispatches()[1],
            ("go".to_owned(), json!({"c": 1}))
        );
    }

    fn people(&self) {
        self.world.shop.add_collaborator("ann", "maintain");
        self.world.github.add_team("acme", "core", &["ann"]);
        self.call(204, "GET /collaborators/ann", Value::Null);
        self.call(404, "GET /collaborators/bob", Value::Null);
        let permission = self.get("/collaborators/ann/permission");
        assert_eq!(
            (&permission["permission"], &permission["role_name"]),
            (&json!("write"), &json!("maintain"))
        );
        self.call(204, "GET //orgs/acme/members/ann", Value::Null);
        assert_eq!(
            self.get("//orgs/acme/teams/core/members")[0]["login"],
            "ann"
        );
        assert_eq!(
            self.get("//orgs/acme/teams/core/memberships/ann")["state"],
            "active"
        );
        let ann = Client::new(
            &self.world.github.url(),
            &self.world.github.personal_token("ann", &["metadata: read"]),
        );
        assert_eq!(
            call(&ann, 200, ("GET", "/user"), Value::Null)["login"],
            "ann"
        );
        self.call(403, "GET //user", Value::Null);
    }

    fn apps(&self) {
        let (app, client) = self.world.app();
        assert_eq!(
            call(
                &client,
                200,
                ("GET", &self.world.at("/installation")),
                Value::Null
            )["id"],
            app.installation
        );
        assert_eq!(
            call(&client, 200, ("GET", "/app/installations"), Value::Null)[0]["app_id"],
            app.id
        );
        let path = format!("/app/installations/{}/access_tokens", app.installation);
        let made = call(
            &client,
            201,
            ("POST", &path),
            json!({"permissions": {"checks": "write"}}),
        );
        let own = Client::new(&self.world.github.url(), text(&made["token"]));
        let body = json!({"name": "of the app", "head_sha": self.world.head});
        let check = call(&own, 201, ("POST", &self.world.at("/check-runs")), body);
        assert_eq!(check["app"]["slug"], "sprag");
    }

    fn repository(&self) {
        assert_eq!(self.get("")["default_branch"], "main");
        self.world.shop.protect("main", &["sprag/compare"]);
        let required = &self.get("/branches/main/protection")["required_status_checks"];
        assert_eq!(required["contexts"], json!(["sprag/compare"]));
        let rule = json!({"type": "required_linear_history", "ruleset_source_type": "Repository", "ruleset_source": "acme/shop", "ruleset_id": 1});
        self.world.shop.add_rule("main", rule.clone());
        assert_eq!(self.get("/rules/branches/main"), json!([rule]));
        self.world
            .shop
            .add_release("v1", &[("sprag.tar.gz", b"x".as_slice())]);
        assert_eq!(self.get("/releases/tags/v1")["assets"][0]["size"], 1);
        let sarif =
            json!({"commit_sha": self.world.head, "ref": "refs/heads/feature", "sarif": "H4sI"});
        self.call(202, "POST /code-scanning/sarifs", sarif);
        assert_eq!(self.get("//rate_limit")["rate"]["limit"], 1_000_000);
        if self.has_attestations {
            assert_eq!(
                self.get("/attestations/sha256:0")["attestations"],
                json!([])
            );
        }
    }

    fn pulls(&self) {
        let path = format!("/pulls/{}", self.world.pull);
        assert_eq!(
            self.get("/pulls?state=open&head=acme:feature")[0]["number"],
            self.world.pull
        );
        let pull = self.get(&path);
        assert_eq!(
            (&pull["changed_files"], &pull["additions"]),
            (&json!(1), &json!(1))
        );
        let file = &self.get(&format!("{path}/files"))[0];
        assert_eq!(
            (text(&file["status"]), text(&file["patch"])),
            ("added", "@@ -0,0 +1 @@\n+new")
        );
        assert_eq!(
            self.get(&format!("{path}/commits"))[0]["sha"],
            self.world.head
        );
        self.call(
            200,
            &format!("POST {path}/reviews"),
            json!({"event": "APPROVE", "body": "fine"}),
        );
        assert_eq!(self.get(&format!("{path}/reviews"))[0]["state"], "APPROVED");
        self.call(200, &format!("PATCH {path}"), json!({"title": "new title"}));
        let merged = self.call(
            200,
            &format!("PUT {path}/merge"),
            json!({"sha": self.world.head}),
        );
        assert_eq!(self.get(&path)["merge_commit_sha"], merged["sha"]);
        self.world.shop.push_commit("other", &[("b", b"b\n")]);
        let other = self.call(
            201,
            "POST /pulls",
            json!({"title": "t", "head": "other", "base": "main"}),
        );
        assert_eq!(other["user"]["login"], "github-actions[bot]");
        self.call(
            201,
            "POST /merges",
            json!({"base": "main", "head": "other"}),
        );
        self.call(
            204,
            "POST /merges",
            json!({"base": "main", "head": "other"}),
        );
    }
}

#[track_caller]
fn call(client: &Client, status: u16, (method, path): (&str, &str), body: Value) -> Value {
    let answer = client.call(method, path, &body);
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.json());
    answer.json()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
