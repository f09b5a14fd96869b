//! Commands: what a service's own clients ask of it.

use std::fmt;

use crate::Row;

/// What a client asks, and what it is told once that is committed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no command",
    label = "this needs a row that it is about, and a reply",
    note = "implement `Command` for it"
)]
pub trait Command: fmt::Debug + Send + Sync + 'static {
    /// The row that it is about.
    type Row: Row;
    /// What the client is told.
    type Reply: fmt::Debug + Send + Sync + 'static;

    /// The key of that row. Called before the transaction, and the same each time.
    fn key(&self) -> Key;
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Others may know it: the row is locked. If there is none, the rule gets the default.
    Of(String),
    /// It was minted for this command, so no other can hold it: there is no row to lock beforehand.
    Fresh(String),
}

impl Key {
    /// The key's text.
    pub fn text(&self) -> &str {
        match self {
            Self::Of(key) | Self::Fresh(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_text_for_all_who_know_it() {
        assert_eq!([Key::Of("o1".into()), Key::Fresh("o2".into())].each_ref().map(Key::text), ["o1", "o2"]);
    }
}
