//! PostgreSQL at READ COMMITTED, as far as the engine's statements need it: every statement sees what is committed when
//! it runs, writes become visible at the commit, row locks and unique keys make others wait, sequences never roll back.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use engine::{
    delivery::Position,
    input::{Event, HeldEvent},
    outbox::{OutboxRow, range_of},
    participant::Participant,
    policy::Policy,
    store::{
        Database, DeadMessage, Deadline, Held, HeldFailure, HeldStatus, HoldEvent, Intent, OutboxMessage, StoreError,
        Transaction,
    },
};
use uuid::Uuid;

use crate::core::{Core, Plant, lock, pause};

/// How often a waiting statement looks before it gives up, as `lock_timeout` does.
const LOOKS: u32 = 3_000;

pub struct HeldRow {
    pub event: HeldEvent,
    pub status: HeldStatus,
    pub due_at: DateTime<Utc>,
}

/// What is committed, and who locks what.
pub struct State<P: Participant> {
    pub rows: BTreeMap<(P::Table, String), P::Row>,
    pub inbox: HashSet<Uuid>,
    pub outbox: BTreeMap<i64, (OutboxRow, bool)>,
    pub leases: BTreeMap<i32, (Uuid, i64, DateTime<Utc>)>,
    pub relays: BTreeMap<Uuid, DateTime<Utc>>,
    pub begun: BTreeMap<Position, u32>,
    pub deadlines: BTreeMap<Uuid, Deadline>,
    pub intents: BTreeMap<Uuid, (Intent, DateTime<Utc>)>,
    pub held: BTreeMap<i64, HeldRow>,
    pub dead: BTreeSet<Position>,
    /// How often each event had its effect committed.
    pub effects: HashMap<Uuid, u32>,
    locks: HashMap<String, u64>,
    next: i64,
}

/// A service's database. Clones are the same one.
pub struct Model<P: Participant> {
    pub core: Arc<Core>,
    pub state: Arc<Mutex<State<P>>>,
    pub policy: Policy,
    participant: Arc<P>,
    tombstone: fn(&P::Row) -> bool,
}

impl<P: Participant> Clone for Model<P> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            state: self.state.clone(),
            policy: self.policy,
            participant: self.participant.clone(),
            tombstone: self.tombstone,
        }
    }
}

impl<P: Participant> Model<P> {
    /// `tombstone` says which rows stand for a compensation that came first.
    pub fn new(core: Arc<Core>, participant: Arc<P>, policy: Policy, tombstone: fn(&P::Row) -> bool) -> Self {
        let state = State {
            rows: BTreeMap::new(),
            inbox: HashSet::new(),
            outbox: BTreeMap::new(),
            leases: BTreeMap::new(),
            relays: BTreeMap::new(),
            begun: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            intents: BTreeMap::new(),
            held: BTreeMap::new(),
            dead: BTreeSet::new(),
            effects: HashMap::new(),
            locks: HashMap::new(),
            next: 0,
        };
        Self { core, state: Arc::new(Mutex::new(state)), policy, participant, tombstone }
    }

    /// A statement begins: others may go on, and the connection may break.
    pub async fn statement(&self) -> Result<(), StoreError> {
        pause().await;
        if self.core.fault(400) { Err(StoreError::Unavailable("the connection broke".into())) } else { Ok(()) }
    }
}

impl<P: Participant> Database<P> for Model<P> {
    type Transaction = Tx<P>;

    async fn begin(&self) -> Result<Tx<P>, StoreError> {
        self.statement().await?;
        let mut state = lock(&self.state);
        state.next += 1;
        let id = u64::try_from(state.next).unwrap_or(0);
        Ok(Tx { model: self.clone(), id, locks: Vec::new(), writes: Vec::new() })
    }

    async fn begun(&self, messages: &[Position]) -> Result<Vec<u32>, StoreError> {
        self.statement().await?;
        let state = lock(&self.state);
        Ok(messages.iter().map(|message| state.begun.get(message).copied().unwrap_or(0)).collect())
    }

    async fn write_begun(&self, messages: &[Position]) -> Result<(), StoreError> {
        self.statement().await?;
        let mut state = lock(&self.state);
        for message in messages {
            *state.begun.entry(message.clone()).or_default() += 1;
        }
        Ok(())
    }

    async fn forget_begun(&self, messages: &[Position]) -> Result<(), StoreError> {
        self.statement().await?;
        lock(&self.state).begun.retain(|at, _| !messages.contains(at));
        Ok(())
    }
}

type Write<P> = Box<dyn FnOnce(&mut State<P>) + Send>;

/// An open transaction: its writes wait for the commit.
pub struct Tx<P: Participant> {
    model: Model<P>,
    id: u64,
    locks: Vec<String>,
    writes: Vec<Write<P>>,
}

