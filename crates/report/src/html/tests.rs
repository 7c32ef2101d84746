use sha2::{Digest as _, Sha256};

use super::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH, html};
use crate::fixture;

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let n = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for i in 0..4 {
            let digit = DIGITS[(n >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

#[test]
fn the_policy_names_the_hashes_of_style_and_script() {
    let hash = |text: &str| base64(&Sha256::digest(text.replace("\r\n", "\n")));
    assert_eq!(STYLE_HASH, hash(STYLE), "the hash of the style sheet");
    assert_eq!(SCRIPT_HASH, hash(SCRIPT), "the hash of the script");
}
