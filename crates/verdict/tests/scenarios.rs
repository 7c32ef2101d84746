//! Whole comparisons on small made-up histories: one scenario a verdict, and the invariants over all of them.

use model::{
    Attempt, ChangeKind, Conclusion, DAY_MS, Failure, Outcome, RecordedRun, Report, RunInfo,
    RunKey, TestName, TestResult, TestRun, Timestamp, Verdict,
};
use proptest::prelude::*;
use verdict::{Baseline, Config, Facts, OtherPrs, judge};

const TESTS: usize = 100;
const HOUR_MS: i64 = 3_600_000;

fn name(test: usize) -> TestName {
    let suite = format!("pkg.mod{}", test / 10);
    TestName::new(&suite, None, &format!("test_{test}"))
}

fn result(test: usize, outcomes: &[Outcome], text: &str) -> TestResult {
    let attempts = outcomes.iter().map(|outcome| Attempt {
        outcome: *outcome,
        seconds: Some(0.2),
        failure: outcome.is_failure().then(|| Failure::of(text)),
    });
    TestResult {
        test: name(test),
        attempts: attempts.collect(),
    }
}

/// A run of all tests, in which the given ones fail with the given texts.
fn run(failing: &[(usize, &str)]) -> TestRun {
    let results = (0..TESTS).map(|test| match failing.iter().find(|(t, _)| *t == test) {
        Some((_, text)) => result(test, &[Outcome::Fail], text),
        None => result(test, &[Outcome::Pass], ""),
    });
    TestRun {
        results: results.collect(),
        started_at: None,
    }
}

fn info(number: i64, pr: Option<u64>) -> RunInfo {
    RunInfo {
        key: RunKey {
            repo: "acme/shop".to_owned(),
            branch: "main".to_owned(),
            job: "linux".to_owned(),
            run: format!("r{number}"),
            attempt: 1,
        },
        started_at: Timestamp(1_790_000_000_000 + number * 6 * HOUR_MS),
        commit: format!("c{number}"),
        pr,
        ..RunInfo::default()
    }
}

/// A baseline of runs every six hours; `failing` says what fails in each.
fn baseline<'a>(runs: i64, failing: impl Fn(i64) -> Vec<(usize, &'a str)>) -> Baseline {
    let mut base = Baseline::default();
    for number in 0..runs {
        base.observe(&RecordedRun::of(info(number, None), &run(&failing(number))));
    }
    base
}

/// A steady history: test 3 flakes in every seventh run with its own text, everything else passes.
fn steady(runs: i64) -> Baseline {
    baseline(runs, |number| {
        if number % 7 == 3 {
            vec![(3, "TimeoutError: no answer after 30 s")]
        } else {
            vec![]
        }
    })
}

/// What a scenario varies.
#[derive(Default)]
struct Case {
    merge_base: String,
    changed: Vec<String>,
    others: OtherPrs,
    reruns: Vec<RecordedRun>,
}

fn check(base: &Baseline, run: &TestRun, case: &Case) -> Report {
    let info = info(1000, Some(7));
    let facts = Facts {
        info: &info,
        run,
        base: "main",
        merge_base: &case.merge_base,
        changed_files: &case.changed,
        other_prs: &case.others,
        reruns: &case.reruns,
        at: base
            .jobs
            .last()
            .map_or(Timestamp(0), |job| Timestamp(job.last_at.0 + HOUR_MS)),
        lost_input: false,
        problems: &[],
    };
    judge(&Config::default(), base, &facts)
}

fn verdicts(report: &Report) -> Vec<(String, Verdict)> {
    let findings = report.findings.iter();
    findings.map(|f| (f.test.name.clone(), f.verdict)).collect()
}

#[test]
fn a_known_flake_with_its_known_text_is_a_flake() {
    let failing = run(&[(3, "TimeoutError: no answer after 41 s")]);
    let report = check(&steady(80), &failing, &Case::default());
    assert_eq!(verdicts(&report), [("test_3".to_owned(), Verdict::Flake)]);
    assert_eq!(report.conclusion, Conclusion::Clear);
    let finding = &report.findings[0];
    assert!(finding.p_caused < 0.01 && finding.evidence.same_signature > 0);
    insta::assert_snapshot!(report.headline, @"The failure does not look caused by this PR");
    insta::assert_snapshot!(finding.evidence.because, @"failed 6 of 42 runs on the base in 10 days, 6 with this text; the odds that this PR broke it are under 1 %");
}

#[test]
fn a_new_text_of_a_flaky_test_is_not_excused_by_its_old_one() {
    let base = steady(80);
    let same = check(
        &base,
        &run(&[(3, "TimeoutError: no answer after 9 s")]),
        &Case::default(),
    );
    let new = check(
        &base,
        &run(&[(3, "TypeError: tax() takes 2 arguments")]),
        &Case::default(),
    );
    assert!(new.findings[0].p_caused > 20.0 * same.findings[0].p_caused);
}

