//! The sentences that every rendering shares, so that terminal, comment and page say the same.
//!
//! Everything here is plain text with untrusted parts already made visible ([`crate::text`]); a rendering still escapes
//! it for its own language.

use model::{Conclusion, Evidence, Finding, Outcome, PastRun, Report, Subject, Totals, Verdict};

use crate::text::{count, days, grouped, moment, name, percent, put, short_commit};

/// What a verdict means, in one clause. The table of `docs/verdicts.md`.
pub(crate) fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Caused => "this PR broke it",
        Verdict::NewTest => "this PR adds the test, and it fails",
        Verdict::Outage => "the run itself failed, not single tests",
        Verdict::Suspect => "not settled; a few reruns would tell",
        Verdict::NoBaseline => "too little history to say; not a pass",
        Verdict::BrokenBase => "the base is broken in the same way",
        Verdict::Elsewhere => "other PRs fail in the same way now",
        Verdict::Flake => "fails like this without any change",
    }
}

/// Whether findings of a verdict block: `yes`, `no`, or `some` where policy tells them apart.
pub(crate) fn blocking(report: &Report, verdict: Verdict) -> &'static str {
    let of_verdict = || report.findings.iter().filter(|f| f.verdict == verdict);
    match (
        of_verdict().any(|f| f.blocks),
        of_verdict().all(|f| f.blocks),
    ) {
        (true, true) => "yes",
        (true, false) => "some",
        (false, _) => "no",
    }
}

/// Whether one finding blocks.
pub(crate) fn blocks(finding: &Finding) -> &'static str {
    if finding.blocks {
        "blocks"
    } else {
        "does not block"
    }
}

/// What the whole comes to, in one sentence.
pub(crate) fn conclusion(report: &Report) -> String {
    let blocking = report.findings.iter().filter(|f| f.blocks).count() as u64;
    match report.conclusion {
        Conclusion::Clear => "Nothing blocks this PR.".to_owned(),
        Conclusion::Undecided => "Not decided: this is not a pass.".to_owned(),
        Conclusion::Blocked if blocking == 0 => {
            "This PR is blocked: there is no result to judge.".to_owned()
        }
        Conclusion::Blocked if blocking == 1 => "1 failure blocks this PR.".to_owned(),
        Conclusion::Blocked => format!("{} failures block this PR.", grouped(blocking)),
    }
}

/// Which run was judged: `acme/shop, job unit, PR 482, commit 3f2a9c1`.
pub(crate) fn judged(subject: &Subject) -> String {
    let run = &subject.run;
    let mut parts = Vec::new();
    if !run.key.repo.is_empty() {
        parts.push(name(&run.key.repo));
    }
    if !run.key.job.is_empty() {
        parts.push(format!("job {}", name(&run.key.job)));
    }
    if let Some(pr) = run.pr {
        parts.push(format!("PR {pr}"));
    }
    if !run.commit.is_empty() {
        parts.push(format!("commit {}", short_commit(&run.commit)));
    }
    if run.key.attempt > 1 {
        parts.push(format!("attempt {}", run.key.attempt));
    }
    if parts.is_empty() {
        return "one run".to_owned();
    }
    parts.join(", ")
}

/// What it was compared with, with n and window; says so when there is too little.
pub(crate) fn baseline(subject: &Subject) -> String {
    let mut out = if subject.baseline_runs == 0 {
        format!(
            "nothing: no run of this job on {} up to {}",
            base(subject),
            moment(subject.at)
        )
    } else {
        format!(
            "{} of this job on {} in {}{} up to {}",
            count(subject.baseline_runs, "run"),
            base(subject),
            if subject.window_days < 0.5 {
                ""
            } else {
                "the "
            },
            days(subject.window_days),
            moment(subject.at)
        )
    };
    if let Some(newest) = subject.newest_run_at {
        put!(out, ", newest {}", moment(newest));
    }
    if !subject.merge_base.is_empty() {
        put!(out, ", merge base {}", short_commit(&subject.merge_base));
    }
    if subject.runs_missing > 0 {
        let missing = count(subject.runs_missing, "more run");
        put!(out, "; {missing} needed for first verdicts");
    }
    out
}

/// What it was compared with, in a few words: `412 runs in 14 days`.
pub(crate) fn against(subject: &Subject) -> String {
    let missing = match subject.runs_missing {
        0 => String::new(),
        n => format!("; {} needed", count(n, "more run")),
    };
    match subject.baseline_runs {
        0 => format!("no run on {}{missing}", base(subject)),
        n => format!(
            "{} in {}{missing}",
            count(n, "run"),
            days(subject.window_days)
        ),
    }
}

