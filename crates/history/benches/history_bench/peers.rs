//! SQLite and PostgreSQL.

use crate::Args;

pub(crate) fn run(_args: &Args) -> Vec<(&'static str, String, String)> {
    Vec::new()
}
