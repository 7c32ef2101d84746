//! Moments in UTC, to the millisecond: the resolution of recorded history.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 where people read it, as a number in binary formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Timestamp(pub i64);

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampError {
    /// The text as given.
    pub text: String,
}

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not a time: `{}` (hint: write 2026-11-20T10:00:00Z)",
            self.text
        )
    }
}

impl std::error::Error for TimestampError {}

impl Timestamp {
    /// Reads RFC 3339, a date (`2026-11-20`, taken as its start in UTC), a civil time without offset (taken as UTC), or whole seconds since 1970.
    ///
    /// # Errors
    /// [`TimestampError`] when the text is none of these.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let text = text.trim();
        Self::parse_rfc3339(text)
            .or_else(|| Self::parse_civil(text))
            .or_else(|| Self::parse_epoch(text))
            .ok_or_else(|| TimestampError {
                text: text.chars().take(64).collect(),
            })
    }

    fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Self(moment.as_millisecond()))
    }

    fn parse_civil(text: &str) -> Option<Self> {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_millisecond()))
    }

    fn parse_epoch(text: &str) -> Option<Self> {
        let seconds: i64 = text.parse().ok()?;
        jiff::Timestamp::from_second(seconds).ok()?;
        Some(Self(seconds * 1000))
    }

    /// The day in UTC as `YYYY-MM-DD`.
    pub fn date(self) -> String {
        self.format("%Y-%m-%d")
    }

    /// The month in UTC as `YYYY-MM`.
    pub fn month(self) -> String {
        self.format("%Y-%m")
    }

    /// Whole days since 1970-01-01.
    pub fn day_number(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// This moment moved by whole or part days; negative moves back.
    #[must_use]
    pub fn plus_days(self, days: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float to int cast saturates"
        )]
        let shift = (days * DAY_MS as f64) as i64;
        Self(self.0.saturating_add(shift))
    }

    /// Days from `earlier` to this moment; negative when it is not earlier.
    pub fn days_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / DAY_MS as f64
    }

    fn format(self, pattern: &str) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => moment.strftime(pattern).to_string(),
            Err(_) => format!("{}ms", self.0),
        }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; milliseconds only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => moment.fmt(f),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn every_accepted_form_gives_the_same_moment() {
        let expected = Ok(Timestamp(1_795_132_800_000));
        assert_eq!(Timestamp::parse("2026-11-20"), expected);
        assert_eq!(Timestamp::parse("2026-11-20T00:00:00Z"), expected);
        assert_eq!(Timestamp::parse("2026-11-20T01:00:00+01:00"), expected);
        assert_eq!(Timestamp::parse("2026-11-20T00:00:00"), expected);
        assert_eq!(Timestamp::parse("1795132800"), expected);
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn it_is_shown_as_rfc3339() {
        assert_eq!(
            Timestamp(1_795_132_800_250).to_string(),
            "2026-11-20T00:00:00.25Z"
        );
        assert_eq!(Timestamp(1_795_132_800_000).date(), "2026-11-20");
    }
}
