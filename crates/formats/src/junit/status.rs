//! Attributes that say what a case did: `status`, `result` and their kin.

use model::Outcome;

/// The outcome that an attribute states; `None` when it says nothing beyond "ran".
pub(super) fn outcome(key: &[u8], raw: &[u8]) -> Option<Outcome> {
    let value = raw.trim_ascii().to_ascii_lowercase();
    match key {
        b"status" | b"result" => of_word(&value),
        _ => matches!(value.as_slice(), b"true" | b"1" | b"yes").then_some(Outcome::Skip),
    }
}

fn of_word(word: &[u8]) -> Option<Outcome> {
    match word {
        b"notrun" | b"disabled" | b"skipped" | b"skip" | b"suppressed" | b"pending"
        | b"ignored" | b"not_run" | b"untested" | b"undefined" => Some(Outcome::Skip),
        b"failed" | b"fail" | b"failure" => Some(Outcome::Fail),
        b"error" | b"errored" | b"timedout" | b"panicked" | b"interrupted" | b"aborted"
        | b"crashed" => Some(Outcome::Error),
        _ => None,
    }
}
