//! Topics on a real broker.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use choreography_kafka::Connection;
use rdkafka::{
    admin::{AdminOptions, NewTopic, TopicReplication},
    error::RDKafkaErrorCode,
    metadata::MetadataPartition,
};

use super::{Client, blocking, client, refused};
use crate::{ProvisionError, Result, choreography::TopicSpec};

const REQUEST: Duration = Duration::from_secs(20);
const VISIBLE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Sets the topics' number of partitions: the one that is asked for, else of each the one that it has already. One that is not there gets
/// as many as the others have (the largest number, if they differ); if the broker has none of them, they keep theirs.
///
/// # Errors
/// [`ProvisionError::Broker`] when the broker does not say which topics it has.
pub async fn with_partitions(
    kafka: &Connection,
    topics: Vec<TopicSpec>,
    partitions: Option<i32>,
) -> Result<Vec<TopicSpec>> {
    if let Some(partitions) = partitions {
        return Ok(topics.into_iter().map(|topic| TopicSpec { partitions, ..topic }).collect());
    }
    let there = partitions_there(kafka, topics.iter().map(|topic| topic.name.clone()).collect()).await?;
    let most = there.values().max().copied();
    let fitted = topics.into_iter().map(|topic| {
        let partitions = there.get(&topic.name).copied().or(most).unwrap_or(topic.partitions);
        TopicSpec { partitions, ..topic }
    });
    Ok(fitted.collect())
}

async fn partitions_there(kafka: &Connection, names: Vec<String>) -> Result<BTreeMap<String, i32>> {
    let (admin, connection) = (client(kafka)?, kafka.clone());
    blocking(kafka, move || {
        let metadata = admin.inner().fetch_metadata(None, REQUEST);
        let metadata = metadata.map_err(|error| refused(&connection, "asking which topics there are", &error))?;
        let there = metadata.topics().iter().filter(|topic| names.iter().any(|name| name == topic.name()));
        Ok(there.map(|topic| (topic.name().to_owned(), number_of(topic.partitions()))).collect())
    })
    .await
}

fn number_of(partitions: &[MetadataPartition]) -> i32 {
    i32::try_from(partitions.len()).unwrap_or(i32::MAX)
}

/// Makes the topics that are not there and waits until each partition of all of them has a leader.
/// Those that are there keep their settings. Not for the embedded broker: it makes its own.
///
/// # Errors
/// [`ProvisionError::Partitions`] when one is there with another number of partitions; [`ProvisionError::Broker`]
/// when the broker refuses or does not get there in time.
pub async fn create_topics(kafka: &Connection, topics: &[TopicSpec]) -> Result<()> {
    let admin = client(kafka)?;
    let options = AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST));
    let wanted: Vec<NewTopic<'_>> = topics.iter().map(new_topic).collect();
    let answers =
        admin.create_topics(&wanted, &options).await.map_err(|error| refused(kafka, "making topics", &error))?;
    for answer in answers {
        match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(refused(kafka, &format!("making topic {topic}"), &code)),
        }
    }
    let (topics, connection) = (topics.to_vec(), kafka.clone());
    blocking(kafka, move || wait_visible(&admin, &connection, &topics)).await
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(spec.replicas));
    spec.config.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
}

fn wait_visible(admin: &Client, kafka: &Connection, topics: &[TopicSpec]) -> Result<()> {
    let start = Instant::now();
    for spec in topics {
        while let Err(seen) = visible(admin, spec)? {
            if start.elapsed() >= VISIBLE {
                let what = format!("topic {} was not usable within {VISIBLE:?}", spec.name);
                return Err(refused(kafka, &what, &format!("last seen: {seen}")));
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
    Ok(())
}

/// Inner error: not yet, and what was seen instead.
fn visible(admin: &Client, spec: &TopicSpec) -> Result<std::result::Result<(), String>> {
    let metadata = match admin.inner().fetch_metadata(Some(&spec.name), REQUEST) {
        Ok(metadata) => metadata,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == spec.name) else {
        return Ok(Err("not in the metadata".into()));
    };
    let partitions = topic.partitions();
    if partitions.is_empty() {
        return Ok(Err(format!("no partitions ({:?})", topic.error())));
    }
    let have = number_of(partitions);
    if have != spec.partitions {
        return Err(ProvisionError::Partitions { topic: spec.name.clone(), have, want: spec.partitions });
    }
    let leaderless = partitions.iter().filter(|one| one.leader() < 0).count();
    Ok(match leaderless {
        0 => Ok(()),
        some => Err(format!("{some} partitions have no leader")),
    })
}
