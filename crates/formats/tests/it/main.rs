//! Tests over real files: what other parsers agree on, and damage done to them.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod damage;
