//! `sprag-compare`.
