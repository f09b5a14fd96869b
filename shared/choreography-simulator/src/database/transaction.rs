//! The business transaction: locks, one write, and the commit.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::{
    outbox::{OutboxRow, range_of},
    participant::Participant,
    store::{
        DeferredEvents, DeferredStatus, Found, Inbox, Lost, OutboxMessage, StoreError, TableChanges, Transaction,
        Wanted, Writing, Written,
    },
};
use chrono::{DateTime, Utc};

use super::{
    heap::{Place, TxId},
    session::Tx,
    state::{OwnRow, State},
};
use crate::{
    core::{Core, lock, pause, sleep},
    plant::Plant,
};

impl<P: Participant> Transaction<P> for Tx<P> {
    fn now(&self) -> DateTime<Utc> {
        let core = &self.model.core;
        if core.has(Plant::ApplicationClock) { core.application_now() } else { self.begun }
    }

    async fn lock(&mut self, wanted: &Wanted<P>) -> Result<Found<P>, StoreError> {
        if self.seen.is_some() {
            return self.read(wanted).await;
        }
        self.statement(lock_call(wanted)).await?;
        self.now_step(State::freeze);
        let found = self.lock_parts(wanted).await;
        self.now_step(State::thaw);
        found
    }

    async fn write(&mut self, writing: &Writing<P>) -> Result<Written, StoreError> {
        if let Some(seen) = self.seen.clone() {
            return self.write_unchanged(&seen, writing).await;
        }
        self.statement(write_call(writing)).await?;
        self.now_step(State::freeze);
        let written = self.write_parts(writing).await;
        self.now_step(State::thaw);
        written
    }

    async fn roll_back(self) {
        drop(self);
        pause().await;
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        if self.seen.is_some() {
            return Ok(());
        }
        let model = self.model.clone();
        model.statement("commit").await?;
        wait_for_standby(&model.core).await;
        let finished = self.finish();
        drop(self);
        pause().await;
        model.answered()?;
        finished
    }
}

/// A commit may wait for another server, which is slow.
pub(super) async fn wait_for_standby(core: &Core) {
    if core.focus.profile.standby && core.pick(8) == 0 {
        core.count("commit", "waits for a standby");
        sleep(core, core.pick(4_000)).await;
    }
}

/// What it locks; the less frequent name is the one by which faults find it.
fn lock_call<P: Participant>(wanted: &Wanted<P>) -> &'static str {
    match wanted {
        Wanted { queues, .. } if !queues.is_empty() => "lock_deferred",
        Wanted { rows, .. } if rows.iter().any(|rows| !rows.if_free.is_empty()) => "lock_free_rows",
        _ => "lock_rows",
    }
}

/// As [`lock_call`].
pub(super) fn write_call<P: Participant>(writing: &Writing<P>) -> &'static str {
    let Writing { inbox, dead, tables, events: _, records, deferred, deadlines, calls, messages } = writing;
    let named = [
        ("amend_calls", !calls.amended.is_empty()),
        ("postpone_calls", !calls.postponed.is_empty()),
        ("postpone_deadlines_here", !deadlines.postponed.is_empty()),
        ("replace_deadlines", !deadlines.replaced.is_empty()),
        ("dead_letter", !dead.is_empty()),
        ("defer_again", !deferred.failed_again.is_empty()),
        ("released", !deferred.released.is_empty()),
        ("defer", !deferred.defer.is_empty()),
        ("take_deadlines", !deadlines.taken.is_empty()),
        ("settle_deadlines", !deadlines.settled.is_empty()),
        ("insert_fresh_rows", tables.iter().any(|changes| !changes.fresh.is_empty())),
        ("take_calls", !calls.taken.is_empty()),
        ("insert_calls", !calls.new.is_empty()),
        ("append_records", !records.is_empty()),
        ("insert_rows", tables.iter().any(|changes| !changes.inserts.is_empty())),
        ("append_outbox", !messages.is_empty()),
        ("update_rows", tables.iter().any(|changes| !changes.updates.is_empty())),
        ("insert_inbox", !inbox.new.is_empty()),
    ];
    named.into_iter().find(|(_, is)| *is).map_or("write", |(call, _)| call)
}

/// Aggregates that were thought to have no deferred event, and have one.
pub(super) fn deferred_of<P: Participant>(state: &State<P>, id: TxId, thought: &DeferredEvents) -> Vec<String> {
    let mut changed: Vec<String> = Vec::new();
    for (_, row) in state.deferred.snapshot(id) {
        let key = &row.event.event.aggregate_id;
        let keeps = row.overtakes && row.status != DeferredStatus::Parked;
        let times =
            usize::from(thought.none.contains(key)) + usize::from(keeps && thought.no_compensation.contains(key));
        changed.extend(std::iter::repeat_n(key.clone(), times));
    }
    changed
}

