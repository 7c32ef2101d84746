//! Black-box tests of `sprag-compare` and tests of the architecture.

#[cfg(unix)]
mod action;
mod architecture;
mod binary;
mod branch;
mod cases;
mod crash;
mod equal;
mod network;
#[cfg(unix)]
mod run_script;
mod workflows;
