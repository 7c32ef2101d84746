//! Names that stay the same from run to run.

use model::TestId;

/// The id of a test by its stable names.
pub(crate) fn test_id(suite: &str, class: Option<&str>, name: &str) -> TestId {
    TestId::of(suite, class, name)
}