impl<P: Participant> Drop for Tx<P> {
    fn drop(&mut self) {
        let mut state = lock(&self.model.state);
        for name in &self.locks {
            state.locks.remove(name);
        }
    }
}

impl<P: Participant> Tx<P> {
    /// Waits until nobody else holds the lock, then holds it to the end.
    async fn acquire(&mut self, name: String) -> Result<(), StoreError> {
        for _ in 0..LOOKS {
            {
                let mut state = lock(&self.model.state);
                match state.locks.get(&name) {
                    Some(holder) if *holder == self.id => return Ok(()),
                    Some(_) => {}
                    None => {
                        state.locks.insert(name.clone(), self.id);
                        self.locks.push(name);
                        return Ok(());
                    }
                }
            }
            pause().await;
        }
        Err(StoreError::Contention(format!("waited too long for {name}")))
    }

    fn write(&mut self, write: impl FnOnce(&mut State<P>) + Send + 'static) {
        self.writes.push(Box::new(write));
    }

    async fn take<T: Send + 'static>(
        &mut self,
        kind: &str,
        ids: &[Uuid],
        map: fn(&mut State<P>) -> &mut BTreeMap<Uuid, T>,
    ) -> Result<HashSet<Uuid>, StoreError> {
        self.model.statement().await?;
        let mut taken = HashSet::new();
        for id in ids {
            self.acquire(format!("{kind} {id}")).await?;
            if map(&mut lock(&self.model.state)).contains_key(id) {
                taken.insert(*id);
            }
        }
        let gone = taken.clone();
        self.write(move |state| map(state).retain(|id, _| !gone.contains(id)));
        Ok(taken)
    }
}

impl<P: Participant> Transaction<P> for Tx<P> {
    async fn now(&mut self) -> Result<DateTime<Utc>, StoreError> {
        self.model.statement().await?;
        Ok(self.model.core.now())
    }

