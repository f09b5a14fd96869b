//! An outbox, a broker and a relay in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    broker::{EventProducer, PublishError},
    outbox::OutboxRow,
    relay::{
        Feed, Lane, Lease, Mark, OutboxStore, Pace, Published, Reading, Refused, Relay, Relayed, Snapshot, Unpublished,
    },
    store::{OutboxMessage, StoreError},
};

/// The payload of a row whose headers are of another version.
pub const UNREADABLE: &[u8] = b"of another version";
pub const LEASE: TimeDelta = TimeDelta::seconds(10);

#[derive(Default)]
pub struct Outbox {
    pub rows: Mutex<Vec<OutboxRow>>,
    /// Ranges and numbers.
    pub through: Mutex<BTreeMap<i32, i64>>,
    pub blocks: Mutex<BTreeSet<(i32, i64)>>,
    pub left: Mutex<BTreeSet<(i32, i64)>>,
    pub stopped: Mutex<BTreeMap<i64, String>>,
    /// Of every range.
    pub epoch: Mutex<i64>,
    /// Once rows are marked, another relay takes the ranges.
    pub is_taken_after_marking: Mutex<bool>,
    pub released: Mutex<Vec<Uuid>>,
    pub readings: Mutex<Vec<Reading>>,
    pub marks: Mutex<Vec<Mark>>,
    /// A transaction is open that may have drawn any number.
    pub is_open: Mutex<bool>,
    /// It is none of those that write to the outbox.
    pub writes_elsewhere: Mutex<bool>,
}

impl Outbox {
    /// Appends messages `topic/key`; the key's length is its range.
    pub fn with(messages: &[&str]) -> Self {
        let outbox = Self::default();
        messages.iter().for_each(|message| outbox.append(message));
        outbox
    }

    pub fn append(&self, message: &str) {
        let next = self.rows.lock().unwrap().iter().map(|row| row.number).max().unwrap_or_default() + 1;
        self.append_as(next, message);
    }

    pub fn append_as(&self, number: i64, message: &str) {
        let (topic, key) = message.split_once('/').unwrap();
        let (range, key) = (i32::try_from(key.len()).unwrap(), Some(key.as_bytes().to_vec()));
        let mut rows = self.rows.lock().unwrap();
        let before = rows.iter().filter(|row| row.message.key == key).count();
        let nth = Some(i64::try_from(before + 1).unwrap());
        let message = OutboxMessage { topic: topic.into(), key, payload: None, headers: Vec::new(), nth };
        rows.push(OutboxRow { number, range, message });
        rows.sort_by_key(|row| row.number);
    }

    pub fn is_same(row: &OutboxRow, other: &OutboxRow) -> bool {
        other.message.topic == row.message.topic && other.message.key == row.message.key
    }

    pub fn is_stopped(&self, row: &OutboxRow) -> bool {
        let rows = self.rows.lock().unwrap();
        let stopped = self.stopped.lock().unwrap();
        rows.iter().filter(|other| Self::is_same(row, other)).any(|other| stopped.contains_key(&other.number))
    }

    pub fn is_behind_one_left(&self, row: &OutboxRow) -> bool {
        let (rows, left) = (self.rows.lock().unwrap(), self.left.lock().unwrap());
        let before = rows.iter().filter(|other| other.number < row.number && Self::is_same(row, other));
        before.into_iter().any(|other| left.contains(&(other.range, other.number)))
    }

    pub fn stands(&self, leases: &[Lease]) -> bool {
        leases.iter().all(|lease| lease.epoch == *self.epoch.lock().unwrap())
    }

    /// The rows that are published, by what is written down.
    pub fn marked(&self) -> Vec<i64> {
        let (through, blocks, left) =
            (self.through.lock().unwrap(), self.blocks.lock().unwrap(), self.left.lock().unwrap());
        let is_published = |row: &&OutboxRow| {
            let at = (row.range, row.number);
            !left.contains(&at) && (blocks.contains(&at) || through.get(&row.range).is_some_and(|to| row.number <= *to))
        };
        self.rows.lock().unwrap().iter().filter(is_published).map(|row| row.number).collect()
    }
}

impl OutboxStore for Outbox {
    async fn claim(&self, _: Uuid, _: Lane, _: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let epoch = *self.epoch.lock().unwrap();
        Ok((0..4).map(|range| Lease { range, epoch }).collect())
    }

    async fn published(&self, leases: &[Lease]) -> Result<Vec<Published>, StoreError> {
        let (blocks, left) = (self.blocks.lock().unwrap(), self.left.lock().unwrap());
        let of = |lease: &Lease| {
            let through = self.through.lock().unwrap().get(&lease.range).copied().unwrap_or_default();
            let beyond =
                blocks.iter().chain(&*left).filter(|(range, number)| *range == lease.range && *number > through);
            Published { range: lease.range, through, beyond: beyond.map(|(_, number)| *number).collect() }
        };
        Ok(leases.iter().map(of).collect())
    }

    async fn renew(&self, _: Uuid, _: TimeDelta) -> Result<(), StoreError> {
        Ok(())
    }

    async fn writers(&self) -> Result<Vec<String>, StoreError> {
        let writes = *self.is_open.lock().unwrap() && !*self.writes_elsewhere.lock().unwrap();
        Ok(writes.then(|| "the open one".into()).into_iter().collect())
    }

