//! Names that stay the same from run to run: what a machine, a moment or a shard put into suite and class names is masked.
//!
//! Test names are never masked: the parameters in them are what tells two tests apart.

use std::borrow::Cow;

use model::TestId;

mod path;
mod words;

/// The id of a test by its stable names.
pub(crate) fn test_id(suite: &str, class: Option<&str>, name: &str) -> TestId {
    if !may_vary(suite) && !class.is_some_and(may_vary) {
        return TestId::of(suite, class, name);
    }
    let suite = stable(suite);
    let class = class.map(stable);
    TestId::of(&suite, class.as_deref(), name)
}

/// A suite or class name without what varies between runs of the same test: the directories of absolute paths, temporary
/// directories, times, UUIDs, addresses, process ids, and the numbers of shards, workers, attempts and retries.
///
/// ```
/// assert_eq!(formats::stable("ut.T-20261120085502"), "ut.T-#");
/// assert_eq!(formats::stable("/home/ci/w/web/test/login.spec.ts"), "test/login.spec.ts");
/// assert_eq!(formats::stable("billing [shard 3/8]"), "billing [shard #]");
/// assert_eq!(formats::stable("v2.parser_utf8.Test16"), "v2.parser_utf8.Test16");
/// ```
pub fn stable(name: &str) -> Cow<'_, str> {
    if !may_vary(name) {
        return Cow::Borrowed(name);
    }
    let relative = path::relative(name);
    match words::mask(&relative) {
        Some(masked) => Cow::Owned(masked),
        None => relative,
    }
}

/// Whether anything in a name could need masking: a digit, or a path separator.
fn may_vary(name: &str) -> bool {
    name.bytes()
        .any(|b| b.is_ascii_digit() || matches!(b, b'/' | b'\\'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{stable, test_id};

    proptest! {
        #[test]
        fn masking_never_fails_and_never_makes_a_name_longer(
            name in r"(/tmp/|/home/ci/|C:\\|file://|pytest-of-|shard|gw|pid=|0x|@|[ /\\_.:-]|test|[a-f0-9]{1,20}|20[0-9]{2}-[0-9]{2}-[0-9]{2}|é| › ){0,12}"
        ) {
            prop_assert!(stable(&name).len() <= name.len());
        }
    }

    #[track_caller]
    fn same(a: &str, b: &str) {
        assert_eq!(stable(a), stable(b));
        assert_eq!(test_id(a, None, "t"), test_id(b, None, "t"));
    }

    #[track_caller]
    fn kept(name: &str) {
        assert_eq!(stable(name), name);
    }

    #[test]
    fn time_stamps_are_masked() {
        same("ut.T-20261120085502", "ut.T-20261121101500");
        same("run 2026-11-20T10:00:00Z", "run 2026-11-21T11:30:59Z");
        same("run 2026-11-20 10:00:00.123", "run 2026-01-02 03:04:05.6");
        same("e2e_1795132800", "e2e_1795132999");
        same("e2e-1795132800123", "e2e-1795132999456");
    }

    #[test]
    fn absolute_paths_lose_the_work_tree() {
        same(
            "/home/ci/web/src/a.test.js",
            "/Users/me/code/web/src/a.test.js",
        );
        same(
            "C:\\actions-runner\\_work\\p\\p\\tests\\A.Tests.dll",
            "D:\\a\\p\\p\\tests\\A.Tests.dll",
        );
        same(
            "file:///tmp/w1/test/x.mjs",
            "/var/jenkins/workspace/j@2/test/x.mjs",
        );
        assert_eq!(stable("/builds/a/spec/b/c_spec.rb"), "spec/b/c_spec.rb");
        assert_eq!(stable("/one/two/three/x.py"), "x.py");
    }

    #[test]
    fn temporary_directories_are_masked_inside_names() {
        same("build in /tmp/tmp8x2k1a/out", "build in /tmp/tmp93kdla/out");
        same("pytest-of-root/pytest-12/t0", "pytest-of-root/pytest-13/t0");
    }

    #[test]
    fn shards_workers_and_attempts_are_masked() {
        same("suite shard 3/8", "suite shard 12/16");
        same("suite[shard_1_of_4]", "suite[shard_2_of_4]");
        same("gw3 unit", "gw11 unit");
        same("worker-1: unit", "worker-7: unit");
        same("unit (attempt 2)", "unit (attempt 3)");
        same("unit retry=1", "unit retry=2");
    }

    #[test]
    fn process_ids_addresses_and_uuids_are_masked() {
        same("unit pid=411", "unit pid=9000");
        same("unit (PID: 411)", "unit (PID: 9000)");
        same("Fixture@1a2b3c4d", "Fixture@99ab0011");
        same("obj at 0x7f3a2b", "obj at 0x55de");
        same(
            "u-550e8400-e29b-41d4-a716-446655440000",
            "u-123e4567-e89b-12d3-a456-426614174000",
        );
    }

    #[test]
    fn numbers_that_belong_to_a_name_are_kept() {
        kept("v2.parser_utf8.Test16");
        kept("org.acme.Http2Test$Inner1");
        kept("github.com/acme/api/v3/pkg");
        kept("test/e2e/login.spec.ts");
        kept("/api/users/list");
        kept("GET /api/v1/users/{id}");
        kept("shard.Splits4Ways");
        kept("tests::port_8080");
        kept("Kubernetes e2e suite");
        kept("ISO8601Test");
        kept("sha256::digest_00ff");
        kept("com.acme.Issue20260101Test");
    }

    #[test]
    fn parameters_of_test_names_are_kept() {
        assert_ne!(test_id("s", None, "t[1]"), test_id("s", None, "t[2]"));
        assert_ne!(test_id("s", None, "/tmp/a"), test_id("s", None, "/tmp/b"));
    }

    #[test]
    fn masking_twice_is_masking_once() {
        for name in [
            "a-20261120085502",
            "/x/y/test/a.js",
            "gw3 pid=1",
            "shard 1/2",
        ] {
            assert_eq!(stable(&stable(name)), stable(name));
        }
    }
}
