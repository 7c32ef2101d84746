use std::fmt::Write as _;

use proptest::prelude::*;

use super::read;
use crate::budget::Budget;
use crate::testing::{corpus, said};

#[test]
fn interleaved_packages_and_subtests_are_told_apart() {
    let said = said(
        read,
        br#"{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"T"}
{"Action":"run","Package":"b","Test":"T"}
{"Action":"run","Package":"a","Test":"T/sub_1"}
{"Action":"output","Package":"a","Test":"T/sub_1","Output":"    a_test.go:9: log\n"}
{"Action":"output","Package":"a","Test":"T/sub_1","Output":"    a_test.go:14: want 1\n"}
{"Action":"output","Package":"a","Test":"T/sub_1","Output":"        got 2\n"}
{"Action":"output","Package":"a","Test":"T/sub_1","Output":"--- FAIL: T/sub_1 (0.00s)\n"}
{"Action":"skip","Package":"b","Test":"T","Elapsed":0.5}
{"Action":"fail","Package":"a","Test":"T/sub_1","Elapsed":1}
not JSON at all
{"Action":"fail","Package":"a","Test":"T","Elapsed":2}
{"Action":"pass","Package":"b"}
{"Action":"fail","Package":"a"}
"#,
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite b
    skip b | T 0.5s
    suite a
    fail a | T/sub_1 1s "want 1\n        got 2" at a_test.go:14 +stack
    fail a | T 2s
    "#);
}

#[test]
fn a_package_that_fails_by_itself_is_an_error() {
    let said = said(
        read,
        br##"{"Action":"output","Package":"a","Output":"panic: init\n"}
{"Action":"output","Package":"a","Output":"FAIL\ta\t0.003s\n"}
{"Action":"fail","Package":"a","Elapsed":0.003}
{"ImportPath":"b [b.test]","Action":"build-output","Output":"# b [b.test]\n"}
{"ImportPath":"b [b.test]","Action":"build-output","Output":"./x.go:4:6: undefined: y\n"}
{"ImportPath":"b [b.test]","Action":"build-output","Output":"./x.go:5:6: undefined: z\n"}
{"ImportPath":"b [b.test]","Action":"build-fail"}
{"Action":"output","Package":"b","Output":"FAIL\tb [build failed]\n"}
{"Action":"fail","Package":"b","FailedBuild":"b [b.test]"}
{"Action":"fail","Package":"e","FailedBuild":"b [b.test]"}
FAIL	c [setup failed]
{"Action":"skip","Package":"d"}
"##,
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite a
    outside error a | [package failed] <panic> "init" +stack
    suite b
    outside error b | [build failed] "undefined: y" at ./x.go:4 +stack
    suite e
    outside error e | [build failed] "undefined: y" at ./x.go:4 +stack
    suite c
    outside error c | [setup failed] "[setup failed]"
    "#);
}

#[test]
fn a_panic_takes_running_tests_along() {
    let said = said(
        read,
        br#"{"Action":"run","Package":"a","Test":"T1"}
{"Action":"run","Package":"a","Test":"T2"}
{"Action":"output","Package":"a","Test":"T2","Output":"panic: boom [recovered]\n"}
{"Action":"output","Package":"a","Test":"T2","Output":"panic({0x1})\n\t/usr/go/src/runtime/panic.go:860 +0x1\n"}
{"Action":"output","Package":"a","Test":"T2","Output":"a.T2(0x1)\n\t/p/a/a_test.go:4 +0x26\n"}
{"Action":"fail","Package":"a","Test":"T2"}
{"Action":"fail","Package":"a"}
{"Action":"run","Package":"b","Test":"T3"}
"#,
    );
    insta::assert_snapshot!(said.text(), @r#"
    suite a
    error a | T2 <panic> "boom [recovered]" at /p/a/a_test.go:4 +stack
    error a | T1 "no result: the package ended while the test ran"
    suite b
    error b | T3 "no result: the package ended while the test ran"
    problem file: the stream ends before package `b` does (its running tests are taken as errors)
    "#);
}

#[test]
fn repeats_are_cases_of_one_name() {
    let once = r#"{"Action":"run","Package":"a","Test":"T"}
{"Action":"pass","Package":"a","Test":"T"}
"#;
    let said = said(read, once.repeat(3).as_bytes());
    assert_eq!(said.counts(), [3, 0, 0, 0]);
}

#[test]
fn ten_times_the_open_tests_are_read_in_bounded_memory() {
    let mut text = String::new();
    for number in 0..Budget::TESTS + 10 {
        writeln!(
            text,
            "{{\"Action\":\"run\",\"Package\":\"a\",\"Test\":\"T{number}\"}}"
        )
        .unwrap();
    }
    let said = said(read, text.as_bytes());
    assert_eq!((said.counts()[2], said.problems), (Budget::TESTS - 1, 2));
}

#[test]
fn the_counts_of_real_streams_are_those_of_the_peers() {
    let cases = [
        ("100-pass", [1, 0, 0, 0]),
        ("101-fail", [2, 1, 0, 0]),
        ("103-subtests", [4, 2, 0, 0]),
        ("104-race", [1, 1, 0, 0]),
        ("105-panic", [0, 0, 0, 0]),
        ("106-testmain", [2, 0, 0, 0]),
        ("107-skip", [2, 0, 0, 2]),
        ("108-paniclate", [1, 0, 0, 0]),
        ("109-bench", [2, 0, 0, 0]),
        ("110-benchfail", [3, 2, 0, 1]),
        ("111-empty", [0, 0, 0, 0]),
        ("112-parallel", [3, 3, 0, 0]),
        ("113-race", [2, 0, 0, 0]),
    ];
    for (name, counts) in cases {
        let file = format!("go-junit-report/testdata/{name}.gojson.txt");
        let Some(bytes) = corpus(&file) else { return };
        assert_eq!(said(read, &bytes).counts(), counts, "{name}");
    }
}

/// One test of a generated stream: its verdict and whether it ends at all.
fn stream() -> impl Strategy<Value = Vec<(u8, u8, bool)>> {
    proptest::collection::vec((0..3_u8, 0..3_u8, any::<bool>()), 0..40)
}

proptest! {
    #[test]
    fn arbitrary_lines_never_panic(lines in proptest::collection::vec(
        r#"(\{"Action":"(run|pass|fail|output|build-output)","Package":"[ab]?"(,"Test":"[ab/]{0,2}")?(,"Output":"[a-z.:0-9 ]*")?\}|[ -~]{0,30})"#, 0..30)) {
        drop(said(read, lines.join("\n").as_bytes()));
    }

    #[test]
    fn every_started_test_is_counted_once(tests in stream()) {
        let mut text = String::new();
        for (number, (package, verdict, ends)) in tests.iter().enumerate() {
            let verdict = ["pass", "fail", "skip"][usize::from(*verdict)];
            writeln!(text, "{{\"Action\":\"run\",\"Package\":\"p{package}\",\"Test\":\"T{number}\"}}").unwrap();
            if *ends {
                writeln!(text, "{{\"Action\":\"{verdict}\",\"Package\":\"p{package}\",\"Test\":\"T{number}\"}}").unwrap();
            }
        }
        let said = said(read, text.as_bytes());
        let of = |verdict| tests.iter().filter(|test| test.2 && test.1 == verdict).count();
        let open = tests.iter().filter(|test| !test.2).count();
        prop_assert_eq!(said.counts(), [tests.len(), of(1), open, of(2)]);
    }
}