#[test]
fn a_break_of_a_steady_test_is_suspect_at_once_and_caused_after_a_rerun() {
    let base = steady(60);
    let failing = run(&[(50, "TypeError: tax() takes 2 arguments")]);
    let first = check(&base, &failing, &Case::default());
    assert_eq!(verdicts(&first), [("test_50".to_owned(), Verdict::Suspect)]);
    assert!(first.findings[0].reruns_to_settle >= 1);
    assert!(first.findings[0].p_retest_passes < 0.6);
    let case = Case {
        reruns: vec![RecordedRun::of(info(1001, Some(7)), &failing)],
        ..Case::default()
    };
    let second = check(&base, &failing, &case);
    assert_eq!(verdicts(&second), [("test_50".to_owned(), Verdict::Caused)]);
    assert_eq!(second.conclusion, Conclusion::Blocked);
    insta::assert_snapshot!(second.headline, @"The failure looks caused by this PR");
    insta::assert_snapshot!(second.findings[0].evidence.because, @"failed 0 of 50 runs on the base in 12 days; the odds that this PR broke it are over 99 %");
    insta::assert_snapshot!(second.findings[0].evidence.would_change, @"a rerun that passes brings the odds to 70 %, one that fails to over 99 %");
}

#[test]
fn touching_the_test_settles_it_without_a_rerun() {
    let failing = run(&[(50, "TypeError: tax() takes 2 arguments")]);
    let case = Case {
        changed: vec!["pkg/mod5.py".to_owned()],
        ..Case::default()
    };
    let report = check(&steady(200), &failing, &case);
    assert_eq!(verdicts(&report), [("test_50".to_owned(), Verdict::Caused)]);
    assert_eq!(report.findings[0].evidence.touched, ["pkg/mod5.py"]);
}

fn broken_since(runs: i64, first: i64) -> Baseline {
    baseline(runs, |number| {
        if number >= first {
            vec![(9, "ImportError: no module named shop")]
        } else {
            vec![]
        }
    })
}

#[test]
fn a_test_that_the_base_breaks_is_broken_base_and_not_a_flake() {
    let base = broken_since(80, 74);
    let failing = run(&[(9, "ImportError: no module named shop")]);
    let report = check(&base, &failing, &Case::default());
    assert_eq!(
        verdicts(&report),
        [("test_9".to_owned(), Verdict::BrokenBase)]
    );
    let evidence = &report.findings[0].evidence;
    assert_eq!(
        evidence.last_failure.as_ref().map(|r| r.run.as_str()),
        Some("r79")
    );
    assert!(evidence.broken_base_failures >= 4);
}

#[test]
fn a_merge_base_before_the_break_is_not_excused_by_it() {
    let base = broken_since(80, 76);
    let failing = run(&[(9, "ImportError: no module named shop")]);
    let at = |commit: &str| {
        let case = Case {
            merge_base: commit.to_owned(),
            ..Case::default()
        };
        check(&base, &failing, &case).findings[0].p_broken_base
    };
    assert!(at("c78") > 0.5);
    assert!(at("c70") < 0.01);
}

#[test]
fn a_base_that_was_repaired_after_the_merge_base_still_explains_the_failure() {
    let base = baseline(80, |number| {
        if (66..76).contains(&number) {
            vec![(9, "ImportError: no module named shop")]
        } else {
            vec![]
        }
    });
    let failing = run(&[(9, "ImportError: no module named shop")]);
    let case = Case {
        merge_base: "c72".to_owned(),
        ..Case::default()
    };
    let old = check(&base, &failing, &case);
    assert_eq!(verdicts(&old), [("test_9".to_owned(), Verdict::BrokenBase)]);
    let new = check(&base, &failing, &Case::default());
    assert_ne!(verdicts(&new), [("test_9".to_owned(), Verdict::BrokenBase)]);
}

#[test]
fn the_same_text_on_other_pull_requests_is_elsewhere() {
    let base = steady(200);
    let failing = run(&[(50, "ConnectionError: registry is down")]);
    let mut case = Case::default();
    for pr in [8, 9] {
        let mut seen = info(199, Some(pr));
        seen.started_at = Timestamp(seen.started_at.0 + HOUR_MS / 2);
        case.others.observe(&RecordedRun::of(seen, &failing));
    }
    let report = check(&base, &failing, &case);
    assert_eq!(
        verdicts(&report),
        [("test_50".to_owned(), Verdict::Elsewhere)]
    );
    assert_eq!(report.findings[0].evidence.other_prs, [8, 9]);
}

