//! What a transaction locks and reads, in one statement. Its parts come one after the other: deferred events, then the service's
//! tables in their order, each in key order. An optimistic one reads the same without a lock, and keeps the versions of its rows.

use choreography_core::{
    AnyRow,
    participant::Participant,
    routes::{Routed, TableId},
    store::{Deferred, Found, Waits, Wanted, WantedRows},
};
use sqlx::{Row as _, postgres::PgRow};

use super::{Session, event_counts::COLUMN, parts::Parts, row_reader, tables, waiting_rows};

/// The first statements of a transaction that waits for locks only for a moment, which is longer than a sound transaction holds
/// one. In a hurry every table is tried first: one that is locked as a whole keeps every input waiting, so no row is suspected.
pub(super) fn limits(waits: Waits, routed: &Routed) -> String {
    match waits {
        Waits::Long => String::new(),
        Waits::Shortly => SHORTLY.to_owned(),
        Waits::Hurried => SHORTLY.to_owned() + &try_tables(routed),
    }
}

const SHORTLY: &str = "; SET LOCAL lock_timeout = '250ms'";

fn try_tables(routed: &Routed) -> String {
    let own = routed.tables().iter().map(|table| table.0.name);
    let tables: Vec<&str> = std::iter::once(ENGINE_TABLES).chain(own).collect();
    format!("; LOCK TABLE {} IN ROW EXCLUSIVE MODE", tables.join(", "))
}

/// What the engine's transactions write. Of partitioned tables the parent stands for all days.
const ENGINE_TABLES: &str = "ONLY inbox, ONLY outbox, held_events, deadlines, intents, dead_messages";

/// What a row of the answer is. Rows of the `n`th table have numbers from `TABLES + 2n` on: locked by this transaction now, or by
/// others.
const QUEUE: i32 = 0;
const ARRIVAL: i32 = 1;
const TABLES: i32 = 2;
/// Columns of the answer before those of the first table.
const BEFORE: usize = 7;

pub(super) async fn lock(db: &mut Session, routed: &Routed, wanted: &Wanted<Routed>) -> sqlx::Result<Found<Routed>> {
    let mut parts = Parts::default();
    let columns = Columns::of(&wanted.rows);
    if !wanted.queues.is_empty() {
        let keys = parts.bind(&wanted.queues);
        parts.locking_step(
            "queue",
            &format!(
                "SELECT key, number, status, overtakes, attempts, early FROM held_events WHERE key = ANY({keys}::text[])
                 ORDER BY number FOR UPDATE"
            ),
        );
        parts.select(format!(
            "SELECT {QUEUE} AS what, key, number, status, overtakes, attempts, early{} FROM queue",
            columns.nulls(None)
        ));
    }
    look_up_arrivals(&mut parts, wanted, &columns);
    for (place, rows) in wanted.rows.iter().enumerate() {
        lock_table(&mut parts, routed, (place, rows), &columns);
    }
    let rows = parts.fetch(&mut *db, "").await?;
    let mut found = Found::default();
    for row in &rows {
        keep(row_reader::read(row, |row| read(routed, &columns, row))?, &mut found);
    }
    Ok(found)
}

pub(super) fn look_up_arrivals(parts: &mut Parts, wanted: &Wanted<Routed>, columns: &Columns<'_>) {
    if wanted.arrivals.is_empty() {
        return;
    }
    let keys = parts.bind(&wanted.arrivals);
    parts.select(format!(
        "SELECT {ARRIVAL} AS what, key, NULL::bigint, NULL::text, bool_or(overtakes AND status <> 'parked'), NULL::int,
                NULL::bool{} FROM held_events WHERE key = ANY({keys}::text[]) GROUP BY key",
        columns.nulls(None)
    ));
}

fn lock_table(parts: &mut Parts, routed: &Routed, (place, rows): (usize, &WantedRows<Routed>), columns: &Columns<'_>) {
    let WantedRows { table: id @ TableId(table), keys, if_free } = rows;
    let (name, key, mut own) = (table.name, table.key, tables::names(table.columns));
    if counts(routed, *id) {
        own = format!("{own}, {COLUMN}");
    }
    let locked_now = |step: &str| format!("SELECT {} FROM {step}", row(routed, (place, *id), columns, "NULL::text"));
    if !keys.is_empty() {
        let (step, keys, after) = (format!("locked_{place}"), parts.bind(keys), parts.after());
        parts.locking_step(
            &step,
            &format!(
                "SELECT {key}{own} FROM {name} WHERE {key} = ANY({keys}::text[]) AND {after} ORDER BY {key} FOR UPDATE"
            ),
        );
        parts.select(locked_now(&step));
    }
    if !if_free.is_empty() {
        let (step, keys, after) = (format!("free_{place}"), parts.bind(if_free), parts.after());
        // SKIP LOCKED says which input has to wait. It reorders nothing: that input steps aside with all of its key.
        parts.locking_step(
            &step,
            &format!(
                "SELECT {key}{own} FROM {name} WHERE {key} = ANY({keys}::text[]) AND {after} ORDER BY {key}
                 FOR UPDATE SKIP LOCKED"
            ),
        );
        parts.select(locked_now(&step));
        parts.select(format!(
            "SELECT {} AS what, {key} AS key, NULL::bigint, NULL::text, NULL::bool, NULL::int, NULL::bool{} FROM {name}
             WHERE {key} = ANY({keys}::text[]) AND NOT EXISTS (SELECT FROM {step} WHERE {step}.{key} = {name}.{key})",
            what_of(place) + 1,
            columns.nulls(None)
        ));
    }
}

