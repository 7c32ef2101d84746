//! NUnit, xUnit.net and TRX: the first byte chooses the root.
#![no_main]

use libfuzzer_sys::fuzz_target;

const ROOTS: [&[u8]; 4] = [
    b"<test-run>",
    b"<test-results>",
    b"<assemblies>",
    b"<TestRun>",
];

fuzz_target!(|bytes: &[u8]| {
    sprag_fuzz::check(bytes);
    if let Some((first, rest)) = bytes.split_first() {
        sprag_fuzz::check_after(ROOTS[usize::from(*first) % ROOTS.len()], rest);
    }
});
