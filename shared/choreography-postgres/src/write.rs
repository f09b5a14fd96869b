//! All that follows from a batch, in one statement: its steps, and what each of them may find lost.
//!
//! Steps that insert can wait for another transaction that is inserting the same; they come in one order. The looks at what was
//! read before are taken in the statement's snapshot, which is later than all of the transaction's locks.

use std::collections::HashSet;

use choreography_core::{
    outbox::range_of,
    participant::Participant,
    routes::Routed,
    store::{DeadMessage, DeferredEvents, Inbox, Lost, OutboxMessage, StoreError, TableChanges, Writing, Written},
};
use sqlx::Row as _;
use uuid::Uuid;

use super::{
    Session,
    error::store_error,
    headers, lock,
    optimism::{self, Check, SeenRows},
    parts::Parts,
    tables, waiting_rows,
};

/// In place of a look: the number of a message.
const NUMBER: i32 = -1;
/// In place of a look: an optimistic write found all as it was read.
pub(super) const CHECKED: i32 = -2;

/// What a look finds lost: the item at the place that it answers.
pub(super) enum Look<'a> {
    Repeats(&'a [Uuid]),
    Kept(&'a [DeadMessage]),
    Settled(Vec<Uuid>),
    Changed(Vec<&'a str>),
}

/// The statement and its looks, each known by its number. An optimistic one has none: it is not told what was lost, but refused.
pub(super) struct Statement<'a> {
    pub parts: Parts,
    looks: Vec<Look<'a>>,
    pub check: Option<Check<'a>>,
}

impl<'a> Statement<'a> {
    /// Of what was given, that is lost which a step did not return.
    fn look_for_missing(&mut self, look: Look<'a>, given: Given<'_>, step: &str, column: &str) {
        let Given { parameter, kind, count } = given;
        match &mut self.check {
            Some(check) => check.returns(step, count),
            None => self.look(look, &missing(parameter, kind, step, column)),
        }
    }

    /// That is lost which `from` names, each by its `place` (1 is the first).
    fn look(&mut self, look: Look<'a>, from: &str) {
        if let Some(check) = &mut self.check {
            return check.finds_nothing(from);
        }
        let number = self.looks.len();
        self.parts.select(format!("SELECT {number} AS look, place FROM {from}"));
        self.looks.push(look);
    }

    /// Of rows that a step returned: which of the ids that it was given are not among them.
    pub fn look_for_missing_ids(&mut self, ids: Vec<Uuid>, parameter: &str, step: &str) {
        let given = Given { parameter, kind: "uuid", count: ids.len() };
        self.look_for_missing(Look::Settled(ids), given, step, "id");
    }

    pub fn look_for_gone(&mut self, given: Vec<Uuid>, ids: &str, table: &str) {
        let from = format!(
            "unnest({ids}::uuid[]) WITH ORDINALITY AS given (id, place)
             WHERE NOT EXISTS (SELECT FROM {table} WHERE {table}.id = given.id)"
        );
        self.look(Look::Settled(given), &from);
    }
}

/// What a step was given: its parameter, that array's type, and how long it is.
struct Given<'p> {
    parameter: &'p str,
    kind: &'static str,
    count: usize,
}

/// Mostly all are there, and then nothing is compared.
fn missing(given: &str, kind: &str, step: &str, column: &str) -> String {
    format!(
        "unnest({given}::{kind}[]) WITH ORDINALITY AS given (given, place)
         WHERE (SELECT count(*) FROM {step}) < cardinality({given}::{kind}[])
         AND NOT EXISTS (SELECT FROM {step} WHERE {step}.{column} = given.given)"
    )
}

pub(super) async fn write(
    db: &mut Session,
    routed: &Routed,
    ranges: i32,
    writing: &Writing<Routed>,
    seen: Option<&[SeenRows]>,
) -> Result<Written, StoreError> {
    let check = seen.map(Check::new);
    let mut statement = Statement { parts: Parts::default(), looks: Vec::new(), check };
    optimism::lock_unchanged(&mut statement);
    write_inbox(&mut statement, routed.name(), &writing.inbox);
    dead_letter(&mut statement, &writing.dead);
    for (number, changes) in writing.tables.iter().enumerate() {
        let events = lock::counts(routed, changes.table).then_some(&writing.events);
        write_table(&mut statement, number, changes, events);
    }
    count_others(&mut statement, routed, writing);
    tables::append(&mut statement.parts, &writing.records);
    if seen.is_none() {
        look_for_deferred(&mut statement, &writing.deferred);
    }
    write_deferred(&mut statement, &writing.deferred);
    waiting_rows::write_deadlines(&mut statement, &writing.deadlines);
    waiting_rows::write_calls(&mut statement, &writing.calls);
    optimism::refuse_unless_unchanged(&mut statement, &writing.deferred, &writing.deadlines);
    append_outbox(&mut statement.parts, ranges, &writing.messages);
    let Statement { parts, looks, .. } = statement;
    let rows = parts.fetch(&mut *db, "SELECT 0 AS look, 0::bigint AS place WHERE false").await.map_err(store_error)?;
    let (mut lost, mut numbers) = (Lost::default(), Vec::new());
    for row in &rows {
        let (look, place): (i32, i64) = (row.try_get(0).map_err(store_error)?, row.try_get(1).map_err(store_error)?);
        if look == NUMBER {
            numbers.push(place);
            continue;
        }
        let look = usize::try_from(look).ok().and_then(|number| looks.get(number));
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        look.into_iter().for_each(|look| look.report(place, &mut lost));
    }
    // They were drawn in the order of the messages.
    numbers.sort_unstable();
    Ok(Written { lost, numbers })
}

