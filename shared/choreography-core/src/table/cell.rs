//! What stands in a column.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a column holds; the type that it has in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text`
    Text,
    /// `bigint`
    Integer,
    /// `boolean`
    Boolean,
    /// `timestamptz`
    Time,
    /// `bytea`
    Bytes,
    /// `jsonb`
    Json,
}

/// The content of one column of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A moment.
    Time(DateTime<Utc>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// JSON text.
    Json(String),
}

/// A row that this version of the service can't read. It names table, column and what stands there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct RowError(pub String);

/// A Rust type that a column can hold.
#[diagnostic::on_unimplemented(
    message = "no column can hold `{Self}`",
    label = "this is not a type of a column",
    note = "a column holds a `String`, an `i64`, a `bool`, a `DateTime<Utc>`, a `Vec<u8>`, an enum of `words!`, whatever serde knows \
            as `Json<…>`, or an `Option` of one of them"
)]
pub trait Value: Sized {
    /// What its column is.
    const KIND: Kind;

    /// What is written.
    fn cell(&self) -> Cell<'_>;

    /// What was written, back.
    ///
    /// # Errors
    /// In words, what stands there instead.
    fn read(cell: Cell<'static>) -> Result<Self, String>;
}

/// A value that is kept as JSON, in one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

fn unexpected<T>(wanted: &str, found: &Cell<'_>) -> Result<T, String> {
    match found {
        Cell::Null => Err(format!("{wanted} is missing")),
        other => Err(format!("{wanted} is expected, not {other:?}")),
    }
}

macro_rules! values {
    ($($type:ty: $kind:ident, $value:ident => $write:expr, $read:expr;)*) => {
        $(impl Value for $type {
            const KIND: Kind = Kind::$kind;

            fn cell(&self) -> Cell<'_> {
                let $value = self;
                Cell::$kind($write)
            }

            fn read(cell: Cell<'static>) -> Result<Self, String> {
                match cell {
                    Cell::$kind($value) => Ok($read),
                    other => unexpected(stringify!($kind), &other),
                }
            }
        })*
    };
}

values! {
    String: Text, text => Cow::Borrowed(text), text.into_owned();
    i64: Integer, number => *number, number;
    bool: Boolean, truth => *truth, truth;
    DateTime<Utc>: Time, time => *time, time;
    Vec<u8>: Bytes, bytes => Cow::Borrowed(bytes), bytes.into_owned();
}

impl<V: Value> Value for Option<V> {
    const KIND: Kind = V::KIND;

    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Null, V::cell)
    }

    fn read(cell: Cell<'static>) -> Result<Self, String> {
        if cell == Cell::Null { Ok(None) } else { V::read(cell).map(Some) }
    }
}

impl<T: Serialize + DeserializeOwned> Value for Json<T> {
    const KIND: Kind = Kind::Json;

    fn cell(&self) -> Cell<'_> {
        // What can't be written as JSON, as a map whose keys are no texts, can't be read back either: the database refuses
        // the empty text, and with it the input that brought it.
        Cell::Json(serde_json::to_string(&self.0).unwrap_or_default())
    }

    fn read(cell: Cell<'static>) -> Result<Self, String> {
        match cell {
            Cell::Json(json) => serde_json::from_str(&json).map(Json).map_err(|error| error.to_string()),
            other => unexpected("JSON", &other),
        }
    }
}
