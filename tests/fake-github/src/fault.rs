//! Faults as data: which requests go wrong, when, and how.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reply::{Content, Reply};

/// Something that goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// `METHOD PATH` with `*` for anything, slashes too: `POST */comments`. Without a prefix such as `/api/v3` and without the query.
    pub on: String,
    /// Which of the matching requests.
    #[serde(default)]
    pub when: When,
    /// What happens to them.
    pub what: What,
}

/// Which of the requests that a fault matches it touches. Requests are counted from 1, for each fault by itself.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Each of them.
    #[default]
    Every,
    /// Only this one.
    Nth(u64),
    /// The first so many.
    First(u64),
    /// Some of them, the same ones for the same seed.
    Chance {
        /// From 0 to 1.
        probability: f64,
        /// Where the dice start.
        seed: u64,
    },
}

/// What happens to a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// This answer instead of handling it.
    Status {
        /// An HTTP status.
        status: u16,
        /// Seconds in the header `retry-after`.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 403 of the secondary rate limit.
    SecondaryLimit {
        /// Seconds in the header `retry-after`; GitHub does not always send it.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 403 with `x-ratelimit-remaining: 0`.
    PrimaryLimit {
        /// Seconds until `x-ratelimit-reset`.
        reset_in: i64,
    },
    /// The connection ends without an answer and nothing was done.
    Reset,
    /// It is done, and the connection ends without an answer.
    ResetAfterHandling,
    /// The answer comes so many milliseconds later.
    Slow(u64),
    /// Half of the body, then the connection ends.
    Truncated,
    /// It is done twice, as when a proxy repeats it.
    DuplicateDelivery,
    /// Sabotage: the answer lacks what this JSON pointer names.
    Drop(String),
    /// Sabotage: the answer has another value where the JSON pointer points.
    Set(String, Value),
}

/// The faults with their counters.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    counted: Vec<(Fault, u64)>,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) faults: Vec<What>,
}

impl Faults {
    pub(crate) fn set(&mut self, faults: Vec<Fault>) {
        self.counted = faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    /// Counts the request and says what goes wrong with it.
    pub(crate) fn plan(&mut self, method: &str, path: &str) -> Plan {
        let line = format!("{method} {path}");
        let mut faults = Vec::new();
        for (fault, count) in &mut self.counted {
            if matches(fault.on.as_bytes(), line.as_bytes()) {
                *count += 1;
                if fault.when.holds(*count) {
                    faults.push(fault.what.clone());
                }
            }
        }
        Plan { faults }
    }
}

impl When {
    fn holds(self, count: u64) -> bool {
        match self {
            Self::Every => true,
            Self::Nth(nth) => count == nth,
            Self::First(first) => count <= first,
            Self::Chance { probability, seed } => dice(seed, count) < probability,
        }
    }
}

/// A number from 0 to 1 (`SplitMix64`), the same for the same seed and count.
fn dice(seed: u64, count: u64) -> f64 {
    let mut state = seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether `*` of the pattern can stand for parts of the text so that both are equal.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', after)), _) => {
            (0..=text.len()).any(|taken| matches(after, text.split_at(taken).1))
        }
        (Some((wanted, after)), Some((here, rest))) => wanted == here && matches(after, rest),
        (Some(_), None) => false,
    }
}

impl Plan {
    /// The answer that stands in for handling the request.
    pub(crate) fn instead(&self, now: i64) -> Option<Reply> {
        self.faults.iter().find_map(|fault| fault.instead(now))
    }

    pub(crate) fn has(&self, wanted: &What) -> bool {
        self.faults
            .iter()
            .any(|fault| std::mem::discriminant(fault) == std::mem::discriminant(wanted))
    }

    /// Milliseconds.
    pub(crate) fn slow(&self) -> u64 {
        let slow = |fault: &What| {
            if let What::Slow(millis) = fault {
                *millis
            } else {
                0
            }
        };
        self.faults.iter().map(slow).sum()
    }

