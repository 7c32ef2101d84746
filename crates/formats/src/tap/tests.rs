use proptest::prelude::*;

use super::read;
use crate::testing::{corpus, said};

#[test]
fn subtests_of_node_count_as_leaves() {
    let said = said(
        read,
        br"TAP version 13
# Subtest: parent
    # Subtest: child
    not ok 1 - child
      ---
      duration_ms: 1.5
      location: '/p/x.js:5:3'
      error: |-
        Expected values to be equal:

        1 !== 2
      name: 'AssertionError'
      stack: |-
        TestContext.<anonymous> (file:///p/x.js:6:10)
      ...
    # Subtest: other
    ok 2 - other # SKIP why
      ---
      duration_ms: 2
      ...
    1..2
not ok 1 - parent
  ---
  failureType: 'subtestsFailed'
  ...
# Subtest: alone
ok 2 - alone
1..2
# tests 3
",
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite 
    fail  | parent › child 0.0015s <AssertionError> "Expected values to be equal:\n1 !== 2" at /p/x.js:5 +stack
    skip  | parent › other 0.002s "why"
    pass  | alone
    "#);
}

#[test]
fn subtests_of_perl_ktap_and_in_braces_count_as_leaves() {
    let said = said(
        read,
        br"1..2
    # Subtest: perl
    ok 1 - inner
    ok 2 - inner
    1..2
ok 1 - perl
not ok 2 - braces # time=1.5ms {
    ok 1 - a
    1..1
}
KTAP version 1
1..1
    KTAP version 1
    # Subtest: kunit
    1..3
    ok 1 a
    ok 2 b # SKIP no
not ok 1 kunit
",
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite 
    pass  | perl › inner
    pass  | perl › inner (2)
    pass  | braces › a
    fail  | braces 0.0015s ""
    pass  | kunit › a
    skip  | kunit › b "no"
    problem line 18: the plan says 3 tests, there are 2 (the run was cut short or the plan is wrong)
    fail  | kunit ""
    "#);
}

#[test]
fn comments_of_perl_say_why() {
    let said = said(
        read,
        b"1..1\nnot ok 1 - bad\n#   Failed test 'bad'\n#   at t/a.t line 7.\n#          got: '1'\n#     expected: '2'\n# Looks like you failed 1 test of 1.\n",
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite 
    fail  | bad "got: '1'\nexpected: '2'" at t/a.t:7 +stack
    "#);
}

#[test]
fn tape_names_its_tests_in_comments() {
    let said = said(
        read,
        br"TAP version 13
# adds
ok 1 should be equal
not ok 2 should be equal
  ---
    operator: equal
    at: Test.<anonymous> (/p/t.js:7:9)
  ...
# takes away
ok 3 should be equal

1..3
",
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite 
    pass  | adds › should be equal
    fail  | adds › should be equal (2) "" at /p/t.js:7
    pass  | takes away › should be equal
    "#);
}

#[test]
fn a_bail_out_and_a_wrong_plan_are_problems() {
    let said = said(
        read,
        b"1..3\nok 1\n    ok then\nok 2 a\nBail out! no database\n",
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite 
    pass  | test 1
    pass  | a
    problem line 5: the run bailed out: no database (the tests after this line did not run)
    "#);
    let said = self::said(read, b"ok 1 a\n1..3\n");
    insta::assert_snapshot!(said.text(), @r#"
    suite 
    pass  | a
    problem line 3: the plan says 3 tests, there are 1 (the run was cut short or the plan is wrong)
    "#);
}

#[test]
fn a_yaml_block_without_end_costs_no_test() {
    let said = said(read, b"not ok 1 a\n  ---\n  message: 'm'\nok 2 b\n");
    assert_eq!(said.counts(), [2, 1, 0, 0]);
}

#[test]
fn the_counts_of_real_files_are_those_of_the_peers() {
    let cases = [
        ("01-common", [6, 0, 0, 0]),
        ("02-unknown-amount-and-failure", [7, 2, 0, 0]),
        ("03-bail-out", [1, 1, 0, 0]),
        ("04-skipped", [5, 0, 0, 4]),
        ("05-skip-everything", [0, 0, 0, 0]),
        ("06-todo", [4, 0, 0, 2]),
        ("07-creative-liberties", [9, 0, 0, 0]),
        ("08-everything", [20, 6, 0, 8]),
        ("09-node-tap", [10, 4, 0, 2]),
        ("10-results-after-trailer", [10, 4, 0, 2]),
    ];
    for (name, counts) in cases {
        let file = format!("test-summary/test/resources/tap/{name}.tap");
        let Some(bytes) = corpus(&file) else { return };
        assert_eq!(said(read, &bytes).counts(), counts, "{name}");
    }
    let Some(bytes) = corpus("gen-mocha/mocha.tap") else {
        return;
    };
    let said = said(read, &bytes);
    assert_eq!(said.counts(), [6, 2, 0, 2]);
    insta::assert_snapshot!(said.lines[3], @r#"fail  | outer inner fails "red \0\n  AssertionError [ERR_ASSERTION]: red \0" at mocha/a.js:2 +stack"#);
}

proptest! {
    #[test]
    fn arbitrary_lines_never_panic(lines in proptest::collection::vec(
        r"( {0,9}(ok|not ok|1\.\.[0-9]|# Subtest: [a-z]|---|\.\.\.|\}|TAP version 13|Bail out!)( [0-9]| - [a-zé#]{0,5}| # (SKIP|TODO)| \{)?|[ -~]{0,20})", 0..40)) {
        drop(said(read, lines.join("\n").as_bytes()));
    }

    #[test]
    fn every_point_is_counted(points in proptest::collection::vec(0..4_usize, 0..40)) {
        let words = ["ok - a", "not ok - b # c", "ok # SKIP", "not ok x # TODO"];
        let mut text = format!("TAP version 14\n1..{}\n", points.len());
        for point in &points {
            text += words[*point];
            text += "\n";
        }
        let said = said(read, text.as_bytes());
        let of = |wanted| points.iter().filter(|point| **point == wanted).count();
        prop_assert_eq!(said.counts(), [points.len(), of(1), 0, of(2) + of(3)]);
        prop_assert_eq!(said.problems, 0);
    }
}
