//! The business transaction, statement by statement.

use std::collections::{BTreeSet, HashMap, HashSet};

use choreography_core::{
    delivery::Position,
    outbox::{OutboxRow, range_of},
    participant::Participant,
    store::{
        AmendedIntent, DeadMessage, Deadline, FreeRows, Held, HeldFailure, HeldStatus, HoldEvent, Intent, Opening,
        OutboxMessage, RefusedIntent, StoreError, TakenIntent, Transaction,
    },
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    heap::{Conflict, TxId},
    session::Tx,
    state::{HeldRow, OpenIntent, OutboxEntry, OwnRow, State},
};
use crate::{
    core::{lock, pause},
    plant::Plant,
};

impl<P: Participant> Transaction<P> for Tx<P> {
    async fn open(&mut self, keys: &[String]) -> Result<Opening, StoreError> {
        self.statement("open").await?;
        let of = |chosen: fn(&HeldRow) -> bool| -> HashSet<String> {
            let state = lock(&self.model.state);
            let held = state.held.snapshot(self.id).filter(|(_, row)| chosen(row));
            let found = held.map(|(_, row)| row.event.event.aggregate_id.clone());
            found.filter(|key| keys.contains(key)).collect()
        };
        let overtaking = of(|row| row.overtakes && row.status != HeldStatus::Parked);
        let core = &self.model.core;
        let now = if core.has(Plant::ApplicationClock) { core.application_now() } else { self.begun };
        Ok(Opening { now, held: of(|_| true), overtaking })
    }

    /// Nobody in the model locks a whole table.
    async fn hurry(&mut self) -> Result<(), StoreError> {
        self.statement("hurry").await
    }

