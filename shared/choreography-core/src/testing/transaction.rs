//! A transaction on the copy.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};

use super::{DeferredRow, Intrusion, Memory, State, Table, Toy};
use crate::{
    input::{DeferredEvent, Event},
    store::{
        Calls, Deadline, Deadlines, DeferEvent, Deferred, DeferredEvents, DeferredStatus, Found, Lost, StoreError,
        TableChanges, Transaction, Wanted, WantedRows, Writing, Written,
    },
};

pub(crate) struct Copy {
    pub original: Memory,
    pub state: State,
    /// Of an optimistic one, which rows it read,
    pub read: Option<Vec<(Table, String)>>,
    /// and all rows as they were then.
    pub before: BTreeMap<(Table, String), i64>,
}

impl Copy {
    /// What an optimistic one read has to stand as it was.
    fn commit_unchanged(&mut self, read: &[(Table, String)], lost: &Lost) -> Result<(), StoreError> {
        let changed = {
            let original = self.original.state();
            let before = &self.before;
            read.iter().any(|place| original.rows.get(place) != before.get(place) || original.locked.contains(place))
        };
        if changed || !lost.is_nothing() {
            return Err(StoreError::Contention("it is not as it was read".into()));
        }
        self.put_in_place();
        let loses = std::mem::take(&mut self.original.state().loses_an_answer);
        if loses { Err(StoreError::Unavailable("no answer".into())) } else { Ok(()) }
    }

    fn put_in_place(&mut self) {
        let mut original = self.original.state();
        let mut state = self.state.clone();
        state.statements = std::mem::take(&mut original.statements);
        state.before_the_write = std::mem::take(&mut original.before_the_write);
        *original = state;
    }

    fn statement(&mut self, name: &'static str) {
        self.original.state().statements.push(name);
    }

    fn is_locked(&self, table: Table, key: &str) -> bool {
        self.state.locked.contains(&(table, key.to_owned()))
    }

    fn lock_rows(&self, wanted: &WantedRows<Toy>, found: &mut Found<Toy>) -> Result<(), StoreError> {
        let WantedRows { table, keys, if_free } = wanted;
        // A transaction that is not in a hurry waits in vain.
        if let Some(key) = keys.iter().find(|key| self.is_locked(*table, key)) {
            return Err(StoreError::Contention(format!("{key} is locked")));
        }
        for key in keys.iter().chain(if_free) {
            let place = (*table, key.clone());
            if self.state.locked.contains(&place) {
                found.locked.push(place);
            } else if self.state.unreadable.contains(&place) {
                return Err(StoreError::Unreadable(format!("{key} can't be read")));
            } else if let Some(row) = self.state.rows.get(&place) {
                found.rows.push((*table, key.clone(), *row));
                found.events.extend(self.state.events.get(key).map(|events| (key.clone(), *events)));
            }
        }
        Ok(())
    }

    fn change(&mut self, changes: &TableChanges<Toy>, lost: &mut Lost) -> Result<(), StoreError> {
        let TableChanges { table, inserts, fresh, updates, absent } = changes;
        for (key, row) in inserts.iter().chain(fresh).chain(updates) {
            if self.state.poison.contains(key) {
                return Err(StoreError::Data(format!("{key} is out of range")));
            }
            let before = self.state.rows.insert((*table, key.clone()), *row);
            let named = |rows: &[(String, i64)]| rows.iter().any(|(other, _)| other == key);
            match before {
                Some(_) if named(fresh) => return Err(StoreError::Data(format!("{key} is there already"))),
                Some(_) if named(inserts) => lost.changed.push(key.clone()),
                _ => {}
            }
        }
        let there = |key: &&String| self.state.rows.contains_key(&(*table, (*key).clone()));
        lost.changed.extend(absent.iter().filter(there).cloned());
        Ok(())
    }

    fn defer(&mut self, deferred: &DeferredEvents, lost: &mut Lost) -> Result<(), StoreError> {
        for row in self.state.deferred.values() {
            let key = &row.event.event.aggregate_id;
            let keeps = row.overtakes && row.status != DeferredStatus::Parked;
            if deferred.none.contains(key) || keeps && deferred.no_compensation.contains(key) {
                lost.changed.push(key.clone());
            }
        }
        self.state.deferred.retain(|number, _| !deferred.released.contains(number));
        for failed in &deferred.failed_again {
            let Some(row) = self.state.deferred.get_mut(&failed.number) else { continue };
            row.status = failed.status;
            row.due_at = failed.now + failed.retry_in;
            row.failure = Some(failed.failure.clone());
            row.event.attempts = failed.attempts;
            row.event.early = failed.early;
        }
        if self.state.refuses_bytes && !deferred.defer.is_empty() {
            return Err(StoreError::Data("too many bytes".into()));
        }
        for new in &deferred.defer {
            let same = self.state.deferred.values_mut().find(|row| row.event.event.id == new.event_id);
            if let Some(row) = same {
                row.event.early &= new.early;
                continue;
            }
            self.state.deferred_number += 1;
            self.state.deferred.insert(self.state.deferred_number, row(self.state.deferred_number, new.clone()));
        }
        Ok(())
    }

    fn keep_deadlines(&mut self, deadlines: &Deadlines, lost: &mut Lost) {
        let Deadlines { taken, replaced, settled, set, postponed } = deadlines;
        let names: HashSet<_> = set.iter().map(|new| (&new.aggregate_id, &new.name)).collect();
        assert_eq!(names.len(), set.len(), "PostgreSQL sets no row twice in one statement");
        let rows = &mut self.state.deadlines;
        lost.settled.extend(replaced.iter().filter(|id| !rows.contains_key(id)));
        lost.settled.extend(taken.iter().filter(|id| rows.remove(id).is_none()));
        rows.retain(|_, row| !settled.contains(&(row.aggregate_id.clone(), row.name.clone())));
        for new in set {
            rows.retain(|_, row: &mut Deadline| row.aggregate_id != new.aggregate_id || row.name != new.name);
            rows.insert(new.id, new.clone());
        }
        for later in postponed {
            let Some(row) = rows.get_mut(&later.id) else {
                lost.settled.push(later.id);
                continue;
            };
            row.attempts += 1;
            row.last_error.clone_from(&later.last_error);
            row.not_before = later.not_before;
        }
    }

