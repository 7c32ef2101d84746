//! 64-bit hashes where people read them: sixteen hex digits, because many readers of JSON keep numbers as floats and round
//! the last digits off. A number in binary formats.

use serde::{Deserialize as _, Deserializer, Serializer};

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
pub(crate) fn serialize<S: Serializer>(hash: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return serializer.serialize_i64(*hash);
    }
    serializer.collect_str(&format_args!("{hash:016x}"))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    if !deserializer.is_human_readable() {
        return i64::deserialize(deserializer);
    }
    let text = String::deserialize(deserializer)?;
    match u64::from_str_radix(&text, 16) {
        Ok(hash) if text.len() == 16 => Ok(hash.cast_signed()),
        _ => Err(serde::de::Error::custom("a hash has sixteen hex digits")),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Signature, TestId};

    #[test]
    fn a_hash_survives_json_whole() {
        for hash in [0, -1, i64::MIN, i64::MAX, 0x37a0_fd03_feeb_9afe] {
            let text = serde_json::to_string(&(TestId(hash), Signature(hash))).unwrap();
            let back: (TestId, Signature) = serde_json::from_str(&text).unwrap();
            assert_eq!(back, (TestId(hash), Signature(hash)), "{text}");
        }
        assert_eq!(
            serde_json::to_string(&TestId(-2)).unwrap(),
            "\"fffffffffffffffe\""
        );
        assert!(serde_json::from_str::<TestId>("\"12\"").is_err());
    }
}
