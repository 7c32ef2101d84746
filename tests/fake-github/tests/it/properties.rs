//! Properties: trees keep what is put into them, pages show everything once, nothing that a client sends stops the fake.

use std::collections::BTreeMap;

use fake_github::{Fault, What, When};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::World;

/// Paths in a few folders, so that files and folders of one name meet.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

/// What is left of the files when one more is written: nothing stands above it or below it.
fn write(files: &mut BTreeMap<String, String>, path: &str, text: &str) {
    let clashes = |other: &str| {
        other.starts_with(&format!("{path}/")) || path.starts_with(&format!("{other}/"))
    };
    files.retain(|other, _| !clashes(other));
    files.insert(path.to_owned(), text.to_owned());
}

fn all_pages(world: &World, path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let answer = world.client.get(&path);
        found.extend(answer.json().as_array().unwrap().clone());
        let mut links = answer.header("link").split(", ");
        let link = links.find(|link| link.ends_with("rel=\"next\""));
        next = link.map(|link| {
            link.trim_start_matches('<')
                .split('>')
                .next()
                .unwrap()
                .to_owned()
        });
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_branch_holds_what_was_written_last(writes in prop::collection::vec((path(), "[xy]{0,3}"), 1..12)) {
        let world = World::new();
        let mut wanted = BTreeMap::from([("README.md".to_owned(), "# acme/shop\n".to_owned())]);
        for (path, text) in &writes {
            world.shop.push_commit("main", &[(path, text.as_bytes())]);
            write(&mut wanted, path, text);
        }
        let found: BTreeMap<String, String> =
            world.shop.branch_files("main").into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn pages_show_everything_once_and_in_order(count in 0_usize..40, size in 1_usize..15) {
        let world = World::new();
        for number in 0..count {
            world.shop.add_comment(world.pull, "octocat", &number.to_string());
        }
        let path = world.at(&format!("/issues/{}/comments?per_page={size}", world.pull));
        let bodies: Vec<String> = all_pages(&world, &path).iter().map(|comment| comment["body"].as_str().unwrap().to_owned()).collect();
        let wanted: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        prop_assert_eq!(bodies, wanted);
        world.github.assert_clean();
    }

    #[test]
    fn whatever_is_sent_is_answered(method in "GET|POST|PUT|PATCH|DELETE", path in "(/[a-z0-9%._{}-]{0,8}){0,9}", body in "[ -~]{0,40}") {
        let world = World::new();
        let answer = world.client.send(&method, &world.at(&path), &[("content-type", "application/json")], &body);
        prop_assert!((200..500).contains(&answer.status), "{}", answer.status);
        prop_assert!(world.github.violations().iter().all(|found| found.side == fake_github::Side::Request));
    }

    #[test]
    fn a_field_of_any_type_is_answered(operation in 0_usize..9, value in any_value()) {
        let world = World::new();
        let (method, path, field) = OPERATIONS[operation];
        let path = world.at(path).replace("HEAD", &world.head);
        let answer = world.client.call(method, &path, &json!({field: value}));
        prop_assert!((200..500).contains(&answer.status), "{}", answer.json());
        prop_assert!(world.github.violations().iter().all(|found| found.side == fake_github::Side::Request));
    }

    #[test]
    fn a_fault_that_is_not_handled_leaves_nothing_behind(seed: u64, probability in 0.0..1.0) {
        let world = World::new();
        let when = When::Chance { probability, seed };
        world.github.faults(vec![Fault { on: "POST */comments".to_owned(), when, what: What::Reset }]);
        let path = world.at(&format!("/issues/{}/comments", world.pull));
        let answered = (0..10).filter(|_| world.client.call("POST", &path, &json!({"body": "x"})).status == 201).count();
        prop_assert_eq!(world.shop.comments(world.pull).len(), answered);
    }
}

const OPERATIONS: [(&str, &str, &str); 9] = [
    ("POST", "/issues/1/comments", "body"),
    ("POST", "/issues/1/labels", "labels"),
    ("POST", "/statuses/HEAD", "state"),
    ("POST", "/check-runs", "output"),
    ("PUT", "/contents/a", "content"),
    ("POST", "/git/trees", "tree"),
    ("POST", "/git/refs", "ref"),
    ("PATCH", "/issues/1", "milestone"),
    ("PUT", "/pulls/1/merge", "sha"),
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let object = prop::collection::btree_map(
            "path|sha|mode|title|summary|annotations|name",
            inner,
            0..4,
        );
        prop_oneof![
            list,
            object.prop_map(|fields| Value::Object(fields.into_iter().collect()))
        ]
    })
}