    async fn insert_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        self.model.statement().await?;
        let mut new = HashSet::new();
        for id in ids {
            if self.model.core.has(Plant::NoInbox) {
                new.insert(*id);
                continue;
            }
            if lock(&self.model.state).inbox.contains(id) {
                continue;
            }
            // Somebody who is inserting the same key is waited for; if that one commits, it is not new any more.
            self.acquire(format!("inbox {id}")).await?;
            if !lock(&self.model.state).inbox.contains(id) {
                new.insert(*id);
            }
        }
        let inserted = new.clone();
        self.write(move |state| {
            for id in inserted {
                state.inbox.insert(id);
                *state.effects.entry(id).or_default() += 1;
            }
        });
        Ok(new)
    }

    async fn ensure_rows(&mut self, table: P::Table, keys: &[String]) -> Result<(), StoreError> {
        self.model.statement().await?;
        if self.model.core.has(Plant::AbsentNotLocked) {
            return Ok(());
        }
        for key in keys {
            let place = (table, key.clone());
            if lock(&self.model.state).rows.contains_key(&place) {
                continue;
            }
            self.acquire(format!("row {table:?} {key}")).await?;
            let absent = self.model.participant.absent(table);
            self.write(move |state| {
                state.rows.entry(place).or_insert(absent);
            });
        }
        Ok(())
    }

    async fn lock_rows(&mut self, table: P::Table, keys: &[String]) -> Result<Vec<(String, P::Row)>, StoreError> {
        self.model.statement().await?;
        let mut rows = Vec::new();
        for key in keys {
            let place = (table, key.clone());
            let planted =
                self.model.core.has(Plant::AbsentNotLocked) && !lock(&self.model.state).rows.contains_key(&place);
            if !planted {
                self.acquire(format!("row {table:?} {key}")).await?;
            }
            // Read after the wait: the newest committed version, or the one this transaction has just inserted.
            let found = lock(&self.model.state).rows.get(&place).cloned();
            rows.push((key.clone(), found.unwrap_or_else(|| self.model.participant.absent(table))));
        }
        Ok(rows)
    }

    async fn insert_rows(&mut self, table: P::Table, rows: &[(String, P::Row)]) -> Result<(), StoreError> {
        self.update_rows(table, rows).await
    }

    async fn update_rows(&mut self, table: P::Table, rows: &[(String, P::Row)]) -> Result<(), StoreError> {
        self.model.statement().await?;
        for (key, row) in rows.iter().cloned() {
            let forgotten = self.model.core.has(Plant::NoTombstone) && (self.model.tombstone)(&row);
            if !forgotten {
                self.write(move |state| {
                    state.rows.insert((table, key), row);
                });
            }
        }
        Ok(())
    }

    async fn append_records(&mut self, _records: &[P::Record]) -> Result<(), StoreError> {
        self.model.statement().await
    }

    async fn append_outbox(&mut self, messages: &[OutboxMessage]) -> Result<(), StoreError> {
        self.model.statement().await?;
        for message in messages.iter().cloned() {
            let number = {
                let mut state = lock(&self.model.state);
                state.next += 1;
                state.next
            };
            let range = range_of(message.key.as_deref(), self.model.policy.ranges);
            self.write(move |state| {
                state.outbox.insert(number, (OutboxRow { number, range, message }, false));
            });
        }
        Ok(())
    }

    async fn set_deadlines(&mut self, deadlines: &[Deadline]) -> Result<(), StoreError> {
        self.model.statement().await?;
        for deadline in deadlines.iter().cloned() {
            self.write(move |state| {
                state.deadlines.insert(deadline.id, deadline);
            });
        }
        Ok(())
    }

    async fn settle_deadlines(&mut self, names: &[(String, String)]) -> Result<(), StoreError> {
        self.model.statement().await?;
        let names: HashSet<(String, String)> = names.iter().cloned().collect();
        self.write(move |state| {
            state.deadlines.retain(|_, row| !names.contains(&(row.aggregate_id.clone(), row.name.clone())));
        });
        Ok(())
    }

    async fn take_deadlines(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        self.take("deadline", ids, |state| &mut state.deadlines).await
    }

    async fn insert_intents(&mut self, intents: &[Intent], not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.model.statement().await?;
        for intent in intents.iter().cloned() {
            self.write(move |state| {
                state.intents.insert(intent.id, (intent, not_before));
            });
        }
        Ok(())
    }

    async fn take_intents(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        self.take("intent", ids, |state| &mut state.intents).await
    }

    async fn held(&mut self, keys: &[String]) -> Result<Vec<Held>, StoreError> {
        self.model.statement().await?;
        let numbers: Vec<i64> = {
            let state = lock(&self.model.state);
            let mine = state.held.iter().filter(|(_, row)| keys.contains(&row.event.event.aggregate_id));
            mine.map(|(number, _)| *number).collect()
        };
        for number in &numbers {
            self.acquire(format!("held {number}")).await?;
        }
        let state = lock(&self.model.state);
        let rows = state.held.iter().filter(|(number, _)| numbers.contains(number));
        Ok(rows
            .map(|(number, row)| Held {
                key: row.event.event.aggregate_id.clone(),
                number: *number,
                status: row.status,
            })
            .collect())
    }

    async fn hold(&mut self, events: &[HoldEvent]) -> Result<(), StoreError> {
        self.model.statement().await?;
        for event in events.iter().cloned() {
            let number = {
                let mut state = lock(&self.model.state);
                state.next += 1;
                state.next
            };
            let failed = event.failure.is_some();
            let row = HeldRow {
                status: event.status,
                due_at: event.now + event.retry_in,
                event: HeldEvent {
                    number,
                    attempts: u32::from(failed),
                    first_failed_at: failed.then_some(event.now),
                    redrive: false,
                    event: Event {
                        id: event.event_id,
                        event_type: event.event_type,
                        aggregate_id: event.key,
                        delivery: event.delivery,
                    },
                },
            };
            self.write(move |state| {
                let known = state.held.values().any(|held| held.event.event.id == row.event.event.id);
                if !known {
                    state.held.insert(number, row);
                }
            });
        }
        Ok(())
    }

    async fn hold_again(&mut self, failures: &[HeldFailure]) -> Result<(), StoreError> {
        self.model.statement().await?;
        for failure in failures.iter().cloned() {
            self.write(move |state| {
                if let Some(row) = state.held.get_mut(&failure.number) {
                    row.status = failure.status;
                    row.event.attempts = failure.attempts;
                    row.due_at = failure.now + failure.retry_in;
                }
            });
        }
        Ok(())
    }

    async fn let_go(&mut self, numbers: &[i64]) -> Result<(), StoreError> {
        self.model.statement().await?;
        let numbers = numbers.to_vec();
        self.write(move |state| state.held.retain(|number, _| !numbers.contains(number)));
        Ok(())
    }

    async fn bury(&mut self, dead: &[DeadMessage]) -> Result<HashSet<Position>, StoreError> {
        self.model.statement().await?;
        let mut new = HashSet::new();
        for message in dead {
            let position = message.delivery.position.clone();
            self.acquire(format!("dead {position:?}")).await?;
            if !lock(&self.model.state).dead.contains(&position) {
                new.insert(position);
            }
        }
        let inserted = new.clone();
        self.write(move |state| state.dead.extend(inserted));
        Ok(new)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        self.model.statement().await?;
        {
            let mut state = lock(&self.model.state);
            for write in std::mem::take(&mut self.writes) {
                write(&mut state);
            }
        }
        let core = self.model.core.clone();
        drop(self);
        pause().await;
        if core.fault(300) {
            return Err(StoreError::Unavailable("the commit's answer was lost".into()));
        }
        Ok(())
    }
}
