use model::{Conclusion, Report, Verdict};
use proptest::prelude::{Just, ProptestConfig, Strategy as _, prop_assert_eq, proptest};

use super::{Gaps, Merged, merged};
use crate::fixture;
use crate::part::{Part, PartError};

/// A report of a job.
fn job(name: &str, report: Report) -> Part {
    let mut report = report;
    report.subject.run.key.job = name.to_owned();
    Part::of(&report)
}

fn parts() -> Vec<Part> {
    let only_flake = fixture::with(vec![fixture::flake()]);
    let mut linux_flake = fixture::caused();
    linux_flake.verdict = Verdict::Flake;
    linux_flake.blocks = false;
    vec![
        job("unit (linux)", fixture::mixed()),
        job("unit (macos)", only_flake),
        job(
            "unit (windows)",
            fixture::with(vec![linux_flake, fixture::suspect()]),
        ),
        job("lint", fixture::clear()),
    ]
}

#[test]
fn a_test_that_fails_in_several_jobs_is_one_row_with_its_worst_verdict() {
    let parts = parts();
    let merged = merged(&parts, &Gaps::default());
    let rows = merged.rows();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let jobs: Vec<_> = row.cases().map(|case| case.job.name()).collect();
            (
                row.lead.finding.test.name.as_str(),
                row.lead.finding.verdict.word(),
                jobs,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "test_adds_tax[de-19]",
                "caused",
                vec!["unit (linux)", "unit (windows)"]
            ),
            (
                "test_concurrent_checkout",
                "suspect",
                vec!["unit (linux)", "unit (windows)"]
            ),
            (
                "test_live_exchange_rates",
                "broken-base",
                vec!["unit (linux)"]
            ),
            (
                "test_retries_after_disconnect",
                "flake",
                vec!["unit (linux)", "unit (macos)"]
            ),
        ]
    );
    assert_eq!(merged.headline(), "1 of 4 failures looks caused by this PR");
    assert_eq!(merged.conclusion(), Conclusion::Blocked);
    assert_eq!(
        merged.caused_tests(),
        ["TestInvoice › test_adds_tax[de-19]"]
    );
}

#[test]
fn what_is_missing_or_damaged_is_never_clear() {
    let parts = [job("a", fixture::clear())];
    let state = |gaps: &Gaps| {
        let merged = merged(&parts, gaps);
        (merged.conclusion(), merged.headline())
    };
    assert_eq!(state(&Gaps::default()).0, Conclusion::Clear);
    let missing = Gaps {
        missing: vec!["b".to_owned()],
        ..Gaps::default()
    };
    let says = "No failures in 4,812 tests of 1 job; 1 job missing".to_owned();
    assert_eq!(state(&missing), (Conclusion::Undecided, says.clone()));
    let damaged = Gaps {
        damaged: vec![("c".to_owned(), PartError::TooLong { bytes: 1 << 20 })],
        ..Gaps::default()
    };
    assert_eq!(state(&damaged), (Conclusion::Undecided, says));
    assert_eq!(
        merged(&[], &Gaps::default()).conclusion(),
        Conclusion::Undecided
    );
}

#[test]
fn a_job_that_failed_as_a_whole_is_named() {
    let mut outage = fixture::clear();
    outage.conclusion = Conclusion::Undecided;
    outage.headline = "No test results: the run itself failed".to_owned();
    let parts = [job("a", fixture::clear()), job("b", outage)];
    assert_eq!(
        merged(&parts, &Gaps::default()).headline(),
        "Not decided: b: no test results: the run itself failed"
    );
}

#[test]
fn of_a_job_that_ran_again_the_newest_attempt_counts() {
    let mut again = fixture::clear();
    again.subject.run.key.attempt = 2;
    let parts = [job("a", again), job("a", fixture::mixed())];
    assert_eq!(
        merged(&parts, &Gaps::default()).conclusion(),
        Conclusion::Clear
    );
    let twice = [job("a", fixture::mixed()), job("a", fixture::mixed())];
    assert_eq!(merged(&twice, &Gaps::default()).jobs.len(), 1);
    let two_of_a_name = [job("a", fixture::mixed()), job("a", fixture::clear())];
    assert_eq!(merged(&two_of_a_name, &Gaps::default()).jobs.len(), 2);
}

#[test]
fn counts_stay_exact_where_findings_were_left_out() {
    let findings = (0..4000).map(|i| {
        let mut finding = fixture::flake();
        finding.test.name = format!("test {i}");
        finding
    });
    let parts = [
        job("a", fixture::with(findings.collect())),
        job("b", fixture::mixed()),
    ];
    let merged = merged(&parts, &Gaps::default());
    assert_eq!(
        merged.headline(),
        "1 of 4,004 failures looks caused by this PR"
    );
    assert_eq!(merged.blocking(), 1);
}

#[test]
fn one_report_keeps_its_own_headline() {
    let report = fixture::mixed();
    assert_eq!(Merged::of(&report).headline(), report.headline);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_the_parts_does_not_matter(parts in Just(parts()).prop_shuffle()) {
        let shown = |parts: &[Part]| {
            let merged = merged(parts, &Gaps::default());
            crate::comment(&merged, &crate::MarkdownOptions::default())
        };
        prop_assert_eq!(shown(&parts), shown(&self::parts()));
    }
}
