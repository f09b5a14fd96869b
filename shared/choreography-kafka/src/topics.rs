//! Are the topics there, and do their settings fit the inbox's horizon?

use std::time::Duration;

use chrono::TimeDelta;
use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{Connection, client_settings};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a service does not start on these topics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// Kafka did not answer; time may heal it.
    #[error(
        "Kafka at {brokers} can't be asked about its topics: {error}. Check KAFKA_BROKERS and that the broker runs"
    )]
    Unreachable {
        /// Where it was looked for.
        brokers: String,
        /// librdkafka's error.
        error: KafkaError,
    },
    /// The topic is not there.
    #[error("topic {0} is not there for this user: create it, and let the user describe it, before the services start")]
    Missing(String),
    /// A topic keeps events for longer than the inbox remembers them.
    #[error(
        "EVENT_HORIZON is {horizon}, but {topic} keeps events for {kept} (retention.ms and segment.ms) and they can \
         wait {elsewhere} more in the outbox and before a redrive: a late repeat would not be recognised. Set \
         EVENT_HORIZON to at least {needed}, or shorten the topic's retention"
    )]
    HorizonTooShort {
        /// The topic.
        topic: String,
        /// How long the inbox remembers.
        horizon: TimeDelta,
        /// How long the topic keeps events.
        kept: TimeDelta,
        /// How long they may wait before and after.
        elsewhere: TimeDelta,
        /// What the horizon has to be at least.
        needed: TimeDelta,
    },
    /// A topic keeps its events for ever.
    #[error("{topic} keeps events for ever ({setting}=-1), so no horizon is long enough: set a retention")]
    Endless {
        /// The topic.
        topic: String,
        /// The setting that says so.
        setting: &'static str,
    },
    /// A topic of keys on which an erased key would stay, or a key in use would go.
    #[error(
        "{topic} holds keys, and its cleanup.policy is {policy}: an erased key would stay on it, or one that is needed would go. Set \
         cleanup.policy=compact on it, and the other settings that `provision kafka` gives a new one"
    )]
    NotCompacted {
        /// The topic.
        topic: String,
        /// Its policy.
        policy: String,
    },
    /// A topic of keys that forgets an erasure too soon.
    #[error(
        "EVENT_HORIZON is {horizon}, but {topic} forgets an erasure after {kept} (delete.retention.ms): an older event of the subject would \
         wait for its key for ever. Set delete.retention.ms to at least the horizon"
    )]
    ErasureTooShort {
        /// The topic.
        topic: String,
        /// How long it keeps an erasure.
        kept: TimeDelta,
        /// How old an event may be.
        horizon: TimeDelta,
    },
    /// Switch offsets that this topic can't have.
    #[error(
        "TOPIC_MOVES: the switch offsets of {topic} are not those of this broker's topic: {why}. Take the line that \
         `provision switch` prints here"
    )]
    Switch {
        /// The old topic.
        topic: String,
        /// What does not fit.
        why: String,
    },
    /// A group is to read a topic's successor alone and has not come so far.
    #[error(
        "TOPIC_MOVES=moved:{from}:{to}, but the group {group} has offsets of {from} and none of {to}: it would skip what it has not \
         read. Give it the line with switch: first, until saga_topic_switched is 1"
    )]
    NotSwitched {
        /// The old topic.
        from: String,
        /// The new one.
        to: String,
        /// The group.
        group: String,
    },
    /// A setting of a topic is no number.
    #[error("{topic}: the setting {setting} could not be read: {why}")]
    Unreadable {
        /// The topic.
        topic: String,
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Checks that the topics exist and, where `horizon` is given, that it covers how long an event can be on its way:
/// the topic's retention and segment time, and `elsewhere` (the outbox's longest delay and the redrive horizon).
pub async fn check_topics(
    kafka: &Connection,
    topics: &[&str],
    horizon: Option<(TimeDelta, TimeDelta)>,
) -> Result<(), TopicError> {
    let unreachable = |error| TopicError::Unreachable { brokers: kafka.brokers().to_owned(), error };
    let consumer: BaseConsumer = client_settings::client(kafka, "topic-check").create().map_err(unreachable)?;
    let metadata = tokio::task::spawn_blocking(move || consumer.fetch_metadata(None, TIMEOUT))
        .await
        .map_err(|_| unreachable(KafkaError::Canceled))?
        .map_err(unreachable)?;
    for topic in topics {
        let found = metadata.topics().iter().any(|found| found.name() == *topic && !found.partitions().is_empty());
        if !found {
            return Err(TopicError::Missing((*topic).to_owned()));
        }
    }
    match horizon {
        Some((horizon, elsewhere)) => check_horizon(kafka, topics, horizon, elsewhere).await,
        None => Ok(()),
    }
}

async fn check_horizon(
    kafka: &Connection,
    topics: &[&str],
    horizon: TimeDelta,
    elsewhere: TimeDelta,
) -> Result<(), TopicError> {
    for (topic, config) in described(kafka, topics, "retention.ms").await? {
        let kept = milliseconds(&config, topic, "retention.ms")? + milliseconds(&config, topic, "segment.ms")?;
        let needed = kept + elsewhere;
        if horizon < needed {
            return Err(TopicError::HorizonTooShort { topic: topic.to_owned(), horizon, kept, elsewhere, needed });
        }
    }
    Ok(())
}

/// Checks that topics of keys are compacted, and keep an erasure for as long as an event is accepted: `horizon`.
pub async fn check_key_topics(kafka: &Connection, topics: &[&str], horizon: TimeDelta) -> Result<(), TopicError> {
    for (topic, config) in described(kafka, topics, "cleanup.policy").await? {
        let policy = config.get("cleanup.policy").and_then(|entry| entry.value.clone()).unwrap_or_default();
        // With "compact,delete" a key that is still needed would go with its age.
        if policy != "compact" {
            return Err(TopicError::NotCompacted { topic: topic.to_owned(), policy });
        }
        let kept = milliseconds(&config, topic, "delete.retention.ms")?;
        if kept < horizon {
            return Err(TopicError::ErasureTooShort { topic: topic.to_owned(), kept, horizon });
        }
    }
    Ok(())
}

/// How long at most a segment of the topic is written to (`segment.ms`). Kafka compacts a segment only after that.
///
/// # Errors
/// Kafka is away, or does not show this client the topic's settings.
pub async fn segment_time(kafka: &Connection, topic: &str) -> Result<TimeDelta, TopicError> {
    let (topic, config) =
        described(kafka, &[topic], "segment.ms").await?.pop().ok_or_else(|| TopicError::Missing(topic.to_owned()))?;
    milliseconds(&config, topic, "segment.ms")
}

/// The topics with their settings. `setting`: the one that is told of if they can't be read.
async fn described<'a>(
    kafka: &Connection,
    topics: &[&'a str],
    setting: &'static str,
) -> Result<Vec<(&'a str, ConfigResource)>, TopicError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let unreachable = |error| TopicError::Unreachable { brokers: kafka.brokers().to_owned(), error };
    let admin: AdminClient<DefaultClientContext> =
        client_settings::client(kafka, "topic-check").create().map_err(unreachable)?;
    let resources: Vec<ResourceSpecifier<'_>> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
    let described = admin.describe_configs(&resources, &options).await.map_err(unreachable)?;
    let read = |(topic, config): (&&'a str, Result<ConfigResource, _>)| match config {
        Ok(config) => Ok((*topic, config)),
        Err(error) => Err(TopicError::Unreadable { topic: (*topic).to_owned(), setting, why: format!("{error}") }),
    };
    topics.iter().zip(described).map(read).collect()
}

fn milliseconds(config: &ConfigResource, topic: &str, setting: &'static str) -> Result<TimeDelta, TopicError> {
    let value = config.get(setting).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let number: i64 = value.parse().map_err(|_| TopicError::Unreadable {
        topic: topic.to_owned(),
        setting,
        why: format!("{value:?} is no number"),
    })?;
    if number < 0 {
        return Err(TopicError::Endless { topic: topic.to_owned(), setting });
    }
    TimeDelta::try_milliseconds(number).ok_or_else(|| TopicError::Endless { topic: topic.to_owned(), setting })
}
