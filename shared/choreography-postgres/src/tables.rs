//! The parts of statements that write declared tables: set-based, made from their columns. Rows come sorted by key, without
//! repeats.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::{
    AnyRecord, AnyRow, Table,
    routes::{Routed, TableId},
    table::{Cell, Cells, Column, Kind, RowError},
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::{Row as _, postgres::PgRow, types::Json};

use super::{event_counts::COLUMN, parts::Parts};

/// How many events each aggregate has published then; of a table whose rows count none, `None`.
pub(super) type Events<'a> = Option<&'a BTreeMap<String, i64>>;

/// Rows that were not there; a key that is there by then is passed over.
pub(super) fn insert(parts: &mut Parts, step: &str, table: TableId, rows: &[(String, AnyRow)], events: Events<'_>) {
    let insert = insertion(parts, table, rows, events);
    let key = table.0.key;
    parts.ordered_step(step, &format!("{insert} ON CONFLICT ({key}) DO NOTHING RETURNING {key}"));
}

/// Rows under keys that were newly minted: one that is there is an error.
pub(super) fn insert_fresh(
    parts: &mut Parts,
    step: &str,
    table: TableId,
    rows: &[(String, AnyRow)],
    events: Events<'_>,
) {
    let insert = insertion(parts, table, rows, events);
    parts.step(step, &insert);
}

fn insertion(parts: &mut Parts, table: TableId, rows: &[(String, AnyRow)], events: Events<'_>) -> String {
    let Table { name, key, columns, .. } = *table.0;
    let keys = parts.bind(keys(rows));
    let cells =
        bind_columns(parts, columns.iter().enumerate(), |place| rows.iter().map(move |(_, row)| row.cell(place)));
    let (counted, counts) = match events {
        Some(events) => {
            let counts = rows.iter().map(|(key, _)| events.get(key).copied().unwrap_or_default()).collect::<Vec<_>>();
            (format!(", {COLUMN}"), format!(", {}::bigint[]", parts.bind(counts)))
        }
        None => (String::new(), String::new()),
    };
    let (own, cells, after) = (names(columns) + &counted, cells + &counts, parts.after());
    format!("INSERT INTO {name} ({key}{own}) SELECT * FROM unnest({keys}::text[]{cells}) WHERE {after}")
}

/// Overwrites rows that are locked, as the table's own words say, or column by column.
pub(super) fn update(parts: &mut Parts, step: &str, table: TableId, rows: &[(String, AnyRow)], events: Events<'_>) {
    let changing = || table.0.columns.iter().enumerate().filter(|(_, column)| !column.once);
    let (name, key) = (table.0.name, table.0.key);
    let keys = parts.bind(keys(rows));
    let cells = bind_columns(parts, changing(), |place| rows.iter().map(move |(_, row)| row.cell(place)));
    let each = || changing().map(|(_, column)| format!("{0} = new.{0}", column.name)).collect();
    let mut set: Vec<String> = table.0.update.map_or_else(each, |own| vec![own.to_owned()]);
    let mut new: String = changing().map(|(_, column)| format!(", {}", column.name)).collect();
    let mut cells = cells;
    if let Some(events) = events {
        let counts = parts.bind(rows.iter().map(|(key, _)| events.get(key).copied()).collect::<Vec<_>>());
        cells = format!("{cells}, {counts}::bigint[]");
        new = format!("{new}, {COLUMN}");
        set.push(format!("{COLUMN} = coalesce(new.{COLUMN}, {name}.{COLUMN})"));
    }
    let (set, after) = (set.join(", "), parts.once_it_writes());
    parts.step(
        step,
        &format!(
            "UPDATE {name} SET {set} FROM unnest({keys}::text[]{cells}) AS new ({key}{new})
             WHERE {name}.{key} = new.{key} AND {after}"
        ),
    );
}

/// Counts the events of aggregates whose rows do not change otherwise; they are locked.
pub(super) fn count(parts: &mut Parts, table: TableId, events: &[(&str, i64)]) {
    let (name, key) = (table.0.name, table.0.key);
    let (keys, counts): (Vec<&str>, Vec<i64>) = events.iter().copied().unzip();
    let (keys, counts, after) = (parts.bind(keys), parts.bind(counts), parts.once_it_writes());
    parts.step(
        "counted",
        &format!(
            "UPDATE {name} SET {COLUMN} = new.count FROM unnest({keys}::text[], {counts}::bigint[]) AS new (key, count)
             WHERE {name}.{key} = new.key AND {after}"
        ),
    );
}

