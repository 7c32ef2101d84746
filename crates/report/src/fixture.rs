//! Reports to test the renderings with.

use model::{
    Change, ChangeKind, Cluster, Conclusion, Counts, Evidence, Failure, Finding, GridCell, Level,
    LevelCounts, Likelihood, Outcome, PastRun, Place, Problem, Report, RunInfo, RunKey,
    SCHEMA_VERSION, Signature, Subject, TestName, Timestamp, Totals, Verdict,
};

/// 2026-11-20T10:00:00Z, the moment of judgement of every fixture.
pub(crate) const NOW: Timestamp = Timestamp(1_795_168_800_000);

/// A report of a pull request with no failures and a baseline.
pub(crate) fn clear() -> Report {
    Report {
        schema: SCHEMA_VERSION,
        conclusion: Conclusion::Clear,
        headline: "all 4,812 tests passed or were skipped".to_owned(),
        subject: subject(),
        totals: Totals {
            tests: 4812,
            passed: 4795,
            failed: 0,
            errors: 0,
            skipped: 17,
            flaked: 0,
        },
        counts: Counts::default(),
        findings: Vec::new(),
        clusters: Vec::new(),
        changes: Vec::new(),
        problems: Vec::new(),
    }
}

/// A report with the given findings, one cluster each.
pub(crate) fn with(findings: Vec<Finding>) -> Report {
    let mut report = clear();
    for (cluster, mut finding) in findings.into_iter().enumerate() {
        finding.cluster = cluster;
        let message = finding.failure.as_ref().map(|f| f.message.clone());
        report.clusters.push(Cluster {
            signature: finding.signature,
            message: message.unwrap_or_default(),
            tests: 1,
        });
        report.findings.push(finding);
    }
    let failed = report.findings.len() as u64;
    report.totals.failed = failed;
    report.totals.passed -= failed.min(4000);
    report.counts = Counts::of(&report.findings);
    let blocking = report.findings.iter().filter(|f| f.blocks).count();
    report.conclusion = if blocking > 0 {
        Conclusion::Blocked
    } else {
        Conclusion::Clear
    };
    report.headline = format!("{blocking} of {failed} failures look caused by this PR");
    report
}

/// A caused failure, a suspect, a broken base and a flake, with changes and a problem.
pub(crate) fn mixed() -> Report {
    let mut report = with(vec![caused(), suspect(), broken_base(), flake()]);
    report.totals.flaked = 1;
    report.changes = vec![fixed(), slower()];
    report.problems = vec![Problem {
        file: "results/TEST-cart.xml".to_owned(),
        place: Place::Line(812),
        what: "file ends inside `<testcase>`".to_owned(),
        hint: "the tests before it were read".to_owned(),
    }];
    report
}

/// The subject of every fixture.
pub(crate) fn subject() -> Subject {
    Subject {
        run: RunInfo {
            key: RunKey {
                repo: "acme/shop".to_owned(),
                branch: "main".to_owned(),
                job: "unit (linux)".to_owned(),
                run: "90412".to_owned(),
                attempt: 1,
            },
            started_at: NOW.plus_days(-0.01),
            commit: "3f2a9c1d5be07744aa10".to_owned(),
            pr: Some(482),
            url: "https://ci.example/acme/shop/runs/90412".to_owned(),
            ..RunInfo::default()
        },
        base: "main".to_owned(),
        merge_base: "b81e0c2f9a".to_owned(),
        at: NOW,
        baseline_runs: 412,
        window_days: 14.0,
        newest_run_at: Some(NOW.plus_days(-0.075)),
        runs_missing: 0,
    }
}

/// A finding with a verdict and odds, and an untroubled history of 412 runs.
pub(crate) fn finding(verdict: Verdict, test: TestName, odds: [f64; 3]) -> Finding {
    let [p_caused, p_broken_base, p_flake] = odds;
    Finding {
        id: test.id(),
        test,
        verdict,
        blocks: matches!(
            verdict,
            Verdict::Caused | Verdict::NewTest | Verdict::Outage
        ),
        p_caused,
        p_broken_base,
        p_flake,
        p_retest_passes: p_flake * 0.97,
        reruns_to_settle: 0,
        cluster: 0,
        failed_attempts: 1,
        attempts: 1,
        failure: None,
        signature: None,
        evidence: evidence(),
    }
}

