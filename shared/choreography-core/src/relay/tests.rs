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
    /// Ranges and numbers.
    through: Mutex<BTreeMap<i32, i64>>,
    blocks: Mutex<BTreeSet<(i32, i64)>>,
    left: Mutex<BTreeSet<(i32, i64)>>,
    stopped: Mutex<BTreeMap<i64, String>>,
    /// Of every range.
    epoch: Mutex<i64>,
    /// Once rows are marked, another relay takes the ranges.
    is_taken_after_marking: Mutex<bool>,
    released: Mutex<Vec<Uuid>>,
    readings: Mutex<Vec<Reading>>,
    marks: Mutex<Vec<Mark>>,
    /// A transaction is open that may have drawn any number.
    is_open: Mutex<bool>,
    /// It is none of those that write to the outbox.
    writes_elsewhere: Mutex<bool>,
}

impl Outbox {
    /// Appends messages `topic/key`; the key's length is its range.
    fn with(messages: &[&str]) -> Self {
        let outbox = Self::default();
        messages.iter().for_each(|message| outbox.append(message));
        outbox
    }

    fn append(&self, message: &str) {
        let next = self.rows.lock().unwrap().iter().map(|row| row.number).max().unwrap_or_default() + 1;
        self.append_as(next, message);
    }

    fn append_as(&self, number: i64, message: &str) {
        let (topic, key) = message.split_once('/').unwrap();
        let (range, key) = (i32::try_from(key.len()).unwrap(), Some(key.as_bytes().to_vec()));
        let message = OutboxMessage { topic: topic.into(), key, payload: None, headers: Vec::new() };
        let mut rows = self.rows.lock().unwrap();
        rows.push(OutboxRow { number, range, message });
        rows.sort_by_key(|row| row.number);
    }

    fn is_same(row: &OutboxRow, other: &OutboxRow) -> bool {
        other.message.topic == row.message.topic && other.message.key == row.message.key
    }

    fn is_stopped(&self, row: &OutboxRow) -> bool {
        let rows = self.rows.lock().unwrap();
        let stopped = self.stopped.lock().unwrap();
        rows.iter().filter(|other| Self::is_same(row, other)).any(|other| stopped.contains_key(&other.number))
    }

    fn is_behind_one_left(&self, row: &OutboxRow) -> bool {
        let (rows, left) = (self.rows.lock().unwrap(), self.left.lock().unwrap());
        let before = rows.iter().filter(|other| other.number < row.number && Self::is_same(row, other));
        before.into_iter().any(|other| left.contains(&(other.range, other.number)))
    }

    fn stands(&self, leases: &[Lease]) -> bool {
        leases.iter().all(|lease| lease.epoch == *self.epoch.lock().unwrap())
    }

    /// The rows that are published, by what is written down.
    fn marked(&self) -> Vec<i64> {
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
    // The one behind it is left behind as well.
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::PassedOver { rows: 1 });
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
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::PassedOver { rows: 2 });
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
    outbox.blocks.lock().unwrap().insert((1, 1));
    outbox.rows.lock().unwrap().clear();
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
    assert_eq!(
        outbox.readings.lock().unwrap().last().unwrap().ranges.iter().map(|range| range.0).collect::<Vec<_>>(),
        [0, 2, 3],
        "its own waits"
    );
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
    let reading = |ranges: i32| Reading {
        ranges: (0..ranges).map(|range| (range, 0)).collect(),
        done: Vec::new(),
        without_topics: Vec::new(),
        rows: 100,
        bytes: 1,
    };
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

/// What is written down of range 1 (all of it, up to which number, and what beyond that).
fn written(outbox: &Outbox) -> (i64, Vec<i64>) {
    let through = outbox.through.lock().unwrap().get(&1).copied().unwrap_or_default();
    (
        through,
        outbox.blocks.lock().unwrap().iter().filter(|(range, _)| *range == 1).map(|(_, number)| *number).collect(),
    )
}

