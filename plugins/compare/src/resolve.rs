//! Finds a test again whose names were cut differently: history that was imported with one long name, a suite that was renamed.

use std::collections::{BTreeMap, BTreeSet};

use model::{TestId, TestName, TestRun};

/// Gives tests that history does not know the names of the one test it knows that reads the same, whatever part of it was
/// called suite, class or name. Tests that history knows, and those that could be several, stay as they are.
pub(crate) fn resolve(run: &mut TestRun, known: &BTreeMap<TestId, TestName>) -> usize {
    let taken: BTreeSet<TestId> = run.results.iter().map(|result| result.test.id()).collect();
    if taken.iter().all(|id| known.contains_key(id)) {
        return 0;
    }
    let unknown = run.results.iter().map(|result| &result.test);
    let unknown = unknown.filter(|test| !known.contains_key(&test.id()));
    let words: BTreeSet<String> = unknown.map(|test| last_word(test).to_owned()).collect();
    let by_reading = index(known, |id, name| {
        !taken.contains(&id) && words.contains(last_word(name))
    });
    let mut renamed = 0;
    for result in &mut run.results {
        if known.contains_key(&result.test.id()) {
            continue;
        }
        if let Some(name) = find(&result.test, &by_reading) {
            result.test = name.clone();
            renamed += 1;
        }
    }
    renamed
}

/// What stands after the last separator: the same in every way to read a test.
fn last_word(test: &TestName) -> &str {
    let separators = ['.', ':', ' ', '/', '#', '\\'];
    test.name.rsplit(separators).next().unwrap_or_default()
}

/// The tests of history that `may` be meant, by each way to read them; `None` where two read the same.
fn index(
    known: &BTreeMap<TestId, TestName>,
    may: impl Fn(TestId, &TestName) -> bool,
) -> BTreeMap<String, Option<&TestName>> {
    let mut index: BTreeMap<String, Option<&TestName>> = BTreeMap::new();
    for (id, name) in known {
        if !may(*id, name) {
            continue;
        }
        for reading in readings(name) {
            index
                .entry(reading)
                .and_modify(|found| *found = None)
                .or_insert(Some(name));
        }
    }
    index
}

fn find<'a>(
    test: &TestName,
    index: &BTreeMap<String, Option<&'a TestName>>,
) -> Option<&'a TestName> {
    readings(test)
        .iter()
        .find_map(|reading| index.get(reading).copied().flatten())
}

/// The ways to read a test as one name, the most telling first. A bare name counts only where it is all there is.
fn readings(test: &TestName) -> Vec<String> {
    let class = test.class.as_deref().unwrap_or_default();
    let scopes: &[&[&str]] = match (test.suite.is_empty(), class.is_empty()) {
        (true, true) => &[&[]],
        (true, false) => &[&[class]],
        (false, true) => &[&[&test.suite]],
        (false, false) => &[&[&test.suite, class], &[class]],
    };
    scopes
        .iter()
        .map(|scope| joined(scope, &test.name))
        .collect()
}

fn joined(scope: &[&str], name: &str) -> String {
    let parts: Vec<&str> = scope.iter().copied().chain([name]).collect();
    let mut text = parts.join(".");
    for separator in ["::", " › ", " > ", "/", "#", "\\"] {
        text = text.replace(separator, ".");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{Attempt, Outcome, TestName, TestResult, TestRun};

    use super::resolve;

    fn run(tests: &[TestName]) -> TestRun {
        let result = |test: &TestName| TestResult {
            test: test.clone(),
            attempts: vec![Attempt::of(Outcome::Pass)],
        };
        TestRun {
            results: tests.iter().map(result).collect(),
            started_at: None,
        }
    }

    fn resolved(known: &[TestName], test: &TestName) -> TestName {
        let known: BTreeMap<_, _> = known.iter().map(|name| (name.id(), name.clone())).collect();
        let mut run = run(std::slice::from_ref(test));
        resolve(&mut run, &known);
        run.results[0].test.clone()
    }

    #[test]
    fn a_test_imported_under_one_long_name_is_found() {
        let imported = TestName::new("", None, "pkg.tests.test_a.test_x[1]");
        let ran = TestName::new("pytest", Some("pkg.tests.test_a"), "test_x[1]");
        assert_eq!(resolved(std::slice::from_ref(&imported), &ran), imported);
    }

    #[test]
    fn a_renamed_suite_keeps_its_tests() {
        let before = TestName::new("unit (old)", Some("a.B"), "c");
        let after = TestName::new("unit", Some("a.B"), "c");
        assert_eq!(resolved(std::slice::from_ref(&before), &after), before);
    }

    #[test]
    fn what_could_be_two_tests_is_left_alone() {
        let two = [
            TestName::new("x", Some("a.B"), "c"),
            TestName::new("y", Some("a.B"), "c"),
        ];
        let ran = TestName::new("z", Some("a.B"), "c");
        assert_eq!(resolved(&two, &ran), ran);
    }

    #[test]
    fn a_bare_name_is_not_enough_to_join_two_scopes() {
        let known = TestName::new("s", Some("a.B"), "works");
        let ran = TestName::new("t", Some("x.Y"), "works");
        assert_eq!(resolved(&[known], &ran), ran);
    }

    #[test]
    fn a_known_test_is_never_renamed() {
        let known = TestName::new("s", Some("a.B"), "c");
        assert_eq!(resolved(std::slice::from_ref(&known), &known), known);
    }
}
