//! The one clock.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// The present moment. A clock before 1970 counts as 1970.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let milliseconds = since.map_or(0, |elapsed| elapsed.as_millis());
    Timestamp(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}