    async fn unpublished(&self, reading: &Reading) -> Result<Unpublished, StoreError> {
        self.readings.lock().unwrap().push(reading.clone());
        let rows = self.rows.lock().unwrap().clone();
        let left = self.left.lock().unwrap().clone();
        let behind =
            |row: &OutboxRow| reading.ranges.iter().find(|(range, _)| *range == row.range).map(|(_, number)| *number);
        let waits = |row: &OutboxRow| reading.without_topics.contains(&row.message.topic) || self.is_stopped(row);
        let mut found = Unpublished { snapshot: Snapshot { oldest: 1, next: 1 }, ..Unpublished::default() };
        found.snapshot.next += i64::from(*self.is_open.lock().unwrap());
        for row in rows {
            let (at, Some(behind)) = ((row.range, row.number), behind(&row)) else { continue };
            if left.contains(&at) {
                if !waits(&row) {
                    found.rows.push(row);
                }
            } else if row.number > behind && !reading.done.contains(&row.number) {
                if waits(&row) || self.is_behind_one_left(&row) {
                    found.waiting.push(at);
                } else {
                    found.rows.push(row);
                }
            }
        }
        found.rows.truncate(reading.rows);
        let is_unreadable = |row: &OutboxRow| row.message.payload.as_deref() == Some(UNREADABLE);
        let (unreadable, rows): (Vec<_>, Vec<_>) = found.rows.into_iter().partition(is_unreadable);
        let refused = |row: OutboxRow| Refused { range: row.range, number: row.number, error: "no headers".into() };
        let seen = reading.ranges.iter().map(|(range, _)| (*range, i64::MAX)).collect();
        Ok(Unpublished { rows, unreadable: unreadable.into_iter().map(refused).collect(), seen, ..found })
    }

    async fn mark(&self, leases: &[Lease], mark: &Mark) -> Result<Vec<i32>, StoreError> {
        self.marks.lock().unwrap().push(mark.clone());
        if !self.stands(leases) {
            return Ok(Vec::new());
        }
        self.blocks.lock().unwrap().extend(&mark.published);
        self.left.lock().unwrap().retain(|row| !mark.caught_up.contains(row));
        self.left.lock().unwrap().extend(&mark.left_behind);
        for (range, through) in &mark.through {
            self.through.lock().unwrap().insert(*range, *through);
            self.blocks.lock().unwrap().retain(|(of, number)| of != range || number > through);
        }
        if *self.is_taken_after_marking.lock().unwrap() {
            *self.epoch.lock().unwrap() += 1;
        }
        Ok(leases.iter().map(|lease| lease.range).collect())
    }

    async fn stop(&self, leases: &[Lease], refused: &[Refused]) -> Result<u64, StoreError> {
        if !self.stands(leases) {
            return Ok(0);
        }
        self.stopped.lock().unwrap().extend(refused.iter().map(|row| (row.number, row.error.clone())));
        self.left.lock().unwrap().extend(refused.iter().map(|row| (row.range, row.number)));
        Ok(refused.len() as u64)
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        self.released.lock().unwrap().push(holder);
        Ok(())
    }
}

/// A broker that has an answer for some numbers and topics, and takes everything else.
#[derive(Default)]
pub struct Broker {
    pub refused: BTreeSet<i64>,
    pub failing: BTreeSet<i64>,
    pub away: BTreeSet<String>,
    pub published: Vec<i64>,
    pub looked_for: usize,
}

impl EventProducer for Broker {
    async fn publish(&mut self, rows: Vec<OutboxRow>) -> Vec<Result<(), PublishError>> {
        let answer = |row: OutboxRow| match row.number {
            number if self.refused.contains(&number) => Err(PublishError::Refused("too large".into())),
            number if self.failing.contains(&number) => Err(PublishError::Transient("away".into())),
            _ if self.away.contains(&row.message.topic) => Err(PublishError::Topic("unknown".into())),
            number => {
                self.published.push(number);
                Ok(())
            }
        };
        rows.into_iter().map(answer).collect()
    }

    async fn look_for(&mut self, topic: &str) -> Result<(), PublishError> {
        self.looked_for += 1;
        if self.away.contains(topic) { Err(PublishError::Topic("unknown".into())) } else { Ok(()) }
    }
}

/// A relay, and the seconds since it began.
pub struct Relaying {
    pub relay: Relay,
    pub feed: Arc<Feed>,
    pub seconds: AtomicU64,
}

impl Relaying {
    pub async fn over(outbox: &Outbox) -> Self {
        let feed = Arc::new(Feed::new(100, 100_000));
        let pace = Pace::new(100, 1_000, Duration::from_secs(10));
        let mut relay = Relay::new(Uuid::nil(), Lane::Events, pace, feed.clone());
        relay.claim(outbox, LEASE).await.unwrap();
        Self { relay, feed, seconds: AtomicU64::new(0) }
    }

    /// A step that looks into the table, as after a poll.
    pub async fn step(&mut self, outbox: &Outbox, broker: &mut Broker) -> Relayed {
        self.feed.look_into_the_table();
        self.step_fed(outbox, broker).await
    }

    /// A step after rows were handed on.
    pub async fn step_fed(&mut self, outbox: &Outbox, broker: &mut Broker) -> Relayed {
        let clock = || Duration::from_secs(self.seconds.load(Ordering::Relaxed));
        self.relay.step(outbox, broker, &clock).await.unwrap()
    }

    pub fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}
