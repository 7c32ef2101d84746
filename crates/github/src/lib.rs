//! Facts from GitHub, and effects on it.
