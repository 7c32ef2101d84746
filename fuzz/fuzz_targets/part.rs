//! Parts of other jobs: whatever reads as one is shown and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(part) = report::read_part(bytes) {
        let parts = [part];
        let merged = report::merged(&parts, &report::Gaps::default());
        let page = report::comment(&merged, &report::MarkdownOptions::default());
        assert!(page.encode_utf16().count() <= 65_536);
        assert!(report::status(&merged).encode_utf16().count() <= 140);
    }
});
