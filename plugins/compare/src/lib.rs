//! `sprag-compare`: record runs, compare a run with history, publish the verdicts.
//!
//! One file a verb; each parses nothing and decides nothing itself: it fetches facts through `host` and `history`, hands
//! them to a core crate, and prints what comes back.

mod action;
mod backfill;
mod backtest;
mod check;
mod cli;
mod context;
mod error;
mod history_verbs;
mod identify;
mod inspect;
mod load;
mod record;
mod remote;
mod resolve;
mod scope;
mod settings;

use std::ffi::OsString;

use clap::Parser as _;
use host::Exit;

use crate::cli::{Cli, Verb};
use crate::context::Context;
use crate::error::Error;

/// Runs `sprag-compare` with the arguments of a process and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let context = Context::of_process();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(refusal) => return refuse(&refusal),
    };
    dispatch(cli.verb, &context).unwrap_or_else(|error| {
        context.console.note(&format!("sprag-compare: {error}"));
        error.exit()
    })
}

/// Prints clap's answer: help and version are no refusals.
fn refuse(refusal: &clap::Error) -> Exit {
    let _unheard = refusal.print();
    if refusal.use_stderr() {
        Exit::Usage
    } else {
        Exit::Clear
    }
}

fn dispatch(verb: Verb, context: &Context) -> Result<Exit, Error> {
    match verb {
        Verb::Inspect(arguments) => inspect::run(&arguments, context),
        Verb::Record(arguments) => record::run(&arguments, context),
        Verb::Check(arguments) => check::run(&arguments, context),
        Verb::Backtest(arguments) => backtest::run(&arguments, context),
        Verb::History(verb) => history_verbs::run(&verb, context),
        Verb::Backfill(arguments) => backfill::run(&arguments, context),
        Verb::Action(inputs) => action::run(&inputs, context),
    }
}
