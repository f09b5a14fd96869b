//! One step of a relay: read, publish, mark what Kafka has, stop what it refuses.

use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    Lane, Lease, OutboxStore, Pace, Reading, Refused, Unpublished,
    outcome::{Outcome, Sent},
    settled::Settled,
    spans::sent,
    standing::{Found, Standings},
    waits::Waits,
};
use crate::{
    crash_point::reached,
    log::{EventSink, PublishError},
    store::StoreError,
};

/// So long after the last rows a relay tidies up what is written down of them.
const TIDY_AFTER: Duration = Duration::from_secs(1);

/// One relay: a lane's ranges, as far as it holds their leases.
pub struct Relay {
    holder: Uuid,
    lane: Lane,
    leases: Vec<Lease>,
    standings: Standings,
    settled: Settled,
    marked_at: Duration,
    pace: Pace,
    waits: Waits,
    lost: bool,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub enum Relayed {
    /// Nothing is to be sent now in the ranges that this relay holds.
    Nothing,
    /// Nothing but rows that have to wait was found: they are left behind, and there may be others behind them.
    PassedOver {
        /// So many rows.
        rows: usize,
    },
    /// Rows were acknowledged and marked.
    Published {
        /// So many rows.
        rows: usize,
        /// So many of them were marked; fewer if a lease was lost meanwhile.
        marked: u64,
    },
    /// Some were not acknowledged. What failed waits or stops; the next step goes on with everything else.
    Failed {
        /// So many rows were acknowledged before.
        published: usize,
        /// So many keys were stopped.
        stopped: u64,
        /// The first failure.
        error: PublishError,
    },
}

impl Relay {
    /// A relay that holds no range yet; `holder` tells it from all others.
    pub fn new(holder: Uuid, lane: Lane, pace: Pace) -> Self {
        Self {
            holder,
            lane,
            leases: Vec::new(),
            standings: Standings::default(),
            settled: Settled::default(),
            marked_at: Duration::ZERO,
            pace,
            waits: Waits::default(),
            lost: false,
        }
    }

    /// Takes leases, gives back what is above its share, renews the others. Call it well within the lease's time, and
    /// beside the steps [`OutboxStore::renew`].
    pub async fn claim<S: OutboxStore>(&mut self, store: &S, lease: TimeDelta) -> Result<(), StoreError> {
        self.leases = store.claim(self.holder, self.lane, lease).await?;
        self.lost = false;
        self.standings.keep(&self.leases);
        let new = self.standings.unknown(&self.leases);
        if !new.is_empty() {
            self.settled = Settled::default();
            for published in store.published(&new).await? {
                let lease = new.iter().find(|lease| lease.range == published.range).copied();
                lease.into_iter().for_each(|lease| self.standings.begin(lease, published.clone()));
            }
        }
        Ok(())
    }

    /// Whether the last step was told that a lease is another's by now: claim before the next, or it repeats in vain.
    pub fn has_lost_leases(&self) -> bool {
        self.lost
    }

    /// The key ranges that this relay holds.
    pub fn ranges(&self) -> Vec<i32> {
        self.leases.iter().map(|lease| lease.range).collect()
    }

    /// Topics that have taken nothing since they were found away or closed to this service.
    pub fn failing_topics(&self) -> impl Iterator<Item = &str> {
        self.waits.failing_topics()
    }

    /// How long until something that waits is tried again; `None` if nothing waits.
    pub fn next_try(&self, now: Duration) -> Option<Duration> {
        self.waits.next(now).map(|until| until - now)
    }

