//! `backtest`: what Sprag would have said on the user's own history.

use std::fmt::Write as _;

use history::{Filter, History};
use host::{Exit, Progress};
use model::{RecordedRun, RunKey, Timestamp};
use verdict::{Backtest, Figures, Options};

use crate::cli;
use crate::context::Context;
use crate::error::Error;
use crate::history_verbs::note_left_out;
use crate::record::parse_time;
use crate::remote;
use crate::scope::Scope;
use crate::settings;

pub(crate) fn run(arguments: &cli::Backtest, context: &Context) -> Result<Exit, Error> {
    let config = settings::load(arguments.config.as_deref(), None)?;
    let options = options(arguments)?;
    let history = remote::open(&arguments.store.history, context)?;
    let key = branch(arguments, &history)?;
    let runs = read(&history, &key, context)?;
    let done = verdict::backtest(&config, &options, &runs);
    if done.runs == 0 {
        return Err(Error::argument(
            format!(
                "no run can be judged: {} recorded runs are too few or too short a time",
                runs.len()
            ),
            "a backtest learns from the first 30 days and needs later runs of the same tests",
        ));
    }
    let text = if arguments.json {
        json(&done)
    } else {
        text(&done, &key, &options)
    };
    context.print(&text)?;
    Ok(Exit::Clear)
}

fn options(arguments: &cli::Backtest) -> Result<Options, Error> {
    if !(0.0..=1.0).contains(&arguments.inject) {
        return Err(Error::argument(
            format!("--inject: {} is no share", arguments.inject),
            "between 0 and 1: 0.05 breaks one run in twenty",
        ));
    }
    let (from, to) = window(arguments.window.as_deref())?;
    Ok(Options {
        seed: arguments.seed,
        inject: arguments.inject,
        from,
        to,
        ..Options::default()
    })
}

/// `FROM..TO`, either of which may be empty.
fn window(text: Option<&str>) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
    let Some(text) = text else {
        return Ok((None, None));
    };
    let Some((from, to)) = text.split_once("..") else {
        return Err(Error::argument(
            format!("--window: `{text}` has no `..`"),
            "write 2026-01-01..2026-07-01, or 2026-01-01.. for all since",
        ));
    };
    let end = |text: &str| {
        (!text.is_empty())
            .then(|| parse_time(text, "--window"))
            .transpose()
    };
    Ok((end(from)?, end(to)?))
}

/// The branch to replay: what the arguments say, else the only one in the history.
fn branch(arguments: &cli::Backtest, history: &History) -> Result<RunKey, Error> {
    let mut key = RunKey {
        repo: arguments.repo.clone().unwrap_or_default(),
        branch: arguments.base.clone().unwrap_or_else(|| "main".to_owned()),
        ..RunKey::default()
    };
    let scope = Scope {
        repo: arguments.repo.as_deref(),
        branch: arguments.base.as_deref(),
        job: Some(""),
    };
    scope.fill(&mut key, &history.partitions()?)?;
    Ok(key)
}

fn read(history: &History, key: &RunKey, context: &Context) -> Result<Vec<RecordedRun>, Error> {
    let filter = Filter {
        with_names: true,
        with_texts: true,
        ..Filter::base(&key.repo, &key.branch)
    };
    let bar = Progress::new(context.console, "reading runs", 0);
    let mut runs = Vec::new();
    let mut reader = history.runs(&filter)?;
    for run in &mut reader {
        runs.push(run);
        bar.at(runs.len() as u64);
    }
    note_left_out(reader.left_out(), context);
    for problem in reader.finish()? {
        context.console.note(&format!("problem: {problem}"));
    }
    Ok(runs)
}

fn json(done: &Backtest) -> String {
    let mut text = serde_json::to_string_pretty(done).unwrap_or_default();
    text.push('\n');
    report::harmless_json(&text)
}

/// What the rules of the peers are called for a person, by their key in the JSON.
const RULES: [(&str, &str); 5] = [
    ("any", "any failure"),
    ("prevpass", "passed in the previous run"),
    ("rate98", "history >= 98 %"),
    ("twice", "failed twice (every red job runs twice)"),
    (
        "rate98twice",
        ">= 98 % and twice (every red job runs twice)",
    ),
];

fn text(done: &Backtest, key: &RunKey, options: &Options) -> String {
    let mut out = head(done, key, options);
    out.push_str(&table(done));
    out.push_str(&calibration(done));
    out.push_str(&curve(done));
    out
}

fn head(done: &Backtest, key: &RunKey, options: &Options) -> String {
    let once = done.runs / u64::from(done.repeats.max(1));
    let repeated = match done.repeats {
        0 | 1 => String::new(),
        times => format!(" (each {times} times, with other draws)"),
    };
    format!(
        "Replayed {once} runs of {} on {}{repeated} as if each were a pull request.\n\
         {} got an injected break, {} had a failure; {} runs were left out: guilty themselves, or unknown in hindsight. Seed {}.\n\n",
        key.repo, key.branch, done.injected, done.red_runs, done.skipped, options.seed
    )
}

fn table(done: &Backtest) -> String {
    let mut out = format!(
        "{:<46} {:>12} {:>7} {:>10} {:>12}\n{:<46} {:>12} {:>7} {:>10} {:>12}\n",
        "rule",
        "false alarms",
        "recall",
        "precision",
        "reruns",
        "",
        "/100 runs",
        "",
        "",
        "/red run"
    );
    out.push_str(&row("Sprag, no rerun", &done.no_rerun, "0"));
    let reruns = format!("{:.2}", done.with_reruns.reruns_per_red_run);
    out.push_str(&row(
        "Sprag, targeted reruns",
        &done.with_reruns.figures,
        &reruns,
    ));
    for (key, name) in RULES {
        if let Some(figures) = done.rules.get(key) {
            out.push_str(&row(name, figures, ""));
        }
    }
    out
}

fn row(name: &str, figures: &Figures, reruns: &str) -> String {
    format!(
        "{name:<46} {:>12.2} {:>7.3} {:>10.3} {reruns:>12}\n",
        figures.false_alarms_per_100, figures.recall, figures.precision
    )
}

fn calibration(done: &Backtest) -> String {
    let mut out = format!(
        "\nIs p_caused right? Expected calibration error {:.3}, Brier score {:.3}.\n\
         {:>9} {:>9} {:>9} {:>9}\n",
        done.ece, done.brier, "from", "failures", "predicted", "observed"
    );
    for bin in &done.calibration {
        let _infallible = writeln!(
            out,
            "{:>9.1} {:>9} {:>9.3} {:>9.3}",
            bin.from, bin.n, bin.predicted, bin.observed
        );
    }
    out
}

fn curve(done: &Backtest) -> String {
    let mut out = format!(
        "\nOther thresholds, without a rerun (`caused-at` in .sprag.yaml):\n{:>9} {:>12} {:>7}\n",
        "threshold", "false alarms", "recall"
    );
    for point in &done.curve {
        let _infallible = writeln!(
            out,
            "{:>9} {:>12.2} {:>7.3}",
            point.threshold, point.false_alarms_per_100, point.recall
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::window;

    #[test]
    fn a_window_may_be_open_at_either_end() {
        let day = |text: &str| Timestamp::parse(text).ok();
        assert_eq!(
            window(Some("2026-01-01..")).unwrap(),
            (day("2026-01-01"), None)
        );
        assert_eq!(
            window(Some("..2026-01-01")).unwrap(),
            (None, day("2026-01-01"))
        );
        assert_eq!(window(None).unwrap(), (None, None));
        assert!(window(Some("2026-01-01")).is_err());
    }
}
