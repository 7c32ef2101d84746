//! `action.yml` and the tables of `docs/action.md`, made from [`Inputs`] and [`OUTPUTS`].
//!
//! `SPRAG_UPDATE=1 cargo test -p sprag-compare table` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, Args as _, Command};

use super::inputs::Inputs;
use super::outputs::OUTPUTS;

/// Defaults that only GitHub can fill in.
const EXPRESSIONS: [(&str, &str); 3] = [
    ("matrix", "${{ toJSON(matrix) }}"),
    ("matrix-jobs", "${{ strategy.job-total }}"),
    ("github-token", "${{ github.token }}"),
];

/// Inputs that `action/run.sh` reads: they say where the program is, so the program cannot.
const LAUNCHER: [(&str, &str); 2] = [
    (
        "binary",
        "Path of a `sprag-compare` to run instead of the released one",
    ),
    (
        "mirror",
        "Where release assets are, as `https://HOST/PATH` with folders `vX.Y.Z` below; their SHA-256 is checked all the same",
    ),
];

/// One input as every page tells it.
struct Row {
    name: String,
    help: String,
    default: String,
}

fn rows() -> Vec<Row> {
    let command = Inputs::augment_args(Command::new("action"));
    let flags = command.get_arguments().map(row);
    let launcher = LAUNCHER.iter().map(|(name, help)| Row {
        name: (*name).to_owned(),
        help: (*help).to_owned(),
        default: String::new(),
    });
    flags.chain(launcher).collect()
}

fn row(flag: &Arg) -> Row {
    let name = flag.get_long().unwrap().to_owned();
    let known = EXPRESSIONS.iter().find(|(of, _)| *of == name);
    let default = flag.get_default_values().first();
    let default = default.map(|text| text.to_string_lossy().into_owned());
    Row {
        help: flag.get_help().unwrap().to_string(),
        default: known.map_or(default.unwrap_or_default(), |(_, text)| (*text).to_owned()),
        name,
    }
}

/// The variable of an input.
fn variable(name: &str) -> String {
    format!("SPRAG_{}", name.to_uppercase().replace('-', "_"))
}

/// A YAML string in double quotes.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn inputs_section() -> String {
    let mut out = "inputs:\n".to_owned();
    for row in rows() {
        let (help, default) = (quoted(&format!("{}.", row.help)), quoted(&row.default));
        writeln!(
            out,
            "  {}:\n    description: {help}\n    default: {default}",
            row.name
        )
        .unwrap();
    }
    out.push_str("\noutputs:\n");
    for (name, help) in OUTPUTS {
        let help = quoted(&format!("{help}."));
        writeln!(
            out,
            "  {name}:\n    description: {help}\n    value: ${{{{ steps.sprag.outputs.{name} }}}}"
        )
        .unwrap();
    }
    out
}

fn environment_section() -> String {
    let mut out = String::new();
    for row in rows() {
        writeln!(
            out,
            "        {}: ${{{{ inputs.{} }}}}",
            variable(&row.name),
            row.name
        )
        .unwrap();
    }
    out
}

fn inputs_table() -> String {
    let mut out = "| input | default | meaning |\n| --- | --- | --- |\n".to_owned();
    for row in rows() {
        let default = if row.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", row.default)
        };
        writeln!(out, "| `{}` | {default} | {} |", row.name, row.help).unwrap();
    }
    out
}

fn outputs_table() -> String {
    let mut out = "| output | meaning |\n| --- | --- |\n".to_owned();
    for (name, help) in OUTPUTS {
        writeln!(out, "| `{name}` | {help} |").unwrap();
    }
    out
}

/// Puts `made` between the lines that hold `from` and `to`.
fn between(text: &str, (from, to): (&str, &str), made: &str) -> String {
    let (before, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("no `{from}`"));
    let (_, after) = rest.split_once(to).unwrap_or_else(|| panic!("no `{to}`"));
    format!("{before}{from}{made}{to}{after}")
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

#[track_caller]
fn is_current(name: &str, remake: impl Fn(&str) -> String) {
    let path = file(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let made = remake(&text);
    if std::env::var_os("SPRAG_UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text == made,
        "{name}: run with SPRAG_UPDATE=1 and read the diff"
    );
}

#[test]
fn the_action_has_the_inputs_of_the_table() {
    is_current("action.yml", |text| {
        let text = between(text, ("# made from Inputs\n", "\nruns:"), &inputs_section());
        between(
            &text,
            ("# made from Inputs too\n", "        # so far\n"),
            &environment_section(),
        )
    });
}

#[test]
fn the_documented_table_has_the_inputs_of_the_action() {
    is_current("docs/action.md", |text| {
        let text = between(
            text,
            ("<!-- inputs -->\n", "<!-- end of inputs -->"),
            &inputs_table(),
        );
        between(
            &text,
            ("<!-- outputs -->\n", "<!-- end of outputs -->"),
            &outputs_table(),
        )
    });
}

#[test]
fn no_description_holds_an_expression_which_a_runner_refuses() {
    for row in rows() {
        assert!(!row.help.contains("${{"), "{}", row.name);
    }
}

#[test]
fn every_flag_is_its_variable() {
    let command = Inputs::augment_args(Command::new("action"));
    for flag in command.get_arguments() {
        let name = flag.get_long().unwrap();
        assert_eq!(flag.get_env().unwrap().to_str().unwrap(), variable(name));
    }
}
