//! The `sprag-compare` binary.

fn main() -> std::process::ExitCode {
    sprag_compare::run(std::env::args_os()).into()
}
