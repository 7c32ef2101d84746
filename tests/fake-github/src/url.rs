//! Percent signs of addresses.

/// A part of a path or of a query, percent-decoded; what is no UTF-8 is replaced.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let ahead = rest.clone();
        let escaped = (byte == b'%').then(|| hex_pair(&mut rest)).flatten();
        if escaped.is_none() {
            rest = ahead;
        }
        bytes.push(escaped.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let digits = [bytes.next()?, bytes.next()?];
    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
}

/// Text as a part of a path or of a query.
pub(crate) fn escape(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if keep(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// A path with its slashes.
pub(crate) fn escape_path(path: &str) -> String {
    path.split('/').map(escape).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_that_are_no_escapes_stay() {
        assert_eq!(decode("a%2Fb%zz%"), "a/b%zz%");
    }

    #[test]
    fn a_path_keeps_its_slashes() {
        assert_eq!(escape_path("a b/c#d"), "a%20b/c%23d");
    }
}
