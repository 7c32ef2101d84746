//! Black-box cases and architecture tests live in `tests/it`.