    /// Publishes rows that wait, and marks those that Kafka has. `clock` tells the time since the relay began.
    pub async fn step<S: OutboxStore, K: EventSink>(
        &mut self,
        store: &S,
        sink: &mut K,
        clock: &(impl Fn() -> Duration + Sync),
    ) -> Result<Relayed, StoreError> {
        let there = self.look_for_topics(sink, clock).await;
        let began = clock();
        let reading = self.reading(began);
        if reading.ranges.is_empty() {
            return Ok(Relayed::Nothing);
        }
        if self.settled.asks(began) {
            self.settled.heard(store.writers().await?, began);
        }
        let highest = self.standings.highest();
        let unpublished = store.unpublished(&reading).await?;
        let settled = self.settled.observe(highest, unpublished.snapshot, began);
        let found = Found::of(&unpublished, &self.standings);
        let Unpublished { rows, unreadable, waiting, .. } = unpublished;
        if !unreadable.is_empty() {
            return self.stop_unreadable(store, &unreadable).await;
        }
        if rows.is_empty() {
            // Nothing is left for a topic that is there again: another relay has sent it.
            there.iter().for_each(|topic| self.waits.topic_succeeded(topic));
            // Blocks that are not needed any more can wait for a quiet moment.
            if found.passes_over() || began.saturating_sub(self.marked_at) >= TIDY_AFTER {
                self.mark(store, &found, &[], settled).await?;
                self.marked_at = began;
            }
            return Ok(if found.passes_over() {
                Relayed::PassedOver { rows: waiting.len() }
            } else {
                Relayed::Nothing
            });
        }
        let (span, under_way) = (sent(&rows), rows.iter().map(Sent::of).collect::<Vec<_>>());
        let results = sink.publish(rows).await;
        span.end();
        reached("relay.acknowledged");
        let outcome = Outcome::of(under_way, results);
        self.wait(&outcome, clock());
        let acknowledged = &outcome.acknowledged;
        let marked = self.mark(store, &found, acknowledged, settled).await?;
        self.marked_at = began;
        reached("relay.marked");
        let refused = &outcome.refused;
        let stopped = if refused.is_empty() { 0 } else { self.stop(store, refused).await? };
        self.pace.learn(clock().saturating_sub(began));
        let published = acknowledged.len();
        self.lost = marked + stopped < (published + refused.len()) as u64;
        Ok(match outcome.error {
            None => Relayed::Published { rows: published, marked },
            Some(error) => Relayed::Failed { published, stopped, error },
        })
    }

    /// Writes down what is done with. How many of the acknowledged rows that are.
    async fn mark<S: OutboxStore>(
        &mut self,
        store: &S,
        found: &Found,
        acknowledged: &[(i32, i64)],
        settled: i64,
    ) -> Result<u64, StoreError> {
        let step = self.standings.mark(found, acknowledged, settled);
        let stands = match step.mark.is_empty() {
            true => self.ranges(),
            false => store.mark(&self.leases, &step.mark).await?,
        };
        self.standings.written(&step, &stands);
        Ok(acknowledged.iter().filter(|(range, _)| stands.contains(range)).count() as u64)
    }

    async fn stop<S: OutboxStore>(&mut self, store: &S, refused: &[Refused]) -> Result<u64, StoreError> {
        let stopped = store.stop(&self.leases, refused).await?;
        if stopped == refused.len() as u64 {
            self.standings.stopped(refused);
        }
        Ok(stopped)
    }

    /// Before anything else is sent: rows of the same keys may stand behind them.
    async fn stop_unreadable<S: OutboxStore>(
        &mut self,
        store: &S,
        unreadable: &[Refused],
    ) -> Result<Relayed, StoreError> {
        let stopped = self.stop(store, unreadable).await?;
        self.lost = stopped == 0;
        let why = unreadable.first().map_or("", |row| &row.error);
        let error = PublishError::Refused(format!("a row of the outbox can't be read: {why}"));
        Ok(Relayed::Failed { published: 0, stopped, error })
    }

    fn reading(&self, now: Duration) -> Reading {
        let ranges = self.leases.iter().map(|lease| lease.range).filter(|range| !self.waits.is_waiting(*range, now));
        let (ranges, done) = self.standings.read(ranges);
        Reading {
            ranges,
            done,
            without_topics: self.waits.waiting_topics(now),
            rows: self.pace.rows(),
            bytes: self.pace.bytes(),
        }
    }

    /// A topic whose wait is over is asked for before anything is sent to it, so that nothing else waits for the answer.
    /// Those that are there.
    async fn look_for_topics<K: EventSink>(
        &mut self,
        sink: &mut K,
        clock: &(impl Fn() -> Duration + Sync),
    ) -> Vec<String> {
        let mut there = Vec::new();
        for topic in self.waits.topics_to_try(clock()) {
            match sink.look_for(&topic).await {
                Ok(()) => there.push(topic),
                Err(_) => self.waits.topic_failed(&topic, clock()),
            }
        }
        there
    }

    fn wait(&mut self, outcome: &Outcome, now: Duration) {
        outcome.succeeded_ranges.iter().for_each(|range| self.waits.range_succeeded(*range));
        outcome.succeeded_topics.iter().for_each(|topic| self.waits.topic_succeeded(topic));
        outcome.failed_ranges.iter().for_each(|range| self.waits.range_failed(*range, now));
        outcome.failed_topics.keys().for_each(|topic| self.waits.topic_failed(topic, now));
    }

    /// Gives the leases back.
    pub async fn release<S: OutboxStore>(&mut self, store: &S) -> Result<(), StoreError> {
        self.leases.clear();
        store.release(self.holder).await
    }
}
