//! What stands on the topics, read outside of any consumer group: nothing is committed, and no group's offsets move.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use choreography_kafka::{Connection, headers};
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};

use super::{
    message::{DEAD_LETTERS, Fact, Message, read as fact},
    observations::Observations,
    window::Window,
};

/// librdkafka wants one, also of who never joins it.
const GROUP: &str = "choreography-check";
const REQUEST: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// Without a message for so long, and without the end of what is to be read, Kafka is taken for gone.
const QUIET: Duration = Duration::from_secs(60);
/// So many facts may wait to be counted.
const AHEAD: usize = 1_024;
/// So many errors are listened to for the reason of one.
const MOST_HEARD: usize = 50;
/// So many undeclared topics are named.
const MOST_NAMED: usize = 10;

/// Why topics can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveKafkaError {
    /// Kafka does not answer, or refuses.
    #[error(
        "Kafka at {brokers}: {problem}: check the address (kafka://HOST:PORT), and KAFKA_SECURITY_PROTOCOL, KAFKA_USERNAME, \
         KAFKA_PASSWORD and KAFKA_CA_FILE as the services have them"
    )]
    Unreachable {
        /// The bootstrap servers.
        brokers: String,
        /// What librdkafka said.
        problem: String,
    },
    /// None of the topics is there, or none may be read.
    #[error(
        "Kafka at {brokers} has none of the topics {topics}, or this user may not see them: name the cluster that the services \
         use, and a user who may read its topics"
    )]
    NoTopics {
        /// The bootstrap servers.
        brokers: String,
        /// The topics that the descriptions name.
        topics: String,
    },
    /// Nothing was written in the window.
    #[error("{topics} have no message {window}: choose an earlier --since")]
    Empty {
        /// The topics.
        topics: String,
        /// The time.
        window: Window,
    },
    /// The user may not read a topic.
    #[error(
        "{topic}: this user may not read it: name one in KAFKA_USERNAME who may (ACL Read on the topics and their dead letters)"
    )]
    Forbidden {
        /// The topic.
        topic: String,
    },
    /// A partition could not be read to its end.
    #[error("{topic}: {problem}: run it again; if it stays so, see to the topic")]
    Unread {
        /// The topic.
        topic: String,
        /// What went wrong.
        problem: String,
    },
}

/// Keeps what librdkafka says of itself: an error of a call is often only that there was no answer.
#[derive(Default)]
struct Heard(Mutex<Option<String>>);

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, reason: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // "All brokers are down" says less than what came before it.
        if heard.is_none() || error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *heard = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Heard {}

/// What is to be read of a topic: of each partition, from which offset to which.
struct Topic {
    name: String,
    partitions: BTreeMap<i32, Range<i64>>,
}

/// Reads these topics and their dead letters, as far as they were written in this time, and counts what they say. Memory does
/// not grow with what is read.
///
/// # Errors
/// Kafka does not answer, has none of the topics, or nothing was written in this time.
pub fn observe(
    kafka: &Connection,
    topics: &BTreeSet<&str>,
    window: &Window,
    seen: &mut Observations,
) -> Result<(), ObserveKafkaError> {
    let client = client(kafka)?;
    let refused = |error: &KafkaError| unreachable(kafka, &client, error);
    let metadata = client.fetch_metadata(None, REQUEST).map_err(|error| refused(&error))?;
    let there: BTreeMap<&str, Vec<i32>> = metadata
        .topics()
        .iter()
        .map(|topic| (topic.name(), topic.partitions().iter().map(|partition| partition.id()).collect()))
        .collect();
    let (found, missing): (Vec<&str>, Vec<&str>) = topics.iter().copied().partition(|topic| there.contains_key(*topic));
    let listed = |topics: &[&str]| topics.join(", ");
    if found.is_empty() {
        let topics = listed(&missing);
        return Err(ObserveKafkaError::NoTopics { brokers: kafka.brokers().to_owned(), topics });
    }
    if !missing.is_empty() {
        seen.note(format!("{} are not there, or this user may not see them", listed(&missing)));
    }
    let dead: Vec<String> = found.iter().map(|topic| format!("{topic}{DEAD_LETTERS}")).collect();
    let dead: Vec<&str> = dead.iter().map(String::as_str).filter(|topic| there.contains_key(*topic)).collect();
    note_others(there.keys().copied(), topics, seen);
    let mut plan = Vec::new();
    for topic in found.iter().chain(&dead) {
        let partitions = &there[*topic];
        plan.push(written(&client, topic, partitions, window).map_err(|error| refused(&error))?);
        seen.reads_topic(topic);
    }
    plan.retain(|topic| !topic.partitions.is_empty());
    if plan.is_empty() {
        return Err(ObserveKafkaError::Empty { topics: listed(&found), window: *window });
    }
    let messages = read_all(kafka, &plan, seen)?;
    seen.has_read(format!("{messages} messages of {}, and their dead letters, {window}", listed(&found)));
    Ok(())
}

fn client(kafka: &Connection) -> Result<BaseConsumer<Heard>, ObserveKafkaError> {
    let mut config: ClientConfig = kafka.config();
    config
        .set("group.id", GROUP)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // What retention took away meanwhile is missing: to be told, not skipped.
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", "4096");
    let problem = |error: KafkaError| ObserveKafkaError::Unreachable {
        brokers: kafka.brokers().to_owned(),
        problem: error.to_string(),
    };
    config.create_with_context(Heard::default()).map_err(problem)
}

