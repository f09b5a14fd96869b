//! A transaction on the copy.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{HeldRow, Memory, State, Table, Toy};
use crate::{
    delivery::Position,
    input::{Event, HeldEvent},
    store::{
        AmendedIntent, DeadMessage, Deadline, FreeRows, Held, HeldFailure, HeldStatus, HoldEvent, Intent, Opening,
        OutboxMessage, RefusedIntent, StoreError, TakenIntent, Transaction,
    },
};

pub(crate) struct Copy {
    pub original: Memory,
    pub state: State,
    pub hurried: bool,
}

impl Copy {
    fn statement(&mut self, name: &'static str) {
        self.original.state().statements.push(name);
    }

    /// Who is not in a hurry waits in vain.
    fn check_free(&self, table: Table, keys: &[String]) -> Result<(), StoreError> {
        let locked = |key: &String| self.state.locked.contains(&(table, key.clone()));
        match keys.iter().find(|key| locked(key)) {
            Some(key) => Err(StoreError::Contention(format!("{key} is locked"))),
            None => Ok(()),
        }
    }
}

impl Transaction<Toy> for Copy {
    async fn open(&mut self, keys: &[String]) -> Result<Opening, StoreError> {
        let of = |row: &&HeldRow| keys.contains(&row.event.event.aggregate_id);
        let key = |row: &HeldRow| row.event.event.aggregate_id.clone();
        let held = self.state.held.values().filter(of);
        let overtaking = held.clone().filter(|row| row.overtakes && row.status != HeldStatus::Parked);
        Ok(Opening { now: self.state.now, overtaking: overtaking.map(key).collect(), held: held.map(key).collect() })
    }

    async fn hurry(&mut self) -> Result<(), StoreError> {
        self.hurried = true;
        if self.state.is_table_locked { Err(StoreError::Unavailable("a table is locked".into())) } else { Ok(()) }
    }

