//! JUnit in any dialect and any damage.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    sprag_fuzz::check(bytes);
    sprag_fuzz::check_after(b"<testsuite name='s'>", bytes);
});
