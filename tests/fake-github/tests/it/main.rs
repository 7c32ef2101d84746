//! The fake from outside: raw HTTP, no client library.

mod client;
mod comments;
