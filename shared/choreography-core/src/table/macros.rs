//! Macros that declare tables, and what they expand to.

use super::{Cell, Column, Value};

/// Declares the table of a struct whose fields, all of them, are its columns.
///
/// ```
/// # use choreography_core::{table, words};
/// words! {
///     /// Where a notice stands.
///     pub enum State { #[default] None = "none", Told = "told" }
/// }
///
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Notice {
///     pub state: State,
///     pub customer: Option<String>,
/// }
///
/// table!(Notice in notices by order_id: state, customer);
/// # use choreography_core::Row;
/// # assert_eq!((Notice::TABLE.name, Notice::TABLE.columns.len()), ("notices", 2));
/// ```
///
/// Columns behind `once:` are written with a new row, and never again.
///
/// ```
/// # use choreography_core::{Row, table};
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Order {
///     pub done: bool,
///     pub customer: Option<String>,
/// }
///
/// table!(Order in orders by order_id: done; once: customer);
/// # assert!(!Order::TABLE.columns[0].once && Order::TABLE.columns[1].once);
/// ```
///
/// What stands behind `update:` is the service's own SQL for the `UPDATE` of its rows ([`Table::update`](crate::Table::update)).
/// Here the table has columns that no rule sees:
///
/// ```
/// # use choreography_core::{Row, table};
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Shelf {
///     pub pieces: i64,
/// }
///
/// table!(Shelf in shelves by name: pieces; update: "pieces = new.pieces, moved = shelves.moved + 1");
/// # assert!(Shelf::TABLE.update.is_some());
/// ```
///
/// A field that no column can hold is refused by the compiler, with the types that one can:
///
/// ```compile_fail,E0277
/// # use choreography_core::table;
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Parcel {
///     pub kilograms: f64,
/// }
///
/// table!(Parcel in parcels by order_id: kilograms);
/// ```
#[macro_export]
macro_rules! table {
    (
        $row:ident in $table:ident by $key:ident:
        $($column:ident),+ $(,)? $(; once: $($once:ident),+ $(,)?)? $(; update: $update:literal)?
    ) => {
        impl $crate::Row for $row {
            const TABLE: &'static $crate::Table = &$crate::Table {
                name: stringify!($table),
                key: stringify!($key),
                columns: &[
                    $($crate::for_macros::column(stringify!($column), |row: &Self| &row.$column),)+
                    $($($crate::for_macros::once(stringify!($once), |row: &Self| &row.$once),)+)?
                ],
                update: $crate::for_macros::first(&[$($update)?]),
            };

            fn cell(&self, column: usize) -> $crate::table::Cell<'_> {
                $crate::for_macros::cell(&[$(&self.$column,)+ $($(&self.$once,)+)?], column)
            }

            fn read(cells: &mut $crate::table::Cells<'_>) -> Result<Self, $crate::table::RowError> {
                Ok(Self { $($column: cells.take()?,)+ $($($once: cells.take()?,)+)? })
            }
        }
    };
    ($($other:tt)*) => {
        compile_error!(
            "a table is declared as `table!(Row in TABLE by KEY: COLUMN, COLUMN);`, with `; once: COLUMN` and then \
             `; update: \"SQL\"` before the bracket closes, if need be; each COLUMN is a field of `Row`"
        );
    };
}

/// Declares the table to which a struct is appended, line by line. Its fields, all of them, are the columns.
///
/// ```
/// # use choreography_core::records;
/// #[derive(Debug)]
/// pub struct Line {
///     pub order_id: String,
///     pub amount: i64,
/// }
///
/// records!(Line in ledger: order_id, amount);
/// ```
#[macro_export]
macro_rules! records {
    ($record:ident in $table:ident: $($column:ident),+ $(,)?) => {
        impl $crate::Record for $record {
            const TABLE: &'static $crate::Table = &$crate::Table {
                name: stringify!($table),
                key: "",
                columns: &[$($crate::for_macros::column(stringify!($column), |row: &Self| &row.$column)),+],
                update: None,
            };

            fn cell(&self, column: usize) -> $crate::table::Cell<'_> {
                $crate::for_macros::cell(&[$(&self.$column),+], column)
            }
        }
    };
    ($($other:tt)*) => {
        compile_error!(
            "records are declared as `records!(Record in TABLE: COLUMN, COLUMN);`; each COLUMN is a field of `Record`"
        );
    };
}

/// Declares an enum that is kept as a word, such as a state. A word that is not among them makes its row unreadable.
///
/// ```
/// # use choreography_core::words;
/// words! {
///     /// A payment's state.
///     pub enum State {
///         #[default]
///         None = "none",
///         /// The provider was asked.
///         Capturing = "capturing",
///     }
/// }
/// assert_eq!(State::Capturing.word(), "capturing");
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* $visible:vis enum $name:ident {
        $($(#[$of_variant:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        $visible enum $name {
            $($(#[$of_variant])* $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is kept.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::table::Value for $name {
            const KIND: $crate::table::Kind = $crate::table::Kind::Text;

            fn cell(&self) -> $crate::table::Cell<'_> {
                $crate::table::Cell::Text(self.word().into())
            }

            fn read(cell: $crate::table::Cell<'static>) -> Result<Self, String> {
                let word: String = $crate::table::Value::read(cell)?;
                let known = Self::ALL.iter().copied().find(|known| known.word() == word);
                known.ok_or_else(|| format!("{word:?} is not one of the known words"))
            }
        }
    };
    ($($other:tt)*) => {
        compile_error!(
            "words are declared as `words! { pub enum State { #[default] None = \"none\", Told = \"told\" } }`"
        );
    };
}

/// A column that a macro declares; its kind follows from the field's type.
#[doc(hidden)]
pub const fn column<R, V: Value>(name: &'static str, _field: fn(&R) -> &V) -> Column {
    Column { name, kind: V::KIND, once: false }
}

/// As [`column`], written once.
#[doc(hidden)]
pub const fn once<R, V: Value>(name: &'static str, field: fn(&R) -> &V) -> Column {
    Column { once: true, ..column(name, field) }
}

/// What is given, if anything is.
#[doc(hidden)]
pub const fn first(given: &[&'static str]) -> Option<&'static str> {
    match given {
        [first, ..] => Some(first),
        [] => None,
    }
}

/// A field of any type that a column can hold.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "no column can hold `{Self}`", label = "this is not a type of a column")]
pub trait Field {
    /// What is written of it.
    fn cell(&self) -> Cell<'_>;
}

impl<V: Value> Field for V {
    fn cell(&self) -> Cell<'_> {
        Value::cell(self)
    }
}

/// The cell of the field at this place; nothing past the last.
#[doc(hidden)]
pub fn cell<'a>(fields: &[&'a dyn Field], column: usize) -> Cell<'a> {
    fields.get(column).map_or(Cell::Null, |field| field.cell())
}
