use model::{Conclusion, Failure, Report, TestName, Verdict};
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
    let says = "No failures in 4,812 tests of 1 job; not all jobs have reported".to_owned();
    assert_eq!(state(&missing), (Conclusion::Undecided, says));
    let damaged = Gaps {
        damaged: vec![("c".to_owned(), PartError::TooLong { bytes: 1 << 20 })],
        ..Gaps::default()
    };
    let says =
        "No failures in 4,812 tests of 1 job; the reports of 1 job cannot be read".to_owned();
    assert_eq!(state(&damaged), (Conclusion::Undecided, says));
    let unknown = Gaps {
        unknown: vec!["what other jobs found is not known".to_owned()],
        ..Gaps::default()
    };
    let says = "No failures in 4,812 tests of 1 job; what other jobs found is not known".to_owned();
    assert_eq!(state(&unknown), (Conclusion::Undecided, says));
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

/// 500 failures of 500 causes in each of 20 jobs, one in five of them the same test everywhere.
fn twenty_jobs(text: &str) -> Vec<Part> {
    let kinds = [fixture::caused(), fixture::suspect(), fixture::flake()];
    let finding = |shard: usize, i: usize| {
        let number = if i.is_multiple_of(5) {
            i
        } else {
            shard * 500 + i
        };
        let letters: String = number
            .to_string()
            .bytes()
            .map(|b| char::from(b'a' + b - b'0'))
            .collect();
        let failure = Failure::of(&format!("{letters} {text}"));
        let mut finding = kinds[i % 3].clone();
        finding.signature = Some(failure.signature());
        finding.failure = Some(failure);
        finding.test = TestName::new(text, None, &format!("{text} {number}"));
        finding
    };
    let of_job = |shard: usize| {
        let mut findings: Vec<_> = (0..500).map(|i| finding(shard, i)).collect();
        findings.sort_by_key(|finding| finding.verdict);
        job(&format!("shard {shard:02} {text}"), fixture::with(findings))
    };
    (0..20).map(of_job).collect()
}

#[test]
fn ten_thousand_failures_over_twenty_jobs_fit_everywhere() {
    for text in ["some_test", &"\u{1f9ea}|`@a".repeat(100)] {
        let parts = twenty_jobs(text);
        let gaps = Gaps {
            missing: (0..300).map(|i| format!("{text} {i}")).collect(),
            ..Gaps::default()
        };
        let merged = merged(&parts, &gaps);
        assert_eq!(
            merged.headline(),
            "3,340 of 10,000 failures look caused by this PR; not all jobs have reported"
        );
        let options = crate::MarkdownOptions::default();
        let comment = crate::comment(&merged, &options);
        assert!(
            comment.encode_utf16().count() <= 65_536,
            "{}",
            comment.len()
        );
        let summary = crate::summary(&merged, &options);
        assert!(summary.len() <= 65_536);
        let roomy = crate::MarkdownOptions {
            limit: usize::MAX,
            ..options.clone()
        };
        let summary = crate::summary(&merged, &roomy);
        assert!(summary.len() <= crate::SUMMARY_LIMIT, "{}", summary.len());
        let check = crate::check_run(&merged, &options);
        assert!(
            check.title.len() <= 255 && check.summary.len() <= 65_535 && check.text.len() <= 65_535
        );
        for page in [&comment, &summary, &check.summary, &check.text] {
            assert_eq!(
                page.matches("<details").count(),
                page.matches("</details>").count()
            );
            assert_eq!(
                page.lines().filter(|line| line.starts_with("```")).count() % 2,
                0
            );
        }
        for page in [&comment, &summary, &check.summary] {
            assert!(
                page.contains("not in this table: ") && page.contains("\nJudged 20 jobs of "),
                "{page}"
            );
        }
        assert!(crate::annotations(&merged).len() <= 500);
        assert!(crate::status(&merged).encode_utf16().count() <= 140);
    }
}