#[test]
fn a_test_that_only_the_change_has_is_a_new_test() {
    let mut failing = run(&[]);
    failing
        .results
        .push(result(TESTS + 1, &[Outcome::Fail], "assert 1 == 2"));
    let report = check(&steady(80), &failing, &Case::default());
    assert_eq!(
        verdicts(&report),
        [("test_101".to_owned(), Verdict::NewTest)]
    );
    assert_eq!(report.conclusion, Conclusion::Blocked);
}

#[test]
fn without_history_nothing_is_green_and_nothing_is_blamed() {
    let failing = run(&[(50, "boom")]);
    let report = check(&steady(3), &failing, &Case::default());
    assert_eq!(
        verdicts(&report),
        [("test_50".to_owned(), Verdict::NoBaseline)]
    );
    assert_eq!(report.conclusion, Conclusion::Undecided);
    assert_eq!(report.subject.runs_missing, 2);
    let empty = check(&Baseline::default(), &failing, &Case::default());
    assert_eq!(empty.conclusion, Conclusion::Undecided);
}

#[test]
fn a_run_without_results_or_with_too_few_tests_is_an_outage() {
    let base = steady(80);
    let none = check(&base, &TestRun::default(), &Case::default());
    assert_eq!(
        (none.conclusion, none.findings.len()),
        (Conclusion::Blocked, 0)
    );
    let mut half = run(&[(50, "boom")]);
    half.results.truncate(60);
    let report = check(&base, &half, &Case::default());
    assert_eq!(report.counts.outage, 1);
    insta::assert_snapshot!(report.headline, @"Only 60 of 100 expected tests ran: the run itself failed");
    assert!(report.changes.is_empty());
}

#[test]
fn a_mass_failure_is_one_outage_with_one_finding_a_cluster() {
    let failing: Vec<(usize, &str)> = (10..50).map(|t| (t, "OSError: no space left")).collect();
    let report = check(&steady(80), &run(&failing), &Case::default());
    assert_eq!((report.counts.outage, report.findings.len()), (1, 1));
    assert_eq!(report.clusters[0].tests, 40);
    assert_eq!(report.totals.failed, 40);
    insta::assert_snapshot!(report.headline, @"40 of 100 tests failed: the run or its environment failed as a whole");
}

/// The first `tests` tests of a run.
fn cut(mut run: TestRun, tests: usize) -> TestRun {
    run.results.truncate(tests);
    run
}

fn small(runs: i64, partial: bool) -> Baseline {
    let mut base = Baseline::default();
    for number in 0..runs {
        let mut info = info(number, None);
        info.partial = partial;
        base.observe(&RecordedRun::of(info, &cut(run(&[]), 6)));
    }
    base
}

#[test]
fn a_small_suite_that_fails_with_one_text_is_an_outage() {
    let failing = |n: usize| {
        let failing: Vec<_> = (0..n).map(|t| (t, "ConnectionError: db is down")).collect();
        cut(run(&failing), 6)
    };
    let all = check(&small(40, false), &failing(6), &Case::default());
    assert_eq!((all.counts.outage, all.findings.len()), (1, 1));
    insta::assert_snapshot!(all.headline, @"6 of 6 tests failed with one text: the run or its environment failed as a whole");
    let few = check(&small(40, false), &failing(4), &Case::default());
    assert_eq!(few.counts.outage, 0);
    let partial = check(&small(40, true), &failing(6), &Case::default());
    assert_eq!(partial.counts.outage, 0);
}

#[test]
fn a_failure_with_a_text_of_other_tests_says_how_common_that_is() {
    const TEXT: &str = "OSError: too many open files";
    let base = baseline(80, |number| {
        vec![(usize::try_from(number % 40).unwrap(), TEXT)]
    });
    let failing = run(&[(70, TEXT)]);
    let report = check(&base, &failing, &Case::default());
    let because = &report.findings[0].evidence.because;
    assert!(
        because.contains("its text came 80 times from 40 other tests on the base"),
        "{because}"
    );
}

#[test]
fn a_base_that_is_always_red_is_no_outage() {
    let texts: Vec<String> = (0..30)
        .map(|t| format!("always {}", ["red", "sad"][t % 2]))
        .collect();
    let red = || {
        texts
            .iter()
            .enumerate()
            .map(|(t, text)| (t, text.as_str()))
            .collect::<Vec<_>>()
    };
    let base = baseline(60, |_| red());
    let report = check(&base, &run(&red()), &Case::default());
    assert_eq!(report.counts.outage, 0);
    assert_eq!(report.counts.broken_base, 30);
}

fn changes(report: &Report) -> Vec<(String, ChangeKind)> {
    let changes = report.changes.iter();
    changes.map(|c| (c.test.name.clone(), c.kind)).collect()
}