impl<P: Participant> Tx<P> {
    /// All parts of a statement have one snapshot: a row that comes into being while it waits is none of its rows.
    async fn lock_parts(&mut self, wanted: &Wanted<P>) -> Result<Found<P>, StoreError> {
        let mut found = Found::default();
        self.look_up(wanted, &mut found);
        if !wanted.queues.is_empty() {
            found.queues = self.lock_deferred(&wanted.queues).await?;
        }
        for rows in &wanted.rows {
            for place in self.places(rows.table, &rows.keys) {
                let newest = self.wait(|state, id| state.rows.lock(id, place)).await?;
                newest.into_iter().for_each(|own| self.found(own, &mut found));
            }
            let if_free = self.places(rows.table, &rows.if_free);
            self.lock_free(if_free, &mut found);
        }
        Ok(found)
    }

    /// What is looked at is seen as the statement begins; while it goes on, others commit.
    pub(super) async fn write_parts(&mut self, writing: &Writing<P>) -> Result<Written, StoreError> {
        let mut lost = self.look_again(writing);
        pause().await;
        self.write_inbox(&writing.inbox, &mut lost).await?;
        lost.kept.extend(self.insert_dead(&writing.dead).await?);
        pause().await;
        for changes in &writing.tables {
            self.write_table(changes, &writing.events, &mut lost).await?;
        }
        self.count_others(writing).await?;
        self.now_step(|state, id| {
            for record in &writing.records {
                state.records.insert(id, record.clone());
            }
        });
        pause().await;
        self.write_deferred(&writing.deferred).await?;
        self.write_deadlines(&writing.deadlines, &mut lost).await?;
        self.write_calls(&writing.calls, &mut lost).await?;
        if self.seen.is_some() {
            lost.changed.extend(self.deferred_by_now(&writing.deferred));
            if !lost.is_nothing() {
                return Ok(Written { lost, numbers: Vec::new() });
            }
            self.settle_deadlines(&writing.deadlines.settled).await?;
        }
        let numbers = self.append_outbox(&writing.messages);
        Ok(Written { lost, numbers })
    }

    /// What is deferred of the aggregates of arrivals.
    pub(super) fn look_up(&mut self, wanted: &Wanted<P>, found: &mut Found<P>) {
        let state = lock(&self.model.state);
        for (_, row) in state.deferred.snapshot(self.id) {
            let key = &row.event.event.aggregate_id;
            if wanted.arrivals.contains(key) {
                found.deferred.insert(key.clone());
                if row.overtakes && row.status != DeferredStatus::Parked {
                    found.overtaking.insert(key.clone());
                }
            }
        }
    }