#[test]
fn one_comment_names_every_job() {
    let parts = parts();
    let gaps = Gaps {
        missing: vec!["e2e (chrome)".to_owned(), "e2e (firefox)".to_owned()],
        damaged: vec![("bench".to_owned(), crate::read_part(b"{").unwrap_err())],
        unknown: Vec::new(),
    };
    let comment = crate::comment(&merged(&parts, &gaps), &crate::MarkdownOptions::default());
    let folded = comment.find("<details><summary>Why").unwrap();
    insta::assert_snapshot!(comment.get(..folded).unwrap(), @r"
    <!-- sprag-compare -->
    ### 1 of 4 failures looks caused by this PR; not all jobs have reported

    **1 failure blocks this PR.** Updated for `3f2a9c1d5be0`. [Workflow run](https://ci.example/acme/shop/runs/90412).

    **Still missing:** `e2e (chrome)`, `e2e (firefox)`. **Cannot be read:** `bench`.

    | Test | Verdict | Odds | History | Same failure elsewhere | Look at | What to do |
    | --- | --- | --- | --- | --- | --- | --- |
    | `TestInvoice › test_adds_tax[de-19]` in `unit (linux)`, `unit (windows)` | **caused**, blocks | &gt; 99 % this PR broke it (from 412 runs in 14 days) | failed 0 of 412 runs in 14 days | none seen | [this run](https://ci.example/acme/shop/runs/90412), [last pass](https://ci.example/acme/shop/runs/1187) | fix the test or the code that it tests |
    | `TestCart › test_concurrent_checkout` in `unit (linux)`, `unit (windows)` | **suspect**, does not block | 62 % this PR broke it (from 412 runs in 14 days) | failed 3 and flaked 2 of 412 runs in 14 days, 1 like now | none seen | [this run](https://ci.example/acme/shop/runs/90412), [last failure](https://ci.example/acme/shop/runs/1130), [last pass](https://ci.example/acme/shop/runs/1187) | rerun this test 3 times on the same commit: that should settle it (one rerun passes with 36 %, from 412 runs in 14 days) |
    | `tests/test_rates.py › test_live_exchange_rates` in `unit (linux)` | **broken-base**, does not block | 98 % a broken base (from 412 runs in 14 days) | failed 4 of 412 runs in 14 days, 4 like now | none seen | [this run](https://ci.example/acme/shop/runs/90412), [last failure](https://ci.example/acme/shop/runs/1188), [last pass](https://ci.example/acme/shop/runs/1184) | nothing in this PR; rebase once the base is repaired |
    | `TestQueue › test_retries_after_disconnect` in `unit (linux)`, `unit (macos)` | **flake**, does not block | 98 % fails by itself (from 412 runs in 14 days) | failed 22 and flaked 9 of 412 runs in 14 days, 29 like now; 1 failure of a broken base left out | PR 471, PR 479 | [this run](https://ci.example/acme/shop/runs/90412), [last failure](https://ci.example/acme/shop/runs/1182), [last pass](https://ci.example/acme/shop/runs/1187) | nothing in this PR; a rerun passes with 94 % (from 412 runs in 14 days) |

    **caused**: this PR broke it · **suspect**: not settled; a few reruns would tell · **broken-base**: the base is broken in the same way · **flake**: fails like this without any change.

    <details><summary>Jobs (4 jobs)</summary>

    | Job | Answer | Failures | Results | Against |
    | --- | --- | --- | --- | --- |
    | `lint` [this run](https://ci.example/acme/shop/runs/90412) | All 4,812 tests passed or were skipped | none | 4,812 tests: 4,795 passed, 17 skipped | 412 runs in 14 days |
    | `unit (linux)` [this run](https://ci.example/acme/shop/runs/90412) | 1 of 4 failures look caused by this PR | 1 caused, 1 suspect, 1 broken-base, 1 flake | 4,812 tests: 4,791 passed, 4 failed, 17 skipped; 1 passed only on a retry | 412 runs in 14 days |
    | `unit (macos)` [this run](https://ci.example/acme/shop/runs/90412) | 0 of 1 failures look caused by this PR | 1 flake | 4,812 tests: 4,794 passed, 1 failed, 17 skipped | 412 runs in 14 days |
    | `unit (windows)` [this run](https://ci.example/acme/shop/runs/90412) | 0 of 2 failures look caused by this PR | 1 suspect, 1 flake | 4,812 tests: 4,793 passed, 2 failed, 17 skipped | 412 runs in 14 days |

    </details>

    <details><summary>Besides failures (2 changes)</summary>

    - **fixed** `tests/test_refund.py › test_partial_refund`: failed in the last 6 runs on main, passes here (`unit (linux)`)
    - **slower** `tests/test_search.py › test_full_text` (7.5 s, usually 1.4 s): 5.2 times the median of 380 runs in 14 days (`unit (linux)`)

    </details>

    <details><summary>Problems in the input (2 problems)</summary>

    - the part of `bench`: it is damaged or no part of a report: line 1, column 1
    - in `results/TEST-cart.xml:812`: file ends inside `<testcase>` (hint: the tests before it were read) (`unit (linux)`)

    </details>
    ");
}

#[test]
fn the_first_week_says_how_many_runs_are_missing() {
    let mut report = fixture::clear();
    report.subject.baseline_runs = 4;
    report.subject.runs_missing = 1;
    insta::assert_snapshot!(crate::comment(&Merged::of(&report), &crate::MarkdownOptions::default()), @r"
    <!-- sprag-compare -->
    ### All 4,812 tests passed or were skipped

    **Nothing blocks this PR.** Updated for `3f2a9c1d5be0`. [Workflow run](https://ci.example/acme/shop/runs/90412).

    **First week:** History has 4 runs of this job on main; 1 more is needed for a first verdict. Each push to main records one; `sprag-compare backfill` fetches those of earlier workflow runs at once.

    Judged `acme/shop`, job unit (linux), PR 482, commit `3f2a9c1d5be0` ([this run](https://ci.example/acme/shop/runs/90412)), against 4 runs of this job on main in the 14 days up to 2026-11-20 10:00 UTC, newest 2026-11-20 08:12 UTC, merge base `b81e0c2f9a`; 1 more run needed for first verdicts. Results: 4,812 tests: 4,795 passed, 17 skipped.
    ");
    report.subject.baseline_runs = 0;
    report.subject.runs_missing = 5;
    let parts = [job("a", report), job("b", fixture::clear())];
    let comment = crate::comment(
        &merged(&parts, &Gaps::default()),
        &crate::MarkdownOptions::default(),
    );
    let notice = comment
        .lines()
        .find(|line| line.contains("First week"))
        .unwrap();
    insta::assert_snapshot!(notice, @r"**First week:** History has no run of `a` on main; 5 more are needed for a first verdict. Each push to main records one; `sprag-compare backfill` fetches those of earlier workflow runs at once.");
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