fn unreachable(kafka: &Connection, client: &BaseConsumer<Heard>, error: &KafkaError) -> ObserveKafkaError {
    // Errors are told when the client is polled. Nothing is assigned, so no message comes; the context hears the errors.
    for _ in 0..MOST_HEARD {
        if client.poll(POLL).is_none() {
            break;
        }
    }
    let heard = client.context().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let problem = heard.unwrap_or_else(|| error.to_string());
    ObserveKafkaError::Unreachable { brokers: kafka.brokers().to_owned(), problem }
}

fn note_others<'a>(there: impl Iterator<Item = &'a str>, topics: &BTreeSet<&str>, seen: &mut Observations) {
    let is_declared = |topic: &str| topics.contains(topic.strip_suffix(DEAD_LETTERS).unwrap_or(topic));
    let others: Vec<&str> = there.filter(|topic| !topic.starts_with("__") && !is_declared(topic)).collect();
    if others.is_empty() {
        return;
    }
    let named = others.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = others.len().saturating_sub(MOST_NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    seen.note(format!("topics on which nobody declares events were not read: {named}{more}"));
}

/// What was written to a topic in this time, by the messages' timestamps.
fn written(
    client: &BaseConsumer<Heard>,
    topic: &str,
    partitions: &[i32],
    window: &Window,
) -> Result<Topic, KafkaError> {
    let (since, until) = window.milliseconds();
    let first_from = |time: i64| {
        let mut times = TopicPartitionList::new();
        for partition in partitions {
            times.add_partition_offset(topic, *partition, Offset::Offset(time))?;
        }
        client.offsets_for_times(times, REQUEST)
    };
    let (begins, ends) = (first_from(since)?, first_from(until)?);
    let offset = |of: &TopicPartitionList, partition: i32| match of.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        // Nothing is as young.
        _ => None,
    };
    let mut plan = Topic { name: topic.to_owned(), partitions: BTreeMap::new() };
    for partition in partitions {
        let Some(begin) = offset(&begins, *partition) else { continue };
        let (_, high) = client.fetch_watermarks(topic, *partition, REQUEST)?;
        let end = offset(&ends, *partition).map_or(high, |end| end.min(high));
        if begin < end {
            plan.partitions.insert(*partition, begin..end);
        }
    }
    Ok(plan)
}

/// Each topic by a client and a thread of its own: of the end of a partition librdkafka says the number and not the topic.
fn read_all(kafka: &Connection, plan: &[Topic], seen: &mut Observations) -> Result<u64, ObserveKafkaError> {
    thread::scope(|scope| {
        let (send, receive) = sync_channel(AHEAD);
        for topic in plan {
            let send = send.clone();
            scope.spawn(move || {
                if let Err(wrong) = follow(kafka, topic, &send) {
                    // The receiver has gone: another topic's error has ended the look.
                    let _ = send.send(Err(wrong));
                }
            });
        }
        drop(send);
        let mut messages = 0;
        for fact in receive {
            seen.message(fact?);
            messages += 1;
        }
        Ok(messages)
    })
}

type Facts = SyncSender<Result<Fact, ObserveKafkaError>>;

fn follow(kafka: &Connection, topic: &Topic, send: &Facts) -> Result<(), ObserveKafkaError> {
    let unread = |problem: String| ObserveKafkaError::Unread { topic: topic.name.clone(), problem };
    let failed = |error: KafkaError| unread(error.to_string());
    let client = client(kafka)?;
    let mut all = TopicPartitionList::new();
    for (partition, offsets) in &topic.partitions {
        all.add_partition_offset(&topic.name, *partition, Offset::Offset(offsets.start)).map_err(failed)?;
    }
    client.assign(&all).map_err(failed)?;
    let (mut open, mut last) = (topic.partitions.clone(), Instant::now());
    while !open.is_empty() {
        match client.poll(POLL) {
            Some(Ok(message)) => {
                last = Instant::now();
                let (partition, offset) = (message.partition(), message.offset());
                let Some(end) = open.get(&partition).map(|offsets| offsets.end) else { continue };
                if offset < end && send.send(Ok(told(&message))).is_err() {
                    return Ok(());
                }
                if offset + 1 >= end {
                    open.remove(&partition);
                    let mut done = TopicPartitionList::new();
                    done.add_partition(&topic.name, partition);
                    client.pause(&done).map_err(failed)?;
                }
            }
            // It ends in what is no message: marks of transactions, or what compaction took.
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                return Err(ObserveKafkaError::Forbidden { topic: topic.name.clone() });
            }
            Some(Err(error)) if is_final(&error) => return Err(failed(error)),
            // The rest heals by itself, or nothing comes any more.
            Some(Err(_)) | None => {}
        }
        if last.elapsed() > QUIET {
            let partitions: Vec<String> = open.keys().map(i32::to_string).collect();
            let heard = client.context().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let heard = heard.map(|heard| format!(" ({heard})")).unwrap_or_default();
            let which = partitions.join(", ");
            return Err(unread(format!("nothing came of partition {which} for {} s{heard}", QUIET.as_secs())));
        }
    }
    Ok(())
}

/// Waiting does not help. That the group may not be used is none of these: no group is joined.
fn is_final(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::AutoOffsetReset
        )
    )
}

fn told(message: &BorrowedMessage<'_>) -> Fact {
    // Not by rust-rdkafka, which panics at a name that is no text.
    let headers = headers(message).unwrap_or_default();
    let headers: Vec<(String, Vec<u8>)> =
        headers.into_iter().map(|header| (header.text_name().into_owned(), header.value.unwrap_or_default())).collect();
    fact(&Message {
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key(),
        payload: message.payload(),
        headers: &headers,
    })
}
