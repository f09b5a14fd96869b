//! Optimistic transactions: rows are read with their versions and without locks, and the write is one statement that locks what was read,
//! finds it unchanged, and commits. Whatever it finds otherwise is an error of that statement, so nothing of it is written.

use std::time::Instant;

use choreography_core::{
    routes::{Routed, TableId},
    store::{Deadlines, DeferredEvents, Found, Wanted, WantedRows},
};
use chrono::{DateTime, Utc};
use sqlx::Row as _;

use super::{
    Session,
    lock::{self, Columns, Read},
    parts::Parts,
    row_reader,
    write::{CHECKED, Statement},
};

/// The answer's row that tells the time.
const CLOCK: i32 = -1;
/// How long the write waits for what others insert, change or have locked. Its batch is done anew then, with locks.
const LONGEST_WAIT: &str = "50ms";

/// Rows of one table that were read.
#[derive(Debug)]
pub(super) struct SeenRows {
    table: TableId,
    keys: Vec<String>,
    /// Of each, the transaction that wrote it (`xmin`): whoever changes a row writes another version.
    versions: Vec<String>,
}

/// As [`lock::lock`], without locks; and the database's clock.
pub(super) async fn read(
    db: &mut Session,
    routed: &Routed,
    wanted: &Wanted<Routed>,
    seen: &mut Vec<SeenRows>,
) -> sqlx::Result<(DateTime<Utc>, Found<Routed>)> {
    let mut parts = Parts::default();
    let columns = Columns::of(&wanted.rows);
    let nulls = columns.nulls(None);
    parts.select(format!(
        "SELECT {CLOCK} AS what, ''::text AS key, (extract(epoch FROM now()) * 1000000)::bigint, NULL::text, NULL::bool,
                NULL::int, NULL::bool{nulls}"
    ));
    lock::look_up_arrivals(&mut parts, wanted, &columns);
    for (place, WantedRows { table, keys, .. }) in wanted.rows.iter().enumerate() {
        let (keys, row) = (parts.bind(keys), lock::row(routed, (place, *table), &columns, "xmin::text"));
        let TableId(table) = table;
        parts.select(format!("SELECT {row} FROM {} WHERE {} = ANY({keys}::text[])", table.name, table.key));
    }
    let asked = Instant::now();
    let rows = parts.fetch(&mut *db, "").await?;
    let (mut found, mut now) = (Found::default(), None);
    for row in &rows {
        if row.try_get::<i32, _>(0)? == CLOCK {
            now = DateTime::from_timestamp_micros(row.try_get(2)?);
            continue;
        }
        let read = row_reader::read(row, |row| lock::read(routed, &columns, row))?;
        if let Read::Row(table, key, ..) = &read {
            keep(*table, key, row.try_get(3)?, seen);
        }
        lock::keep(read, &mut found);
    }
    let now = now.ok_or_else(|| sqlx::Error::Protocol("the database did not tell the time".into()))?;
    db.was_told(now, asked);
    Ok((now, found))
}

/// The answer has the rows table by table; if it had not, there would be more groups.
fn keep(table: TableId, key: &str, version: String, seen: &mut Vec<SeenRows>) {
    if seen.last().is_none_or(|last| last.table != table) {
        seen.push(SeenRows { table, keys: Vec::new(), versions: Vec::new() });
    }
    if let Some(rows) = seen.last_mut() {
        rows.keys.push(key.to_owned());
        rows.versions.push(version);
    }
}

/// What an optimistic write finds out before it commits.
pub(super) struct Check<'a> {
    seen: &'a [SeenRows],
    /// Steps that return a row for each that they were given, and how many that were.
    steps: Vec<(String, usize)>,
    /// What names the places of whatever is lost.
    lost: Vec<String>,
}

impl<'a> Check<'a> {
    pub fn new(seen: &'a [SeenRows]) -> Self {
        Self { seen, steps: Vec::new(), lost: Vec::new() }
    }

    pub fn returns(&mut self, step: &str, given: usize) {
        self.steps.push((step.to_owned(), given));
    }

    pub fn finds_nothing(&mut self, from: &str) {
        self.lost.push(from.to_owned());
    }
}

/// Before anything is written: locks all that was read, table by table and in key order, as a transaction with locks does. It waits for none
/// of these locks. For a row that another inserts or has locked it waits for a moment; for a table that is locked as a whole, as long as the
/// session allows.
pub(super) fn lock_unchanged(statement: &mut Statement<'_>) {
    let Statement { parts, check: Some(check), .. } = statement else { return };
    parts.locking_step("waits", &format!("SELECT set_config('lock_timeout', '{LONGEST_WAIT}', true)"));
    for (number, SeenRows { table: TableId(table), keys, versions }) in check.seen.iter().enumerate() {
        let (step, name, key) = (format!("seen_{number}"), table.name, table.key);
        check.returns(&step, keys.len());
        let (keys, versions, after) = (parts.bind(keys), parts.bind(versions), parts.after());
        // A row that was changed since the statement began is compared anew, in its newest version.
        parts.locking_step(
            &step,
            &format!(
                "SELECT held.{key} FROM {name} AS held
                 JOIN unnest({keys}::text[], {versions}::text[]) AS seen (key, version) ON held.{key} = seen.key
                 WHERE held.xmin = seen.version::xid AND {after} ORDER BY held.{key} FOR UPDATE OF held NOWAIT"
            ),
        );
    }
    parts.write_after_these();
}

/// Behind all steps that can find something lost, and before numbers are drawn. Whoever held a row's lock as this statement began may have
/// deferred an event of that aggregate, or have set a deadline, and have left the row as it was. So these are looked for and settled once all
/// locks are held, by functions that see what is committed by then.
pub(super) fn refuse_unless_unchanged(statement: &mut Statement<'_>, deferred: &DeferredEvents, deadlines: &Deadlines) {
    let Statement { parts, check: Some(Check { steps, lost, .. }), .. } = statement else { return };
    let mut unchanged = vec!["true".to_owned()];
    for (step, given) in steps {
        let given = parts.bind(i64::try_from(*given).unwrap_or(i64::MAX));
        unchanged.push(format!("(SELECT count(*) FROM {step}) = {given}::bigint"));
    }
    unchanged.extend(lost.iter().map(|from| format!("NOT EXISTS (SELECT FROM {from})")));
    let mut then = "0".to_owned();
    if !deadlines.settled.is_empty() {
        let (aggregates, names): (Vec<&str>, Vec<&str>) =
            deadlines.settled.iter().map(|(aggregate, name)| (aggregate.as_str(), name.as_str())).unzip();
        let (aggregates, names) = (parts.bind(aggregates), parts.bind(names));
        then = format!("settle_deadlines({aggregates}::text[], {names}::text[])");
    }
    let DeferredEvents { none, no_compensation, .. } = deferred;
    if !none.is_empty() || !no_compensation.is_empty() {
        let (none, no_compensation) = (parts.bind(none), parts.bind(no_compensation));
        let deferred = format!("deferred_by_now({none}::text[], {no_compensation}::text[])");
        then = format!("CASE WHEN {deferred} THEN refuse_to_commit() ELSE {then} END");
    }
    let unchanged = unchanged.join(" AND ");
    parts.select(format!(
        "SELECT {CHECKED} AS look, (CASE WHEN {unchanged} THEN {then} ELSE refuse_to_commit() END)::bigint AS place"
    ));
}
