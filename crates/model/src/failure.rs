//! The text of one failure.

use serde::{Deserialize, Serialize};

use crate::Signature;

/// What a failed attempt said. Every field is bounded by the reader that filled it (`formats::Limits`).
///
/// All of it comes from the tests of a pull request: hostile until escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The type of the failure: an exception class, `AssertionError`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The message; the first lines of the text when the format gives no message.
    pub message: String,
    /// The head of the stack trace or failure text, where it says more than the message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stack: String,
    /// The source file that failed, as the format or the stack trace names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in `file`, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Failure {
    /// A failure that has nothing but a message.
    pub fn of(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// The text in one piece: type and message, where the message does not repeat the type; the stack where there is no message.
    pub fn text(&self) -> String {
        let text = if self.message.is_empty() {
            &self.stack
        } else {
            &self.message
        };
        match self.kind.as_deref() {
            Some(kind) if !kind.is_empty() && !text.starts_with(kind) => format!("{kind}: {text}"),
            _ => text.clone(),
        }
    }

    /// The signature of this text: of type and message, or of the stack's first line when both are empty.
    pub fn signature(&self) -> Signature {
        let kind = self.kind.as_deref().unwrap_or_default();
        if kind.is_empty() && self.message.is_empty() {
            return Signature::of(self.stack.lines().next().unwrap_or_default());
        }
        if kind.is_empty() || self.message.starts_with(kind) {
            return Signature::of(&self.message);
        }
        Signature::of(&format!("{kind}: {}", self.message))
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn the_type_counts_once_whether_or_not_the_message_repeats_it() {
        let split = Failure {
            kind: Some("ValueError".to_owned()),
            message: "bad port".to_owned(),
            ..Failure::default()
        };
        assert_eq!(
            split.signature(),
            Failure::of("ValueError: bad port").signature()
        );
    }

    #[test]
    fn a_bare_stack_still_has_a_signature_of_its_own() {
        let stack = |text: &str| Failure {
            stack: text.to_owned(),
            ..Failure::default()
        };
        assert_ne!(stack("a\nb").signature(), stack("c\nb").signature());
    }
}
