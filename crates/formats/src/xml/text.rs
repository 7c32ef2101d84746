//! From raw bytes of XML to text: entities, illegal characters, wrong encodings.

use encoding_rs::WINDOWS_1252;

use super::Out;

/// What was odd about a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oddities {
    /// It was not UTF-8 and was read as Windows-1252.
    pub(crate) encoding: bool,
    /// It held control characters, raw or as references.
    pub(crate) control: bool,
    /// It held an entity that is not one of XML's five.
    pub(crate) entity: bool,
}

impl Oddities {
    /// Says what was odd.
    #[inline]
    pub(crate) fn tell(self, at: u64, out: &mut Out<'_>) {
        if self != Self::default() {
            self.tell_any(at, out);
        }
    }

    #[cold]
    fn tell_any(self, at: u64, out: &mut Out<'_>) {
        if self.encoding {
            out.problem(at, "text is not UTF-8", "read as Windows-1252");
        }
        if self.control {
            out.problem(at, "text holds control characters", "they are left out");
        }
        if self.entity {
            out.problem(
                at,
                "an entity is not one of XML's own",
                "left as written, never expanded",
            );
        }
    }
}

/// Whether a byte needs more than copying.
fn special(byte: u8) -> bool {
    byte < 0x20 || byte == b'&' || byte >= 0x7F
}

/// Replaces `out` by the text of an attribute value: entities resolved, line breaks made blanks.
pub(crate) fn attribute(raw: &[u8], out: &mut String) -> Oddities {
    out.clear();
    let plain = !raw.iter().fold(false, |any, byte| any | special(*byte));
    if let (true, Ok(text)) = (plain, std::str::from_utf8(raw)) {
        out.push_str(text);
        return Oddities::default();
    }
    let blanked = raw
        .iter()
        .map(|b| if b.is_ascii_whitespace() { b' ' } else { *b });
    let blanked: Vec<u8> = blanked.collect();
    decode(&blanked, true, out)
}

/// Appends the text of an element to `out`; CDATA has no entities.
pub(crate) fn element(raw: &[u8], cdata: bool, out: &mut String) -> Oddities {
    decode(raw, !cdata, out)
}

fn decode(raw: &[u8], entities: bool, out: &mut String) -> Oddities {
    let mut odd = Oddities::default();
    let text = if let Ok(text) = std::str::from_utf8(raw) {
        std::borrow::Cow::Borrowed(text)
    } else {
        odd.encoding = true;
        WINDOWS_1252.decode_without_bom_handling(raw).0
    };
    if entities && text.contains('&') {
        let mut resolved = String::with_capacity(text.len());
        odd.entity = unescape(&text, &mut resolved);
        odd.control = push_clean(&resolved, out);
    } else {
        odd.control = push_clean(&text, out);
    }
    odd
}

/// Whether a byte may belong to an illegal character: a control character, or the start of U+FFFE and its like.
fn may_be_illegal(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7F || byte == 0xEF
}

/// Appends without control characters and terminal colours; whether there were any.
fn push_clean(text: &str, out: &mut String) -> bool {
    // All bytes rather than the first: without a way out the loop runs many bytes at a time.
    let suspicious = text
        .bytes()
        .fold(0, |any, byte| any | u8::from(may_be_illegal(byte)));
    if suspicious == 0 {
        out.push_str(text);
        return false;
    }
    let illegal = |c: char| matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\x7F' | '\u{FFFE}' | '\u{FFFF}');
    if !text.contains(illegal) {
        out.push_str(text);
        return false;
    }
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\x1B' && rest.as_str().starts_with('[') {
            skip_colour(&mut rest);
        } else if !illegal(c) {
            out.push(c);
        }
    }
    true
}

/// Skips the rest of a control sequence: `[`, parameters, one final letter.
fn skip_colour(rest: &mut std::str::Chars<'_>) {
    let sequence = rest.as_str();
    let inner = sequence.trim_start_matches('[');
    let end = inner.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ';' | '?'));
    let mut after = end.chars();
    if after.next().is_some_and(|c| c.is_ascii_alphabetic()) {
        *rest = after;
    }
}

/// The longest name of an entity that is looked for.
const ENTITY: usize = 17;

/// Appends with entities resolved; whether one was unknown.
fn unescape(text: &str, out: &mut String) -> bool {
    let mut unknown = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(ENTITY).position(|byte| byte == b';');
        let known = end.and_then(|end| {
            let (name, after) = after.split_at_checked(end)?;
            Some((entity(name)?, after.get(1..)?))
        });
        if let Some((c, after)) = known {
            out.push(c);
            rest = after;
        } else {
            out.push('&');
            unknown = true;
            rest = after;
        }
    }
    out.push_str(rest);
    unknown
}

/// The character of an entity; control characters come out as they are and are cleaned later.
fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            Some(char::from_u32(code).unwrap_or('\u{FFFD}'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Oddities, attribute, element};

    fn read(raw: &[u8]) -> (String, Oddities) {
        let mut out = String::new();
        let odd = attribute(raw, &mut out);
        (out, odd)
    }

    #[test]
    fn entities_are_resolved_once() {
        assert_eq!(
            read(b"a &lt;b&gt; &amp;lt; &#233;&#x41;").0,
            "a <b> &lt; éA"
        );
    }

    #[test]
    fn a_text_of_nothing_but_ampersands_is_read_in_linear_time() {
        assert_eq!(read(&vec![b'&'; 2_000_000]).0.len(), 2_000_000);
    }

    #[test]
    fn unknown_entities_stay_as_written() {
        let (text, odd) = read(b"&lol; & &nbsp");
        assert_eq!(text, "&lol; & &nbsp");
        assert!(odd.entity);
    }

    #[test]
    fn text_that_is_no_utf8_is_read_as_windows_1252() {
        let (text, odd) = read(b"caf\xE9 \x80");
        assert_eq!(text, "café €");
        assert!(odd.encoding);
    }

    #[test]
    fn colours_and_control_characters_are_left_out() {
        let (text, odd) = read(b"\x1B[31;1mred\x1B[0m\0 &#27;[2K&#0;x\x1B");
        assert_eq!(text, "red x");
        assert!(odd.control);
    }

    #[test]
    fn line_breaks_in_attributes_are_blanks_and_in_text_stay() {
        assert_eq!(read(b"a\nb&#10;c").0, "a b\nc");
        let mut text = String::new();
        element(b"a\n&lt;", true, &mut text);
        assert_eq!(text, "a\n&lt;");
    }
}
