//! Files and git objects, and who wins when two write.

use std::collections::BTreeMap;

use fake_github::{Fault, What, When};
use github::{Created, Moved, Put, PutFile, Repo};

use crate::support::Shop;

fn put<'a>(path: &'a str, bytes: &'a [u8], expected: Option<&'a str>) -> PutFile<'a> {
    PutFile {
        branch: "main",
        path,
        bytes,
        expected,
        message: "record",
    }
}

fn fault(on: &str, what: What) -> Fault {
    Fault {
        on: on.to_owned(),
        when: When::Nth(1),
        what,
    }
}

#[test]
fn a_file_is_read_with_the_hash_that_a_write_expects() {
    let shop = Shop::open();
    let Put::Done { blob, .. } = shop.repo.put_file(&put("v1/head", b"one", None)).unwrap() else {
        panic!("stale");
    };
    let file = shop.repo.file("v1/head", "main").unwrap().unwrap();
    assert_eq!(
        (file.sha.as_str(), &file.bytes[..]),
        (blob.as_str(), &b"one"[..])
    );
    let second = shop.repo.put_file(&put("v1/head", b"two", Some(&blob)));
    assert!(matches!(
        second.unwrap(),
        Put::Done {
            commit: Some(_),
            ..
        }
    ));
    let late = shop.repo.put_file(&put("v1/head", b"three", Some(&blob)));
    assert_eq!(late.unwrap(), Put::Stale);
    let blind = shop.repo.put_file(&put("v1/head", b"four", None));
    assert_eq!(blind.unwrap(), Put::Stale);
    let files = shop.seed.branch_files("main");
    assert_eq!(files["v1/head"], b"two");
}

#[test]
fn a_folder_is_no_file_and_a_branch_must_exist() {
    let shop = Shop::open();
    shop.repo.put_file(&put("v1/head", b"one", None)).unwrap();
    assert!(shop.repo.file("v1", "main").is_err());
    let nowhere = PutFile {
        branch: "nope",
        ..put("x", b"x", None)
    };
    assert!(shop.repo.put_file(&nowhere).unwrap_err().is_not_found());
}

#[test]
fn a_write_whose_answer_is_lost_is_known_to_have_landed() {
    let shop = Shop::open();
    for (n, what) in [What::ResetAfterHandling, What::Reset, What::Truncated]
        .into_iter()
        .enumerate()
    {
        shop.fake.faults(vec![fault("PUT *", what)]);
        let path = format!("f{n}");
        let done = shop.repo.put_file(&put(&path, b"x", None)).unwrap();
        assert!(matches!(done, Put::Done { .. }), "{done:?}");
        assert_eq!(shop.seed.branch_files("main")[&path], b"x");
    }
}

fn commit_on(repo: &Repo, base: &str, files: &[(&str, &[u8])]) -> String {
    let tree = repo.commit_tree(base).unwrap();
    let changes: BTreeMap<String, Option<String>> = files
        .iter()
        .map(|(path, bytes)| ((*path).to_owned(), Some(repo.create_blob(bytes).unwrap())))
        .collect();
    let tree = repo.create_tree(Some(&tree), &changes).unwrap();
    repo.create_commit("record", &tree, &[base]).unwrap()
}

#[test]
fn a_branch_is_moved_only_forward() {
    let shop = Shop::open();
    let repo = &shop.repo;
    let base = repo.branch_head("main").unwrap().unwrap();
    let ours = commit_on(repo, &base, &[("a", b"1")]);
    let theirs = commit_on(repo, &base, &[("b", b"2")]);
    assert_eq!(
        repo.move_branch("main", &theirs, false).unwrap(),
        Moved::Moved
    );
    assert_eq!(
        repo.move_branch("main", &ours, false).unwrap(),
        Moved::Stale
    );
    assert_eq!(repo.branch_head("main").unwrap(), Some(theirs));
    assert_eq!(repo.move_branch("main", &ours, true).unwrap(), Moved::Moved);
    assert_eq!(repo.branch_head("main").unwrap(), Some(ours));
}

#[test]
fn an_orphan_branch_is_made_once() {
    let shop = Shop::open();
    let repo = &shop.repo;
    let blob = repo.create_blob(b"\0binary\xff").unwrap();
    assert_eq!(&repo.blob(&blob).unwrap()[..], b"\0binary\xff");
    let changes = BTreeMap::from([("deep/er/file".to_owned(), Some(blob.clone()))]);
    let tree = repo.create_tree(None, &changes).unwrap();
    let first = repo.create_commit("begin", &tree, &[]).unwrap();
    let name = "sprag-history";
    assert_eq!(repo.create_branch(name, &first).unwrap(), Created::Created);
    assert_eq!(repo.create_branch(name, &first).unwrap(), Created::Created);
    let other = commit_on(repo, &first, &[("x", b"y")]);
    assert_eq!(repo.create_branch(name, &other).unwrap(), Created::Exists);
    let entries = repo.tree(&first, true).unwrap();
    let file = entries.iter().find(|entry| entry.kind == "blob").unwrap();
    assert_eq!(
        (file.path.as_str(), file.sha.as_str(), file.size),
        ("deep/er/file", blob.as_str(), 8)
    );
}

#[test]
fn a_change_can_remove_a_file() {
    let shop = Shop::open();
    let base = shop
        .seed
        .push_commit("main", &[("old", b"x".as_slice()), ("kept", b"y")]);
    let repo = &shop.repo;
    let tree = repo.commit_tree(&base).unwrap();
    let changes = BTreeMap::from([("old".to_owned(), None)]);
    let tree = repo.create_tree(Some(&tree), &changes).unwrap();
    let commit = repo.create_commit("squash", &tree, &[&base]).unwrap();
    repo.move_branch("main", &commit, false).unwrap();
    let files = shop.seed.branch_files("main");
    assert!(!files.contains_key("old") && files.contains_key("kept"));
}

#[test]
fn lost_answers_do_not_disturb_branches() {
    let shop = Shop::open();
    let repo = &shop.repo;
    let base = repo.branch_head("main").unwrap().unwrap();
    for (n, what) in [
        What::ResetAfterHandling,
        What::Truncated,
        What::DuplicateDelivery,
        What::Status {
            status: 502,
            retry_after: None,
        },
    ]
    .into_iter()
    .enumerate()
    {
        shop.fake.faults(vec![
            fault("POST *git/refs", what.clone()),
            fault("PATCH *git/refs*", what),
        ]);
        let branch = format!("history-{n}");
        assert_eq!(
            repo.create_branch(&branch, &base).unwrap(),
            Created::Created
        );
        let next = commit_on(repo, &base, &[("a", b"1")]);
        assert_eq!(
            repo.move_branch(&branch, &next, false).unwrap(),
            Moved::Moved
        );
        assert_eq!(repo.branch_head(&branch).unwrap(), Some(next));
    }
}
