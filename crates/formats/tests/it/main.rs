//! Tests over real files: what other parsers agree on, and damage done to them.

mod corpus;
mod damage;
