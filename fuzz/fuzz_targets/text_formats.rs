//! The JSON and text formats, and subunit: the seeds say which.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sprag_fuzz::check(bytes));
