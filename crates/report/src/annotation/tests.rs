use model::{Annotation, AnnotationLevel, Failure, TestName, Verdict};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

use super::{annotations, workflow_commands};
use crate::fixture;
use crate::merged::Merged;

fn of(report: &model::Report) -> Vec<Annotation> {
    annotations(&Merged::of(report))
}

#[test]
fn failures_with_a_place_are_remarks_the_worst_first() {
    let found = of(&fixture::mixed());
    let shown: Vec<_> = found
        .iter()
        .map(|a| (a.path.as_str(), a.start_line, a.level))
        .collect();
    assert_eq!(
        shown,
        [
            ("tests/test_invoice.py", 41, AnnotationLevel::Failure),
            ("tests/test_cart.py", 207, AnnotationLevel::Warning),
        ]
    );
    insta::assert_snapshot!(found[1].message, @r"
    TimeoutError: checkout did not finish within 30.0 s
    worker 3 still holds lock 'cart:8812'
    queue length 14

    Verdict: suspect (not settled; a few reruns would tell), does not block.
    Odds: 62 % this PR, 1 % a broken base, 37 % by itself (from 412 runs in 14 days).
    History: failed 3 and flaked 2 of 412 runs in 14 days, 1 like now.
    What to do: rerun this test 3 times on the same commit: that should settle it (one rerun passes with 36 %, from 412 runs in 14 days).
    ");
    assert_eq!(found[0].title, "caused: TestInvoice › test_adds_tax[de-19]");
}

#[test]
fn a_path_out_of_the_repository_is_no_remark() {
    for file in [
        "/etc/passwd",
        "../x.py",
        "https://evil.example/x.py",
        "a\nb.py",
        "",
    ] {
        let mut finding = fixture::caused();
        finding.failure.as_mut().unwrap().file = Some(file.to_owned());
        assert_eq!(of(&fixture::with(vec![finding])), [], "{file}");
    }
}

#[test]
fn commands_are_escaped_as_the_runner_reads_them() {
    let annotation = Annotation {
        path: "a,b/c.py".to_owned(),
        start_line: 3,
        end_line: 3,
        level: AnnotationLevel::Failure,
        title: "caused: a::b, 100 %".to_owned(),
        message: "50 %\r\n::error::x%0A".to_owned(),
        raw: String::new(),
    };
    assert_eq!(
        workflow_commands(&[annotation]),
        "::error file=a%2Cb/c.py,line=3,endLine=3,title=caused%3A a%3A%3Ab%2C 100 %25::50 %25%0D%0A::error::x%250A\n"
    );
}

#[test]
fn a_runner_is_given_what_it_shows() {
    let findings = (0..40).map(|i| {
        let mut finding = fixture::caused();
        finding.test = TestName::new("s", None, &format!("t{i}"));
        finding.verdict = [Verdict::Caused, Verdict::Suspect][i % 2];
        finding
    });
    let found = of(&fixture::with(findings.collect()));
    assert_eq!(found.len(), 40);
    let commands = workflow_commands(&found);
    assert_eq!(commands.matches("::error ").count(), 10);
    assert_eq!(commands.matches("::warning ").count(), 10);
}

#[test]
fn limits_hold_for_any_text() {
    for text in [
        "\u{1f9ea}".repeat(400_000),
        "x\n".repeat(300_000),
        "é".repeat(1 << 20),
    ] {
        let mut finding = fixture::caused();
        finding.test = TestName::new(&text, Some(&text), &text);
        finding.evidence.because.clone_from(&text);
        finding.failure = Some(Failure {
            stack: text.clone(),
            file: Some("a.py".to_owned()),
            line: Some(1),
            ..Failure::of(&text)
        });
        let found = of(&fixture::with(vec![finding]));
        let a = &found[0];
        assert!(a.title.chars().count() <= 255);
        assert!(
            a.message.len() <= 65_536 && a.raw.len() <= 65_536,
            "{}",
            a.raw.len()
        );
        assert!(!(a.title.clone() + &a.message + &a.raw).contains(|c| c > '\u{ffff}'));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_command_is_one_line_and_says_what_the_annotation_says(title in any::<String>(), message in any::<String>(), path in any::<String>()) {
        let annotation = Annotation {
            path: path.clone(),
            start_line: 1,
            end_line: 1,
            level: AnnotationLevel::Warning,
            title: title.clone(),
            message: message.clone(),
            raw: String::new(),
        };
        let text = workflow_commands(&[annotation]);
        prop_assert_eq!(text.matches(['\n', '\r']).count(), 1);
        let (properties, data) = text.strip_prefix("::warning ").and_then(|rest| rest.split_once("::")).unwrap();
        prop_assert_eq!(unescaped(data.trim_end_matches('\n')), message);
        let values: Vec<_> = properties.split(',').map(|pair| pair.split_once('=').unwrap()).collect();
        prop_assert_eq!(values.len(), 4);
        prop_assert_eq!(unescaped(values[0].1), path);
        prop_assert_eq!(unescaped(values[3].1), title);
    }

    #[test]
    fn no_text_of_a_report_starts_a_line_of_the_log(text in any::<String>()) {
        let mut finding = fixture::caused();
        finding.test = TestName::new(&text, None, &text);
        let file = finding.failure.as_mut().unwrap();
        file.message.clone_from(&text);
        for line in workflow_commands(&of(&fixture::with(vec![finding]))).split(['\n', '\r']) {
            prop_assert!(line.is_empty() || line.starts_with("::error file=tests/test_invoice.py,line=41"), "{}", line);
        }
    }
}

/// As the runner does it: `%25` last.
fn unescaped(text: &str) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    text.replace("%3A", ":")
        .replace("%2C", ",")
        .replace("%25", "%")
}
