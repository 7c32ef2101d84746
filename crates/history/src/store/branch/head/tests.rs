//! The head as others write it: whole, long, hostile.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{HEAD_BYTES, Head, Lock, blob_id, is_id, is_key};

fn key() -> impl Strategy<Value = String> {
    let folder = prop_oneof!["runs", "runs-pr", "commit", "parts", "compact", "names"];
    (folder, "[a-z0-9%~_=-]{1,20}", "[a-z0-9]{1,8}")
        .prop_map(|(folder, middle, name)| format!("v1/{folder}/{middle}/{name}"))
}

proptest! {
    #[test]
    fn a_head_comes_back_as_it_was(objects in prop::collection::btree_map(key(), any::<Vec<u8>>(), 0..20), locked: bool) {
        let mut head = Head::default();
        let mut files = BTreeMap::new();
        for (key, bytes) in &objects {
            if !head.put(key, bytes) {
                files.insert(key.clone(), bytes.clone());
            }
        }
        head.lock = locked.then(|| Lock { owner: "me".to_owned(), at: model::Timestamp(5) });
        head.sign("writer");
        let back = Head::decode(&head.encode().unwrap()).unwrap();
        prop_assert_eq!(&back, &head);
        prop_assert!(back.is_signed_by("writer"));
        for (key, bytes) in &objects {
            if let Some(inline) = back.inline(key) {
                prop_assert_eq!(&inline.unwrap(), bytes);
            } else {
                prop_assert_eq!(&back.files[key].id, &blob_id(&files[key]));
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_safe(bytes: Vec<u8>, json in "[{}\\[\\]\":,a-z0-9./-]{0,200}") {
        let _no_panic = Head::decode(&bytes);
        let packed = zstd::bulk::compress(json.as_bytes(), 1).unwrap();
        let _no_panic = Head::decode(&packed);
    }

    #[test]
    fn what_is_no_key_never_comes_through(path in "(v1/)?[a-z./\\\\%\\x00 ~]{0,20}") {
        let mut head = Head::default();
        head.put(&path, b"x");
        let back = Head::decode(&head.encode().unwrap());
        prop_assert_eq!(back.is_ok(), is_key(&path));
        if is_key(&path) {
            prop_assert!(path.split('/').all(|part| part != ".." && part != "." && part != ".git"));
        }
    }
}

#[test]
fn a_bomb_is_refused() {
    let bomb = zstd::bulk::compress(&vec![b' '; 80 << 20], 1).unwrap();
    assert!(bomb.len() < 1 << 20 && Head::decode(&bomb).is_err());
}

#[test]
fn a_head_that_nobody_could_read_is_not_written() {
    let mut head = Head::default();
    head.put("v1/parts/p/1", &vec![b'x'; 65 << 20]);
    let refused = head.encode().unwrap_err().to_string();
    assert!(refused.contains("history compact"), "{refused}");
    head.remove("v1/parts/p/1");
    assert!(Head::decode(&head.encode().unwrap()).is_ok());
}

#[test]
fn a_later_version_is_refused() {
    let later = zstd::bulk::compress(br#"{"version":2,"new":[]}"#, 1).unwrap();
    let refused = Head::decode(&later).unwrap_err().to_string();
    assert!(refused.contains("version 2"), "{refused}");
}

#[test]
fn a_blob_has_the_id_that_git_gives_it() {
    assert_eq!(
        blob_id(b"hello"),
        "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
    );
    assert!(is_id(&blob_id(b"")) && !is_id("b6fc") && !is_id(&"B".repeat(40)));
}

#[test]
fn a_long_head_gives_its_largest_objects_away() {
    let mut head = Head::default();
    for n in 0..100_u32 {
        let text: String = (0..4000)
            .map(|at| {
                blob_id(&[n.to_le_bytes(), (at / 40_u32).to_le_bytes()].concat())
                    .chars()
                    .nth(at as usize % 40)
                    .unwrap()
            })
            .collect();
        head.put(&format!("v1/parts/p/{n}"), text.as_bytes());
    }
    let spilled = head.spill().unwrap();
    assert!(!spilled.is_empty() && head.encode().unwrap().len() <= HEAD_BYTES);
    assert_eq!(head.list("v1/parts").len(), 100, "nothing is lost");
}

#[test]
fn runs_of_the_last_days_are_known_one_by_one() {
    let key = |day: u32, run: &str| {
        format!("v1/runs/repo=r/branch=b/job=j/date=2026-11-{day:02}/{run}.parquet")
    };
    let mut head = Head::default();
    assert_eq!(head.knows_run(&key(1, "a-1")), Some(false));
    for day in 1..=20 {
        head.remember(&key(day, "a-1"));
        head.remember(&key(day, &format!("{day}-1")));
    }
    assert_eq!(head.knows_run(&key(20, "20-1")), Some(true));
    assert_eq!(
        head.knows_run(&key(19, "20-1")),
        Some(true),
        "whatever the day"
    );
    assert_eq!(head.knows_run(&key(20, "21-1")), Some(false));
    assert_eq!(
        head.knows_run(&key(2, "2-1")),
        None,
        "too long ago to be sure"
    );
}
