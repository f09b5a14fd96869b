//! Does what a service is told of topics that move fit what stands on the broker?

use std::time::Duration;

use choreography_core::topic_moves::Switch;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{Connection, client_settings, topics::TopicError};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks what a reader is told before it joins its group.
///
/// - Each old partition has a switch offset, and none that it has not reached: such a one was taken on another broker, and would be reached
///   never, or too soon.
/// - Of topics that it is to have `left` (the old one, the new one) its group has not only offsets of the old one: it would not have switched.
pub async fn check_moves(
    kafka: &Connection,
    group: &str,
    switches: Vec<Switch>,
    left: Vec<(String, String)>,
) -> Result<(), TopicError> {
    let unreachable = |error| TopicError::Unreachable { brokers: kafka.brokers().to_owned(), error };
    let mut config = client_settings::client(kafka, "topic-check");
    let consumer: BaseConsumer = config.set("group.id", group).create().map_err(unreachable)?;
    let group = group.to_owned();
    let checked = tokio::task::spawn_blocking(move || {
        for Switch { from, offsets, .. } in switches {
            if let Some(why) = misfit(&offsets, &ends(&consumer, &from)?) {
                return Ok(Err(TopicError::Switch { topic: from, why }));
            }
        }
        for (from, to) in left {
            if has_offsets(&consumer, &from)? && !has_offsets(&consumer, &to)? {
                return Ok(Err(TopicError::NotSwitched { from, to, group }));
            }
        }
        Ok(Ok(()))
    });
    checked.await.map_err(|_| unreachable(KafkaError::Canceled))?.map_err(unreachable)?
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<i32, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let count: usize = metadata.topics().iter().map(|topic| topic.partitions().len()).sum();
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Where each partition of a topic ends.
fn ends(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i64>, KafkaError> {
    let end = |partition| consumer.fetch_watermarks(topic, partition, TIMEOUT).map(|(_, high)| high);
    (0..partitions(consumer, topic)?).map(end).collect()
}

/// Whether the group has committed anything of a topic. One that is gone, or closed to this user, has taken its offsets along.
fn has_offsets(consumer: &BaseConsumer, topic: &str) -> Result<bool, KafkaError> {
    let partitions = partitions(consumer, topic)?;
    if partitions == 0 {
        return Ok(false);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    let committed = consumer.committed_offsets(list, TIMEOUT)?;
    Ok(committed.elements().iter().any(|element| matches!(element.offset(), Offset::Offset(_))))
}

fn misfit(offsets: &[i64], ends: &[i64]) -> Option<String> {
    if offsets.len() != ends.len() {
        return Some(format!("there are {}, and it has {} partitions", offsets.len(), ends.len()));
    }
    let beyond = offsets.iter().zip(ends).enumerate().find(|(_, (offset, end))| offset > end);
    beyond.map(|(partition, (offset, end))| format!("partition {partition} ends at {end}, before {offset}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switch_offsets_fit_the_partitions_that_they_were_taken_of() {
        assert_eq!(misfit(&[3, 0], &[3, 9]), None);
        assert_eq!(misfit(&[3], &[3, 9]).unwrap(), "there are 1, and it has 2 partitions");
        assert_eq!(misfit(&[3, 10], &[3, 9]).unwrap(), "partition 1 ends at 9, before 10");
    }
}
