//! The relay's step on an outbox and a broker in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::{
    log::{EventSink, PublishError},
    store::OutboxMessage,
};

/// The payload of a row whose headers are of another version.
const UNREADABLE: &[u8] = b"of another version";
const LEASE: TimeDelta = TimeDelta::seconds(10);

#[derive(Default)]
struct Outbox {
    rows: Mutex<Vec<OutboxRow>>,
    marked: Mutex<BTreeSet<i64>>,
    stopped: Mutex<BTreeMap<i64, String>>,
    /// Of every range.
    epoch: Mutex<i64>,
    /// Once rows are marked, another relay takes the ranges.
    is_taken_after_marking: Mutex<bool>,
    released: Mutex<Vec<Uuid>>,
    readings: Mutex<Vec<Reading>>,
}

impl Outbox {
    /// Appends messages `topic/key`; the key's length is its range.
    fn with(messages: &[&str]) -> Self {
        let rows = messages.iter().zip(1..).map(|(message, number)| {
            let (topic, key) = message.split_once('/').unwrap();
            let (range, key) = (i32::try_from(key.len()).unwrap(), Some(key.as_bytes().to_vec()));
            let message = OutboxMessage { topic: topic.into(), key, payload: None, headers: Vec::new() };
            OutboxRow { number, range, message }
        });
        Self { rows: Mutex::new(rows.collect()), ..Self::default() }
    }

    fn is_stopped(&self, row: &OutboxRow) -> bool {
        let rows = self.rows.lock().unwrap();
        let stopped = self.stopped.lock().unwrap();
        let same =
            |other: &&OutboxRow| other.message.topic == row.message.topic && other.message.key == row.message.key;
        rows.iter().filter(same).any(|other| stopped.contains_key(&other.number))
    }

    fn stands(&self, leases: &[Lease]) -> bool {
        leases.iter().all(|lease| lease.epoch == *self.epoch.lock().unwrap())
    }

    fn marked(&self) -> Vec<i64> {
        self.marked.lock().unwrap().iter().copied().collect()
    }
}

impl OutboxStore for Outbox {
    async fn claim(&self, _: Uuid, _: Lane, _: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let epoch = *self.epoch.lock().unwrap();
        Ok((0..4).map(|range| Lease { range, epoch }).collect())
    }

    async fn renew(&self, _: Uuid, _: TimeDelta) -> Result<(), StoreError> {
        Ok(())
    }

    async fn unpublished(&self, reading: &Reading) -> Result<Unpublished, StoreError> {
        self.readings.lock().unwrap().push(reading.clone());
        let rows = self.rows.lock().unwrap().clone();
        let waits = |row: &OutboxRow| {
            reading.ranges.contains(&row.range)
                && !reading.without_topics.contains(&row.message.topic)
                && !self.marked.lock().unwrap().contains(&row.number)
                && !self.is_stopped(row)
        };
        let rows = rows.into_iter().filter(waits).take(reading.rows);
        let (unreadable, rows): (Vec<_>, Vec<_>) =
            rows.partition(|row| row.message.payload.as_deref() == Some(UNREADABLE));
        let refused = |row: OutboxRow| Refused { number: row.number, error: "no headers".into() };
        Ok(Unpublished { rows, unreadable: unreadable.into_iter().map(refused).collect() })
    }

    async fn mark(&self, leases: &[Lease], rows: &[(i32, i64)]) -> Result<u64, StoreError> {
        if !self.stands(leases) {
            return Ok(0);
        }
        self.marked.lock().unwrap().extend(rows.iter().map(|(_, number)| *number));
        if *self.is_taken_after_marking.lock().unwrap() {
            *self.epoch.lock().unwrap() += 1;
        }
        Ok(rows.len() as u64)
    }

    async fn stop(&self, leases: &[Lease], refused: &[Refused]) -> Result<u64, StoreError> {
        if !self.stands(leases) {
            return Ok(0);
        }
        self.stopped.lock().unwrap().extend(refused.iter().map(|row| (row.number, row.error.clone())));
        Ok(refused.len() as u64)
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        self.released.lock().unwrap().push(holder);
        Ok(())
    }
}

