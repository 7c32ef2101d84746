//! The binary as a black box. Everything is in `tests/it`; the cases are the folders below `cases`.
