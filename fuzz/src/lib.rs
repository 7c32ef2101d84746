//! What every target checks: reading ends, does not panic, keeps its promises about counts, problems and kept text, and says
//! the same when it reads the same bytes again.

use std::io::Cursor;

use formats::{Collector, Limits, Tally};

/// Limits small enough for the fuzzer to reach.
fn limits() -> Limits {
    Limits {
        name_bytes: 200,
        message_bytes: 300,
        stack_bytes: 400,
        depth: 20,
        problems: 20,
        archive_bytes: 1 << 20,
        ..Limits::default()
    }
}

/// Reads one input in both ways and checks what must hold for any bytes.
pub fn check(bytes: &[u8]) {
    let limits = limits();
    let mut tally = Tally::default();
    formats::read("input", &mut Cursor::new(bytes), &limits, &mut tally);
    for file in tally.files() {
        let c = &file.counted;
        assert_eq!(c.tests, c.passed + c.failed + c.errors + c.skipped);
        assert!(c.flaked <= c.tests);
        assert!(c.seconds >= 0.0);
        assert!(file.problems.len() <= limits.problems + 2);
    }
    let mut collector = Collector::default();
    formats::read("input", &mut Cursor::new(bytes), &limits, &mut collector);
    let (run, problems) = collector.finish();
    assert!(run.results.len() as u64 <= tally.total().tests + problems.len() as u64);
    for result in &run.results {
        assert!(!result.attempts.is_empty());
        assert!(result.test.name.len() <= limits.name_bytes);
        if let Some(failure) = result.failure() {
            assert!(failure.message.len() <= limits.message_bytes);
            assert!(failure.stack.len() <= limits.stack_bytes);
        }
    }
    let mut again = Tally::default();
    formats::read("input", &mut Cursor::new(bytes), &limits, &mut again);
    assert_eq!(tally.files(), again.files());
}

/// Puts `start` before the input unless it is there, so that the fuzzer stays in the format of its target.
pub fn check_after(start: &[u8], bytes: &[u8]) {
    if bytes.starts_with(start) {
        return check(bytes);
    }
    check(&[start, bytes].concat());
}
