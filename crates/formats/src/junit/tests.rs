//! Dialects and damage, one case each.

use insta::assert_snapshot;

use crate::testing::{Said, said};

fn junit(text: &str) -> Said {
    junit_bytes(text.as_bytes())
}

fn junit_bytes(bytes: &[u8]) -> Said {
    said(
        |input, limits, sink| super::read(input, limits, sink),
        bytes,
    )
}

#[test]
fn error_outranks_failure_and_failure_outranks_skipped() {
    let said = junit(
        "<testsuite name='s'>
           <testcase name='a'><skipped/><failure message='f'/><error message='e'/></testcase>
           <testcase name='b'><skipped/><failure message='f'/></testcase>
           <testcase name='c'><failure message='first'/><failure message='second'/></testcase>
         </testsuite>",
    );
    assert_snapshot!(said.text(), @r#"
    suite s
    error s | a "e"
    fail s | b "f"
    fail s | c "first"
    "#);
}

#[test]
fn nested_suites_join_their_names_but_do_not_repeat_them() {
    let said = junit(
        "<testsuites name='all'><testsuite name='A'><testsuite name='A.B'><testcase name='t'/></testsuite>
         <testsuite name='data'><testcase name='u'/></testsuite></testsuite></testsuites>",
    );
    assert_snapshot!(said.text(), @r"
    suite A
    suite A.B
    pass A.B | t
    suite A › data
    pass A › data | u
    ");
}

#[test]
fn surefire_flaky_and_rerun_elements_are_attempts_before_the_last() {
    let said = junit(
        "<testsuite name='s'>
         <testcase name='flaky' classname='C'>
           <flakyFailure message='m1' type='T'><stackTrace><![CDATA[at C:1]]></stackTrace><system-out>noise</system-out></flakyFailure>
           <flakyError message='m2'/></testcase>
         <testcase name='red' classname='C'><failure message='m1'/><rerunFailure message='m2'/><rerunError message='m3'/></testcase>
         </testsuite>",
    );
    assert_snapshot!(said.text(), @r#"
    suite s
    fail <T> "m1" +stack; error "m2"; pass s | C › flaky
    fail "m2"; error "m3"; fail s | C › red "m1"
    "#);
}

#[test]
fn failed_attempts_of_pytest_rerunfailures_are_cases_without_result() {
    let case = "<testcase classname='t' name='test_flaky' time='0.1'/>";
    let said = junit(&format!(
        "<testsuites><testsuite name='pytest'>{case}{case}{case}<testcase classname='t' name='test_b'/></testsuite></testsuites>"
    ));
    let flaky: Vec<_> = said
        .lines
        .iter()
        .filter(|line| line.starts_with("fail "))
        .collect();
    assert_eq!(said.counts(), [4, 0, 0, 0]);
    assert_eq!(flaky.len(), 2, "{}", said.text());
}

#[test]
fn attributes_decide_where_no_element_does() {
    let said = junit(
        "<testsuite name='g'>
         <testcase name='a' status='notrun' result='suppressed'/>
         <testcase name='b' status='run' result='skipped'/>
         <testcase name='c' status='run' result='completed'/>
         <testcase name='d' status='disabled'/>
         <testcase name='e' status='timedout'/>
         <testcase name='f' status='passed'><failure message='m'/></testcase>
         </testsuite>",
    );
    assert_snapshot!(said.text(), @r#"
    suite g
    skip g | a
    skip g | b
    pass g | c
    skip g | d
    error g | e
    fail g | f "m"
    "#);
}

#[test]
fn playwright_projects_are_part_of_the_suite() {
    let suite = |project: &str| {
        format!(
            "<testsuite name='a.spec.ts' hostname='{project}'><testcase name='t' classname='a.spec.ts'/></testsuite>"
        )
    };
    let said = junit(&format!(
        "<testsuites id='' name=''>{}{}</testsuites>",
        suite("chromium"),
        suite("webkit")
    ));
    assert_eq!(said.cases[0].0, "a.spec.ts [chromium] | a.spec.ts › t");
    assert_eq!(said.cases[1].0, "a.spec.ts [webkit] | a.spec.ts › t");
}

#[test]
fn host_names_of_other_runners_are_no_part_of_the_suite() {
    let said = junit(
        "<testsuites name='vitest tests'><testsuite name='a.test.ts' hostname='runner-17'><testcase name='t'/></testsuite></testsuites>",
    );
    assert_eq!(said.cases[0].0, "a.test.ts | t");
}

#[test]
fn counts_that_lie_and_errors_of_suites_are_problems() {
    let said = junit(
        "<testsuite name='s' tests='3'><error message='set-up'/><testcase name='t'/></testsuite>",
    );
    assert_snapshot!(said.text(), @r#"
    suite s
    outside error s | (outside its tests) "set-up"
    pass s | t
    problem byte 0: the suite declares 3 tests but lists 1 (the listed ones are counted)
    "#);
}

#[test]
fn a_truncated_file_keeps_what_was_read() {
    let said = junit(
        "<testsuite name='s' tests='9'><testcase name='a'/><testcase name='b'><failure message='m'>at x",
    );
    assert_snapshot!(said.text(), @r#"
    suite s
    pass s | a
    problem byte 94: the file ends inside `failure` (truncated; what came before is kept)
    fail s | b "m" +stack
    "#);
    let said = junit("<testsuite name='s'><testcase name='a'/><testcase name='b'><system-out>x");
    assert_eq!(said.counts(), [1, 0, 0, 0], "nobody knows what b did");
}

#[test]
fn concatenated_documents_are_all_read() {
    let document = "<?xml version='1.0'?><testsuite name='s'><testcase name='t'/></testsuite>\n";
    let said = junit(&document.repeat(3));
    assert_eq!(said.counts(), [3, 0, 0, 0]);
    assert_eq!(said.problems, 1);
}

#[test]
fn output_without_escapes_does_not_swallow_the_rest() {
    let said = junit(
        "<testsuite name='s'><testcase name='a'><system-out>if a < b && <div> <testcase </system-out></testcase>
         <testcase name='b'><system-out>never closed</testcase><testcase name='c'/></testsuite>",
    );
    assert_eq!(said.counts(), [3, 0, 0, 0], "{}", said.text());
    assert!(said.problems > 0);
}

#[test]
fn entities_of_a_document_type_are_never_expanded() {
    let said = junit(
        "<!DOCTYPE t [<!ENTITY a '&b;&b;'><!ENTITY b 'x'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>
         <testsuite name='s'><testcase name='&a;'><failure message='&f;'/></testcase></testsuite>",
    );
    assert_snapshot!(said.text(), @r#"
    suite s
    problem byte 119: an entity is not one of XML's own (left as written, never expanded)
    problem byte 140: an entity is not one of XML's own (left as written, never expanded)
    fail s | &a; "&f;"
    "#);
}

#[test]
fn times_that_are_no_durations_are_problems() {
    let said = junit(
        "<testsuite name='s'><testcase name='a' time='NaN'/><testcase name='b' time='-1'/>
         <testcase name='c' time='1,234.5'/><testcase name='d' time=''/></testsuite>",
    );
    assert_snapshot!(said.text(), @r"
    suite s
    problem byte 20: time is no duration: `NaN` (taken as absent)
    pass s | a
    problem byte 51: time is no duration: `-1` (taken as absent)
    pass s | b
    pass s | c 1234.5s
    pass s | d
    ");
}

#[test]
fn missing_names_quotes_and_end_tags_lose_one_thing_only() {
    let said = junit(
        "<testsuite><testcase><failure/></testcase><testcase name=bare time='1'><testcase name='x' /></testsuite>",
    );
    assert_eq!(said.counts(), [3, 1, 0, 0], "{}", said.text());
    let said = junit(
        "<testsuite name='s'><testcase name='a'/><testcase name='b>\n<testcase name='c'/></testsuite>",
    );
    assert!(said.counts()[0] >= 2, "{}", said.text());
}

#[test]
fn text_in_a_wrong_encoding_is_read_and_said() {
    let said = junit_bytes(b"<testsuite name='s'><testcase name='caf\xE9'/></testsuite>");
    assert_eq!(said.cases[0].0, "s | café");
    assert_eq!(said.problems, 1);
}

#[test]
fn deep_nesting_is_read_flat() {
    let said = junit(&("<testsuite>".repeat(100_000) + "<testcase name='t'/>"));
    assert_eq!(said.counts(), [1, 0, 0, 0]);
}

#[test]
fn a_tag_longer_than_the_window_keeps_its_other_attributes() {
    let long = "x".repeat(5 << 20);
    let said = junit(&format!(
        "<testsuite name='s'><testcase name='a'><failure message='{long}' type='T'/></testcase><testcase name='b'/></testsuite>"
    ));
    assert_eq!(said.counts(), [2, 1, 0, 0]);
    assert!(said.text().contains("<T>"));
    let problems: Vec<_> = said
        .lines
        .iter()
        .filter(|line| line.starts_with("problem"))
        .collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn cdata_may_be_split_and_hold_markup() {
    let said = junit(
        "<testsuite name='s'><testcase name='a'><failure><![CDATA[x ]]]]><![CDATA[> </failure> y]]></failure></testcase></testsuite>",
    );
    assert_eq!(said.lines[1], "fail s | a \"x ]]> </failure> y\"");
}

#[test]
fn tests_of_one_name_in_two_files_stay_two_and_a_file_that_the_class_tells_is_not_repeated() {
    let said = junit(
        "<testsuite name='Mocha Tests'><testcase classname='utils' name='works' file='/home/ci/p/test/a.js'/>
         <testcase classname='utils' name='works' file='/home/ci/p/test/b.js'/></testsuite>
         <testsuite name='pytest'><testcase classname='tests.test_a.T' name='t' file='tests/test_a.py'/></testsuite>
         <testsuite name='Cart' file='/w/p/spec/cart.cy.js'><testcase classname='adds' name='Cart adds'/></testsuite>
         <testsuite name='Login' file='/w/p/spec/x.cy.js'><testcase name='u'/></testsuite>
         <testcase name='alone' file='main.c'/>",
    );
    let names: Vec<_> = said.cases.iter().map(|case| case.0.as_str()).collect();
    assert_eq!(
        names,
        [
            "Mocha Tests › test/a.js | utils › works",
            "Mocha Tests › test/b.js | utils › works",
            "pytest | tests.test_a.T › t",
            "Cart › spec/cart.cy.js | adds › Cart adds",
            "Login › spec/x.cy.js | u",
            "main.c | alone",
        ]
    );
}
