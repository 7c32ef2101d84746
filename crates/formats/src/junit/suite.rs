//! Names of suites: what tells two suites apart besides their names.

use std::borrow::Cow;

use crate::identity::stable;
use crate::xml::Attrs;
use crate::xml::text::attribute;

/// The suite of a case, with its file where neither suite nor class tells it: two tests of one name in two files stay two.
pub(super) fn suite_in_file<'a>(path: &'a str, class: &str, file: &str) -> Cow<'a, str> {
    if file.is_empty() {
        return Cow::Borrowed(path);
    }
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.split('.').next().unwrap_or(name);
    let joint = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'));
    if path
        .split(joint)
        .chain(class.split(joint))
        .any(|word| word == stem)
    {
        return Cow::Borrowed(path);
    }
    let file = stable(file);
    if path.is_empty() {
        return Cow::Owned(file.into_owned());
    }
    Cow::Owned(format!("{path} › {file}"))
}

/// Playwright: the project becomes a part of the suite's name.
pub(super) fn add_project(attrs: Attrs<'_>, name: &mut String) {
    let mut project = String::new();
    attribute(attrs.get(b"hostname").unwrap_or_default(), &mut project);
    if !project.is_empty() {
        name.push_str(" [");
        name.push_str(&project);
        name.push(']');
    }
}

/// Whether a suite is named by a script file, as Playwright names it.
pub(super) fn is_script(name: &str) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default();
    matches!(
        extension,
        "ts" | "js" | "tsx" | "jsx" | "mts" | "cts" | "mjs" | "cjs" | "feature"
    )
}
