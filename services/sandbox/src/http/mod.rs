//! What the routes share.

pub(crate) mod body;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod problem;
pub(crate) mod text;
