//! The calls of the engine's ports, and how either side answers them, in words that can be compared.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use choreography_core::{
    calls::{CallStore, Postponed},
    deadlines::{self, DeadlineStore},
    relay::{Lane, Lease, Mark, OutboxStore, Reading, Refused},
    retry::{DeferredStore, Limits},
    store::{
        Database, Deadline, Found, PendingCall, StoreError, TableChanges, Transaction, Waits, Wanted, Writing, Written,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::both::Both;

#[derive(Clone, Debug)]
pub enum Call {
    Begin,
    BeginOptimistic,
    Lock(Arc<Wanted<Both>>),
    Write(Arc<Writing<Both>>),
    /// That of an optimistic transaction, which ends with it.
    WriteAtOnce(Arc<Writing<Both>>),
    Commit,
    /// The transaction is dropped.
    RollBack,
    Claim(Uuid, Lane, TimeDelta),
    Renew(Uuid, TimeDelta),
    Unpublished(Reading),
    Published(Vec<Lease>),
    Mark(Vec<Lease>, Mark),
    Stop(Vec<Lease>, Vec<Refused>),
    Release(Uuid),
    DueDeadlines(usize),
    ClaimCalls(usize, usize, TimeDelta),
    Postpone(Vec<Postponed>),
    PostponeDeadlines(Vec<deadlines::Postponed>),
    ClaimDeferred(Limits, TimeDelta),
    QueueFrom(i64, Limits),
}

impl Call {
    /// The order in which such a statement locks its rows is the planner's to choose, so a comparison must not
    /// depend on it: callers hold the locks already.
    pub fn locks_in_no_order(&self) -> bool {
        match self {
            // It gives up waiting before long.
            Self::WriteAtOnce(_) => true,
            Self::Write(writing) => {
                let Writing { tables, deferred, deadlines, calls, .. } = &**writing;
                let rows = |changes: &TableChanges<Both>| changes.inserts.len() + changes.updates.len() > 1;
                let waiting = [
                    deadlines.settled.len(),
                    deadlines.taken.len(),
                    deadlines.set.len(),
                    deadlines.postponed.len(),
                    calls.taken.len(),
                    calls.amended.len(),
                    calls.postponed.len(),
                    deferred.failed_again.len(),
                    deferred.released.len(),
                ];
                tables.iter().any(rows) || waiting.iter().sum::<usize>() > 1
            }
            Self::Postpone(rows) => rows.len() > 1,
            Self::PostponeDeadlines(rows) => rows.len() > 1,
            _ => false,
        }
    }
}

/// All ports of a service's database.
pub trait Ports: Database<Both> + OutboxStore + DeadlineStore + CallStore + DeferredStore {}
impl<D: Database<Both> + OutboxStore + DeadlineStore + CallStore + DeferredStore> Ports for D {}

/// Makes the call; returns the transaction, unless it is over, and the answer.
pub async fn perform<D: Ports>(
    database: D,
    tx: Option<D::Transaction>,
    call: Call,
) -> (Option<D::Transaction>, String) {
    match (tx, call) {
        (_, Call::Begin) => match database.begin(Waits::Long).await {
            Ok(tx) => (Some(tx), said(Ok("begun"))),
            Err(error) => (None, said::<()>(Err(error))),
        },
        (_, Call::BeginOptimistic) => (Some(optimistic(&database).await), "begun".to_owned()),
        (Some(mut tx), Call::WriteAtOnce(writing)) => {
            let answer = match tx.write(&writing).await {
                Err(StoreError::Contention(why)) if why.contains("deadlock") => "contention".to_owned(),
                Err(StoreError::Contention(_) | StoreError::Data(_)) => "to be done anew".to_owned(),
                written => said(written.map(|written| written.numbers)),
            };
            (None, answer)
        }
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

/// The slot's only connection may be on its way back from the transaction before.
async fn optimistic<D: Ports>(database: &D) -> D::Transaction {
    loop {
        if let Some(tx) = database.begin_optimistic().await {
            return tx;
        }
        database.begin(Waits::Long).await.expect("the database is there").roll_back().await;
    }
}

async fn in_transaction<T: Transaction<Both>>(tx: &mut T, call: Call) -> String {
    match call {
        Call::Lock(wanted) => said(tx.lock(&wanted).await.map(|found| {
            let Found { queues, deferred, overtaking, mut rows, events, locked } = found;
            // An optimistic transaction reads in no order.
            rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
            (queues, sorted(deferred), sorted(overtaking), rows, sorted(events), sorted(locked))
        })),
        Call::Write(writing) => said(tx.write(&writing).await.map(|Written { lost, numbers }| {
            (sorted(lost.repeats), sorted(lost.kept), sorted(lost.settled), sorted(lost.changed), numbers)
        })),
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
        Call::Published(leases) => said(
            database
                .published(&leases)
                .await
                .map(|published| sorted(published.into_iter().map(|of| (of.range, of.through, sorted(of.beyond))))),
        ),
        // Transactions have numbers of each side's own.
        Call::Unpublished(reading) => said(
            database
                .unpublished(&reading)
                .await
                .map(|found| (found.rows, found.unreadable, found.waiting, sorted(found.seen))),
        ),
        Call::Mark(leases, mark) => said(database.mark(&leases, &mark).await.map(sorted)),
        Call::Stop(leases, refused) => said(database.stop(&leases, &refused).await),
        Call::Release(holder) => said(database.release(holder).await),
        // Both clocks are their own.
        Call::DueDeadlines(limit) => said(DeadlineStore::due(database, limit).await.map(|due| {
            let timeless = |deadline| Deadline { not_before: None, ..deadline };
            (due.due.into_iter().map(timeless).collect::<Vec<_>>(), due.next.map(told))
        })),
        Call::ClaimCalls(limit, bytes, lease) => {
            said(CallStore::claim(database, limit, bytes, lease).await.map(|claimed| {
                // Both clocks are their own, so ages differ.
                let mut calls: Vec<PendingCall> = claimed.into_iter().map(|claimed| claimed.call).collect();
                calls.sort_by_key(|call| call.id);
                calls
            }))
        }
        Call::Postpone(postponed) => said(CallStore::postpone(database, &postponed).await),
        Call::PostponeDeadlines(postponed) => said(DeadlineStore::postpone(database, &postponed).await),
        Call::ClaimDeferred(limits, lease) => said(DeferredStore::claim(database, limits, lease).await),
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
        Err(other) => unreachable!("the script knows no such kind of error: {other}"),
    }
}

/// A moment of the script as it is. What was postponed comes an hour from now, and both clocks are their own.
fn told(at: DateTime<Utc>) -> DateTime<Utc> {
    let (past, far) = ([40, 100]).map(|years| DateTime::UNIX_EPOCH + TimeDelta::days(365 * years)).into();
    if at > past && at < far { DateTime::UNIX_EPOCH } else { at }
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}
