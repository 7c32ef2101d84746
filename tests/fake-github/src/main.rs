//! A stateful GitHub on loopback: `fake-github --help`.

fn main() -> std::process::ExitCode {
    fake_github::main()
}