impl Look<'_> {
    fn report(&self, place: usize, lost: &mut Lost) {
        match self {
            Self::Repeats(ids) => lost.repeats.extend(ids.get(place)),
            Self::Kept(dead) => lost.kept.extend(dead.get(place).map(|dead| dead.delivery.position.clone())),
            Self::Settled(ids) => lost.settled.extend(ids.get(place)),
            Self::Changed(keys) => lost.changed.extend(keys.get(place).map(|key| (*key).to_owned())),
        }
    }
}

fn write_inbox<'a>(statement: &mut Statement<'a>, consumer: &str, inbox: &'a Inbox) {
    if !inbox.new.is_empty() {
        let parts = &mut statement.parts;
        let (consumer, ids, after) = (parts.bind(consumer), parts.bind(&inbox.new), parts.after());
        parts.ordered_step(
            "inbox_new",
            &format!(
                "INSERT INTO inbox (consumer, event_id) SELECT {consumer}::text, id FROM unnest({ids}::uuid[]) AS new (id)
                 WHERE {after} ON CONFLICT DO NOTHING RETURNING event_id"
            ),
        );
        let given = Given { parameter: &ids, kind: "uuid", count: inbox.new.len() };
        statement.look_for_missing(Look::Repeats(&inbox.new), given, "inbox_new", "event_id");
    }
    if !inbox.early.is_empty() {
        let (consumer, ids) = (statement.parts.bind(consumer), statement.parts.bind(&inbox.early));
        let from = format!(
            "unnest({ids}::uuid[]) WITH ORDINALITY AS given (id, place)
             WHERE EXISTS (SELECT FROM inbox WHERE consumer = {consumer}::text AND event_id = given.id)"
        );
        statement.look(Look::Repeats(&inbox.early), &from);
    }
}

fn dead_letter<'a>(statement: &mut Statement<'a>, dead: &'a [DeadMessage]) {
    if dead.is_empty() {
        return;
    }
    let parts = &mut statement.parts;
    let [topics, partitions, offsets] =
        waiting_rows::bind_positions(parts, dead.iter().map(|dead| &dead.delivery.position));
    waiting_rows::dead_letter(parts, "dead_new", &[&topics, &partitions, &offsets], dead);
    let from = format!(
        "unnest({topics}::text[], {partitions}::int[], {offsets}::bigint[])
         WITH ORDINALITY AS given (topic, partition, \"offset\", place)
         WHERE NOT EXISTS (SELECT FROM dead_new d WHERE d.topic = given.topic AND d.partition = given.partition
                           AND d.\"offset\" = given.\"offset\")"
    );
    statement.look(Look::Kept(dead), &from);
}

/// Aggregates that publish and whose rows stay as they are.
fn count_others(statement: &mut Statement<'_>, routed: &Routed, writing: &Writing<Routed>) {
    let Some(table) = routed.counts() else { return };
    let changes = writing.tables.iter().filter(|changes| changes.table == table);
    let changing =
        changes.flat_map(|TableChanges { inserts, fresh, updates, .. }| inserts.iter().chain(fresh).chain(updates));
    let changing: HashSet<&str> = changing.map(|(key, _)| key.as_str()).collect();
    let others = writing.events.iter().filter(|(key, _)| !changing.contains(key.as_str()));
    let others: Vec<(&str, i64)> = others.map(|(key, events)| (key.as_str(), *events)).collect();
    if !others.is_empty() {
        tables::count(&mut statement.parts, table, &others);
    }
}

fn write_table<'a>(
    statement: &mut Statement<'a>,
    number: usize,
    changes: &'a TableChanges<Routed>,
    events: tables::Events<'_>,
) {
    let TableChanges { table, inserts, fresh, updates, absent } = changes;
    let parts = &mut statement.parts;
    if !fresh.is_empty() {
        tables::insert_fresh(parts, &format!("fresh_{number}"), *table, fresh, events);
    }
    if !updates.is_empty() {
        tables::update(parts, &format!("changed_{number}"), *table, updates, events);
    }
    if !inserts.is_empty() {
        let step = format!("new_{number}");
        tables::insert(parts, &step, *table, inserts, events);
        let keys: Vec<&str> = inserts.iter().map(|(key, _)| key.as_str()).collect();
        // An optimistic write counts them.
        let parameter = if statement.check.is_none() { parts.bind(keys.clone()) } else { String::new() };
        let given = Given { parameter: &parameter, kind: "text", count: keys.len() };
        statement.look_for_missing(Look::Changed(keys), given, &step, table.0.key);
    }
    if !absent.is_empty() {
        let (name, key, given) = (table.0.name, table.0.key, statement.parts.bind(absent));
        let from = format!(
            "unnest({given}::text[]) WITH ORDINALITY AS given (given, place)
             WHERE EXISTS (SELECT FROM {name} WHERE {name}.{key} = given.given)"
        );
        statement.look(Look::Changed(absent.iter().map(String::as_str).collect()), &from);
    }
}