    /// Where the rows stand that are there, in key order.
    pub(super) fn places(&mut self, table: P::Table, keys: &[String]) -> Vec<Place> {
        let state = lock(&self.model.state);
        let rows = state.rows.snapshot(self.id).filter(|(_, own)| own.table == table && keys.contains(&own.key));
        let mut places: Vec<(String, Place)> = rows.map(|(place, own)| (own.key.clone(), place)).collect();
        places.sort();
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// FOR UPDATE SKIP LOCKED.
    fn lock_free(&mut self, places: Vec<Place>, found: &mut Found<P>) {
        let mut free = Vec::new();
        self.now_step(|state, id| {
            for place in places {
                match state.rows.lock(id, place) {
                    Ok(own) => free.extend(own),
                    Err(_) => found.locked.extend(state.rows.at(place).map(|own| (own.table, own.key.clone()))),
                }
            }
        });
        free.into_iter().for_each(|own| self.found(own, found));
    }

    pub(super) fn found(&self, own: OwnRow<P>, found: &mut Found<P>) {
        if self.counts(own.table) {
            let events = if self.model.core.has(Plant::EventsNotCounted) { Some(0) } else { own.events };
            found.events.extend(events.map(|events| (own.key.clone(), events)));
        }
        found.rows.push((own.table, own.key, own.row));
    }

    pub(super) fn counts(&self, table: P::Table) -> bool {
        self.model.participant.counts() == Some(table)
    }

    fn look_again(&mut self, writing: &Writing<P>) -> Lost {
        let core = self.model.core.clone();
        let state = lock(&self.model.state);
        let mut lost = Lost::default();
        lost.repeats
            .extend(state.inbox.snapshot(self.id).map(|(_, id)| *id).filter(|id| writing.inbox.early.contains(id)));
        for TableChanges { table, absent, .. } in &writing.tables {
            let there =
                state.rows.snapshot(self.id).filter(|(_, own)| own.table == *table && absent.contains(&own.key));
            lost.changed.extend(there.map(|(_, own)| own.key.clone()));
        }
        if self.seen.is_none() && !core.has(Plant::DeferredNotLookedAt) {
            lost.changed.extend(deferred_of(&state, self.id, &writing.deferred));
        }
        let there: Vec<_> = state.deadlines.snapshot(self.id).map(|(_, row)| row.id).collect();
        lost.settled.extend(writing.deadlines.replaced.iter().filter(|id| !there.contains(id)));
        lost
    }

    async fn write_inbox(&mut self, inbox: &Inbox, lost: &mut Lost) -> Result<(), StoreError> {
        let planted = self.model.core.has(Plant::NoInbox);
        let ignored = self.model.core.has(Plant::InboxIgnored);
        for id in &inbox.new {
            let is_new = self.insert_new(|state| &mut state.inbox, id, |other| other == id && !planted).await?;
            if !is_new && !ignored {
                lost.repeats.push(*id);
            }
        }
        Ok(())
    }

    async fn write_table(
        &mut self,
        changes: &TableChanges<P>,
        events: &BTreeMap<String, i64>,
        lost: &mut Lost,
    ) -> Result<(), StoreError> {
        let counts = self.counts(changes.table);
        let of_new = |key: &str| counts.then(|| events.get(key).copied().unwrap_or_default());
        let TableChanges { table, inserts, fresh, updates, .. } = changes;
        let core = self.model.core.clone();
        let forgotten = |row: &P::Row| core.has(Plant::NoTombstone) && (self.model.tombstone)(row);
        let inserts: Vec<&(String, P::Row)> = inserts.iter().filter(|(_, row)| !forgotten(row)).collect();
        let updates: Vec<&(String, P::Row)> = updates.iter().filter(|(_, row)| !forgotten(row)).collect();
        for (key, row) in fresh {
            let own = OwnRow { table: *table, key: key.clone(), row: row.clone(), events: of_new(key) };
            let place = self.now_step(|state, id| state.rows.insert(id, own));
            self.check_unique(|state| &mut state.rows, place, |own| own.table == *table && own.key == *key).await?;
        }
        let new = |key: &str| updates.iter().find(|(other, _)| other == key).map(|(_, row)| row);
        let of_keys = |own: &OwnRow<P>| own.table == *table && new(&own.key).is_some();
        for (place, own) in self.take(|state| &mut state.rows, of_keys, |own| own.key.clone()).await? {
            let Some(row) = new(&own.key) else { continue };
            let count = events.get(&own.key).copied().filter(|_| counts).or(own.events);
            let changed = OwnRow { row: row.clone(), events: count, ..own };
            self.now_step(|state, _| state.rows.write(place, Some(changed)));
        }
        for (key, row) in inserts {
            let own = OwnRow { table: *table, key: key.clone(), row: row.clone(), events: of_new(key) };
            let same = |other: &OwnRow<P>| other.table == *table && other.key == *key;
            let is_new = self.insert_new(|state| &mut state.rows, &own, same).await?;
            if !is_new && !core.has(Plant::LostRaceIgnored) {
                lost.changed.push(key.clone());
            }
        }
        Ok(())
    }

    /// Aggregates that publish and whose rows stay as they are.
    async fn count_others(&mut self, writing: &Writing<P>) -> Result<(), StoreError> {
        let Some(table) = self.model.participant.counts() else { return Ok(()) };
        let changes = writing.tables.iter().filter(|changes| changes.table == table);
        let changes =
            changes.flat_map(|TableChanges { inserts, fresh, updates, .. }| inserts.iter().chain(fresh).chain(updates));
        let changing: BTreeSet<&String> = changes.map(|(key, _)| key).collect();
        let others = |own: &OwnRow<P>| {
            own.table == table && writing.events.contains_key(&own.key) && !changing.contains(&own.key)
        };
        for (place, own) in self.take(|state| &mut state.rows, others, |own| own.key.clone()).await? {
            let counted = OwnRow { events: writing.events.get(&own.key).copied(), ..own };
            self.now_step(|state, _| state.rows.write(place, Some(counted)));
        }
        Ok(())
    }

    fn append_outbox(&mut self, messages: &[OutboxMessage]) -> Vec<i64> {
        let mut numbers = Vec::new();
        let ranges = self.model.policy.ranges;
        let silent = self.model.core.has(Plant::NoDeadLetter);
        self.now_step(|state, id| {
            for message in messages.iter().filter(|message| !silent || !message.topic.ends_with(".dlq")).cloned() {
                state.outbox_number += 1;
                numbers.push(state.outbox_number);
                let range = range_of(&message.topic, message.key.as_deref(), ranges);
                let row = OutboxRow { number: state.outbox_number, range, message };
                state.outbox.insert(id, row);
            }
        });
        numbers
    }
}
