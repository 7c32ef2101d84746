//! Text as HTML text or attribute, and links.

use crate::text::{line, name, safe_url};

/// Escapes text for an element or a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A name or a path, visible and escaped.
pub(super) fn safe_name(text: &str) -> String {
    escaped(&name(text))
}

/// A sentence, visible and escaped.
pub(super) fn safe_sentence(text: &str) -> String {
    escaped(&line(text, 1000))
}

/// A link with escaped text; the text alone where the address is not one that can be trusted to be a web address.
pub(super) fn link(url: &str, text: &str) -> String {
    match safe_url(url) {
        Some(url) => format!(
            "<a href=\"{}\" rel=\"noopener noreferrer nofollow\">{}</a>",
            escaped(url),
            escaped(text)
        ),
        None => escaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{link, safe_name};

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            safe_name("<img src=x onerror='a' b=\"c\">&\u{202e}"),
            "&lt;img src=x onerror=&#39;a&#39; b=&quot;c&quot;&gt;&amp;&lt;U+202E&gt;"
        );
    }

    #[test]
    fn a_script_address_is_no_link() {
        assert_eq!(link("javascript:alert(1)", "<x>"), "&lt;x&gt;");
        assert_eq!(
            link("https://a.b/?c&d", "x"),
            "<a href=\"https://a.b/?c&amp;d\" rel=\"noopener noreferrer nofollow\">x</a>"
        );
    }
}
