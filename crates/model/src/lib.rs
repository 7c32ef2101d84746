//! The vocabulary of Sprag: tests, outcomes, runs, failures, findings, problems.
//!
//! Every other crate speaks in these words (one word per idea, see `ARCHITECTURE.md`). Nothing here does I/O, reads a
//! clock or an environment; values go in and values come out.
//!
//! ```
//! use model::{Attempt, Outcome, TestName, TestResult};
//!
//! let result = TestResult {
//!     test: TestName::new("billing", Some("Invoice"), "adds_tax"),
//!     attempts: vec![Attempt::of(Outcome::Fail), Attempt::of(Outcome::Pass)],
//! };
//! assert_eq!(result.outcome(), Outcome::Pass);
//! assert!(result.flaked());
//! ```
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a core crate does no I/O: see ARCHITECTURE.md, invariant 1"
)]

mod effect;
mod failure;
mod finding;
mod hex;
mod outcome;
mod problem;
mod run;
mod signature;
mod test_name;
mod timestamp;
pub mod trace;

pub use effect::{Annotation, AnnotationLevel, CheckConclusion, Effect, StatusState};
pub use failure::Failure;
pub use finding::{
    Change, ChangeKind, Cluster, Conclusion, Counts, Evidence, Finding, GridCell, Level,
    LevelCounts, Likelihood, PastRun, Report, SCHEMA_VERSION, Subject, Totals, Verdict,
};
pub use outcome::Outcome;
pub use problem::{Place, Problem};
pub use run::{Attempt, RecordedRun, RecordedTest, RunInfo, RunKey, TestResult, TestRun};
pub use signature::{Signature, mask};
pub use test_name::{TestId, TestName};
pub use timestamp::{DAY_MS, Timestamp, TimestampError};