/// A broker that has an answer for some numbers and topics, and takes everything else.
#[derive(Default)]
struct Broker {
    refused: BTreeSet<i64>,
    failing: BTreeSet<i64>,
    away: BTreeSet<String>,
    published: Vec<i64>,
    looked_for: usize,
}

impl EventSink for Broker {
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
struct Relaying {
    relay: Relay,
    seconds: AtomicU64,
}

impl Relaying {
    async fn over(outbox: &Outbox) -> Self {
        let mut relay = Relay::new(Uuid::nil(), Lane::Events, Pace::new(100, 1_000, Duration::from_secs(10)));
        relay.claim(outbox, LEASE).await.unwrap();
        Self { relay, seconds: AtomicU64::new(0) }
    }

    async fn step(&mut self, outbox: &Outbox, broker: &mut Broker) -> Relayed {
        let clock = || Duration::from_secs(self.seconds.load(Ordering::Relaxed));
        self.relay.step(outbox, broker, &clock).await.unwrap()
    }

    fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_refused_row_stops_its_key_and_those_behind_it_go_in_order_once_it_is_released() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b", "t/a"]), Broker::default());
    broker.refused.insert(1);
    let mut relaying = Relaying::over(&outbox).await;
    let failed = relaying.step(&outbox, &mut broker).await;
    assert!(matches!(failed, Relayed::Failed { published: 1, stopped: 1, .. }), "{failed:?}");
    assert_eq!((relaying.step(&outbox, &mut broker).await, outbox.marked()), (Relayed::Nothing, vec![2]));
    broker.refused.clear();
    // A relay that begins anew finds the key stopped as well.
    let mut successor = Relaying::over(&outbox).await;
    assert_eq!(successor.step(&outbox, &mut broker).await, Relayed::Nothing);
    outbox.stopped.lock().unwrap().clear();
    broker.published.clear();
    successor.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![1, 3], vec![1, 2, 3]));
}

#[tokio::test]
async fn a_topic_that_is_away_is_left_alone_looked_for_and_then_served() {
    let (outbox, mut broker) = (Outbox::with(&["away/a", "t/a", "away/b"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marked(), [2]);
    assert_eq!(relaying.relay.failing_topics().collect::<Vec<_>>(), ["away"]);
    assert_eq!((relaying.step(&outbox, &mut broker).await, broker.looked_for), (Relayed::Nothing, 0));
    relaying.wait(2);
    assert_eq!((relaying.step(&outbox, &mut broker).await, broker.looked_for), (Relayed::Nothing, 1));
    broker.away.clear();
    relaying.wait(5);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((outbox.marked(), relaying.relay.failing_topics().count()), (vec![1, 2, 3], 0));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_stops_its_key_before_what_stands_behind_it_is_sent() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b", "t/a"]), Broker::default());
    outbox.rows.lock().unwrap()[0].message.payload = Some(UNREADABLE.to_vec());
    let mut relaying = Relaying::over(&outbox).await;
    let failed = relaying.step(&outbox, &mut broker).await;
    assert!(matches!(failed, Relayed::Failed { published: 0, stopped: 1, .. }), "{failed:?}");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![2], vec![2]));
}

#[tokio::test]
async fn a_topic_that_is_there_again_and_that_another_relay_has_served_fails_no_more() {
    let (outbox, mut broker) = (Outbox::with(&["away/a"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    broker.away.clear();
    outbox.marked.lock().unwrap().insert(1);
    relaying.wait(2);
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::Nothing);
    assert_eq!(relaying.relay.failing_topics().count(), 0);
}

#[tokio::test]
async fn a_failed_delivery_makes_its_range_wait_and_no_other() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/bb", "t/a"]), Broker::default());
    broker.failing.insert(1);
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marked(), [2], "what was acknowledged behind a failure of its key is sent again");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.readings.lock().unwrap().last().unwrap().ranges, [0, 2, 3], "its own waits");
    broker.failing.clear();
    relaying.wait(1);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marked(), [1, 2, 3]);
}

