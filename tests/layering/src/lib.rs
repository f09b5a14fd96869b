//! What the source itself must keep to: see `tests/`.

pub mod entries;