    /// What the log says of it; empty when nothing goes wrong.
    pub(crate) fn names(&self) -> String {
        self.faults
            .iter()
            .map(What::name)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Spoils an answer after it was made and before it is checked.
    pub(crate) fn sabotage(&self, reply: &mut Reply) {
        let Content::Json(body) = &mut reply.content else {
            return;
        };
        for fault in &self.faults {
            fault.spoil(body);
        }
    }
}

impl What {
    fn instead(&self, now: i64) -> Option<Reply> {
        match self {
            Self::Status {
                status,
                retry_after,
            } => Some(later(Reply::error(*status, reason(*status)), *retry_after)),
            Self::SecondaryLimit { retry_after } => Some(later(secondary_limit(), *retry_after)),
            Self::PrimaryLimit { reset_in } => Some(primary_limit(now + reset_in)),
            Self::Reset
            | Self::ResetAfterHandling
            | Self::Slow(_)
            | Self::Truncated
            | Self::DuplicateDelivery
            | Self::Drop(_)
            | Self::Set(..) => None,
        }
    }

    fn spoil(&self, body: &mut Value) {
        match self {
            Self::Drop(pointer) => remove(body, pointer),
            Self::Set(pointer, value) => {
                if let Some(place) = body.pointer_mut(pointer) {
                    place.clone_from(value);
                }
            }
            Self::Status { .. }
            | Self::SecondaryLimit { .. }
            | Self::PrimaryLimit { .. }
            | Self::Reset
            | Self::ResetAfterHandling
            | Self::Slow(_)
            | Self::Truncated
            | Self::DuplicateDelivery => {}
        }
    }

    fn name(&self) -> String {
        let shown = serde_json::to_value(self).unwrap_or_default();
        let with_value = shown.as_object().and_then(|fields| fields.keys().next());
        with_value
            .map(String::as_str)
            .or(shown.as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

fn remove(body: &mut Value, pointer: &str) {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(Value::Object(fields)) = body.pointer_mut(parent) {
        fields.remove(field);
    }
}

fn later(reply: Reply, seconds: Option<u64>) -> Reply {
    match seconds {
        Some(seconds) => reply.header("retry-after", seconds.to_string()),
        None => reply,
    }
}

/// GitHub's body of the secondary rate limit.
pub(crate) fn secondary_limit() -> Reply {
    let text =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    Reply::error(403, text)
}

/// GitHub's body of the primary rate limit, used up until `reset` (seconds since 1970).
pub(crate) fn primary_limit(reset: i64) -> Reply {
    Reply::error(403, "API rate limit exceeded for installation.")
        .header("x-ratelimit-remaining", "0".to_owned())
        .header("x-ratelimit-reset", reset.to_string())
}

fn reason(status: u16) -> &'static str {
    match status {
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        422 => "Validation Failed",
        429 => "Too Many Requests",
        502 => "Server Error",
        503 => "Service Unavailable",
        504 => "We couldn't respond to your request in time.",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let holds =
            |pattern: &str| matches(pattern.as_bytes(), b"POST /repos/a/b/issues/1/comments");
        assert!(holds("POST */comments") && holds("*") && holds("* /repos/a/b/*"));
        assert!(!holds("GET *") && !holds("POST */labels") && !holds(""));
    }

    #[test]
    fn requests_are_counted_for_each_fault() {
        let mut faults = Faults::default();
        let text = r#"[{"on": "POST *", "when": {"nth": 2}, "what": "reset"}, {"on": "*", "what": {"status": {"status": 502}}}]"#;
        faults.set(serde_json::from_str(text).unwrap());
        let mut names = |method: &str| faults.plan(method, "/x").names();
        assert_eq!(
            [names("POST"), names("GET"), names("POST")],
            ["status", "status", "reset, status"]
        );
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let hits = |seed: u64| {
            (1..=1000)
                .filter(|count| {
                    When::Chance {
                        probability: 0.3,
                        seed,
                    }
                    .holds(*count)
                })
                .collect::<Vec<u64>>()
        };
        assert_eq!(hits(1), hits(1));
        assert_ne!(hits(1), hits(2));
        assert!((200..400).contains(&hits(1).len()), "{}", hits(1).len());
    }
}