#[tokio::test]
async fn whoever_lost_its_leases_marks_nothing_and_claims_before_it_goes_on() {
    let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    *outbox.epoch.lock().unwrap() += 1;
    relaying.step(&outbox, &mut broker).await;
    assert!(relaying.relay.has_lost_leases() && outbox.marked().is_empty());
    relaying.relay.claim(&outbox, LEASE).await.unwrap();
    relaying.step(&outbox, &mut broker).await;
    assert!(!relaying.relay.has_lost_leases());
    assert_eq!((broker.published, outbox.marked()), (vec![1, 1], vec![1]));
}

#[test]
fn a_range_gives_its_share_of_a_read_at_most() {
    let reading =
        |ranges: i32| Reading { ranges: (0..ranges).collect(), without_topics: Vec::new(), rows: 100, bytes: 1 };
    assert_eq!([0, 1, 3, 12, 200].map(|ranges| reading(ranges).rows_per_range()), [100, 100, 34, 9, 1]);
}

#[test]
fn relays_share_all_ranges_evenly() {
    assert_eq!([1, 2, 3, 5, 12, 13].map(|relays| fair_share(12, relays)), [12, 6, 4, 3, 1, 1]);
    assert_eq!(fair_share(12, 0), 12);
}

#[tokio::test]
async fn leases_are_known_to_be_lost_whichever_of_the_writes_is_refused() {
    let step = async |is_taken: bool, is_taken_after_marking: bool| {
        let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
        broker.refused.insert(1);
        let mut relaying = Relaying::over(&outbox).await;
        *outbox.epoch.lock().unwrap() += i64::from(is_taken);
        *outbox.is_taken_after_marking.lock().unwrap() = is_taken_after_marking;
        relaying.step(&outbox, &mut broker).await;
        (outbox.marked(), outbox.stopped.lock().unwrap().len(), relaying.relay.has_lost_leases())
    };
    assert_eq!(step(false, false).await, (vec![2], 1, false));
    assert_eq!(step(true, false).await, (vec![], 0, true));
    assert_eq!(step(false, true).await, (vec![2], 0, true));
}

#[tokio::test]
async fn leases_are_known_to_be_lost_by_a_row_that_cannot_be_read() {
    for (taken, lost) in [(0, false), (1, true)] {
        let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
        outbox.rows.lock().unwrap()[0].message.payload = Some(UNREADABLE.to_vec());
        let mut relaying = Relaying::over(&outbox).await;
        *outbox.epoch.lock().unwrap() += taken;
        let failed = relaying.step(&outbox, &mut broker).await;
        assert!(matches!(&failed, Relayed::Failed { error, .. } if error.to_string().contains("no headers")));
        assert_eq!(relaying.relay.has_lost_leases(), lost);
    }
}

#[tokio::test]
async fn a_relay_says_when_what_waits_is_tried_again() {
    let (outbox, mut broker) = (Outbox::with(&["away/a"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    assert_eq!(relaying.relay.next_try(Duration::ZERO), None);
    relaying.wait(5);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(relaying.relay.next_try(Duration::from_millis(5_600)), Some(Duration::from_millis(400)));
}

#[tokio::test]
async fn a_relay_that_gives_its_leases_back_holds_no_range() {
    let outbox = Outbox::with(&["t/a"]);
    let mut relaying = Relaying::over(&outbox).await;
    assert_eq!(relaying.relay.ranges(), [0, 1, 2, 3]);
    relaying.relay.release(&outbox).await.unwrap();
    assert_eq!((relaying.relay.ranges(), outbox.released.lock().unwrap().len()), (vec![], 1));
    assert_eq!(relaying.step(&outbox, &mut Broker::default()).await, Relayed::Nothing);
}

#[test]
fn rows_alone_are_all_that_a_read_found() {
    let rows = Outbox::with(&["t/a", "t/b"]).rows.into_inner().unwrap();
    assert_eq!(Unpublished::from(rows.clone()), Unpublished { rows, unreadable: Vec::new() });
}