    async fn insert_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        self.statement("insert_inbox").await?;
        let planted = self.model.core.has(Plant::NoInbox);
        let mut new = HashSet::new();
        for id in ids {
            if self.insert_new(|state| &mut state.inbox, id, |other| other == id && !planted).await? {
                new.insert(*id);
            }
        }
        if self.model.core.has(Plant::InboxIgnored) {
            new.extend(ids);
        }
        Ok(new)
    }

    async fn in_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        self.statement("in_inbox").await?;
        let state = lock(&self.model.state);
        Ok(state.inbox.snapshot(self.id).map(|(_, id)| *id).filter(|id| ids.contains(id)).collect())
    }

    async fn ensure_rows(&mut self, table: P::Table, keys: &[String]) -> Result<(), StoreError> {
        self.statement("ensure_rows").await?;
        if self.model.core.has(Plant::AbsentNotLocked) {
            return Ok(());
        }
        self.insert_absent(table, keys.iter()).await
    }

    async fn lock_rows(&mut self, table: P::Table, keys: &[String]) -> Result<Vec<(String, P::Row)>, StoreError> {
        self.statement("lock_rows").await?;
        let keys: BTreeSet<&String> = keys.iter().collect();
        let of_keys = |own: &OwnRow<P>| own.table == table && keys.contains(&own.key);
        let taken = self.take(|state| &mut state.rows, of_keys, |own| own.key.clone()).await?;
        let mut rows: Vec<(String, P::Row)> = taken.into_iter().map(|(_, own)| (own.key, own.row)).collect();
        if self.model.core.has(Plant::AbsentNotLocked) {
            let found: BTreeSet<String> = rows.iter().map(|(key, _)| key.clone()).collect();
            let absent = keys.into_iter().filter(|key| !found.contains(*key));
            rows.extend(absent.map(|key| (key.clone(), self.model.participant.absent(table))));
        }
        Ok(rows)
    }

    async fn lock_free_rows(&mut self, table: P::Table, keys: &[String]) -> Result<FreeRows<P>, StoreError> {
        self.statement("lock_free_rows").await?;
        let (free, locked) = self.now_step(|state, id| {
            let of_keys = |own: &OwnRow<P>| own.table == table && keys.contains(&own.key);
            let found: Vec<(u64, String)> = state
                .rows
                .snapshot(id)
                .filter(|(_, own)| of_keys(own))
                .map(|(place, own)| (place, own.key.clone()))
                .collect();
            found.into_iter().partition::<Vec<_>, _>(|(place, _)| state.rows.lock(id, *place).is_ok())
        });
        let locked: Vec<String> = locked.into_iter().map(|(_, key)| key).collect();
        let open: Vec<String> = keys.iter().filter(|key| !locked.contains(key)).cloned().collect();
        let missing: Vec<String> =
            open.iter().filter(|key| free.iter().all(|(_, other)| other != *key)).cloned().collect();
        if !missing.is_empty() {
            self.ensure_rows(table, &missing).await?;
        }
        let rows = if open.is_empty() { Vec::new() } else { self.lock_rows(table, &open).await? };
        Ok(FreeRows { rows, locked })
    }

    async fn insert_rows(&mut self, table: P::Table, rows: &[(String, P::Row)]) -> Result<(), StoreError> {
        self.statement("insert_rows").await?;
        self.insert_absent(table, rows.iter().map(|(key, _)| key)).await?;
        self.update_rows(table, rows).await
    }

    async fn update_rows(&mut self, table: P::Table, rows: &[(String, P::Row)]) -> Result<(), StoreError> {
        self.statement("update_rows").await?;
        if self.model.core.has(Plant::AbsentNotLocked) {
            self.insert_absent(table, rows.iter().map(|(key, _)| key)).await?;
        }
        let forgets = self.model.core.has(Plant::NoTombstone);
        let new = |key: &str| rows.iter().find(|(other, _)| other == key).map(|(_, row)| row);
        let of_keys = |own: &OwnRow<P>| own.table == table && new(&own.key).is_some();
        for (place, own) in self.take(|state| &mut state.rows, of_keys, |own| own.key.clone()).await? {
            let Some(row) = new(&own.key).filter(|row| !forgets || !(self.model.tombstone)(row)) else { continue };
            let changed = OwnRow { row: row.clone(), ..own };
            self.now_step(|state, _| state.rows.write(place, Some(changed)));
        }
        Ok(())
    }

    async fn append_records(&mut self, records: &[P::Record]) -> Result<(), StoreError> {
        self.statement("append_records").await?;
        self.now_step(|state, id| {
            for record in records {
                state.records.insert(id, record.clone());
            }
        });
        Ok(())
    }

    async fn append_outbox(&mut self, messages: &[OutboxMessage]) -> Result<(), StoreError> {
        self.statement("append_outbox").await?;
        let ranges = self.model.policy.ranges;
        let silent = self.model.core.has(Plant::NoDeadLetter);
        self.now_step(|state, id| {
            for message in messages.iter().filter(|message| !silent || !message.topic.ends_with(".dlq")).cloned() {
                state.outbox_number += 1;
                let range = range_of(&message.topic, message.key.as_deref(), ranges);
                let row = OutboxRow { number: state.outbox_number, range, message };
                state.outbox.insert(id, OutboxEntry { row, published: false });
            }
        });
        Ok(())
    }

    async fn set_deadlines(&mut self, deadlines: &[Deadline]) -> Result<(), StoreError> {
        self.statement("set_deadlines").await?;
        if self.model.core.has(Plant::NoDeadlines) {
            return Ok(());
        }
        self.upsert_deadlines(deadlines).await
    }

    async fn settle_deadlines(&mut self, names: &[(String, String)]) -> Result<(), StoreError> {
        self.statement("settle_deadlines").await?;
        let named = |row: &Deadline| names.iter().any(|(of, name)| *of == row.aggregate_id && *name == row.name);
        self.delete(|state| &mut state.deadlines, named, |row| row.id).await.map(drop)
    }

    async fn take_deadlines(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, u32>, StoreError> {
        self.statement("take_deadlines").await?;
        let taken = self.delete(|state| &mut state.deadlines, |row| ids.contains(&row.id), |row| row.id).await?;
        Ok(taken.into_iter().map(|row| (row.id, row.attempts)).collect())
    }

    async fn postpone_deadlines(&mut self, postponed: &[Deadline]) -> Result<HashSet<Uuid>, StoreError> {
        self.statement("postpone_deadlines_here").await?;
        self.postpone_deadlines_here(postponed).await
    }

    async fn insert_intents(&mut self, intents: &[Intent], not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.statement("insert_intents").await?;
        self.add_intents(intents, not_before).await
    }

    async fn take_intents(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, TakenIntent>, StoreError> {
        self.statement("take_intents").await?;
        let open = |row: &OpenIntent| ids.contains(&row.intent.id);
        let taken = self.delete(|state| &mut state.intents, open, |row| row.intent.id).await?;
        let intent = |Intent { id, request, attempts, .. }| (id, TakenIntent { request, attempts });
        Ok(taken.into_iter().map(|row| intent(row.intent)).collect())
    }

    async fn reopen_intents(&mut self, refused: &[RefusedIntent]) -> Result<(), StoreError> {
        self.statement("reopen_intents").await?;
        for RefusedIntent { intent, not_before, .. } in refused {
            self.add_intents(std::slice::from_ref(intent), *not_before).await?;
        }
        Ok(())
    }

    async fn postpone_intents(&mut self, refused: &[RefusedIntent]) -> Result<HashSet<Uuid>, StoreError> {
        self.statement("postpone_intents_here").await?;
        self.postpone_intents_here(refused).await
    }

    async fn amend_intents(&mut self, amended: &[AmendedIntent]) -> Result<(), StoreError> {
        self.statement("amend_intents").await?;
        self.change_intents(amended).await
    }

    async fn held(&mut self, keys: &[String]) -> Result<Vec<Held>, StoreError> {
        self.statement("held").await?;
        self.lock_held(keys).await
    }

    async fn hold(&mut self, events: &[HoldEvent]) -> Result<(), StoreError> {
        self.statement("hold").await?;
        self.insert_held(events).await
    }

    async fn hold_again(&mut self, failures: &[HeldFailure]) -> Result<(), StoreError> {
        self.statement("hold_again").await?;
        self.update_held(failures).await
    }

    async fn let_go(&mut self, numbers: &[i64]) -> Result<(), StoreError> {
        self.statement("let_go").await?;
        self.delete(|state| &mut state.held, |row| numbers.contains(&row.event.number), |row| row.event.number)
            .await
            .map(drop)
    }

    async fn bury(&mut self, dead: &[DeadMessage]) -> Result<HashSet<Position>, StoreError> {
        self.statement("bury").await?;
        self.insert_dead(dead).await
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        let model = self.model.clone();
        model.statement("commit").await?;
        let finished = self.finish();
        drop(self);
        pause().await;
        model.answered()?;
        finished
    }
}

impl<P: Participant> Tx<P> {
    async fn insert_absent(
        &mut self,
        table: P::Table,
        keys: impl Iterator<Item = &String> + Send,
    ) -> Result<(), StoreError> {
        for key in keys {
            let absent = OwnRow { table, key: key.clone(), row: self.model.participant.absent(table) };
            let same = |own: &OwnRow<P>| own.table == table && own.key == *key;
            if (self.model.locks_at_once)(table) {
                self.wait(|state, id| upsert(state, id, &absent, same)).await?;
            } else {
                self.insert_new(|state| &mut state.rows, &absent, same).await?;
            }
        }
        Ok(())
    }
}

/// INSERT … ON CONFLICT DO UPDATE of a row that stays as it is. `Err` is who has to end first.
fn upsert<P: Participant>(
    state: &mut State<P>,
    tx: TxId,
    absent: &OwnRow<P>,
    same: impl Fn(&OwnRow<P>) -> bool,
) -> Result<(), TxId> {
    match state.rows.conflict(tx, None, same) {
        Conflict::Undecided(other) => Err(other),
        Conflict::Nobody => {
            state.rows.insert(tx, absent.clone());
            Ok(())
        }
        Conflict::With(place) => {
            let row = state.rows.lock(tx, place)?;
            state.rows.write(place, row);
            Ok(())
        }
    }
}
