//! The sentences of a report. Every number names its n and its window.

use model::{Conclusion, Counts, Evidence, Finding, Verdict};

use super::finding::Judged;
use super::{Context, Guard};

pub(super) fn conclusion(context: &Context<'_>, guard: &Guard, findings: &[Finding]) -> Conclusion {
    let outage_blocks = context.config.fail_on.contains(&Verdict::Outage);
    if findings.iter().any(|f| f.blocks) || (guard.is_outage() && outage_blocks) {
        return Conclusion::Blocked;
    }
    let open = |f: &Finding| matches!(f.verdict, Verdict::Outage | Verdict::NoBaseline);
    if guard.is_outage() || context.facts.lost_input || findings.iter().any(open) {
        Conclusion::Undecided
    } else {
        Conclusion::Clear
    }
}

pub(super) fn headline(
    context: &Context<'_>,
    guard: &Guard,
    findings: &[Finding],
    counts: &Counts,
) -> String {
    match guard {
        Guard::Sound => sound(context, findings, counts),
        Guard::Empty => "No test results: the run itself failed".to_owned(),
        Guard::Truncated { ran, expected } => {
            format!("Only {ran} of {expected} expected tests ran: the run itself failed")
        }
        Guard::Mass {
            failed,
            ran,
            one_text,
        } => {
            let how = if *one_text { " with one text" } else { "" };
            format!(
                "{failed} of {ran} tests failed{how}: the run or its environment failed as a whole"
            )
        }
    }
}

fn sound(context: &Context<'_>, findings: &[Finding], counts: &Counts) -> String {
    let all = findings.len();
    if all == 0 {
        let tests = context.facts.run.results.len();
        let lost = if context.facts.lost_input {
            " that could be read; other results were lost"
        } else {
            ""
        };
        return format!(
            "No failures in {tests} {}{lost}",
            plural(tests as u64, "test", "tests")
        );
    }
    let (what, n) = worst(counts);
    if n == 0 {
        return match all {
            1 => "The failure does not look caused by this PR".to_owned(),
            _ => format!("None of {all} failures look caused by this PR"),
        };
    }
    match all {
        1 => format!("The failure {}", what.0),
        _ => format!("{n} of {all} failures {}", plural(n, what.0, what.1)),
    }
}

/// The first verdict that needs someone, in words for one failure and for many, and how many have it.
fn worst(counts: &Counts) -> ((&'static str, &'static str), u64) {
    let words = [
        (
            counts.caused,
            ("looks caused by this PR", "look caused by this PR"),
        ),
        (
            counts.new_test,
            (
                "is in a test that this PR adds",
                "are in tests that this PR adds",
            ),
        ),
        (
            counts.suspect,
            (
                "is not settled: a rerun would tell",
                "are not settled: a rerun would tell",
            ),
        ),
        (
            counts.no_baseline,
            (
                "cannot be judged: not enough history",
                "cannot be judged: not enough history",
            ),
        ),
    ];
    let found = words.into_iter().find(|(n, _)| *n > 0);
    found.map_or((("", ""), 0), |(n, words)| (words, n))
}

fn plural<'a>(n: u64, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// "failed 3 of 120 runs on the base in 28 days, 2 with this text".
fn history(evidence: &Evidence) -> String {
    if evidence.runs == 0 {
        return "has no run in this job on the base".to_owned();
    }
    let some = |n: u64, text: &str| {
        let text = text.replace("{}", &n.to_string());
        if n > 0 { text } else { String::new() }
    };
    [
        format!(
            "failed {} of {} {} on the base in {}",
            evidence.failures + evidence.broken_base_failures,
            evidence.runs,
            plural(evidence.runs, "run", "runs"),
            window(evidence.window_days)
        ),
        some(evidence.same_signature, ", {} with this text"),
        some(evidence.flakes, ", and flaked in {}"),
        some(
            evidence.broken_base_failures,
            " ({} of them with the base already broken)",
        ),
    ]
    .concat()
}

/// A window: `28 days`, `1 day`, `less than a day`.
fn window(days: f64) -> String {
    if days < 0.5 {
        return "less than a day".to_owned();
    }
    let whole = days.round().max(1.0);
    let plural = if whole > 1.0 { "s" } else { "" };
    format!("{whole:.0} day{plural}")
}

/// The size of a probability in words that do not pretend.
pub(super) fn percent(p: f64) -> String {
    let percent = p * 100.0;
    if percent < 1.0 {
        "under 1 %".to_owned()
    } else if percent > 99.0 {
        "over 99 %".to_owned()
    } else {
        format!("{percent:.0} %")
    }
}

