//! Hashes as text.

use ring::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&digest(&SHA256, bytes))
}

/// The hash that git gives to these bytes as a file.
pub(crate) fn blob_sha(bytes: &[u8]) -> String {
    let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(format!("blob {}\0", bytes.len()).as_bytes());
    hash.update(bytes);
    hex(&hash.finish())
}

fn hex(digest: &Digest) -> String {
    let digits = digest.as_ref().iter().flat_map(|b| [b >> 4, b & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{blob_sha, sha256};

    #[test]
    fn a_hash_of_a_file_is_the_one_of_git() {
        // `printf hello | git hash-object --stdin`
        assert_eq!(
            blob_sha(b"hello"),
            "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
        );
        assert_eq!(blob_sha(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    #[test]
    fn a_hash_has_all_its_digits() {
        assert_eq!(sha256(b"x").len(), 64);
        assert!(sha256(b"").starts_with("e3b0c442"));
    }
}
