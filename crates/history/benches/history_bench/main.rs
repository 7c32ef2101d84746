//! The figures of a history, on data made from a seed, beside `SQLite` and `PostgreSQL` holding the same rows.
//!
//! `cargo bench -p history --bench history_bench -- --rows 100M --lake DIR [--no-peers]`
//!
//! The lake is kept in DIR and used again. Times are medians of warm repetitions in one process unless it says otherwise.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench prints and may stop at the first surprise"
)]

mod generate;
mod ours;
mod peers;

use std::path::PathBuf;

pub(crate) struct Args {
    pub(crate) rows: u64,
    pub(crate) lake: PathBuf,
    pub(crate) peers: bool,
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [child, rest @ ..] = given.as_slice()
        && child == "--child"
    {
        ours::child(rest);
        return;
    }
    let args = parse(&given);
    let figures = ours::run(&args);
    let peers = peers::run(&args);
    println!("\n{}", ours::table(&figures, &peers));
}

fn parse(given: &[String]) -> Args {
    let value = |name: &str| {
        let at = given.iter().position(|arg| arg == name)?;
        given.get(at + 1).cloned()
    };
    let rows = value("--rows").map_or(1_000_000, |text| count(&text));
    let lake = value("--lake").map_or_else(
        || std::env::temp_dir().join(format!("sprag-history-bench-{rows}")),
        PathBuf::from,
    );
    let peers = !given.iter().any(|arg| arg == "--no-peers");
    Args { rows, lake, peers }
}

/// `5M`, `200k` or a number.
fn count(text: &str) -> u64 {
    let (digits, unit) = match text.trim_end_matches(['M', 'k']) {
        digits if text.ends_with('M') => (digits, 1_000_000),
        digits if text.ends_with('k') => (digits, 1000),
        digits => (digits, 1),
    };
    digits.parse::<u64>().unwrap() * unit
}
