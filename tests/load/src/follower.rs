//! Follows the orders' topic and notes each order's end: kept whole, so many events would not fit into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde::Deserialize;
use uuid::Uuid;

use crate::clock::{self, Micros};
use crate::ledger::{Ended, Ledger};
use crate::mix::End;
use crate::watermarks;

const TOPIC: &str = "order-events";
/// Where the forward path's other events stand.
const OTHER_TOPICS: [&str; 3] = ["inventory-events", "payment-events", "shipping-events"];
const POLL: Duration = Duration::from_millis(50);

/// Follows until it is dropped.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Begins to follow at the topic's end. Call it when no order is under way. `hops`: the others' topics too.
    pub fn start(bootstrap: &str, ledger: Arc<Ledger>, hops: bool) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "load")
            .set("enable.auto.commit", "false")
            .create()
            .context("a consumer could not be made")?;
        let others = if hops { OTHER_TOPICS.as_slice() } else { &[] };
        let mut all = TopicPartitionList::new();
        // Not `Offset::End`: that is looked up only when the first fetch is made, and may skip what came until then.
        for (topic, partition, end) in watermarks::ends(&consumer, &[others, &[TOPIC]].concat())? {
            all.add_partition_offset(&topic, partition, Offset::Offset(end))?;
        }
        consumer.assign(&all).context("the topics can't be followed")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("follower".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // librdkafka comes back by itself from what fails here; what is missing then shows as orders that don't end.
                let Some(Ok(message)) = consumer.poll(POLL) else { continue };
                note(&message, &ledger, hops);
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Of an envelope, what is needed.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    event_type: std::borrow::Cow<'a, str>,
    timestamp: DateTime<Utc>,
}

fn note(message: &BorrowedMessage<'_>, ledger: &Ledger, hops: bool) {
    if !hops && !may_be_an_end(message) {
        return;
    }
    let Some((order, envelope)) = read(message) else { return };
    let at = Micros::try_from(envelope.timestamp.timestamp_micros()).unwrap_or_default();
    ledger.hop(order, &envelope.event_type, at);
    let how = match &*envelope.event_type {
        "order.completed" => End::Completed,
        "order.cancelled" => End::Cancelled,
        _ => return,
    };
    ledger.ended(order, Ended { how, at, seen: clock::now() });
}

/// A header that says otherwise spares parsing the body.
fn may_be_an_end(message: &BorrowedMessage<'_>) -> bool {
    // Not by rust-rdkafka, which panics at a name that is no text.
    let headers = choreography_kafka::headers(message).unwrap_or_default();
    let named = headers.into_iter().find(|header| header.is_named("event-type")).and_then(|header| header.value);
    named.is_none_or(|named| matches!(named.as_slice(), b"order.completed" | b"order.cancelled"))
}

fn read(message: &impl Message) -> Option<(Uuid, Envelope<'_>)> {
    let envelope = serde_json::from_slice(message.payload()?).ok()?;
    Some((Uuid::try_parse_ascii(message.key()?).ok()?, envelope))
}
