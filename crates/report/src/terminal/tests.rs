use model::{Conclusion, TestName, Verdict};

use super::{Style, terminal};
use crate::fixture;
use crate::text::columns;

fn plain(report: &model::Report, width: usize) -> String {
    terminal(
        report,
        &Style {
            color: false,
            width,
        },
    )
}

#[test]
fn a_mixed_run_is_told_answer_first() {
    insta::assert_snapshot!(plain(&fixture::mixed(), 100), @r#"
    1 of 4 failures look caused by this PR
    1 failure blocks this PR.

    run           acme/shop, job unit (linux), PR 482, commit 3f2a9c1d5be0
                  https://ci.example/acme/shop/runs/90412
    against       412 runs of this job on main in the 14 days up to 2026-11-20 10:00 UTC, newest
                  2026-11-20 08:12 UTC, merge base b81e0c2f9a
    results       4,812 tests: 4,791 passed, 4 failed, 17 skipped; 1 passed only on a retry

    verdict       failures  blocks  meaning
    caused               1  yes     this PR broke it
    suspect              1  no      not settled; a few reruns would tell
    broken-base          1  no      the base is broken in the same way
    flake                1  no      fails like this without any change

    1. caused (blocks): TestInvoice › test_adds_tax[de-19]
       said          AssertionError: assert Decimal('100.00') == Decimal('119.00')
                       where Decimal('100.00') = invoice.total(rate='de')
                       and   rate = 19 %
       at            tests/test_invoice.py:41
       odds          > 99 % this PR, < 1 % a broken base, < 1 % by itself (from 412 runs in 14 days)
       because       never failed in 412 runs on main in 14 days, and this PR changes shop/invoice.py
       past runs     unit (linux) ................................
                     unit (macos) ................................
       last pass     2026-11-20 07:36 UTC, run 1187, commit 1187c0ffee77
                     https://ci.example/acme/shop/runs/1187
       would change  a pass on a rerun of this commit, or the same failure on main
       to do         fix the test or the code that it tests

    2. suspect (does not block): TestCart › test_concurrent_checkout
       said          TimeoutError: checkout did not finish within 30.0 s
                     worker 3 still holds lock 'cart:8812'
                     queue length 14
       at            tests/test_cart.py:207
       attempts      2 of 2 attempts failed
       odds          62 % this PR, 1 % a broken base, 37 % by itself (from 412 runs in 14 days)
       because       fails by itself in 3 of 412 runs on main in 14 days, once like this; twice in a row
                     would be rare
       past runs     unit (linux) .....F.........~........X...~...
                     unit (macos) ................................
       last fail     2026-11-14 05:12 UTC, run 1130, commit 1130c0ffee77, the same failure
                     https://ci.example/acme/shop/runs/1130
       last pass     2026-11-20 07:36 UTC, run 1187, commit 1187c0ffee77
                     https://ci.example/acme/shop/runs/1187
       would change  3 reruns of this test on this commit
       to do         rerun this test 3 times on the same commit: that should settle it (one rerun passes
                     with 36 %, from 412 runs in 14 days)

    3. broken-base (does not block): tests/test_rates.py › test_live_exchange_rates
       said          KeyError: 'HRK'
       odds          < 1 % this PR, 98 % a broken base, < 1 % by itself (from 412 runs in 14 days)
       because       the last 4 runs on main fail in the same way, the nearest at the merge base
       past runs     unit (linux) ............................XXXX
                     unit (macos) ................................
       last fail     2026-11-20 08:04 UTC, run 1188, commit 1188c0ffee77, the same failure
                     https://ci.example/acme/shop/runs/1188
       last pass     2026-11-19 00:24 UTC, run 1184, commit 1184c0ffee77
                     https://ci.example/acme/shop/runs/1184
       would change  a pass on main at or before the merge base
       to do         nothing in this PR; rebase once the base is repaired

    4. flake (does not block): TestQueue › test_retries_after_disconnect
       said          ConnectionResetError: [Errno 104] Connection reset by peer (127.0.0.1:41227)
       odds          1 % this PR, < 1 % a broken base, 98 % by itself (from 412 runs in 14 days)
       because       fails like this in 29 of 412 runs on main in 14 days
       past runs     unit (linux) ..X.~....X....~.X...s..X.....~..
                     unit (macos) ....................s...........
       last fail     2026-11-18 12:24 UTC, run 1182, commit 1182c0ffee77, the same failure
                     https://ci.example/acme/shop/runs/1182
       last pass     2026-11-20 07:36 UTC, run 1187, commit 1187c0ffee77
                     https://ci.example/acme/shop/runs/1187
       elsewhere     PR 471, PR 479
       would change  three failures in a row on this commit
       to do         nothing in this PR; a rerun passes with 94 % (from 412 runs in 14 days)

    Past runs, oldest run first: . passed, X failed like now, F failed otherwise, E error, ~ passed on a
    retry, s skipped.

    Besides failures
    - fixed: tests/test_refund.py › test_partial_refund: failed in the last 6 runs on main, passes here
    - slower: tests/test_search.py › test_full_text (7.5 s, usually 1.4 s): 5.2 times the median of 380
      runs in 14 days

    Problems in the input
    - results/TEST-cart.xml:812: file ends inside `<testcase>` (hint: the tests before it were read)
    "#);
}

#[test]
fn a_clear_run_is_short() {
    insta::assert_snapshot!(plain(&fixture::clear(), 80), @r#"
    All 4,812 tests passed or were skipped
    Nothing blocks this PR.

    run           acme/shop, job unit (linux), PR 482, commit 3f2a9c1d5be0
                  https://ci.example/acme/shop/runs/90412
    against       412 runs of this job on main in the 14 days up to 2026-11-20 10:00
                  UTC, newest 2026-11-20 08:12 UTC, merge base b81e0c2f9a
    results       4,812 tests: 4,795 passed, 17 skipped
    "#);
}

#[test]
fn a_first_run_says_how_many_are_missing_and_is_no_pass() {
    let mut finding = fixture::caused();
    finding.verdict = Verdict::NoBaseline;
    finding.blocks = false;
    finding.evidence = model::Evidence {
        window_days: 14.0,
        runs: 2,
        because: "2 runs on main in 14 days are too few".to_owned(),
        would_change: "8 more runs on main".to_owned(),
        ..model::Evidence::default()
    };
    let mut report = fixture::with(vec![finding]);
    report.conclusion = Conclusion::Undecided;
    report.headline = "1 failure, and too little history to say whose it is".to_owned();
    report.subject.baseline_runs = 2;
    report.subject.runs_missing = 8;
    insta::assert_snapshot!(plain(&report, 72), @r#"
    1 failure, and too little history to say whose it is
    Not decided: this is not a pass.

    run           acme/shop, job unit (linux), PR 482, commit 3f2a9c1d5be0
                  https://ci.example/acme/shop/runs/90412
    against       2 runs of this job on main in the 14 days up to 2026-11-20
                  10:00 UTC, newest 2026-11-20 08:12 UTC, merge base
                  b81e0c2f9a; 8 more runs needed for first verdicts
    results       4,812 tests: 4,794 passed, 1 failed, 17 skipped

    verdict       failures  blocks  meaning
    no-baseline          1  no      too little history to say; not a pass

    1. no-baseline (does not block): TestInvoice › test_adds_tax[de-19]
       said          AssertionError: assert Decimal('100.00') ==
                     Decimal('119.00')
                       where Decimal('100.00') = invoice.total(rate='de')
                       and   rate = 19 %
       at            tests/test_invoice.py:41
       odds          none: too little history (2 runs in 14 days)
       because       2 runs on main in 14 days are too few
       would change  8 more runs on main
       to do         read the failure yourself; record more runs of the base
    "#);
}

#[test]
fn colour_only_adds_to_the_words() {
    let report = fixture::mixed();
    let coloured = terminal(
        &report,
        &Style {
            color: true,
            width: 100,
        },
    );
    let mut bare = String::new();
    for part in coloured.split('\x1b') {
        bare += part
            .strip_prefix('[')
            .and_then(|p| p.split_once('m'))
            .map_or(part, |(_, rest)| rest);
    }
    assert_ne!(coloured, bare);
    assert_eq!(bare, plain(&report, 100));
}

#[test]
fn hostile_names_and_messages_do_not_act() {
    let name = "evil\x1b]0;title\x07\u{202e}\r\n::error::x";
    let test = TestName::new("", None, name);
    let finding = fixture::saying(
        fixture::finding(Verdict::Caused, test, [0.97, 0.01, 0.02]),
        model::Failure::of(&format!(
            "\x1b[2J\n::set-output name=x::y\n{}",
            "z".repeat(1_000_000)
        )),
    );
    let text = plain(&fixture::with(vec![finding]), 80);
    assert!(
        text.contains("evil␛]0;title␇<U+202E>␍␊::error::x"),
        "{text}"
    );
    assert!(
        text.lines()
            .all(|line| !line.trim_start().starts_with("::"))
    );
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(text.len() < 3000);
}

#[test]
fn no_line_is_wider_than_the_terminal_but_for_addresses() {
    let mut report = fixture::mixed();
    report.findings[0].test.name = "大".repeat(200);
    for width in [40, 60, 80, 100] {
        for line in plain(&report, width).lines() {
            assert!(
                columns(line) <= width || line.contains("https://"),
                "{width}: {line}"
            );
        }
    }
}

#[test]
fn many_causes_are_summed_up() {
    let findings = (0..10_000).map(|i| {
        let test = TestName::new("s", None, &format!("t{i}"));
        fixture::saying(
            fixture::finding(Verdict::Caused, test, [0.97, 0.01, 0.02]),
            model::Failure::of(&format!(
                "{} went wrong",
                char::from_u32(0x4e00 + i).unwrap_or('x')
            )),
        )
    });
    let text = plain(&fixture::with(findings.collect()), 80);
    assert!(text.len() < 40_000, "{}", text.len());
    assert!(
        text.contains("9,900 more failures are not listed here"),
        "{text}"
    );
}

#[test]
fn an_outage_is_told_once_for_each_cause_with_how_many_tests_it_took() {
    let finding = fixture::saying(
        fixture::finding(
            Verdict::Outage,
            TestName::new("db", None, "test_a"),
            [0.1, 0.1, 0.8],
        ),
        model::Failure::of("connection refused"),
    );
    let mut report = fixture::with(vec![finding]);
    report.headline = "812 of 4,812 tests failed with one text".to_owned();
    report.findings[0].evidence.grid.clear();
    report.clusters[0].tests = 812;
    insta::assert_snapshot!(plain(&report, 80), @r#"
    812 of 4,812 tests failed with one text
    1 failure blocks this PR.

    run           acme/shop, job unit (linux), PR 482, commit 3f2a9c1d5be0
                  https://ci.example/acme/shop/runs/90412
    against       412 runs of this job on main in the 14 days up to 2026-11-20 10:00
                  UTC, newest 2026-11-20 08:12 UTC, merge base b81e0c2f9a
    results       4,812 tests: 4,794 passed, 1 failed, 17 skipped

    verdict       failures  blocks  meaning
    outage               1  yes     the run itself failed, not single tests

    1. outage (blocks): db › test_a
       said          connection refused
       tests         812 tests failed like this
       odds          none: no single test can be judged in a run that failed
       last pass     2026-11-20 07:36 UTC, run 1187, commit 1187c0ffee77
                     https://ci.example/acme/shop/runs/1187
       to do         find out why the run failed, then run the job again
    "#);
}
