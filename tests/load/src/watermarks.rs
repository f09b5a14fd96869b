//! Where topics end.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::consumer::{BaseConsumer, Consumer as _};

const ANSWER: Duration = Duration::from_secs(20);

/// The end of each partition of these topics, as the broker says now.
pub fn ends(consumer: &BaseConsumer, topics: &[&str]) -> Result<Vec<(String, i32, i64)>> {
    let mut ends = Vec::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER);
        let metadata = metadata.with_context(|| format!("the partitions of {topic} are not known"))?;
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            let (_, end) = consumer
                .fetch_watermarks(topic, partition.id(), ANSWER)
                .with_context(|| format!("the end of {topic} is not known"))?;
            ends.push(((*topic).to_owned(), partition.id(), end));
        }
    }
    Ok(ends)
}
