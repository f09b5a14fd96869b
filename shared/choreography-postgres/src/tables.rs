//! The statements of declared tables: set-based, one each, made from their columns. Keys and rows come sorted by key,
//! without repeats.

use sqlx::{
    AssertSqlSafe, Row as _,
    postgres::{PgArguments, PgRow},
    query::Query,
    types::Json,
};

use choreography_core::{
    AnyRecord, AnyRow,
    table::{Cell, Cells, Column, Kind, Unreadable},
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::Session;
use choreography_core::{
    participant::Participant,
    routes::{Routed, TableId},
};

/// Inserts the rows that are missing, in their absent state.
pub async fn ensure(db: &mut Session, routed: &Routed, table: TableId, keys: &[String]) -> sqlx::Result<()> {
    let absent = routed.absent(table);
    let columns = table.0.columns;
    let values: String = columns.iter().zip(2..).map(|(column, place)| format!(", {}", one(column, place))).collect();
    let conflict = match table.0.forgets {
        // The update locks a row that is there, so that nobody deletes it before it is read.
        true => format!("({key}) DO UPDATE SET {key} = excluded.{key}", key = table.0.key),
        false => "DO NOTHING".to_owned(),
    };
    let statement = format!(
        "INSERT INTO {} ({}{}) SELECT key{values} FROM unnest($1::text[]) AS new (key) ON CONFLICT {conflict}",
        table.0.name,
        table.0.key,
        names(columns),
    );
    let mut query = sqlx::query(AssertSqlSafe(statement)).bind(keys);
    for (place, column) in columns.iter().enumerate() {
        query = bind_one(query, column.kind, absent.cell(place));
    }
    query.execute(db).await.map(drop)
}

/// Locks rows, in key order, and reads them.
pub async fn lock(
    db: &mut Session,
    routed: &Routed,
    table: TableId,
    keys: &[String],
) -> sqlx::Result<Vec<(String, AnyRow)>> {
    let (name, key) = (table.0.name, table.0.key);
    let columns = names(table.0.columns);
    let statement = format!("SELECT {key}{columns} FROM {name} WHERE {key} = ANY($1) ORDER BY {key} FOR UPDATE");
    let rows = sqlx::query(AssertSqlSafe(statement)).bind(keys).fetch_all(db).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, read(routed, table, row)?))).collect()
}

/// Inserts rows under keys that were newly minted.
pub async fn insert(db: &mut Session, table: TableId, rows: &[(String, AnyRow)]) -> sqlx::Result<()> {
    let columns: Vec<(usize, &Column)> = table.0.columns.iter().enumerate().collect();
    let (name, key) = (table.0.name, table.0.key);
    let statement = format!(
        "INSERT INTO {name} ({key}{}) SELECT * FROM unnest($1::text[]{})",
        names(table.0.columns),
        arrays(&columns, 2)
    );
    bind_rows(sqlx::query(AssertSqlSafe(statement)), &columns, rows).execute(db).await.map(drop)
}

/// Overwrites rows that are locked.
pub async fn update(db: &mut Session, table: TableId, rows: &[(String, AnyRow)]) -> sqlx::Result<()> {
    let columns: Vec<(usize, &Column)> =
        table.0.columns.iter().enumerate().filter(|(_, column)| !column.once).collect();
    let (name, key) = (table.0.name, table.0.key);
    let set: Vec<String> = columns.iter().map(|(_, column)| format!("{0} = new.{0}", column.name)).collect();
    let new: String = columns.iter().map(|(_, column)| format!(", {}", column.name)).collect();
    let statement = format!(
        "UPDATE {name} SET {} FROM unnest($1::text[]{}) AS new ({key}{new}) WHERE {name}.{key} = new.{key}",
        set.join(", "),
        arrays(&columns, 2)
    );
    bind_rows(sqlx::query(AssertSqlSafe(statement)), &columns, rows).execute(db).await.map(drop)
}

