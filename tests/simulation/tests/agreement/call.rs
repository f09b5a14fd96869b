//! The calls of the engine's ports, and how either side answers them, in words that can be compared.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
};

use choreography_core::{
    AnyRow,
    deadlines::{self, DeadlineStore},
    intents::{IntentStore, Postponed},
    relay::{Lane, Lease, OutboxStore, Reading, Refused},
    retry::{HeldStore, Limits},
    routes::TableId,
    store::{
        AmendedIntent, Database, DeadMessage, Deadline, HeldFailure, HoldEvent, Intent, OutboxMessage, RefusedIntent,
        StoreError, Transaction,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::both::Both;

#[derive(Clone, Debug)]
pub enum Call {
    Begin,
    InsertInbox(Vec<Uuid>),
    InInbox(Vec<Uuid>),
    EnsureRows(TableId, Vec<String>),
    LockRows(TableId, Vec<String>),
    LockFreeRows(TableId, Vec<String>),
    InsertRows(TableId, Vec<(String, AnyRow)>),
    UpdateRows(TableId, Vec<(String, AnyRow)>),
    AppendOutbox(Vec<OutboxMessage>),
    SetDeadlines(Vec<Deadline>),
    SettleDeadlines(Vec<(String, String)>),
    TakeDeadlines(Vec<Uuid>),
    PostponeDeadlinesHere(Vec<Deadline>),
    InsertIntents(Vec<Intent>, DateTime<Utc>),
    TakeIntents(Vec<Uuid>),
    ReopenIntents(Vec<RefusedIntent>),
    PostponeIntentsHere(Vec<RefusedIntent>),
    Open(Vec<String>),
    AmendIntents(Vec<AmendedIntent>),
    Held(Vec<String>),
    Hold(Vec<HoldEvent>),
    HoldAgain(Vec<HeldFailure>),
    LetGo(Vec<i64>),
    Bury(Vec<DeadMessage>),
    Commit,
    /// The transaction is dropped.
    RollBack,
    Claim(Uuid, Lane, TimeDelta),
    Renew(Uuid, TimeDelta),
    Unpublished(Reading),
    Mark(Vec<Lease>, Vec<(i32, i64)>),
    Stop(Vec<Lease>, Vec<Refused>),
    Release(Uuid),
    DueDeadlines(usize),
    ClaimIntents(usize, usize, TimeDelta),
    Postpone(Vec<Postponed>),
    PostponeDeadlines(Vec<deadlines::Postponed>),
    ClaimHeld(Limits, TimeDelta),
    QueueFrom(i64, Limits),
}

impl Call {
    /// The order in which such a statement locks its rows is the planner's to choose, so a comparison must not
    /// depend on it: callers hold the locks already.
    pub fn locks_in_no_order(&self) -> bool {
        match self {
            Self::InsertRows(_, rows) | Self::UpdateRows(_, rows) => rows.len() > 1,
            Self::SettleDeadlines(rows) => rows.len() > 1,
            Self::TakeDeadlines(ids) | Self::TakeIntents(ids) => ids.len() > 1,
            Self::HoldAgain(rows) => rows.len() > 1,
            Self::LetGo(numbers) => numbers.len() > 1,
            Self::Postpone(rows) => rows.len() > 1,
            Self::PostponeDeadlinesHere(rows) => rows.len() > 1,
            Self::PostponeIntentsHere(rows) => rows.len() > 1,
            Self::PostponeDeadlines(rows) => rows.len() > 1,
            _ => false,
        }
    }
}

/// All ports of a service's database.
pub trait Ports: Database<Both> + OutboxStore + DeadlineStore + IntentStore + HeldStore {}
impl<D: Database<Both> + OutboxStore + DeadlineStore + IntentStore + HeldStore> Ports for D {}

/// Makes the call; returns the transaction, unless it is over, and the answer.
pub async fn perform<D: Ports>(
    database: D,
    tx: Option<D::Transaction>,
    call: Call,
) -> (Option<D::Transaction>, String) {
    match (tx, call) {
        (_, Call::Begin) => match database.begin().await {
            Ok(tx) => (Some(tx), said(Ok("begun"))),
            Err(error) => (None, said::<()>(Err(error))),
        },
        (Some(tx), Call::Commit) => (None, said(tx.commit().await)),
        (Some(tx), Call::RollBack) => {
            drop(tx);
            (None, "rolled back".to_owned())
        }
        (Some(mut tx), call) => {
            let answer = in_transaction(&mut tx, call).await;
            (Some(tx), answer)
        }
        (None, call) => (None, alone(&database, call).await),
    }
}

async fn in_transaction<T: Transaction<Both>>(tx: &mut T, call: Call) -> String {
    match call {
        Call::InsertInbox(ids) => said(tx.insert_inbox(&ids).await.map(sorted)),
        Call::InInbox(ids) => said(tx.in_inbox(&ids).await.map(sorted)),
        Call::EnsureRows(table, keys) => said(tx.ensure_rows(table, &keys).await),
        Call::LockRows(table, keys) => said(tx.lock_rows(table, &keys).await),
        Call::LockFreeRows(table, keys) => said(tx.lock_free_rows(table, &keys).await),
        Call::InsertRows(table, rows) => said(tx.insert_rows(table, &rows).await),
        Call::UpdateRows(table, rows) => said(tx.update_rows(table, &rows).await),
        Call::AppendOutbox(messages) => said(tx.append_outbox(&messages).await),
        Call::SetDeadlines(deadlines) => said(tx.set_deadlines(&deadlines).await),
        Call::SettleDeadlines(names) => said(tx.settle_deadlines(&names).await),
        Call::TakeDeadlines(ids) => said(tx.take_deadlines(&ids).await.map(in_order)),
        Call::InsertIntents(intents, not_before) => said(tx.insert_intents(&intents, not_before).await),
        Call::TakeIntents(ids) => said(tx.take_intents(&ids).await.map(in_order)),
        Call::ReopenIntents(refused) => said(tx.reopen_intents(&refused).await),
        Call::PostponeDeadlinesHere(rows) => said(tx.postpone_deadlines(&rows).await.map(sorted)),
        Call::PostponeIntentsHere(rows) => said(tx.postpone_intents(&rows).await.map(sorted)),
        // Both clocks are their own.
        Call::Open(keys) => said(tx.open(&keys).await.map(|open| (sorted(open.held), sorted(open.overtaking)))),
        Call::AmendIntents(amended) => said(tx.amend_intents(&amended).await),
        Call::Held(keys) => said(tx.held(&keys).await),
        Call::Hold(events) => said(tx.hold(&events).await),
        Call::HoldAgain(failures) => said(tx.hold_again(&failures).await),
        Call::LetGo(numbers) => said(tx.let_go(&numbers).await),
        Call::Bury(dead) => said(tx.bury(&dead).await.map(sorted)),
        other => unreachable!("{other:?} is no call of a transaction"),
    }
}

async fn alone<D: Ports>(database: &D, call: Call) -> String {
    match call {
        Call::Claim(holder, lane, lease) => {
            let claimed = OutboxStore::claim(database, holder, lane, lease).await;
            said(claimed.map(|leases| sorted(leases.into_iter().map(|lease| (lease.range, lease.epoch)))))
        }
        Call::Renew(holder, lease) => said(OutboxStore::renew(database, holder, lease).await),
        Call::Unpublished(reading) => said(database.unpublished(&reading).await),
        Call::Mark(leases, rows) => said(database.mark(&leases, &rows).await),
        Call::Stop(leases, refused) => said(database.stop(&leases, &refused).await),
        Call::Release(holder) => said(database.release(holder).await),
        // Both clocks are their own.
        Call::DueDeadlines(limit) => said(DeadlineStore::due(database, limit).await.map(|due| {
            let timeless = |deadline| Deadline { not_before: None, ..deadline };
            (due.due.into_iter().map(timeless).collect::<Vec<_>>(), due.next.map(told))
        })),
        Call::ClaimIntents(limit, bytes, lease) => {
            said(IntentStore::claim(database, limit, bytes, lease).await.map(|claimed| {
                // Both clocks are their own, so ages differ.
                let mut intents: Vec<Intent> = claimed.into_iter().map(|claimed| claimed.intent).collect();
                intents.sort_by_key(|intent| intent.id);
                intents
            }))
        }
        Call::Postpone(postponed) => said(IntentStore::postpone(database, &postponed).await),
        Call::PostponeDeadlines(postponed) => said(DeadlineStore::postpone(database, &postponed).await),
        Call::ClaimHeld(limits, lease) => said(HeldStore::claim(database, limits, lease).await),
        Call::QueueFrom(number, limits) => said(database.queue_from(number, limits).await),
        other => unreachable!("{other:?} needs a transaction"),
    }
}

/// The kind of an error is what the engine goes by; its words are each side's own.
fn said<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(StoreError::Unavailable(_)) => "unavailable".to_owned(),
        Err(StoreError::Contention(_)) => "contention".to_owned(),
        Err(StoreError::Data(_)) => "refused for its data".to_owned(),
    }
}

/// A moment of the script as it is. What was postponed comes an hour from now, and both clocks are their own.
fn told(at: DateTime<Utc>) -> DateTime<Utc> {
    let (past, far) = ([40, 100]).map(|years| DateTime::UNIX_EPOCH + TimeDelta::days(365 * years)).into();
    if at > past && at < far { DateTime::UNIX_EPOCH } else { at }
}

fn in_order<T>(found: HashMap<Uuid, T>) -> BTreeMap<Uuid, T> {
    found.into_iter().collect()
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}
