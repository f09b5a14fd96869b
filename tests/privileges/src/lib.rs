//! The tests are in `tests/refusals`.
