//! A source file and a line in one word: `a/b_test.go:12`, `a.js:3:14`, `A.java:7:`.

use super::Frame;

/// What source files end in: a host name with a port is no place.
const EXTENSIONS: [&str; 46] = [
    "py", "pyx", "js", "ts", "jsx", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte", "java",
    "kt", "kts", "scala", "groovy", "go", "rs", "rb", "php", "cs", "fs", "vb", "c", "cc", "cpp",
    "cxx", "h", "hpp", "hh", "m", "mm", "swift", "ex", "exs", "erl", "clj", "lua", "pl", "t",
    "dart", "feature", "robot", "sh", "bats",
];

/// Whether a name ends as source files do.
pub(super) fn is_source(file: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(stem, extension)| !stem.is_empty() && EXTENSIONS.contains(&extension))
}

/// Whether a name ends so.
pub(super) fn has_extension(file: &str, extension: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, own)| own == extension)
}

/// The place that a word names.
pub(super) fn exact(word: &str) -> Option<Frame<'_>> {
    let word = local(word);
    let colon = word.match_indices(':').map(|(at, _)| at).find(|at| {
        let rest = word.get(at + 1..).unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_digit())
    })?;
    let (file, rest) = word.split_at_checked(colon)?;
    let file = file.split_once('?').map_or(file, |(file, _)| file);
    let line = leading_number(rest.get(1..)?).filter(|line| *line > 0)?;
    is_source(file).then_some(Frame {
        file,
        line,
        symbol: "",
    })
}

/// The path of an address that a test runner or a bundler gives to a file.
fn local(word: &str) -> &str {
    if let Some(path) = word.strip_prefix("file://") {
        return path;
    }
    let served = ["webpack-internal://", "webpack://", "https://", "http://"];
    let Some(rest) = served.iter().find_map(|scheme| word.strip_prefix(scheme)) else {
        return word;
    };
    match rest.find("/./") {
        Some(at) => rest.get(at + 1..).unwrap_or(rest),
        None => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(rest),
    }
}

/// The number that a text starts with.
pub(super) fn leading_number(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}
