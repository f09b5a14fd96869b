//! Messages from librdkafka's queue as deliveries, and whatever else stands in it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use choreography_core::delivery::{Delivery, Position};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tracing::warn;

use super::{
    client_settings,
    group::{Group, Partition},
    raw_client::{Message, Polled, Queue},
    state::Stop,
};

/// So many messages, errors, commits and the like are dealt with at once; then others have their turn.
const SERVED: usize = 1_000;

/// A message that was handed over, and in which assignment.
pub(super) type Taken = (Delivery, Option<u64>);

/// Partitions that come (`Some(true)`) or go (`Some(false)`; `None`: all go). Whoever applies it asks the broker and waits.
pub(super) struct Rebalance {
    pub assigned: Option<bool>,
    pub partitions: Vec<Partition>,
}

/// How much may be taken. The last message may go beyond the bytes.
pub(super) struct Room {
    pub messages: usize,
    pub bytes: usize,
}

/// Why no more was taken.
pub(super) enum Ended {
    /// Nothing is there any more. What comes next is told of.
    Empty,
    /// There is no room.
    Full,
    /// To be applied before anything behind it is taken.
    Rebalance(Rebalance),
    /// More may be there.
    Early,
}

/// Takes what is there and finds room, and waits for nothing.
pub(super) fn take(consumer: &BaseConsumer<Group>, room: Option<Room>, taken: &mut Vec<Taken>) -> Ended {
    let mut topics: HashMap<String, Arc<str>> = HashMap::new();
    let (Some(queue), Some(Room { mut messages, mut bytes })) = (Queue::of(consumer), room) else { return Ended::Full };
    for _ in 0..SERVED {
        if messages == 0 || bytes == 0 || consumer.context().ended().is_some() {
            return Ended::Full;
        }
        let Some(event) = queue.poll(Duration::ZERO) else { return Ended::Empty };
        match event.read() {
            Polled::Message(message) => {
                let Some(delivery) = accept(consumer, &message, &mut topics) else { continue };
                messages -= 1;
                bytes = bytes.saturating_sub(delivery.size());
                let since = consumer.context().owned_since(&delivery.position.topic, delivery.position.partition);
                taken.push((delivery, since));
            }
            other => {
                if let Some(rebalance) = serve(consumer, other) {
                    return Ended::Rebalance(rebalance);
                }
            }
        }
    }
    Ended::Early
}

/// Whatever is no message.
pub(super) fn serve(consumer: &BaseConsumer<Group>, polled: Polled<'_>) -> Option<Rebalance> {
    let group = consumer.context();
    match polled {
        Polled::Message(_) | Polled::Nothing => {}
        Polled::Failure(failure) => group.failed(consumer, failure),
        Polled::Rebalance(assigned, partitions) => return Some(Rebalance { assigned, partitions }),
        Polled::Committed(done, refused) => group.committed(done, &refused),
        Polled::Statistics(json) => group.statistics(json),
    }
    None
}

/// A message as a delivery; `None` if its partition stands still, or has to because of it.
fn accept(
    consumer: &BaseConsumer<Group>,
    message: &Message<'_>,
    topics: &mut HashMap<String, Arc<str>>,
) -> Option<Delivery> {
    let group = consumer.context();
    if group.state.is_stopped(message.topic, message.partition) {
        return None;
    }
    let topic = match topics.get(message.topic) {
        Some(topic) => topic.clone(),
        None => topics.entry(message.topic.to_owned()).or_insert_with(|| Arc::from(message.topic)).clone(),
    };
    let position = Position { topic, partition: message.partition, offset: message.offset };
    let size = message.payload.map_or(0, <[u8]>::len) + message.key.map_or(0, <[u8]>::len);
    if size > client_settings::LARGEST_MESSAGE {
        let text = format!("a message of {size} bytes; at most {} are taken", client_settings::LARGEST_MESSAGE);
        group.stop(consumer, &position, Stop::Unreadable, text);
        return None;
    }
    let headers = message.headers().unwrap_or_else(|| {
        warn!(?position, "the headers of a message can't be read; it is taken without them");
        Vec::new()
    });
    let payload = message.payload.map(Bytes::copy_from_slice);
    Some(Delivery { position, key: message.key.map(<[u8]>::to_vec), payload, headers })
}
