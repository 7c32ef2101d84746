//! Recognises the JSON and text formats by their first bytes.

use crate::Format;

/// The format of a file that starts so; `None` when it is none of these.
///
/// `head` is decoded text (subunit: raw bytes) of up to 64 KiB and may be cut anywhere.
pub(crate) fn detect(head: &[u8]) -> Option<Format> {
    let _ = head;
    None
}

/// The format of a file whose raw bytes start so, looked at before any decoding: subunit v2.
pub(crate) fn detect_binary(raw: &[u8]) -> Option<Format> {
    match raw {
        [0xB3, flags, ..] if flags & 0xF0 == 0x20 => Some(Format::SubunitV2),
        _ => None,
    }
}
