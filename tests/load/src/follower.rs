//! Follows the orders' topic and notes each order's end: kept whole, so many events would not fit into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use local::system::PARTITIONS;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use uuid::Uuid;

use crate::under_way::{End, UnderWay};

const TOPIC: &str = "order-events";
const METADATA: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Follows until it is dropped.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Begins to follow at the topic's end. Call it when no order is under way.
    pub fn start(bootstrap: &str, under_way: Arc<UnderWay>) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "load")
            .set("enable.auto.commit", "false")
            .create()
            .context("a consumer could not be made")?;
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            // Not `Offset::End`: that is looked up only when the first fetch is made, and may skip what came until then.
            let (_, end) = consumer
                .fetch_watermarks(TOPIC, partition, METADATA)
                .with_context(|| format!("the end of {TOPIC} is not known"))?;
            all.add_partition_offset(TOPIC, partition, Offset::Offset(end))?;
        }
        consumer.assign(&all).with_context(|| format!("{TOPIC} can't be followed"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("follower".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // librdkafka comes back by itself from what fails here; what is missing then shows as orders that don't end.
                let Some(Ok(message)) = consumer.poll(POLL) else { continue };
                if let Some((order, how)) = end(&message) {
                    under_way.ended(order, how, Instant::now());
                }
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

/// The order and how it ended, if that is what the message says. The header spares parsing the body.
fn end(message: &impl Message) -> Option<(Uuid, End)> {
    let event_type = message.headers()?.iter().find(|header| header.key == "event-type")?.value?;
    let how = match event_type {
        b"order.completed" => End::Completed,
        b"order.cancelled" => End::Cancelled,
        _ => return None,
    };
    Some((Uuid::try_parse_ascii(message.key()?).ok()?, how))
}
