//! Outbox → Kafka, in order.
//!
//! Why the order holds: an aggregate's rows are numbered under its lock, so whoever sees one sees all before it. Every
//! read begins at the first unmarked row, so a relay sends every aggregate's rows without gaps, and a row is marked only
//! when Kafka has it. Two relays at once (a frozen one that wakes up) can repeat rows, but no row *first* appears before
//! an earlier one of its aggregate. The lease spares the repeats; its epoch keeps a relay that lost it from marking.

use std::{collections::BTreeSet, future::Future};

use chrono::TimeDelta;
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanKind},
};
use uuid::Uuid;

use crate::{
    crash_point::reached,
    log::{EventSink, LogError},
    outbox::OutboxRow,
    store::StoreError,
    telemetry::spans::{self, SagaSpan, Telling},
    trace::TraceContext,
};

/// The right to publish a key range, until it expires by the database's clock or somebody else has a higher epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub range: i32,
    pub epoch: i64,
}

/// The outbox as the relay needs it; each call is one statement in a transaction of its own.
pub trait OutboxStore: Send + Sync + 'static {
    /// Tells that `holder` lives, renews the leases that it has and takes those that are free or expired (with the next
    /// epoch), up to its [`fair_share`] among the relays that live; gives back what is above it. Returns what it holds now.
    fn claim(&self, holder: Uuid, lease: TimeDelta) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;
    /// The first unmarked rows of these ranges, in number order.
    fn unpublished(
        &self,
        ranges: &[i32],
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, StoreError>> + Send;
    /// Marks rows as published where the lease's epoch still stands; returns how many were marked.
    fn mark(&self, leases: &[Lease], numbers: &[i64]) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// Gives leases back, so that another replica need not wait for their expiry.
    fn release(&self, holder: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// One relay.
pub struct Relay {
    holder: Uuid,
    leases: Vec<Lease>,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub enum Relayed {
    /// Nothing is waiting in the ranges that this relay holds.
    Nothing,
    /// Rows were acknowledged and marked.
    Published { rows: usize, marked: u64 },
    /// Some were not acknowledged: the next step begins at the first of them.
    Failed { published: usize, error: LogError },
}

impl Relay {
    pub fn new(holder: Uuid) -> Self {
        Self { holder, leases: Vec::new() }
    }

    /// Renews or takes leases. Call it well within the lease's time.
    pub async fn claim<S: OutboxStore>(&mut self, store: &S, lease: TimeDelta) -> Result<(), StoreError> {
        self.leases = store.claim(self.holder, lease).await?;
        Ok(())
    }

    /// The key ranges that this relay holds.
    pub fn ranges(&self) -> Vec<i32> {
        self.leases.iter().map(|lease| lease.range).collect()
    }

    /// Publishes the first `limit` rows that wait, and marks those that Kafka has.
    pub async fn step<S: OutboxStore, K: EventSink>(
        &mut self,
        store: &S,
        sink: &mut K,
        limit: usize,
    ) -> Result<Relayed, StoreError> {
        if self.leases.is_empty() {
            return Ok(Relayed::Nothing);
        }
        let rows = store.unpublished(&self.ranges(), limit).await?;
        if rows.is_empty() {
            return Ok(Relayed::Nothing);
        }
        let span = sent(&rows);
        let results = sink.publish(&rows).await;
        span.end();
        reached("relay.acknowledged");
        let acknowledged = prefix_per_range(&rows, &results);
        let marked = if acknowledged.is_empty() { 0 } else { store.mark(&self.leases, &acknowledged).await? };
        reached("relay.marked");
        match results.into_iter().find_map(Result::err) {
            None => Ok(Relayed::Published { rows: rows.len(), marked }),
            Some(error) => Ok(Relayed::Failed { published: acknowledged.len(), error }),
        }
    }

    /// Gives the leases back.
    pub async fn release<S: OutboxStore>(&mut self, store: &S) -> Result<(), StoreError> {
        self.leases.clear();
        store.release(self.holder).await
    }
}

/// Most links of one span, as OpenTelemetry's SDKs limit them by default.
const LINKS: usize = 128;

/// The span of a batch on its way to Kafka, linked to the spans that created its messages.
fn sent(rows: &[OutboxRow]) -> SagaSpan {
    if !spans::enabled() {
        return SagaSpan::none();
    }
    let sampled = rows
        .iter()
        .filter_map(|row| TraceContext::from_headers(&row.message.headers).span_context())
        .filter(SpanContext::is_sampled);
    let links: Vec<SpanContext> = sampled.take(LINKS).collect();
    SagaSpan::root(&links, || Telling {
        kind: SpanKind::Client,
        name: "send".into(),
        attributes: vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", "send"),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.batch.message_count", i64::try_from(rows.len()).unwrap_or(i64::MAX)),
        ],
    })
}

/// How many key ranges each of so many relays may hold. Rounded up: all ranges are held whoever is quicker.
pub fn fair_share(ranges: i64, relays: i64) -> i64 {
    ranges.max(0).unsigned_abs().div_ceil(relays.max(1).unsigned_abs()).try_into().unwrap_or(i64::MAX)
}

/// The rows to mark: per range, those before its first failure. What was acknowledged behind a failure is sent again.
fn prefix_per_range(rows: &[OutboxRow], results: &[Result<(), LogError>]) -> Vec<i64> {
    let mut stopped = BTreeSet::new();
    let mut acknowledged = Vec::with_capacity(rows.len());
    for (row, result) in rows.iter().zip(results) {
        if result.is_err() {
            stopped.insert(row.range);
        }
        if !stopped.contains(&row.range) {
            acknowledged.push(row.number);
        }
    }
    acknowledged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OutboxMessage;

    fn row(number: i64, range: i32) -> OutboxRow {
        let message = OutboxMessage { topic: "t".into(), key: None, payload: None, headers: Vec::new() };
        OutboxRow { number, range, message }
    }

    #[test]
    fn relays_share_all_ranges_evenly() {
        assert_eq!([1, 2, 3, 5, 12, 13].map(|relays| fair_share(12, relays)), [12, 6, 4, 3, 1, 1]);
        assert_eq!(fair_share(12, 0), 12);
    }

    #[test]
    fn a_failed_delivery_stops_its_range_and_no_other() {
        let rows = [row(1, 0), row(2, 1), row(3, 0), row(4, 1)];
        let results = [Ok(()), Err(LogError::Transient("away".into())), Ok(()), Ok(())];
        assert_eq!(prefix_per_range(&rows, &results), [1, 3]);
    }
}
