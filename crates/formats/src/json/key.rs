//! A key of an object.

/// The longest key that is told apart; no format has a longer one that matters.
const KEY_BYTES: usize = 48;

/// A key of an object, copied out so that the reader can go on.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; KEY_BYTES],
    len: usize,
}

impl Key {
    /// How many bytes of a key are told apart.
    pub(crate) const BYTES: usize = KEY_BYTES;

    /// Copies a key.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut key = Self {
            bytes: [0; Self::BYTES],
            len: text.len().min(Self::BYTES),
        };
        for (to, from) in key.bytes.iter_mut().zip(text) {
            *to = *from;
        }
        key
    }

    /// The key; empty when it is not UTF-8.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}
