//! The names of entries: how they are shown, which are refused, which are surely meant to be results.

/// The longest name of an entry.
const NAME_BYTES: usize = 4096;

/// Why an entry of this name is refused; `None` when it is not.
///
/// Nothing is written, so that no name can do harm; but an archive with such names was made to.
/// A backslash is taken for the separator that old tools on Windows write.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    let mut parts = name.split(['/', '\\']);
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.len() > NAME_BYTES {
        Some("is too long")
    } else if name.contains('\0') {
        Some("has a zero byte")
    } else if name.starts_with(['/', '\\']) || drive {
        Some("is absolute")
    } else if parts.any(|part| part == "..") {
        Some("leads out of the archive")
    } else {
        None
    }
}

/// `artifact.zip!inner.xml`, with control characters replaced and cut to a length that can be shown.
pub(super) fn shown(archive: &str, name: &str) -> String {
    let name = name
        .get(..name.floor_char_boundary(NAME_BYTES))
        .unwrap_or_default();
    let plain = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let name: String = name.chars().map(plain).collect();
    format!("{archive}!{name}")
}

/// Whether a file of unknown content says by its name that results were meant to be in it: an empty or cut file of
/// results is worth a word, a log is not.
pub(super) fn is_result(name: &str, head: &[u8]) -> bool {
    let file = name.rsplit(['/', '\\', '!']).next().unwrap_or(name);
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let known = ["xml", "trx", "tap"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    known && head.trim_ascii().is_empty()
}

#[cfg(test)]
mod tests {
    use super::{refused, shown};

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "../a.xml",
            "a/../../b",
            "..\\a",
            "/etc/a",
            "\\\\host\\a",
            "C:\\a",
            "c:a",
            "a\0.xml",
        ] {
            assert!(refused(name).is_some(), "{name}");
        }
        for name in ["a.xml", "a/b..c/d.xml", "a\\b.xml", "...", "a:b.xml/x"] {
            assert_eq!(refused(name).is_some(), name == "a:b.xml/x", "{name}");
        }
        assert!(refused(&"a".repeat(5000)).is_some());
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(shown("a.zip", "b\u{1B}[2J.xml"), "a.zip!b\u{FFFD}[2J.xml");
    }
}
