//! One step of a relay: take what was handed on, or read the table; publish, mark what Kafka has, stop what it refuses.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    Feed, Lane, Lease, OutboxStore, Pace, Reading, Refused, Unpublished,
    fed_rows::{Chosen, Fed},
    feed::Taken,
    outcome::{Outcome, Sent},
    settlement::Settled,
    spans::sent,
    waits::Waits,
    watermarks::{Found, Standings, Step},
};
use crate::{
    broker::{EventProducer, PublishError},
    crash_point::reached,
    outbox::OutboxRow,
    store::StoreError,
};

/// So long after Kafka has a row that was handed on, this is written down at the latest, and of so many rows at once.
const MARK_AFTER: Duration = Duration::from_millis(100);
const MARK_ROWS: usize = 1_000;
/// So long after the last read of the table it is read again if numbers are missing: they may be rows of others that were not
/// told.
const SETTLE_AFTER: Duration = Duration::from_secs(1);

/// So long after the last rows a relay tidies up what is written down of them.
const TIDY_AFTER: Duration = Duration::from_secs(1);

/// One relay: a lane's ranges, as far as it holds their leases.
pub struct Relay {
    holder: Uuid,
    lane: Lane,
    leases: Vec<Lease>,
    standings: Standings,
    settled: Settled,
    feed: Arc<Feed>,
    fed: Fed,
    /// The table may have something that was not handed on.
    look: bool,
    looked_at: Duration,
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
    /// Rows were acknowledged, and marked or are to be marked soon.
    Published {
        /// So many rows.
        rows: usize,
        /// So many of them; fewer if a lease was lost meanwhile.
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
    pub fn new(holder: Uuid, lane: Lane, pace: Pace, feed: Arc<Feed>) -> Self {
        Self {
            holder,
            lane,
            leases: Vec::new(),
            standings: Standings::default(),
            settled: Settled::default(),
            feed,
            fed: Fed::default(),
            look: true,
            looked_at: Duration::ZERO,
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
        self.waits.keep_ranges(&self.ranges());
        let new = self.standings.unknown(&self.leases);
        if !new.is_empty() {
            // What was known before is void: another relay may have sent meanwhile, or another server may have lost rows.
            self.fed = Fed::default();
            self.feed.take(true);
            self.look = true;
            self.settled = Settled::default();
            for published in store.published(&new).await? {
                let lease = new.iter().find(|lease| lease.range == published.range).copied();
                lease.into_iter().for_each(|lease| self.standings.begin(lease, published.clone()));
            }
        }
        Ok(())
    }

    /// Whether the last step found that another relay has a lease by now: claim before the next, or it repeats in vain.
    pub fn has_lost_leases(&self) -> bool {
        self.lost
    }

    /// Whether nothing that was handed on waits here.
    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.fed.is_empty()
    }

    /// The key ranges that this relay holds.
    pub fn ranges(&self) -> Vec<i32> {
        self.leases.iter().map(|lease| lease.range).collect()
    }

    /// Topics that have taken nothing since they were found away or closed to this service.
    pub fn failing_topics(&self) -> impl Iterator<Item = &str> {
        self.waits.failing_topics()
    }

    /// How long until there is something to do again, unless more is handed on before; `None` if there is nothing.
    pub fn next_try(&self, now: Duration) -> Option<Duration> {
        let gaps = self.standings.has_gaps();
        let mark = (self.standings.unwritten_rows() > 0).then_some(self.marked_at + MARK_AFTER);
        let settle = gaps.then_some(self.looked_at + SETTLE_AFTER);
        let next = [self.waits.next(now), mark, settle].into_iter().flatten().min();
        next.map(|until| until.saturating_sub(now))
    }

    /// Publishes rows that wait, and marks those that Kafka has, some of them later. `clock` tells the time since the relay began.
    pub async fn step<S: OutboxStore, K: EventProducer>(
        &mut self,
        store: &S,
        producer: &mut K,
        clock: &(impl Fn() -> Duration + Sync),
    ) -> Result<Relayed, StoreError> {
        let there = self.look_for_topics(producer, clock).await;
        let began = clock();
        let Taken { rows, look } = self.feed.take(self.fed.is_empty());
        self.look |= look;
        self.fed.add(rows);
        // Only the table knows what failed, and gaps may be rows of other replicas that were not handed on.
        let is_settling = self.standings.has_gaps() && began.saturating_sub(self.looked_at) >= SETTLE_AFTER;
        let is_known = !self.look && !is_settling && self.waits.is_empty();
        if is_known && let Some(relayed) = self.fed_step(store, producer, clock).await? {
            return Ok(relayed);
        }
        self.table_step(store, producer, clock, &there).await
    }

    /// Publishes what was handed on. `None`: all of it has to be read from the table.
    async fn fed_step<S: OutboxStore, K: EventProducer>(
        &mut self,
        store: &S,
        producer: &mut K,
        clock: &(impl Fn() -> Duration + Sync),
    ) -> Result<Option<Relayed>, StoreError> {
        let began = clock();
        let standings = &self.standings;
        let is_open = |row: &OutboxRow| standings.is_open(row.range, row.number);
        let Chosen { rows, look } = self.fed.choose(self.pace.rows(), self.pace.bytes(), is_open);
        if rows.is_empty() && look {
            return Ok(None);
        }
        if rows.is_empty() {
            self.mark_in_time(store, began).await?;
            return Ok(Some(Relayed::Nothing));
        }
        // If this step is dropped in the middle, the next one finds them in the table.
        self.look = true;
        let published = rows.len();
        let outcome = self.publish(producer, rows, clock).await;
        if self.standings.unwritten_rows() == 0 {
            self.marked_at = began;
        }
        self.standings.sent(&outcome.acknowledged);
        self.pace.learn(clock().saturating_sub(began));
        let refused = &outcome.refused;
        let stopped = if refused.is_empty() { 0 } else { self.stop(store, refused).await? };
        self.lost |= stopped < refused.len() as u64;
        self.look = look || outcome.error.is_some();
        self.mark_in_time(store, clock()).await?;
        Ok(Some(match outcome.error {
            None => Relayed::Published { rows: published, marked: published as u64 },
            Some(error) => Relayed::Failed { published: outcome.acknowledged.len(), stopped, error },
        }))
    }

    /// Records which of the rows that were handed on Kafka has, if that is due.
    async fn mark_in_time<S: OutboxStore>(&mut self, store: &S, now: Duration) -> Result<(), StoreError> {
        let rows = self.standings.unwritten_rows();
        if rows >= MARK_ROWS || rows > 0 && now.saturating_sub(self.marked_at) >= MARK_AFTER {
            self.write(store, &self.standings.mark_sent()).await?;
            self.marked_at = now;
        }
        Ok(())
    }

    /// Publishes what the table has.
    async fn table_step<S: OutboxStore, K: EventProducer>(
        &mut self,
        store: &S,
        producer: &mut K,
        clock: &(impl Fn() -> Duration + Sync),
        there: &[String],
    ) -> Result<Relayed, StoreError> {
        let began = clock();
        let reading = self.reading(began);
        self.look = true;
        self.looked_at = began;
        self.fed.leave_to_the_table();
        if reading.ranges.is_empty() {
            self.mark_in_time(store, began).await?;
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
            reading.ranges.iter().for_each(|(range, _)| self.waits.range_succeeded(*range));
            // Blocks that are not needed any more can wait for a quiet moment.
            let is_due = self.standings.unwritten_rows() > 0 || began.saturating_sub(self.marked_at) >= TIDY_AFTER;
            if found.passes_over() || is_due {
                self.mark(store, &found, &[], settled).await?;
                self.marked_at = began;
            }
            self.look = found.is_cut();
            return Ok(if found.passes_over() {
                Relayed::PassedOver { rows: waiting.len() }
            } else {
                Relayed::Nothing
            });
        }
        let outcome = self.publish(producer, rows, clock).await;
        let acknowledged = &outcome.acknowledged;
        let marked = self.mark(store, &found, acknowledged, settled).await?;
        self.marked_at = began;
        reached("relay.marked");
        let refused = &outcome.refused;
        let stopped = if refused.is_empty() { 0 } else { self.stop(store, refused).await? };
        self.pace.learn(clock().saturating_sub(began));
        let published = acknowledged.len();
        self.lost |= marked + stopped < (published + refused.len()) as u64;
        self.look = found.may_go_on() || outcome.error.is_some();
        Ok(match outcome.error {
            None => Relayed::Published { rows: published, marked },
            Some(error) => Relayed::Failed { published, stopped, error },
        })
    }

    async fn publish<K: EventProducer>(
        &mut self,
        producer: &mut K,
        rows: Vec<OutboxRow>,
        clock: &(impl Fn() -> Duration + Sync),
    ) -> Outcome {
        let (span, under_way) = (sent(&rows), rows.iter().map(Sent::of).collect::<Vec<_>>());
        let results = producer.publish(rows).await;
        span.end();
        reached("relay.acknowledged");
        let outcome = Outcome::of(under_way, results);
        self.wait(&outcome, clock());
        outcome.events.iter().for_each(|(key, nth)| self.fed.acknowledge(key, *nth));
        outcome
    }

    /// Records the rows that are done with. Returns how many of the acknowledged rows were recorded.
    async fn mark<S: OutboxStore>(
        &mut self,
        store: &S,
        found: &Found,
        acknowledged: &[(i32, i64)],
        settled: i64,
    ) -> Result<u64, StoreError> {
        let has: Vec<(i32, i64)> = self.standings.unwritten().iter().chain(acknowledged).copied().collect();
        let step = self.standings.mark(found, &has, settled);
        let stands = self.write(store, &step).await?;
        Ok(acknowledged.iter().filter(|(range, _)| stands.contains(range)).count() as u64)
    }

    /// The ranges that stand.
    async fn write<S: OutboxStore>(&mut self, store: &S, step: &Step) -> Result<Vec<i32>, StoreError> {
        let stands = match step.mark.is_empty() {
            true => self.ranges(),
            false => store.mark(&self.leases, &step.mark).await?,
        };
        self.standings.written(step, &stands);
        self.lost |= self.leases.iter().any(|lease| !stands.contains(&lease.range));
        Ok(stands)
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
    async fn look_for_topics<K: EventProducer>(
        &mut self,
        producer: &mut K,
        clock: &(impl Fn() -> Duration + Sync),
    ) -> Vec<String> {
        let mut there = Vec::new();
        for topic in self.waits.topics_to_try(clock()) {
            match producer.look_for(&topic).await {
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

    /// Writes down what Kafka has, and gives the leases back.
    pub async fn release<S: OutboxStore>(&mut self, store: &S) -> Result<(), StoreError> {
        let step = self.standings.mark_sent();
        let written = self.write(store, &step).await;
        self.leases.clear();
        store.release(self.holder).await?;
        written.map(drop)
    }
}
