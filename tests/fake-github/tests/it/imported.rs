//! A real git repository in the fake.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::world::World;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = [
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@b.test",
        "-c",
        "init.defaultBranch=main",
    ];
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(identity)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_repository_on_this_machine_keeps_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(path, &["init", "--quiet"]);
    std::fs::create_dir(path.join("src")).unwrap();
    std::fs::write(path.join("src/a b.txt"), "one\n").unwrap();
    std::fs::write(path.join("binary"), [0, 255, 10, 0]).unwrap();
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "-m", "first"]);
    git(path, &["switch", "--quiet", "-c", "feature"]);
    std::fs::write(path.join("src/a b.txt"), "two\n").unwrap();
    git(path, &["commit", "--quiet", "-am", "second"]);
    let head = git(path, &["rev-parse", "HEAD"]);

    let world = World::new();
    let shop = world.github.repo("acme/imported");
    shop.import(path);
    assert_eq!(shop.head("feature"), Some(head.clone()));
    assert_eq!(shop.branch_files("main")["binary"], [0, 255, 10, 0]);
    let number = shop.add_pull("feature");
    let files = world
        .client
        .get(&format!("/repos/acme/imported/pulls/{number}/files"))
        .json();
    assert_eq!(
        (&files[0]["filename"], &files[0]["patch"]),
        (&json!("src/a b.txt"), &json!("@@ -1 +1 @@\n-one\n+two"))
    );
    let tree = world
        .client
        .get(&format!("/repos/acme/imported/git/commits/{head}"))
        .json()["tree"]["sha"]
        .clone();
    assert_eq!(tree, git(path, &["rev-parse", "HEAD^{tree}"]));
    // What is committed on top gets the name that git gives it.
    let next = world.client.call(
        "PUT",
        "/repos/acme/imported/contents/src/c",
        &json!({"message": "m", "content": "Yw==", "branch": "feature"}),
    );
    std::fs::write(path.join("src/c"), "c").unwrap();
    git(path, &["add", "."]);
    assert_eq!(
        next.json()["commit"]["tree"]["sha"],
        git(path, &["write-tree"])
    );
    world.github.assert_clean();
}