pub(super) fn because(
    context: &Context<'_>,
    guard: &Guard,
    judged: &Judged<'_>,
    evidence: &Evidence,
) -> String {
    let odds = percent(judged.posterior.caused);
    let past = history(evidence);
    match judged.verdict {
        Verdict::Caused => format!(
            "{past}; the odds that this PR broke it are {odds}{}",
            touched(evidence)
        ),
        Verdict::Suspect => format!(
            "{past}{}; the odds that this PR broke it are {odds}, which settles nothing{}",
            elsewhere_text(context, judged, evidence),
            touched(evidence)
        ),
        Verdict::Flake => format!(
            "{past}{}; the odds that this PR broke it are {odds}",
            elsewhere_text(context, judged, evidence)
        ),
        Verdict::BrokenBase => broken_base(evidence, &past),
        Verdict::Elsewhere => format!(
            "fails with this text on {}; here it {past}",
            prs(&evidence.other_prs)
        ),
        Verdict::NewTest => format!(
            "never ran on the base in {} runs of this job and fails here",
            context.job_runs()
        ),
        Verdict::NoBaseline => no_baseline(context),
        Verdict::Outage => headline(context, guard, &[], &Counts::default()),
    }
}

fn broken_base(evidence: &Evidence, past: &str) -> String {
    match &evidence.last_failure {
        Some(run) => format!(
            "fails on the base too, last in run {} at {}; {past}",
            run.run, run.at
        ),
        None => format!("fails on the base too; {past}"),
    }
}

fn no_baseline(context: &Context<'_>) -> String {
    let (have, need) = (context.job_runs(), context.config.min_runs);
    if have < need {
        format!("this job has {have} of the {need} runs on the base that a verdict needs")
    } else {
        "history has no run of this test on the base".to_owned()
    }
}

/// "; its text came 37 times from 12 other tests on the base": what clears a failure that its test never had.
fn elsewhere_text(context: &Context<'_>, judged: &Judged<'_>, evidence: &Evidence) -> String {
    let Some(signature) = judged
        .failing
        .signature
        .filter(|_| evidence.same_signature == 0)
    else {
        return String::new();
    };
    let own = context.base.test_texts.get(&judged.failing.id);
    let own = own.is_some_and(|texts| texts.texts.iter().any(|t| t.signature == signature));
    match context.base.signatures.get(&signature) {
        Some(text) if text.tests > 0 && !own => format!(
            "; its text came {} {} from {} other {} on the base, last at {}",
            text.seen,
            plural(u64::from(text.seen), "time", "times"),
            text.tests,
            plural(u64::from(text.tests), "test", "tests"),
            text.last_at
        ),
        _ => String::new(),
    }
}

fn touched(evidence: &Evidence) -> String {
    match evidence.touched.first() {
        Some(path) => format!("; it touches `{path}`"),
        None => String::new(),
    }
}

fn prs(numbers: &[u64]) -> String {
    let shown: Vec<String> = numbers.iter().take(5).map(|n| format!("#{n}")).collect();
    let more = numbers.len().saturating_sub(5);
    let list = shown.join(", ");
    if more > 0 {
        format!("{list} and {more} more")
    } else {
        list
    }
}

pub(super) fn would_change(
    context: &Context<'_>,
    judged: &Judged<'_>,
    evidence: &Evidence,
) -> String {
    let config = context.config;
    let passes = judged.odds.after_rerun(config, false).p_caused();
    let fails = judged.odds.after_rerun(config, true).p_caused();
    match judged.verdict {
        Verdict::Caused | Verdict::Suspect => format!(
            "a rerun that passes brings the odds to {}, one that fails to {}",
            percent(passes),
            percent(fails)
        ),
        Verdict::Flake | Verdict::Elsewhere => {
            format!("a rerun that fails brings the odds to {}", percent(fails))
        }
        Verdict::BrokenBase => match &evidence.last_pass {
            Some(run) => format!(
                "a merge base at which the test passes, as in run {} at {}",
                run.run, run.at
            ),
            None => "a merge base at which the test passes".to_owned(),
        },
        Verdict::NewTest => "a recorded run of the test on the base".to_owned(),
        Verdict::NoBaseline => "more recorded runs of this job on the base".to_owned(),
        Verdict::Outage => "a new run with all of its tests".to_owned(),
    }
}