/// Appends records, table by table.
pub async fn append(db: &mut Session, records: &[AnyRecord]) -> sqlx::Result<()> {
    let mut tables: Vec<TableId> = records.iter().map(|record| TableId(record.table())).collect();
    tables.sort();
    tables.dedup();
    for table in tables {
        let records: Vec<&AnyRecord> = records.iter().filter(|record| TableId(record.table()) == table).collect();
        append_to(db, table, &records).await?;
    }
    Ok(())
}

async fn append_to(db: &mut Session, table: TableId, records: &[&AnyRecord]) -> sqlx::Result<()> {
    let columns: Vec<(usize, &Column)> = table.0.columns.iter().enumerate().collect();
    let (names, arrays) = (names(table.0.columns), arrays(&columns, 1));
    let statement = format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({})",
        table.0.name,
        names.trim_start_matches(", "),
        arrays.trim_start_matches(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (place, column) in columns {
        query = bind_all(query, column.kind, records.iter().map(|record| record.cell(place)));
    }
    query.execute(db).await.map(drop)
}

fn read(routed: &Routed, table: TableId, row: &PgRow) -> sqlx::Result<AnyRow> {
    let mut read = |place: usize, kind| cell(row, place + 1, kind).map_err(|error| Unreadable(error.to_string()));
    routed
        .read_row(table, &mut Cells::new(table.0, &mut read))
        .map_err(|unreadable| sqlx::Error::Decode(unreadable.to_string().into()))
}

type PgQuery<'q> = Query<'q, sqlx::Postgres, PgArguments>;

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!(", {}", column.name)).collect()
}

fn arrays(columns: &[(usize, &Column)], from: usize) -> String {
    columns.iter().zip(from..).map(|((_, column), place)| format!(", ${place}::{}", array(column.kind))).collect()
}

fn one(column: &Column, place: usize) -> String {
    format!("${place}::{}", array(column.kind).replace("[]", ""))
}

/// JSON goes as text: what is none is then refused as data, and concerns its input alone.
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

fn bind_rows<'q>(query: PgQuery<'q>, columns: &[(usize, &Column)], rows: &'q [(String, AnyRow)]) -> PgQuery<'q> {
    let mut query = query.bind(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>());
    for (place, column) in columns {
        query = bind_all(query, column.kind, rows.iter().map(|(_, row)| row.cell(*place)));
    }
    query
}

/// A cell of another kind than its column's can't come from a declared row; it would be written as nothing.
macro_rules! taken {
    ($cells:expr, $kind:ident) => {
        $cells.map(|cell| if let Cell::$kind(value) = cell { Some(value) } else { None })
    };
}

fn bind_all<'q>(query: PgQuery<'q>, kind: Kind, cells: impl Iterator<Item = Cell<'q>>) -> PgQuery<'q> {
    match kind {
        Kind::Text => query.bind(taken!(cells, Text).map(|text| text.map(String::from)).collect::<Vec<_>>()),
        Kind::Integer => query.bind(taken!(cells, Integer).collect::<Vec<_>>()),
        Kind::Boolean => query.bind(taken!(cells, Boolean).collect::<Vec<_>>()),
        Kind::Time => query.bind(taken!(cells, Time).collect::<Vec<_>>()),
        Kind::Bytes => query.bind(taken!(cells, Bytes).map(|bytes| bytes.map(Vec::from)).collect::<Vec<_>>()),
        Kind::Json => query.bind(taken!(cells, Json).collect::<Vec<_>>()),
    }
}

fn bind_one<'q>(query: PgQuery<'q>, kind: Kind, cell: Cell<'_>) -> PgQuery<'q> {
    let cells = std::iter::once(cell);
    match kind {
        Kind::Text => query.bind(taken!(cells, Text).next().flatten().map(String::from)),
        Kind::Integer => query.bind(taken!(cells, Integer).next().flatten()),
        Kind::Boolean => query.bind(taken!(cells, Boolean).next().flatten()),
        Kind::Time => query.bind(taken!(cells, Time).next().flatten()),
        Kind::Bytes => query.bind(taken!(cells, Bytes).next().flatten().map(Vec::from)),
        Kind::Json => query.bind(taken!(cells, Json).next().flatten()),
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
