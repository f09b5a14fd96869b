//! A compacted topic, read from given offsets to its end and on: by each reader as a whole, without a consumer group.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
};

use super::{Connection, client_settings, headers};
use choreography_core::trace::Header;

/// How long the broker may take to say which partitions there are.
const METADATA: Duration = Duration::from_secs(5);

/// A message of a compacted topic: what its key stands for since then.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed {
    /// The partition.
    pub partition: i32,
    /// The place in the partition.
    pub offset: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None`: the key stands for nothing any more.
    pub value: Option<Vec<u8>>,
    /// The headers, in their order.
    pub headers: Vec<Header>,
}

/// A reader of all partitions of a topic.
pub struct CompactedTopic {
    consumer: Arc<BaseConsumer>,
}

impl CompactedTopic {
    /// Reads all partitions that there are now, each from the offset that `next` knows, else from its beginning. `group` is named to
    /// the broker, which asks whether this client may use it; no group is joined, and no offset is committed.
    ///
    /// # Errors
    /// Kafka is away, or the topic is not there for this client.
    pub async fn open(
        kafka: &Connection,
        group: &str,
        topic: &str,
        next: impl Fn(i32) -> Option<i64>,
    ) -> KafkaResult<Self> {
        let mut config = client_settings::client(kafka, group);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // The topic may have been made anew, or what was next may be compacted away: all of it is read again, which changes nothing.
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true");
        let consumer: Arc<BaseConsumer> = Arc::new(config.create()?);
        kafka.tell(&consumer);
        let (asked, name) = (consumer.clone(), topic.to_owned());
        let metadata = tokio::task::spawn_blocking(move || asked.fetch_metadata(Some(&name), METADATA))
            .await
            .map_err(|_| KafkaError::Canceled)??;
        let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
        if partitions.is_empty() {
            return Err(KafkaError::MetadataFetch(rdkafka::error::RDKafkaErrorCode::UnknownTopicOrPartition));
        }
        let mut assignment = TopicPartitionList::new();
        for partition in partitions.iter().map(|partition| partition.id()) {
            let from = next(partition).map_or(Offset::Beginning, Offset::Offset);
            assignment.add_partition_offset(topic, partition, from)?;
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer })
    }

    /// What comes within `wait`, at most `most` messages: as soon as there is one, with all that are there by then.
    ///
    /// # Errors
    /// Kafka is away, or refuses. What was read before it is lost to this reader: open another.
    pub async fn read(&self, wait: Duration, most: usize) -> KafkaResult<Vec<Keyed>> {
        let consumer = self.consumer.clone();
        tokio::task::spawn_blocking(move || {
            let mut read = Vec::new();
            while read.len() < most {
                let wait = if read.is_empty() { wait } else { Duration::ZERO };
                let Some(message) = consumer.poll(wait) else { break };
                let message = message?;
                read.push(Keyed {
                    partition: message.partition(),
                    offset: message.offset(),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    headers: headers(&message).unwrap_or_default(),
                });
            }
            Ok(read)
        })
        .await
        .map_err(|_| KafkaError::Canceled)?
    }
}
