use model::{Failure, Report, TestName, Verdict};
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::page::Measure;
use super::{MarkdownOptions, markdown, marker};
use crate::fixture;

fn comment(report: &Report) -> String {
    markdown(report, &MarkdownOptions::default())
}

#[test]
fn a_mixed_run_is_a_table_with_details_folded() {
    insta::assert_snapshot!(comment(&fixture::mixed()), @r"
    <!-- sprag-compare -->
    ### 1 of 4 failures look caused by this PR

    **1 failure blocks this PR.** Updated for `3f2a9c1d5be0`. [Workflow run](https://ci.example/acme/shop/runs/90412).

    | Test | Verdict | Odds | History | Same failure elsewhere | Look at | What to do |
    | --- | --- | --- | --- | --- | --- | --- |
    | `TestInvoice › test_adds_tax[de-19]` | **caused**, blocks | &gt; 99 % this PR broke it (from 412 runs in 14 days) | failed 0 of 412 runs in 14 days | none seen | [this run](https://ci.example/acme/shop/runs/90412), [last pass](https://ci.example/acme/shop/runs/1187) | fix the test or the code that it tests |
    | `TestCart › test_concurrent_checkout` | **suspect**, does not block | 62 % this PR broke it (from 412 runs in 14 days) | failed 3 and flaked 2 of 412 runs in 14 days, 1 like now | none seen | [this run](https://ci.example/acme/shop/runs/90412), [last failure](https://ci.example/acme/shop/runs/1130), [last pass](https://ci.example/acme/shop/runs/1187) | rerun this test 3 times on the same commit: that should settle it (one rerun passes with 36 %, from 412 runs in 14 days) |
    | `tests/test_rates.py › test_live_exchange_rates` | **broken-base**, does not block | 98 % a broken base (from 412 runs in 14 days) | failed 4 of 412 runs in 14 days, 4 like now | none seen | [this run](https://ci.example/acme/shop/runs/90412), [last failure](https://ci.example/acme/shop/runs/1188), [last pass](https://ci.example/acme/shop/runs/1184) | nothing in this PR; rebase once the base is repaired |
    | `TestQueue › test_retries_after_disconnect` | **flake**, does not block | 98 % fails by itself (from 412 runs in 14 days) | failed 22 and flaked 9 of 412 runs in 14 days, 29 like now; 1 failure of a broken base left out | PR 471, PR 479 | [this run](https://ci.example/acme/shop/runs/90412), [last failure](https://ci.example/acme/shop/runs/1182), [last pass](https://ci.example/acme/shop/runs/1187) | nothing in this PR; a rerun passes with 94 % (from 412 runs in 14 days) |

    **caused**: this PR broke it · **suspect**: not settled; a few reruns would tell · **broken-base**: the base is broken in the same way · **flake**: fails like this without any change.

    <details><summary>Besides failures (2 changes)</summary>

    - **fixed** `tests/test_refund.py › test_partial_refund`: failed in the last 6 runs on main, passes here
    - **slower** `tests/test_search.py › test_full_text` (7.5 s, usually 1.4 s): 5.2 times the median of 380 runs in 14 days

    </details>

    <details><summary>Problems in the input (1 problem)</summary>

    - in `results/TEST-cart.xml:812`: file ends inside `<testcase>` (hint: the tests before it were read)

    </details>

    <details><summary>Why: messages, odds and past runs</summary>

    #### 1. caused: `TestInvoice › test_adds_tax[de-19]`

    ```text
    AssertionError: assert Decimal('100.00') == Decimal('119.00')
      where Decimal('100.00') = invoice.total(rate='de')
      and   rate = 19 %
    ```

    - **Because:** never failed in 412 runs on main in 14 days, and this PR changes `shop/invoice.py`
    - **Odds:** &gt; 99 % this PR, &lt; 1 % a broken base, &lt; 1 % by itself (from 412 runs in 14 days)
    - **Place:** `tests/test_invoice.py:41`
    - **Changed here:** `shop/invoice.py`
    - **Last pass:** 2026-11-20 07:36 UTC, run 1187, commit `1187c0ffee77`
    - **Would change it:** a pass on a rerun of this commit, or the same failure on main

    ```text
    ................................  unit (linux)
    ................................  unit (macos)
    ```

    #### 2. suspect: `TestCart › test_concurrent_checkout`

    ```text
    TimeoutError: checkout did not finish within 30.0 s
    worker 3 still holds lock 'cart:8812'
    queue length 14
    ```

    - **Because:** fails by itself in 3 of 412 runs on main in 14 days, once like this; twice in a row would be rare
    - **Odds:** 62 % this PR, 1 % a broken base, 37 % by itself (from 412 runs in 14 days)
    - **Place:** `tests/test_cart.py:207`
    - **Attempts:** 2 of 2 attempts failed
    - **Last failure:** 2026-11-14 05:12 UTC, run 1130, commit `1130c0ffee77`, the same failure
    - **Last pass:** 2026-11-20 07:36 UTC, run 1187, commit `1187c0ffee77`
    - **Would change it:** 3 reruns of this test on this commit

    ```text
    .....F.........~........X...~...  unit (linux)
    ................................  unit (macos)
    ```

    #### 3. broken-base: `tests/test_rates.py › test_live_exchange_rates`

    ```text
    KeyError: 'HRK'
    ```

    - **Because:** the last 4 runs on main fail in the same way, the nearest at the merge base
    - **Odds:** &lt; 1 % this PR, 98 % a broken base, &lt; 1 % by itself (from 412 runs in 14 days)
    - **Last failure:** 2026-11-20 08:04 UTC, run 1188, commit `1188c0ffee77`, the same failure
    - **Last pass:** 2026-11-19 00:24 UTC, run 1184, commit `1184c0ffee77`
    - **Would change it:** a pass on main at or before the merge base

    ```text
    ............................XXXX  unit (linux)
    ................................  unit (macos)
    ```

    #### 4. flake: `TestQueue › test_retries_after_disconnect`

    ```text
    ConnectionResetError: [Errno 104] Connection reset by peer (127.0.0.1:41227)
    ```

    - **Because:** fails like this in 29 of 412 runs on main in 14 days
    - **Odds:** 1 % this PR, &lt; 1 % a broken base, 98 % by itself (from 412 runs in 14 days)
    - **Last failure:** 2026-11-18 12:24 UTC, run 1182, commit `1182c0ffee77`, the same failure
    - **Last pass:** 2026-11-20 07:36 UTC, run 1187, commit `1187c0ffee77`
    - **Would change it:** three failures in a row on this commit

    ```text
    ..X.~....X....~.X...s..X.....~..  unit (linux)
    ....................s...........  unit (macos)
    ```

    Past runs, oldest run first: . passed, X failed like now, F failed otherwise, E error, ~ passed on a retry, s skipped.

    </details>

    Judged `acme/shop`, job unit (linux), PR 482, commit `3f2a9c1d5be0` ([this run](https://ci.example/acme/shop/runs/90412)), against 412 runs of this job on main in the 14 days up to 2026-11-20 10:00 UTC, newest 2026-11-20 08:12 UTC, merge base `b81e0c2f9a`. Results: 4,812 tests: 4,791 passed, 4 failed, 17 skipped; 1 passed only on a retry.
    ");
}

#[test]
fn a_clear_run_is_three_lines() {
    insta::assert_snapshot!(comment(&fixture::clear()), @r"
    <!-- sprag-compare -->
    ### All 4,812 tests passed or were skipped

    **Nothing blocks this PR.** Updated for `3f2a9c1d5be0`. [Workflow run](https://ci.example/acme/shop/runs/90412).

    Judged `acme/shop`, job unit (linux), PR 482, commit `3f2a9c1d5be0` ([this run](https://ci.example/acme/shop/runs/90412)), against 412 runs of this job on main in the 14 days up to 2026-11-20 10:00 UTC, newest 2026-11-20 08:12 UTC, merge base `b81e0c2f9a`. Results: 4,812 tests: 4,795 passed, 17 skipped.
    ");
}

#[test]
fn the_marker_cannot_end_early() {
    assert_eq!(marker("a --> <b>/job 1"), "<!-- a-b-/job-1 -->");
    assert!(comment(&fixture::clear()).starts_with("<!-- sprag-compare -->\n"));
}

fn many(n: u32, text: &str) -> Report {
    let findings = (0..n).map(|i| {
        let test = TestName::new("suite", Some(text), &format!("{text}{i}"));
        let letter = char::from_u32(0x4e00 + i).unwrap_or('x');
        let mut finding =
            fixture::saying(fixture::suspect(), Failure::of(&format!("{letter} {text}")));
        finding.test = test;
        finding.verdict = if i % 2 == 0 {
            Verdict::Caused
        } else {
            Verdict::Flake
        };
        finding
    });
    let mut findings: Vec<_> = findings.collect();
    findings.sort_by_key(|finding| finding.verdict);
    fixture::with(findings)
}

/// Every start of a block has its end, and every row of the table all its cells.
fn is_whole(text: &str) -> bool {
    let mut cells = 0;
    for event in Parser::new_ext(text, Options::all()) {
        cells += usize::from(matches!(event, Event::Start(Tag::TableCell)));
    }
    let fences = text.lines().filter(|line| line.starts_with("```")).count();
    cells % 7 == 0
        && fences % 2 == 0
        && text.matches("<details>").count() == text.matches("</details>").count()
        && text.contains("\nJudged ")
}

#[test]
fn ten_thousand_failures_fit_and_are_summed_up() {
    for text in ["x", &"𝕏|`@a".repeat(200), &"`".repeat(3000)] {
        let text = comment(&many(10_000, text));
        assert!(
            Measure::Characters.of(&text) <= 65_536,
            "{}",
            Measure::Characters.of(&text)
        );
        assert!(is_whole(&text));
        assert!(text.contains("not in this table: "), "{text}");
    }
}

#[test]
fn any_limit_leaves_a_whole_page() {
    let report = many(60, "some_test");
    for limit in (3000..60_000).step_by(1777) {
        let options = MarkdownOptions {
            limit,
            ..MarkdownOptions::default()
        };
        let text = markdown(&report, &options);
        assert!(
            Measure::Characters.of(&text) <= limit,
            "{limit}: {}",
            Measure::Characters.of(&text)
        );
        assert!(is_whole(&text), "{limit}");
    }
}

#[test]
fn hostile_text_yields_only_the_elements_that_the_page_itself_has() {
    let hostile = "@all #1 GH-1 [x](https://evil) ![i](y) <img> <!-- sprag --> | ``` ~~~ \u{202e} https://evil.org **b** \n# h\n- x\n\n---";
    let tags = |text: &str| -> Vec<String> {
        Parser::new_ext(text, Options::all())
            .filter(|event| !matches!(event, Event::Text(_) | Event::Code(_) | Event::SoftBreak))
            .map(|event| format!("{event:?}"))
            .collect()
    };
    let with = |text: &str| {
        let mut finding = fixture::saying(fixture::suspect(), Failure::of(text));
        finding.test = TestName::new(text, Some(text), text);
        text.clone_into(&mut finding.evidence.because);
        text.clone_into(&mut finding.evidence.would_change);
        finding.evidence.touched = vec![text.to_owned()];
        for cell in &mut finding.evidence.grid {
            text.clone_into(&mut cell.job);
        }
        let mut report = fixture::with(vec![finding]);
        text.clone_into(&mut report.headline);
        text.clone_into(&mut report.subject.base);
        text.clone_into(&mut report.subject.run.key.job);
        comment(&report)
    };
    assert_eq!(tags(&with(hostile)), tags(&with("word")));
    assert!(!with(hostile).contains('\u{202e}'));
}