/// The columns of a row that is there, of the table at `place`.
pub(super) fn row(routed: &Routed, (place, table): (usize, TableId), columns: &Columns<'_>, version: &str) -> String {
    let (what, key) = (what_of(place), table.0.key);
    let events = if counts(routed, table) { COLUMN } else { "NULL::bigint" };
    let own = columns.nulls(Some(place));
    format!("{what} AS what, {key} AS key, {events}, {version}, NULL::bool, NULL::int, NULL::bool{own}")
}

fn what_of(place: usize) -> i32 {
    TABLES + 2 * i32::try_from(place).unwrap_or_default()
}

/// Whether a table's rows count the events of their aggregates.
pub(super) fn counts(routed: &Routed, table: TableId) -> bool {
    routed.counts() == Some(table)
}

/// The columns of all tables, one behind the other; in the rows of one table those of the others are null.
pub(super) struct Columns<'a> {
    tables: Vec<(&'a TableId, usize)>,
}

impl<'a> Columns<'a> {
    pub fn of(rows: &'a [WantedRows<Routed>]) -> Self {
        let mut first = BEFORE;
        let mut tables = Vec::new();
        for WantedRows { table, .. } in rows {
            tables.push((table, first));
            first += table.0.columns.len();
        }
        Self { tables }
    }

    /// In a select of the table at `own`, its columns among the nulls of the others.
    pub fn nulls(&self, own: Option<usize>) -> String {
        let of = |(place, (table, _)): (usize, &(&TableId, usize))| match own == Some(place) {
            true => tables::names(table.0.columns),
            false => {
                table.0.columns.iter().map(|column| format!(", NULL::{}", tables::sql_type(column.kind))).collect()
            }
        };
        self.tables.iter().enumerate().map(of).collect()
    }
}

pub(super) enum Read {
    Queue(Deferred),
    /// Of this aggregate an event is deferred; whether one of them is a compensation that is not parked.
    Arrival(String, bool),
    /// With the number of events that the aggregate has published, if it says so.
    Row(TableId, String, AnyRow, Option<i64>),
    Locked(TableId, String),
}

pub(super) fn read(routed: &Routed, columns: &Columns<'_>, row: &PgRow) -> sqlx::Result<Read> {
    let (what, key): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if what == QUEUE {
        return Ok(Read::Queue(Deferred {
            key,
            number: row.try_get(2)?,
            status: waiting_rows::status(row.try_get(3)?)?,
            overtakes: row.try_get(4)?,
            attempts: u32::try_from(row.try_get::<i32, _>(5)?).unwrap_or_default(),
            early: row.try_get(6)?,
        }));
    }
    if what == ARRIVAL {
        return Ok(Read::Arrival(key, row.try_get(4)?));
    }
    let of_table = usize::try_from(what - TABLES).unwrap_or_default();
    let Some(&(table, first)) = columns.tables.get(of_table / 2) else {
        return Err(sqlx::Error::Decode(format!("no part of the statement has the number {what}").into()));
    };
    Ok(match of_table % 2 {
        0 => Read::Row(*table, key, tables::read(routed, *table, row, first)?, row.try_get(2)?),
        _ => Read::Locked(*table, key),
    })
}

pub(super) fn keep(read: Read, found: &mut Found<Routed>) {
    match read {
        Read::Queue(deferred) => found.queues.push(deferred),
        Read::Arrival(key, overtaking) => {
            if overtaking {
                found.overtaking.insert(key.clone());
            }
            found.deferred.insert(key);
        }
        Read::Row(table, key, row, events) => {
            found.events.extend(events.map(|events| (key.clone(), events)));
            found.rows.push((table, key, row));
        }
        Read::Locked(table, key) => found.locked.push((table, key)),
    }
}
