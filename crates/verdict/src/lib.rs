//! A run and a baseline to a verdict for every failure.
//!
//! [`Baseline`] is what history says, observed run by run; [`judge()`] turns a run and a baseline into the one value that every
//! report is rendered from; [`backtest()`] replays a history to say what the verdicts would have been worth. The model, its
//! constants and its measured figures are explained in `docs/verdicts.md`.
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a core crate does no I/O: see ARCHITECTURE.md, invariant 1"
)]

mod baseline;

pub use baseline::{
    Baseline, CHANCES, Chance, Decayed, Durations, Entry, HALF_LIFE_DAYS, Job, KEEP_DAYS,
    KindCount, Learnt, PastFailure, RUNS_KEPT_PER_JOB, Recent, RunRef, SignatureState, Streak,
    Suite, TestTexts, TextCount, Transition, Trouble, Weeks, suite_number,
};
mod backtest;
mod config;
mod elsewhere;
mod judge;
mod odds;
pub use backtest::{Backtest, Bin, CurvePoint, Figures, Options, WithReruns, backtest};
pub use config::{Config, ConfigFault};
pub use elsewhere::OtherPrs;
pub use judge::{Facts, judge};
