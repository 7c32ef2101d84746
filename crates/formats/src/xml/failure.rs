//! The failure elements that the .NET formats share: `message`, `stack-trace`, `reason`.

use model::Failure;

use crate::place::place;

use super::text::{attribute, element};
use super::{Attrs, Out};

/// Which part of a failure the text belongs to that is read now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// None: the text is not kept.
    #[default]
    Nothing,
    /// The message, or the reason of a skip.
    Message,
    /// The stack trace.
    Stack,
}

/// Collects the parts of one failure.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The part that is read now.
    pub(crate) part: Part,
    /// The type of the failure.
    pub(crate) kind: String,
    /// The message so far.
    pub(crate) message: String,
    stack: String,
}

impl Parts {
    /// Appends text to the part that is read, within its limit.
    pub(crate) fn push(&mut self, raw: &[u8], cdata: bool, at: u64, out: &mut Out<'_>) {
        let (text, limit) = match self.part {
            Part::Nothing => return,
            Part::Message => (&mut self.message, out.limits.message_bytes),
            Part::Stack => (&mut self.stack, out.limits.stack_bytes),
        };
        let room = limit.saturating_sub(text.len());
        if room > 0 {
            let raw = raw.get(..4 * room).unwrap_or(raw);
            element(raw, cdata, text).tell(at, out);
        }
    }

    /// What was collected; `None` when there was no text. Starts anew.
    pub(crate) fn take(&mut self) -> Option<Failure> {
        let parts = std::mem::take(self);
        let message = parts.message.trim();
        let stack = parts.stack.trim();
        if message.is_empty() && stack.is_empty() && parts.kind.is_empty() {
            return None;
        }
        let found = place(stack);
        let first = stack.lines().next().unwrap_or_default();
        Some(Failure {
            kind: Some(parts.kind).filter(|kind| !kind.is_empty()),
            message: if message.is_empty() { first } else { message }.to_owned(),
            stack: stack.to_owned(),
            file: found.map(|(file, _)| file.to_owned()),
            line: found.map(|(_, line)| line),
        })
    }
}

/// The text of an attribute; empty when there is none.
pub(crate) fn value(attrs: Attrs<'_>, name: &[u8], at: u64, out: &mut Out<'_>) -> String {
    let mut text = String::new();
    if let Some(raw) = attrs.get(name) {
        attribute(raw, &mut text).tell(at, out);
    }
    text
}

/// The seconds of an attribute; what is no duration is a problem.
pub(crate) fn seconds(attrs: Attrs<'_>, name: &[u8], at: u64, out: &mut Out<'_>) -> Option<f64> {
    let text = String::from_utf8_lossy(attrs.get(name)?);
    super::number::seconds(&text).unwrap_or_else(|()| {
        let shown: String = text.chars().take(40).collect();
        let what = format!(
            "{} is no duration: `{shown}`",
            String::from_utf8_lossy(name)
        );
        out.problem(at, what, "taken as absent");
        None
    })
}