fn look_for_deferred<'a>(statement: &mut Statement<'a>, deferred: &'a DeferredEvents) {
    let DeferredEvents { none, no_compensation, .. } = deferred;
    // Compared plainly the status would fit the index of what is due, and without the OFFSET the look would be a join.
    // Planned while little is deferred, either reads all of an index in each batch, however much is held by then.
    let waits = " AND h.overtakes AND coalesce(h.status, '') <> 'parked'";
    for (keys, which) in [(none, ""), (no_compensation, waits)] {
        if !keys.is_empty() {
            let given = statement.parts.bind(keys);
            let from = format!(
                "unnest({given}::text[]) WITH ORDINALITY AS given (key, place)
                 WHERE EXISTS (SELECT FROM held_events h WHERE h.key = given.key{which} OFFSET 0)"
            );
            statement.look(Look::Changed(keys.iter().map(String::as_str).collect()), &from);
        }
    }
}

fn write_deferred(statement: &mut Statement<'_>, deferred: &DeferredEvents) {
    let DeferredEvents { released, failed_again, defer, .. } = deferred;
    let parts = &mut statement.parts;
    if !released.is_empty() {
        let numbers = parts.bind(released);
        parts.step("released", &format!("DELETE FROM held_events WHERE number = ANY({numbers}::bigint[])"));
    }
    if !failed_again.is_empty() {
        waiting_rows::defer_again(parts, failed_again);
    }
    if !defer.is_empty() {
        waiting_rows::defer(parts, defer);
    }
}

fn append_outbox(parts: &mut Parts, ranges: i32, messages: &[OutboxMessage]) {
    if messages.is_empty() {
        return;
    }
    let range = |message: &OutboxMessage| range_of(&message.topic, message.key.as_deref(), ranges);
    let ranges = parts.bind(messages.iter().map(range).collect::<Vec<i32>>());
    let topics = parts.bind(messages.iter().map(|message| message.topic.as_str()).collect::<Vec<_>>());
    let keys = parts.bind(messages.iter().map(|message| message.key.as_deref()).collect::<Vec<_>>());
    let payloads = parts.bind(messages.iter().map(|message| message.payload.as_deref()).collect::<Vec<_>>());
    let encode = |message: &OutboxMessage| headers::encode_beside(message.payload.as_deref(), &message.headers);
    let (headers, implied): (Vec<String>, Vec<bool>) = messages.iter().map(encode).unzip();
    let (headers, implied) = (parts.bind(headers), parts.bind(implied));
    let nth = parts.bind(messages.iter().map(|message| message.nth).collect::<Vec<_>>());
    let after = parts.after();
    // A transaction that draws numbers has its own id before: a relay that looks for those that may have drawn some finds it.
    parts.step(
        "published",
        &format!(
            "INSERT INTO outbox (range, topic, key, payload, headers, implied, nth)
             SELECT range, topic, key, payload, headers, implied, nth
             FROM unnest({ranges}::int[], {topics}::text[], {keys}::bytea[], {payloads}::bytea[], {headers}::text[],
                         {implied}::bool[], {nth}::bigint[])
                  WITH ORDINALITY AS new (range, topic, key, payload, headers, implied, nth, place)
             WHERE {after} AND pg_current_xact_id() IS NOT NULL ORDER BY place RETURNING number"
        ),
    );
    parts.select(format!("SELECT {NUMBER} AS look, number AS place FROM published"));
}