    async fn insert_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        if self.state.is_inbox_locked {
            return Err(StoreError::Contention("the inbox is locked".into()));
        }
        Ok(ids.iter().copied().filter(|id| self.state.inbox.insert(*id)).collect())
    }

    async fn in_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        Ok(ids.iter().copied().filter(|id| self.state.inbox.contains(id)).collect())
    }

    async fn ensure_rows(&mut self, table: Table, keys: &[String]) -> Result<(), StoreError> {
        self.statement("ensure_rows");
        if self.state.is_table_locked {
            return Err(StoreError::Contention("the table is locked".into()));
        }
        for key in keys {
            self.state.rows.entry((table, key.clone())).or_default();
        }
        Ok(())
    }

    async fn lock_rows(&mut self, table: Table, keys: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
        self.statement("lock_rows");
        self.check_free(table, keys)?;
        let places = keys.iter().map(|key| (table, key.clone()));
        let read = |place: (Table, String)| match self.state.unreadable.contains(&place) {
            true => Err(StoreError::Data(format!("{} can't be read", place.1))),
            false => Ok((place.1.clone(), self.state.rows.get(&place).copied().unwrap_or_default())),
        };
        places.map(read).collect()
    }

    async fn lock_free_rows(&mut self, table: Table, keys: &[String]) -> Result<FreeRows<Toy>, StoreError> {
        self.statement("lock_free_rows");
        let is_locked = |key: &String| self.state.locked.contains(&(table, key.clone()));
        let (locked, free): (Vec<String>, Vec<String>) = keys.iter().cloned().partition(is_locked);
        self.ensure_rows(table, &free).await?;
        Ok(FreeRows { rows: self.lock_rows(table, &free).await?, locked })
    }

    async fn insert_rows(&mut self, table: Table, rows: &[(String, i64)]) -> Result<(), StoreError> {
        self.statement("insert_rows");
        self.update_rows(table, rows).await
    }

    async fn update_rows(&mut self, table: Table, rows: &[(String, i64)]) -> Result<(), StoreError> {
        if let Some((key, _)) = rows.iter().find(|(key, _)| self.state.poison.contains(key)) {
            return Err(StoreError::Data(format!("{key} is out of range")));
        }
        self.state.rows.extend(rows.iter().map(|(key, row)| ((table, key.clone()), *row)));
        Ok(())
    }

    async fn append_records(&mut self, records: &[()]) -> Result<(), StoreError> {
        self.state.records += records.len();
        Ok(())
    }

    async fn append_outbox(&mut self, messages: &[OutboxMessage]) -> Result<(), StoreError> {
        self.state.outbox.extend_from_slice(messages);
        Ok(())
    }

    async fn set_deadlines(&mut self, deadlines: &[Deadline]) -> Result<(), StoreError> {
        let names: HashSet<_> = deadlines.iter().map(|new| (&new.aggregate_id, &new.name)).collect();
        assert_eq!(names.len(), deadlines.len(), "PostgreSQL sets no row twice in one statement");
        for new in deadlines {
            self.state.deadlines.retain(|_, row| row.aggregate_id != new.aggregate_id || row.name != new.name);
            self.state.deadlines.insert(new.id, new.clone());
        }
        Ok(())
    }

    async fn settle_deadlines(&mut self, names: &[(String, String)]) -> Result<(), StoreError> {
        let settled = |row: &Deadline| names.contains(&(row.aggregate_id.clone(), row.name.clone()));
        self.state.deadlines.retain(|_, row| !settled(row));
        Ok(())
    }

    async fn take_deadlines(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, u32>, StoreError> {
        self.statement("take_deadlines");
        Ok(ids.iter().filter_map(|id| Some((*id, self.state.deadlines.remove(id)?.attempts))).collect())
    }

    async fn postpone_deadlines(&mut self, postponed: &[Deadline]) -> Result<HashSet<Uuid>, StoreError> {
        let mut found = HashSet::new();
        for later in postponed {
            let Some(row) = self.state.deadlines.get_mut(&later.id) else { continue };
            row.attempts += 1;
            row.last_error.clone_from(&later.last_error);
            row.not_before = later.not_before;
            found.insert(later.id);
        }
        Ok(found)
    }

    async fn insert_intents(&mut self, intents: &[Intent], not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.state.calls_are_own_until = Some(not_before);
        self.state.intents.extend(intents.iter().map(|intent| (intent.id, (intent.clone(), None))));
        Ok(())
    }

    async fn take_intents(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, TakenIntent>, StoreError> {
        self.statement("take_intents");
        let mut taken = HashMap::new();
        for id in ids {
            let Some((Intent { request, attempts, .. }, _)) = self.state.intents.remove(id) else { continue };
            taken.insert(*id, TakenIntent { request, attempts });
        }
        Ok(taken)
    }

    async fn reopen_intents(&mut self, refused: &[RefusedIntent]) -> Result<(), StoreError> {
        let open = |row: &RefusedIntent| (row.intent.id, (row.intent.clone(), Some(row.error.clone())));
        self.state.intents.extend(refused.iter().map(open));
        Ok(())
    }

    async fn postpone_intents(&mut self, refused: &[RefusedIntent]) -> Result<HashSet<Uuid>, StoreError> {
        let mut found = HashSet::new();
        for later in refused {
            let Some((_, error)) = self.state.intents.get_mut(&later.intent.id) else { continue };
            *error = Some(later.error.clone());
            found.insert(later.intent.id);
        }
        Ok(found)
    }

    async fn amend_intents(&mut self, amended: &[AmendedIntent]) -> Result<(), StoreError> {
        for AmendedIntent { aggregate_id, step, request } in amended {
            let open = self.state.intents.values_mut();
            open.filter(|(intent, _)| intent.aggregate_id == *aggregate_id && intent.step == *step)
                .for_each(|(intent, _)| intent.request.clone_from(request));
        }
        Ok(())
    }

    async fn held(&mut self, keys: &[String]) -> Result<Vec<Held>, StoreError> {
        self.statement("held");
        let held = |(number, row): (&i64, &HeldRow)| Held {
            key: row.event.event.aggregate_id.clone(),
            number: *number,
            status: row.status,
            overtakes: row.overtakes,
            attempts: row.event.attempts,
            early: row.event.early,
        };
        Ok(self.state.held.iter().map(held).filter(|row| keys.contains(&row.key)).collect())
    }

    async fn hold(&mut self, events: &[HoldEvent]) -> Result<(), StoreError> {
        if self.state.refuses_bytes {
            return Err(StoreError::Data("too many bytes".into()));
        }
        for new in events {
            let same = self.state.held.values_mut().find(|row| row.event.event.id == new.event_id);
            if let Some(row) = same {
                row.event.early &= new.early;
                continue;
            }
            self.state.held_number += 1;
            self.state.held.insert(self.state.held_number, row(self.state.held_number, new.clone()));
        }
        Ok(())
    }

    async fn hold_again(&mut self, failures: &[HeldFailure]) -> Result<(), StoreError> {
        for failed in failures {
            let Some(row) = self.state.held.get_mut(&failed.number) else { continue };
            row.status = failed.status;
            row.due_at = failed.now + failed.retry_in;
            row.failure = Some(failed.failure.clone());
            row.event.attempts = failed.attempts;
            row.event.early = failed.early;
        }
        Ok(())
    }

    async fn let_go(&mut self, numbers: &[i64]) -> Result<(), StoreError> {
        self.state.held.retain(|number, _| !numbers.contains(number));
        Ok(())
    }

    async fn bury(&mut self, dead: &[DeadMessage]) -> Result<HashSet<Position>, StoreError> {
        if self.state.refuses_bytes && dead.iter().any(|dead| dead.delivery.payload.is_some()) {
            return Err(StoreError::Data("too many bytes".into()));
        }
        let known = |at: &Position| self.state.dead.iter().any(|dead| dead.delivery.position == *at);
        let new: Vec<DeadMessage> = dead.iter().filter(|dead| !known(&dead.delivery.position)).cloned().collect();
        let places = new.iter().map(|dead| dead.delivery.position.clone()).collect();
        self.state.dead.extend(new);
        Ok(places)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        self.statement("commit");
        let mut original = self.original.state();
        self.state.statements = std::mem::take(&mut original.statements);
        *original = self.state;
        Ok(())
    }
}

fn row(number: i64, new: HoldEvent) -> HeldRow {
    HeldRow {
        status: new.status,
        overtakes: new.overtakes,
        due_at: new.now + new.retry_in,
        event: HeldEvent {
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