#[test]
fn fixed_missing_slower_and_new_flakes_are_told() {
    let base = broken_since(80, 70);
    let mut here = run(&[]);
    here.results.retain(|r| r.test != name(20));
    here.results.retain(|r| r.test != name(30));
    here.results.retain(|r| r.test != name(40));
    here.results
        .push(result(30, &[Outcome::Fail, Outcome::Pass], "race"));
    let mut slow = result(40, &[Outcome::Pass], "");
    slow.attempts[0].seconds = Some(9.0);
    here.results.push(slow);
    let report = check(&base, &here, &Case::default());
    let expected = [
        ("test_9".to_owned(), ChangeKind::Fixed),
        ("test_20".to_owned(), ChangeKind::Missing),
        ("test_40".to_owned(), ChangeKind::Slower),
        ("test_30".to_owned(), ChangeKind::NewFlake),
    ];
    assert_eq!(changes(&report), expected);
    let because: Vec<&str> = report.changes.iter().map(|c| c.because.as_str()).collect();
    insta::assert_debug_snapshot!(because, @r#"
[
    "failed in the last 10 runs on the base and passes here",
    "ran in 80 runs of this job on the base, the newest among them, and not here",
    "took 9.00 s, 45.0 times its usual 0.20 s on this machine, 76 times its usual spread over 80 runs",
    "failed 1 of 2 attempts here and never in 80 runs on the base",
]
"#);
}

#[test]
fn a_slow_machine_makes_no_test_slower() {
    let mut here = run(&[]);
    for result in &mut here.results {
        result.attempts[0].seconds = Some(2.0);
    }
    assert!(
        check(&steady(80), &here, &Case::default())
            .changes
            .is_empty()
    );
}

#[test]
fn an_old_outage_of_the_base_does_not_make_its_tests_flaky() {
    let base = baseline(100, |number| {
        if (70..82).contains(&number) {
            vec![(9, "ImportError: no module named shop")]
        } else {
            vec![]
        }
    });
    let report = check(
        &base,
        &run(&[(9, "KeyError: tax"), (10, "KeyError: tax")]),
        &Case::default(),
    );
    let p = |test: &str| {
        report
            .findings
            .iter()
            .find(|f| f.test.name == test)
            .unwrap()
            .evidence
            .levels[0]
            .failures
    };
    assert!(p("test_9") < 1.5, "{}", p("test_9"));
    assert!(p("test_10") < 0.01);
}

#[test]
fn a_pull_request_never_teaches_the_baseline() {
    let mut base = steady(80);
    let before = base.clone();
    base.observe(&RecordedRun::of(info(81, Some(3)), &run(&[(1, "boom")])));
    assert_eq!(base, before);
}

#[test]
fn what_is_forgotten_is_bounded_and_old_tests_leave() {
    let mut base = steady(300);
    let mut late = info(301, None);
    late.started_at = Timestamp(late.started_at.0 + 200 * DAY_MS);
    let mut one = run(&[]);
    one.results.truncate(5);
    base.observe(&RecordedRun::of(late, &one));
    assert_eq!((base.entries.len(), base.names.len()), (5, 5));
    assert!(base.signatures.is_empty() && base.test_texts.is_empty());
    assert!(base.runs.len() <= verdict::RUNS_KEPT_PER_JOB);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_report_is_sound(
        failing in prop::collection::btree_map(0_usize..TESTS, 0_usize..4, 0..30),
        history in prop::collection::vec((0_usize..TESTS, 0_usize..4), 0..60),
    ) {
        let texts = ["boom 1", "TypeError: x", "TimeoutError", ""];
        let base = baseline(60, |number| {
            let at = usize::try_from(number).unwrap();
            history.get(at).map(|(t, k)| (*t, texts[*k])).into_iter().collect()
        });
        let failing: Vec<(usize, &str)> = failing.iter().map(|(t, k)| (*t, texts[*k])).collect();
        let run = run(&failing);
        let report = check(&base, &run, &Case::default());
        let again = check(&base, &run, &Case::default());
        prop_assert_eq!(serde_json::to_string(&report).unwrap(), serde_json::to_string(&again).unwrap());
        if report.counts.outage == 0 {
            prop_assert_eq!(report.findings.len(), failing.len());
        }
        for finding in &report.findings {
            let sum = finding.p_caused + finding.p_broken_base + finding.p_flake;
            prop_assert!((sum - 1.0).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&finding.p_retest_passes));
            prop_assert!(finding.cluster < report.clusters.len());
            prop_assert!(!finding.evidence.because.is_empty());
        }
        prop_assert!(report.findings.is_sorted_by_key(|f| f.verdict));
    }
}
