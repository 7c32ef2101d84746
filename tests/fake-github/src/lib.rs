//! A stateful GitHub for tests.
