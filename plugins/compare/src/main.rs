//! The `sprag-compare` binary.

fn main() {}