/// Appends records, table by table.
pub(super) fn append(parts: &mut Parts, records: &[AnyRecord]) {
    let tables: BTreeSet<TableId> = records.iter().map(|record| TableId(record.table())).collect();
    for (number, table) in tables.into_iter().enumerate() {
        let records = || records.iter().filter(|record| TableId(record.table()) == table);
        let columns = table.0.columns;
        let cells =
            bind_columns(parts, columns.iter().enumerate(), |place| records().map(move |record| record.cell(place)));
        let (name, own, cells) = (table.0.name, names(columns), cells.trim_start_matches(", ").to_owned());
        let own = own.trim_start_matches(", ");
        parts.step(&format!("records_{number}"), &format!("INSERT INTO {name} ({own}) SELECT * FROM unnest({cells})"));
    }
}

fn keys(rows: &[(String, AnyRow)]) -> Vec<&str> {
    rows.iter().map(|(key, _)| key.as_str()).collect()
}

/// Binds the columns, each as an array; as `, $2::text[], $3::bigint[]`.
fn bind_columns<'c, 'v, I: Iterator<Item = Cell<'v>>>(
    parts: &mut Parts,
    columns: impl Iterator<Item = (usize, &'c Column)>,
    cells: impl Fn(usize) -> I,
) -> String {
    let bind = |(place, column): (usize, &Column)| {
        let bound = bind_all(parts, column.kind, cells(place));
        format!(", {bound}::{}", array(column.kind))
    };
    columns.map(bind).collect()
}

/// Reads a row whose columns begin at `first` (0 is the first of the answer).
pub(super) fn read(routed: &Routed, table: TableId, row: &PgRow, first: usize) -> sqlx::Result<AnyRow> {
    let mut read = |place: usize, kind| cell(row, first + place, kind).map_err(|error| RowError(error.to_string()));
    routed
        .read_row(table, &mut Cells::new(table.0, &mut read))
        .map_err(|unreadable| sqlx::Error::Decode(unreadable.to_string().into()))
}

/// Names of columns, as `, amount, currency`.
pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!(", {}", column.name)).collect()
}

/// The type of a column.
pub(super) fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer => "bigint",
        Kind::Boolean => "boolean",
        Kind::Time => "timestamptz",
        Kind::Bytes => "bytea",
        Kind::Json => "jsonb",
    }
}

/// JSON goes as text: a text that is no JSON is then refused as data, and concerns its input alone.
fn array(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text[]",
        Kind::Integer => "bigint[]",
        Kind::Boolean => "boolean[]",
        Kind::Time => "timestamptz[]",
        Kind::Bytes => "bytea[]",
        Kind::Json => "text[]::jsonb[]",
    }
}

/// A cell of another kind than its column's can't come from a declared row; it would be written as nothing.
macro_rules! taken {
    ($cells:expr, $kind:ident) => {
        $cells.map(|cell| if let Cell::$kind(value) = cell { Some(value) } else { None })
    };
}

fn bind_all<'v>(parts: &mut Parts, kind: Kind, cells: impl Iterator<Item = Cell<'v>>) -> String {
    match kind {
        Kind::Text => parts.bind(taken!(cells, Text).collect::<Vec<_>>()),
        Kind::Integer => parts.bind(taken!(cells, Integer).collect::<Vec<_>>()),
        Kind::Boolean => parts.bind(taken!(cells, Boolean).collect::<Vec<_>>()),
        Kind::Time => parts.bind(taken!(cells, Time).collect::<Vec<_>>()),
        Kind::Bytes => parts.bind(taken!(cells, Bytes).map(|bytes| bytes.map(Vec::from)).collect::<Vec<_>>()),
        Kind::Json => parts.bind(taken!(cells, Json).collect::<Vec<_>>()),
    }
}

fn cell(row: &PgRow, place: usize, kind: Kind) -> sqlx::Result<Cell<'static>> {
    fn or_null<T>(found: Option<T>, cell: impl FnOnce(T) -> Cell<'static>) -> Cell<'static> {
        found.map_or(Cell::Null, cell)
    }
    Ok(match kind {
        Kind::Text => or_null(row.try_get::<Option<String>, _>(place)?, |text| Cell::Text(text.into())),
        Kind::Integer => or_null(row.try_get(place)?, Cell::Integer),
        Kind::Boolean => or_null(row.try_get(place)?, Cell::Boolean),
        Kind::Time => or_null(row.try_get::<Option<DateTime<Utc>>, _>(place)?, Cell::Time),
        Kind::Bytes => or_null(row.try_get::<Option<Vec<u8>>, _>(place)?, |bytes| Cell::Bytes(bytes.into())),
        Kind::Json => {
            let json: Option<Json<Box<RawValue>>> = row.try_get(place)?;
            or_null(json, |json| Cell::Json(Box::<str>::from(json.0).into_string()))
        }
    })
}
