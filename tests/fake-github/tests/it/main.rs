//! The fake from outside: raw HTTP, no client library.

mod client;
mod comments;
mod faults;
mod git;
mod rules;
mod sabotage;
mod tour;
mod world;