#[tokio::test]
async fn a_row_that_comes_into_sight_after_higher_numbers_were_published_is_published_too() {
    let (outbox, mut broker) = (Outbox::default(), Broker::default());
    // Whoever drew number 1 has not committed yet.
    *outbox.is_open.lock().unwrap() = true;
    outbox.append_as(2, "t/a");
    outbox.append_as(3, "t/b");
    let mut relaying = Relaying::over(&outbox).await;
    for _ in 0..3 {
        relaying.step(&outbox, &mut broker).await;
    }
    assert_eq!((&broker.published, written(&outbox)), (&vec![2, 3], (0, vec![2, 3])));
    outbox.append_as(1, "t/c");
    *outbox.is_open.lock().unwrap() = false;
    let mut successor = Relaying::over(&outbox).await;
    successor.step(&outbox, &mut broker).await;
    assert_eq!((&broker.published, outbox.marked()), (&vec![2, 3, 1], vec![1, 2, 3]));
}

#[tokio::test]
async fn blocks_go_once_all_before_them_is_done_with() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (0, vec![1, 2]));
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (0, vec![1, 2]), "more may come at once");
    relaying.wait(1);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (2, vec![]));
    let marks = outbox.marks.lock().unwrap().len();
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marks.lock().unwrap().len(), marks, "there is nothing more to write down");
    outbox.append("t/a");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((written(&outbox), outbox.readings.lock().unwrap().last().unwrap().ranges[1]), ((2, vec![3]), (1, 2)));
}

#[tokio::test]
async fn a_relay_that_begins_anew_goes_on_where_another_came_to() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
    *outbox.is_open.lock().unwrap() = true;
    Relaying::over(&outbox).await.step(&outbox, &mut broker).await;
    let mut successor = Relaying::over(&outbox).await;
    assert_eq!(successor.step(&outbox, &mut broker).await, Relayed::Nothing);
    assert_eq!(broker.published, [1, 2]);
}

#[tokio::test]
async fn whoever_lost_a_lease_reads_its_range_no_more_before_it_has_claimed() {
    let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    *outbox.epoch.lock().unwrap() += 1;
    relaying.step(&outbox, &mut broker).await;
    outbox.append("t/a");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(broker.published, [1], "the second row may stand behind one that the other relay has not sent");
    relaying.relay.claim(&outbox, LEASE).await.unwrap();
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![1, 1, 2], vec![1, 2]));
}

#[tokio::test]
async fn what_comes_behind_a_row_that_was_left_behind_waits_until_that_is_published() {
    let (outbox, mut broker) = (Outbox::with(&["away/a", "t/b"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    relaying.step(&outbox, &mut broker).await;
    outbox.append("away/a");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.left.lock().unwrap().iter().map(|row| row.1).collect::<Vec<_>>(), [1, 3]);
    broker.away.clear();
    relaying.wait(20);
    relaying.step(&outbox, &mut broker).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![2, 1, 3], vec![1, 2, 3]));
    assert!(outbox.left.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_row_that_was_stopped_is_passed_for_good_though_its_range_is_quiet() {
    let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
    broker.refused.insert(1);
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    relaying.wait(1);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (1, vec![]));
    // Discarded: nothing else tells of it any more.
    outbox.left.lock().unwrap().clear();
    outbox.stopped.lock().unwrap().clear();
    broker.refused.clear();
    assert_eq!(Relaying::over(&outbox).await.step(&outbox, &mut broker).await, Relayed::Nothing);
}

#[tokio::test]
async fn a_transaction_that_writes_elsewhere_keeps_no_numbers() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    *outbox.is_open.lock().unwrap() = true;
    relaying.step(&outbox, &mut broker).await;
    for _ in 0..3 {
        relaying.wait(1);
        relaying.step(&outbox, &mut broker).await;
    }
    assert_eq!(written(&outbox), (0, vec![1, 2]), "it writes to the outbox");
    *outbox.writes_elsewhere.lock().unwrap() = true;
    for _ in 0..2 {
        relaying.wait(1);
        relaying.step(&outbox, &mut broker).await;
    }
    assert_eq!(written(&outbox), (2, vec![]));
}