    fn keep_calls(&mut self, calls: &Calls, lost: &mut Lost) {
        let Calls { taken, new, own_until, amended, postponed } = calls;
        let rows = &mut self.state.calls;
        lost.settled.extend(taken.iter().filter(|id| rows.remove(id).is_none()));
        if !new.is_empty() {
            self.state.calls_are_own_until = Some(*own_until);
        }
        for call in amended {
            let open = rows.values_mut();
            open.filter(|(row, _)| row.aggregate_id == call.aggregate_id && row.step == call.step)
                .for_each(|(row, _)| row.request.clone_from(&call.request));
        }
        for later in postponed {
            let Some((call, error)) = rows.get_mut(&later.call.id) else {
                lost.settled.push(later.call.id);
                continue;
            };
            *error = Some(later.error.clone());
            later.amended.iter().for_each(|request| call.request.clone_from(request));
        }
        rows.extend(new.iter().map(|call| (call.id, (call.clone(), None))));
    }
}

impl Transaction<Toy> for Copy {
    fn now(&self) -> DateTime<Utc> {
        self.state.now
    }

    async fn lock(&mut self, wanted: &Wanted<Toy>) -> Result<Found<Toy>, StoreError> {
        if let Some(read) = &mut self.read {
            for WantedRows { table, keys, .. } in &wanted.rows {
                read.extend(keys.iter().map(|key| (*table, key.clone())));
            }
        }
        self.statement(if self.read.is_some() { "read" } else { "lock" });
        if self.state.is_table_locked && !wanted.rows.is_empty() {
            return Err(StoreError::Contention("the table is locked".into()));
        }
        let mut found = Found::default();
        let deferred =
            self.state.deferred.iter().filter(|(_, row)| wanted.queues.contains(&row.event.event.aggregate_id));
        found.queues.extend(deferred.map(|(number, row)| Deferred {
            key: row.event.event.aggregate_id.clone(),
            number: *number,
            status: row.status,
            overtakes: row.overtakes,
            attempts: row.event.attempts,
            early: row.event.early,
        }));
        for row in self.state.deferred.values() {
            let key = &row.event.event.aggregate_id;
            if wanted.arrivals.contains(key) {
                found.deferred.insert(key.clone());
                if row.overtakes && row.status != DeferredStatus::Parked {
                    found.overtaking.insert(key.clone());
                }
            }
        }
        for rows in &wanted.rows {
            self.lock_rows(rows, &mut found)?;
        }
        Ok(found)
    }

    async fn write(&mut self, writing: &Writing<Toy>) -> Result<Written, StoreError> {
        self.statement(if self.read.is_some() { "write at once" } else { "write" });
        let mut lost = Lost::default();
        if self.state.is_inbox_locked && !writing.inbox.new.is_empty() {
            return Err(StoreError::Contention("the inbox is locked".into()));
        }
        let intrusion = self.original.state().before_the_write.pop_front();
        if let Some(Intrusion(intrude)) = intrusion {
            intrude(&mut self.original.state());
            intrude(&mut self.state);
        }
        lost.repeats.extend(writing.inbox.new.iter().filter(|id| !self.state.inbox.insert(**id)));
        lost.repeats.extend(writing.inbox.early.iter().filter(|id| self.state.inbox.contains(id)));
        if self.state.refuses_bytes && writing.dead.iter().any(|dead| dead.delivery.payload.is_some()) {
            return Err(StoreError::Data("too many bytes".into()));
        }
        for dead in &writing.dead {
            match self.state.dead.iter().any(|kept| kept.delivery.position == dead.delivery.position) {
                true => lost.kept.push(dead.delivery.position.clone()),
                false => self.state.dead.push(dead.clone()),
            }
        }
        for changes in &writing.tables {
            self.change(changes, &mut lost)?;
        }
        self.state.records += writing.records.len();
        self.defer(&writing.deferred, &mut lost)?;
        self.keep_deadlines(&writing.deadlines, &mut lost);
        self.keep_calls(&writing.calls, &mut lost);
        self.state.events.extend(writing.events.clone());
        let first = self.state.outbox.len();
        self.state.outbox.extend_from_slice(&writing.messages);
        let numbers = (first..self.state.outbox.len()).map(|place| i64::try_from(place + 1).unwrap()).collect();
        if let Some(read) = self.read.take() {
            self.commit_unchanged(&read, &lost)?;
        }
        Ok(Written { lost, numbers })
    }

    async fn roll_back(self) {}

    async fn commit(mut self) -> Result<(), StoreError> {
        self.statement("commit");
        self.put_in_place();
        Ok(())
    }
}

fn row(number: i64, new: DeferEvent) -> DeferredRow {
    DeferredRow {
        status: new.status,
        overtakes: new.overtakes,
        due_at: new.now + new.retry_in,
        event: DeferredEvent {
            number,
            attempts: u32::from(new.failure.is_some()),
            first_failed_at: new.failure.is_some().then_some(new.now),
            redrive: false,
            early: new.early,
            event: Event {
                id: new.event_id,
                event_type: new.event_type,
                aggregate_id: new.key,
                delivery: new.delivery,
            },
        },
        failure: new.failure,
    }
}
