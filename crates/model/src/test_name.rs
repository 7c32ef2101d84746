//! Who a test is: its names, and the 64-bit id that stands for them in history.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The names of a test within one job: suite, class (where the format has one) and name.
///
/// The job is not part of it: the same test in two jobs has the same names, so that evidence can be pooled over jobs.
/// Names are already stable when they stand here: `formats` masks time stamps, temporary paths, process ids and the like.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestName {
    /// The suite, file, package or binary that holds the test; empty when the format names none.
    pub suite: String,
    /// The class or group inside the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The name of the case, with its parameters.
    pub name: String,
}

impl TestName {
    /// A test name from its parts.
    pub fn new(suite: &str, class: Option<&str>, name: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            class: class.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// The id that stands for this name in history.
    pub fn id(&self) -> TestId {
        TestId::of(&self.suite, self.class.as_deref(), &self.name)
    }
}

impl fmt::Display for TestName {
    /// `class › name` where there is a class, else `suite › name`, else the name alone; a part that repeats is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.class.as_deref().unwrap_or(&self.suite);
        if scope.is_empty() || self.name.starts_with(scope) {
            f.write_str(&self.name)
        } else {
            write!(f, "{scope} › {}", self.name)
        }
    }
}

/// The 64-bit id of a test within a job: XXH3-64 (seed 0) over `suite`, 0x1F, `class` (or 0x1E when there is none), 0x1F,
/// `name`, all UTF-8, kept as a signed integer because every reader of Parquet has one.
///
/// Fixed for ever: recorded history is keyed by it. At 50,000 tests the chance of one collision is 7e-11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(transparent)]
pub struct TestId(#[serde(with = "crate::hex")] pub i64);

impl TestId {
    /// The id of a test from borrowed names.
    pub fn of(suite: &str, class: Option<&str>, name: &str) -> Self {
        let mut hash = Xxh3::new();
        hash.update(suite.as_bytes());
        hash.update(&[0x1F]);
        match class {
            Some(class) => hash.update(class.as_bytes()),
            None => hash.update(&[0x1E]),
        }
        hash.update(&[0x1F]);
        hash.update(name.as_bytes());
        Self(hash.digest().cast_signed())
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{TestId, TestName};

    #[test]
    fn ids_are_fixed_for_ever() {
        assert_eq!(
            TestId::of("s", Some("c"), "n").to_string(),
            "37a0fd03feeb9afe"
        );
        assert_eq!(TestId::of("s", None, "n").to_string(), "9dc3cc8ade9c569c");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(TestId::of("ab", None, "c"), TestId::of("a", None, "bc"));
        assert_ne!(TestId::of("a", Some(""), "c"), TestId::of("a", None, "c"));
    }

    #[test]
    fn display_leaves_out_a_scope_that_the_name_repeats() {
        let shown = |suite, class, name| TestName::new(suite, class, name).to_string();
        assert_eq!(shown("s", Some("a.B"), "c"), "a.B › c");
        assert_eq!(shown("s", None, "c"), "s › c");
        assert_eq!(shown("s", Some("a.B"), "a.B.c"), "a.B.c");
        assert_eq!(shown("", None, "c"), "c");
    }
}
