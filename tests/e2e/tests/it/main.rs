//! Black-box tests of `sprag-compare` and tests of the architecture.

mod architecture;
mod binary;
mod branch;
mod cases;
mod crash;
mod equal;
#[cfg(unix)]
mod run_script;
mod workflows;