/// The same finding with a failure text.
pub(crate) fn saying(finding: Finding, failure: Failure) -> Finding {
    Finding {
        // Not the real one, so that a change of the masking leaves these reports alone.
        signature: Some(Signature(0x5eed_0000_0000_0001)),
        failure: Some(failure),
        ..finding
    }
}

fn evidence() -> Evidence {
    Evidence {
        window_days: 14.0,
        runs: 412,
        levels: vec![
            LevelCounts {
                level: Level::Test,
                runs: 201.5,
                failures: 0.0,
            },
            LevelCounts {
                level: Level::Suite,
                runs: 18_440.0,
                failures: 12.25,
            },
        ],
        likelihood: Likelihood {
            caused: 0.9,
            broken_base: 0.001,
            flake: 0.0004,
        },
        prior_caused: 0.05,
        last_pass: Some(past("main 1187", 0.1, None)),
        grid: grid("................................"),
        durations_ms: (0..32).map(|i| 410 + (i * 37) % 90).collect(),
        ..Evidence::default()
    }
}

/// A past run some days ago.
pub(crate) fn past(run: &str, days_ago: f64, same_signature: Option<bool>) -> PastRun {
    let id = run.rsplit(' ').next().unwrap_or(run);
    PastRun {
        job: "unit (linux)".to_owned(),
        run: id.to_owned(),
        at: NOW.plus_days(-days_ago),
        commit: format!("{id}c0ffee77aa42"),
        url: format!("https://ci.example/acme/shop/runs/{id}"),
        same_signature,
    }
}

/// Two jobs with the outcomes of `signs` (see the legend), one run every eight hours; the second job passed always.
pub(crate) fn grid(signs: &str) -> Vec<GridCell> {
    let n = signs.chars().count();
    let mut cells = Vec::new();
    for (i, sign) in signs.chars().enumerate() {
        let at = NOW.plus_days((i as f64 - n as f64) / 3.0);
        cells.push(cell("unit (linux)", at, sign));
        cells.push(cell(
            "unit (macos)",
            at,
            if sign == 's' { 's' } else { '.' },
        ));
    }
    cells
}

fn cell(job: &str, at: Timestamp, sign: char) -> GridCell {
    GridCell {
        job: job.to_owned(),
        at,
        outcome: match sign {
            'X' | 'F' => Outcome::Fail,
            'E' => Outcome::Error,
            's' => Outcome::Skip,
            _ => Outcome::Pass,
        },
        flaked: sign == '~',
        same_signature: sign == 'X',
    }
}

/// A failure that the pull request caused.
pub(crate) fn caused() -> Finding {
    let test = TestName::new(
        "tests/test_invoice.py",
        Some("TestInvoice"),
        "test_adds_tax[de-19]",
    );
    let mut finding = saying(
        finding(Verdict::Caused, test, [0.9962, 0.0006, 0.0032]),
        Failure {
            kind: Some("AssertionError".to_owned()),
            message: "assert Decimal('100.00') == Decimal('119.00')\n  where Decimal('100.00') = invoice.total(rate='de')\n  and   rate = 19 %".to_owned(),
            stack: "tests/test_invoice.py:41: in test_adds_tax\n    assert invoice.total(rate=country) == expected\nshop/invoice.py:88: in total\n    return self.net".to_owned(),
            file: Some("tests/test_invoice.py".to_owned()),
            line: Some(41),
        },
    );
    let evidence = &mut finding.evidence;
    evidence.touched = vec!["shop/invoice.py".to_owned()];
    evidence.because =
        "never failed in 412 runs on main in 14 days, and this PR changes shop/invoice.py".into();
    evidence.would_change = "a pass on a rerun of this commit, or the same failure on main".into();
    finding
}