/// The name of the base branch; `the base` when it has none.
pub(crate) fn base(subject: &Subject) -> String {
    if subject.base.is_empty() {
        return "the base".to_owned();
    }
    name(&subject.base)
}

/// What the tests of the run did.
pub(crate) fn totals(totals: &Totals) -> String {
    if totals.tests == 0 {
        return "no test results".to_owned();
    }
    let parts = [
        (totals.passed, "passed"),
        (totals.failed, "failed"),
        (totals.errors, "could not finish"),
        (totals.skipped, "skipped"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts
        .map(|(n, what)| format!("{} {what}", grouped(*n)))
        .collect();
    let mut out = format!("{}: {}", count(totals.tests, "test"), parts.join(", "));
    if totals.flaked > 0 {
        put!(out, "; {} passed only on a retry", grouped(totals.flaked));
    }
    out
}

/// Whether a verdict comes with odds: an outage and a missing baseline say nothing about one test.
pub(crate) fn has_odds(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Outage | Verdict::NoBaseline)
}

/// The odds of a finding with their n and window.
pub(crate) fn odds(finding: &Finding) -> String {
    let evidence = &finding.evidence;
    match finding.verdict {
        Verdict::Outage => "none: no single test can be judged in a run that failed".to_owned(),
        Verdict::NoBaseline => format!("none: too little history ({})", sample(evidence)),
        Verdict::Caused
        | Verdict::NewTest
        | Verdict::Suspect
        | Verdict::BrokenBase
        | Verdict::Elsewhere
        | Verdict::Flake => format!(
            "{} this PR, {} a broken base, {} by itself (from {})",
            percent(finding.p_caused),
            percent(finding.p_broken_base),
            percent(finding.p_flake),
            sample(evidence),
        ),
    }
}

/// The probability that a verdict rests on, and what it is of; that of the pull request where nothing is settled.
pub(crate) fn leading(finding: &Finding) -> (f64, &'static str) {
    match finding.verdict {
        Verdict::BrokenBase => (finding.p_broken_base, "a broken base"),
        Verdict::Flake | Verdict::Elsewhere => (finding.p_flake, "fails by itself"),
        Verdict::Caused
        | Verdict::NewTest
        | Verdict::Outage
        | Verdict::Suspect
        | Verdict::NoBaseline => (finding.p_caused, "this PR broke it"),
    }
}

/// The n and the window that stand beside every probability: `412 runs in 14 days`.
pub(crate) fn sample(evidence: &Evidence) -> String {
    match evidence.runs {
        0 => format!("no runs{}", within(evidence)),
        n => format!("{}{}", count(n, "run"), within(evidence)),
    }
}

/// ` in 14 days`; nothing where there was no history at all.
fn within(evidence: &Evidence) -> String {
    if evidence.window_days > 0.0 {
        format!(" in {}", days(evidence.window_days))
    } else {
        String::new()
    }
}

/// How often the test failed on the base, n of N in the window.
pub(crate) fn history(evidence: &Evidence) -> String {
    if evidence.runs == 0 {
        return sample(evidence);
    }
    let mut out = format!("failed {}", grouped(evidence.failures));
    if evidence.flakes > 0 {
        put!(out, " and flaked {}", grouped(evidence.flakes));
    }
    put!(out, " of {}", sample(evidence));
    if evidence.failures + evidence.flakes > 0 {
        put!(out, ", {} like now", grouped(evidence.same_signature));
    }
    if evidence.broken_base_failures > 0 {
        let left_out = count(evidence.broken_base_failures, "failure");
        put!(out, "; {left_out} of a broken base left out");
    }
    out
}

/// What the reader can do about a finding.
pub(crate) fn action(finding: &Finding) -> String {
    match finding.verdict {
        Verdict::Caused => "fix the test or the code that it tests".to_owned(),
        Verdict::NewTest => "make the new test pass before it lands".to_owned(),
        Verdict::Outage => "find out why the run failed, then run the job again".to_owned(),
        Verdict::Suspect => suspect_action(finding),
        Verdict::NoBaseline => "read the failure yourself; record more runs of the base".to_owned(),
        Verdict::BrokenBase => "nothing in this PR; rebase once the base is repaired".to_owned(),
        Verdict::Elsewhere => {
            "nothing in this PR; look for a shared cause, then run the job again".to_owned()
        }
        Verdict::Flake => format!(
            "nothing in this PR; a rerun passes with {} (from {})",
            percent(finding.p_retest_passes),
            sample(&finding.evidence)
        ),
    }
}

fn suspect_action(finding: &Finding) -> String {
    let rerun = match finding.reruns_to_settle {
        0 => "rerun this test on the same commit".to_owned(),
        1 => "rerun this test once on the same commit: that should settle it".to_owned(),
        n => format!("rerun this test {n} times on the same commit: that should settle it"),
    };
    let passes = percent(finding.p_retest_passes);
    format!(
        "{rerun} (one rerun passes with {passes}, from {})",
        sample(&finding.evidence)
    )
}

/// What would change the answer, with the n and the window that its odds come from.
pub(crate) fn would_change(finding: &Finding) -> String {
    let text = &finding.evidence.would_change;
    if text.contains('%') && has_odds(finding.verdict) {
        return format!("{text} (from {})", sample(&finding.evidence));
    }
    text.clone()
}

/// How many tests failed like this, where they are more than the findings that are shown for it, as in an outage.
pub(crate) fn tests_like_this(report: &Report, finding: &Finding, shown: usize) -> Option<String> {
    let tests = report.clusters.get(finding.cluster)?.tests;
    (tests > shown as u64).then(|| format!("{} failed like this", count(tests, "test")))
}

/// How many attempts failed, where there was more than one.
pub(crate) fn attempts(finding: &Finding) -> Option<String> {
    let (failed, all) = (finding.failed_attempts, finding.attempts);
    (all > 1).then(|| format!("{failed} of {all} attempts failed"))
}

/// A past run as evidence: `2026-11-12 08:10 UTC, run 812, commit 9be1, the same failure`.
pub(crate) fn past_run(run: &PastRun) -> String {
    let mut out = moment(run.at);
    // A long id that the link repeats only pushes the rest away.
    if !run.run.is_empty() && (run.run.len() <= 20 || !run.url.contains(&run.run)) {
        put!(out, ", run {}", name(&run.run));
    }
    if !run.commit.is_empty() {
        put!(out, ", commit {}", short_commit(&run.commit));
    }
    match run.same_signature {
        Some(true) => out += ", the same failure",
        Some(false) => out += ", another failure",
        None => {}
    }
    out
}

/// Other pull requests that fail in the same way: `PR 12 and PR 15`, at most five by number.
pub(crate) fn other_prs(evidence: &Evidence) -> Option<String> {
    let prs = &evidence.other_prs;
    let shown: Vec<String> = prs.iter().take(5).map(|n| format!("PR {n}")).collect();
    let more = prs.len() - shown.len();
    match (shown.len(), more) {
        (0, _) => None,
        (_, 0) => Some(shown.join(", ")),
        _ => Some(format!("{} and {more} more", shown.join(", "))),
    }
}

/// What the test said, with the type of the failure where the message does not repeat it.
pub(crate) fn message(finding: &Finding) -> String {
    let Some(failure) = &finding.failure else {
        return String::new();
    };
    let text = if failure.message.trim().is_empty() {
        failure.stack.trim()
    } else {
        failure.message.trim()
    };
    match failure.kind.as_deref() {
        Some(kind) if !kind.is_empty() && !text.starts_with(kind) && text.is_empty() => {
            kind.to_owned()
        }
        Some(kind) if !kind.is_empty() && !text.starts_with(kind) => format!("{kind}: {text}"),
        _ => text.to_owned(),
    }
}

/// Where it failed: `src/tax.py:41`.
pub(crate) fn place(finding: &Finding) -> Option<String> {
    let failure = finding.failure.as_ref()?;
    let file = name(failure.file.as_deref().filter(|file| !file.is_empty())?);
    Some(match failure.line {
        Some(line) => format!("{file}:{line}"),
        None => file,
    })
}

/// The sign of one past outcome in a grid of text, the same in every rendering.
pub(crate) fn cell_sign(cell: &model::GridCell) -> char {
    match cell.outcome {
        Outcome::Pass if cell.flaked => '~',
        Outcome::Pass => '.',
        Outcome::Fail | Outcome::Error if cell.same_signature => 'X',
        Outcome::Fail => 'F',
        Outcome::Error => 'E',
        Outcome::Skip => 's',
    }
}

/// What the signs of a grid mean.
pub(crate) const LEGEND: &str = "oldest run first: . passed, X failed like now, F failed otherwise, E error, ~ passed on a retry, s skipped";
