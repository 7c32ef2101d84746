//! What is written is what is read, in the layout that the version says.

use model::{Outcome, Signature, TestId, Timestamp};
use verdict::{
    Baseline, Chance, Entry, Job, KindCount, Learnt, PastFailure, Recent, RunRef, SignatureState,
    Streak, Suite, TestTexts, TextCount, Trouble,
};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Head, Loaded, SNAPSHOT_VERSION, load_whole, pack, parts_of,
    states::States,
    tables::Tables,
    trouble::{Place, encode_texts},
};

fn trouble() -> Trouble {
    Trouble {
        streaks: vec![Streak::default()],
        newest: vec![PastFailure::default()],
        recent: vec![Recent {
            run: 1,
            at: Timestamp(1),
            outcome: Outcome::Fail,
            flaked: false,
            signature: None,
            duration_ms: None,
        }],
        ..Trouble::default()
    }
}

/// A test that failed once.
fn baseline() -> Baseline {
    let at = Timestamp(1);
    let signature = Signature(7);
    let texts = vec![TextCount {
        signature,
        count: 1.0,
    }];
    let entry = Entry {
        trouble: Some(Box::new(trouble())),
        ..Entry::default()
    };
    Baseline {
        entries: [((TestId(3), 0), entry)].into(),
        test_texts: [(
            TestId(3),
            TestTexts {
                total: 1.0,
                at,
                texts,
            },
        )]
        .into(),
        signatures: [(signature, SignatureState::default())].into(),
        ..Baseline::default()
    }
}

/// What is not packed as it stands in the baseline.
fn written(baseline: &Baseline) -> [Vec<u8>; 4] {
    let tables = Tables::of(baseline);
    let texts = baseline.test_texts.first_key_value().unwrap().1;
    let place = Place {
        tables: &tables,
        job: 0,
        texts: Some(texts),
    };
    [
        pack(&tables).unwrap(),
        pack(&States::of(&baseline.signatures, &tables)).unwrap(),
        place.encode(&trouble()).unwrap().concat(),
        encode_texts(&tables, (baseline, TestId(3)), texts, &mut 0)
            .unwrap()
            .1,
    ]
}

#[test]
fn one_file_holds_what_was_written() {
    let (baseline, head) = (
        baseline(),
        Head {
            version: SNAPSHOT_VERSION,
            ..Head::default()
        },
    );
    let parts = parts_of(&baseline, &head, true).unwrap();
    let Loaded {
        baseline: read,
        head: of,
        ..
    } = load_whole(parts, None).unwrap();
    assert_eq!((read, of), (baseline, head));
}

#[test]
fn the_version_says_which_layout_a_snapshot_has() {
    let [tables, states, columns, texts] = written(&baseline());
    let parts = [
        tables,
        states,
        columns,
        texts,
        pack(&Head::default()).unwrap(),
        pack(&Job::default()).unwrap(),
        pack(&Suite::default()).unwrap(),
        pack(&RunRef::default()).unwrap(),
        pack(&Learnt::default()).unwrap(),
        pack(&(Chance::default(), KindCount::default())).unwrap(),
    ];
    let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
    let print = format!("{lengths:?} {:016x}", xxh3_64(&parts.concat()));
    assert_eq!(
        (SNAPSHOT_VERSION, print.as_str()),
        (2, "[18, 19, 36, 9, 3, 20, 10, 6, 212, 11] 405f312d2a73c369"),
        "the layout of the baseline changed: raise SNAPSHOT_VERSION, then put the new print here"
    );
}
