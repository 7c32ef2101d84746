//! Numbers only: beta-binomial probabilities, empirical Bayes, decay, change points, sequential tests, calibration.
//!
//! Every function names the source of its formula. Nothing here knows what a test is.
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a core crate does no I/O: see ARCHITECTURE.md, invariant 1"
)]

mod beta;
mod calibration;
mod change_point;
mod duration;
mod text;

pub use beta::{BetaPrior, BetaSample, decay_factor};
pub use calibration::{Calibration, CalibrationBin};
pub use change_point::{BROKEN_RATE, CHANGE_GAIN, Segment, Stretch, segments};
pub use duration::LogDuration;
pub use text::near;
