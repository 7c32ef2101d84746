//! `history`: look after recorded runs.

mod export;
mod keep;
mod show;
mod take_in;

pub(crate) use keep::look_after;

use host::Exit;
use serde::Serialize;

use crate::cli::HistoryVerb;
use crate::context::Context;
use crate::error::Error;

pub(crate) fn run(verb: &HistoryVerb, context: &Context) -> Result<Exit, Error> {
    match verb {
        HistoryVerb::Stat(arguments) => show::stat(arguments, context),
        HistoryVerb::Show(arguments) => show::test(arguments, context),
        HistoryVerb::Verify(arguments) => keep::verify(arguments, context),
        HistoryVerb::Compact(arguments) => keep::compact(arguments, context),
        HistoryVerb::Snapshot(arguments) => keep::snapshot(arguments, context),
        HistoryVerb::Export(arguments) => export::run(arguments, context),
        HistoryVerb::Import(arguments) => take_in::run(arguments, context),
    }
}

/// Prints a value as JSON, or the text for a person.
fn answer(context: &Context, json: bool, value: &impl Serialize, text: &str) -> Result<(), Error> {
    if !json {
        return context.print(&report::harmless(text));
    }
    let mut printed = serde_json::to_string_pretty(value).unwrap_or_default();
    printed.push('\n');
    context.print(&report::harmless_json(&printed))
}

/// Shows the first problems on standard error, and says how many more there are.
fn note_problems(context: &Context, problems: &[model::Problem]) {
    const SHOWN: usize = 20;
    for problem in problems.iter().take(SHOWN) {
        context.console.note(&format!("problem: {problem}"));
    }
    if problems.len() > SHOWN {
        context.console.note(&format!(
            "problem: and {} more (hint: --json lists them)",
            problems.len() - SHOWN
        ));
    }
}

/// Says how many runs an answer does without, because retention left only their failures.
pub(crate) fn note_left_out(runs: u64, context: &Context) {
    if runs > 0 {
        context.console.note(&format!(
            "{runs} older runs are left out: of them only failures are kept (`history` in .sprag.yaml)"
        ));
    }
}