/// A failure that is not settled.
pub(crate) fn suspect() -> Finding {
    let test = TestName::new(
        "tests/test_cart.py",
        Some("TestCart"),
        "test_concurrent_checkout",
    );
    let mut finding = saying(
        finding(Verdict::Suspect, test, [0.62, 0.01, 0.37]),
        Failure {
            kind: Some("TimeoutError".to_owned()),
            message: "checkout did not finish within 30.0 s\nworker 3 still holds lock 'cart:8812'\nqueue length 14".to_owned(),
            file: Some("tests/test_cart.py".to_owned()),
            line: Some(207),
            ..Failure::default()
        },
    );
    finding.reruns_to_settle = 3;
    finding.p_retest_passes = 0.36;
    finding.attempts = 2;
    finding.failed_attempts = 2;
    let evidence = &mut finding.evidence;
    evidence.failures = 3;
    evidence.flakes = 2;
    evidence.same_signature = 1;
    evidence.base_message = "TimeoutError: checkout did not finish within 10.0 s\nworker 1 still holds lock 'cart:4417'\nqueue length 2".into();
    evidence.last_failure = Some(past("main 1130", 6.2, Some(true)));
    evidence.grid = grid(".....F.........~........X...~...");
    evidence.durations_ms = (0..32).map(|i| 1900 + i * 55 + (i * 131) % 400).collect();
    evidence.because = "fails by itself in 3 of 412 runs on main in 14 days, once like this; twice in a row would be rare".into();
    evidence.would_change = "3 reruns of this test on this commit".into();
    finding
}

/// A failure of a broken base.
pub(crate) fn broken_base() -> Finding {
    let test = TestName::new("tests/test_rates.py", None, "test_live_exchange_rates");
    let mut finding = saying(
        finding(Verdict::BrokenBase, test, [0.008, 0.985, 0.007]),
        Failure::of("KeyError: 'HRK'"),
    );
    finding.p_retest_passes = 0.01;
    let evidence = &mut finding.evidence;
    evidence.failures = 4;
    evidence.same_signature = 4;
    evidence.base_message = "KeyError: 'HRK'".into();
    evidence.last_failure = Some(past("main 1188", 0.08, Some(true)));
    evidence.last_pass = Some(past("main 1184", 1.4, None));
    evidence.grid = grid("............................XXXX");
    evidence.because =
        "the last 4 runs on main fail in the same way, the nearest at the merge base".into();
    evidence.would_change = "a pass on main at or before the merge base".into();
    finding
}

/// A failure that happens by itself.
pub(crate) fn flake() -> Finding {
    let test = TestName::new(
        "tests/test_mail.py",
        Some("TestQueue"),
        "test_retries_after_disconnect",
    );
    let mut finding = saying(
        finding(Verdict::Flake, test, [0.012, 0.004, 0.984]),
        Failure::of("ConnectionResetError: [Errno 104] Connection reset by peer (127.0.0.1:41227)"),
    );
    finding.p_retest_passes = 0.94;
    let evidence = &mut finding.evidence;
    evidence.failures = 22;
    evidence.flakes = 9;
    evidence.same_signature = 29;
    evidence.broken_base_failures = 1;
    evidence.other_prs = vec![471, 479];
    evidence.base_message =
        "ConnectionResetError: [Errno 104] Connection reset by peer (127.0.0.1:38114)".into();
    evidence.last_failure = Some(past("main 1182", 1.9, Some(true)));
    evidence.grid = grid("..X.~....X....~.X...s..X.....~..");
    evidence.because = "fails like this in 29 of 412 runs on main in 14 days".into();
    evidence.would_change = "three failures in a row on this commit".into();
    finding
}

fn fixed() -> Change {
    let test = TestName::new("tests/test_refund.py", None, "test_partial_refund");
    Change {
        id: test.id(),
        test,
        kind: ChangeKind::Fixed,
        because: "failed in the last 6 runs on main, passes here".to_owned(),
        base_seconds: None,
        seconds: None,
    }
}

fn slower() -> Change {
    let test = TestName::new("tests/test_search.py", None, "test_full_text");
    Change {
        id: test.id(),
        test,
        kind: ChangeKind::Slower,
        because: "5.2 times the median of 380 runs in 14 days".to_owned(),
        base_seconds: Some(1.44),
        seconds: Some(7.5),
    }
}
