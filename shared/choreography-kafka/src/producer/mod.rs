//! The producing side: a batch goes out in order and comes back as one list of reports.
//!
//! librdkafka's own time-out of a message would let those behind it overtake it, so it has none. Instead, if nothing at all is
//! acknowledged for a while, everything is purged, the producer is destroyed, and the next one begins at the first row that
//! has no mark. After a failed delivery it is the same, so nothing old is queued any more when something new is sent.

mod batch;
mod client;
mod errors;
mod records;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use batch::Batch;
use choreography_core::{
    broker::{EventProducer, PublishError},
    outbox::OutboxRow,
    progress::beat,
    store::OutboxMessage,
    topic_moves::Publication,
};
use client::{Client, Served};
use errors::{Trouble, trouble};
use rdkafka::{
    ClientContext,
    error::KafkaResult,
    message::{DeliveryResult, Header as KafkaHeader, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, PurgeConfig},
};
use records::{Record, as_records, count, per_row};
use tracing::warn;

use super::{Connection, client_settings};

/// How long purged messages may take to be reported.
const PURGE: Duration = Duration::from_secs(5);
/// How long the broker may take to say whether it has a topic.
const METADATA: Duration = Duration::from_secs(2);
/// How soon a full queue is looked at again.
const QUEUE_FULL: Duration = Duration::from_millis(5);

const NOT_SENT: &str = "not sent, because a message before it failed";

struct Reporting;

impl ClientContext for Reporting {
    fn stats(&self, _statistics: rdkafka::Statistics) {}
}

impl ProducerContext for Reporting {
    type DeliveryOpaque = Box<(usize, Arc<Batch>)>;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Self::DeliveryOpaque) {
        let (index, batch) = *opaque;
        batch.report(
            index,
            result.as_ref().map(drop).map_err(|(error, _)| match trouble(error) {
                Trouble::Failed(error) => error,
                Trouble::QueueFull => PublishError::Transient(error.to_string()),
            }),
        );
    }
}

/// What a producer may take, and how long it may take over it.
#[derive(Clone, Copy, Debug)]
pub struct ProducerLimits {
    /// The largest message that may be published, in bytes.
    pub message_bytes: usize,
    /// Most bytes of payloads that one batch brings.
    pub batch_bytes: usize,
    /// Without any acknowledgement for this long, everything under way is given up.
    pub patience: Duration,
}

/// An idempotent producer that is made anew after a failed delivery.
pub struct KafkaProducer {
    kafka: Connection,
    name: String,
    limits: ProducerLimits,
    publication: Publication,
    /// `None`: the last one was destroyed, the next is not made yet.
    producer: Option<Served>,
    /// One message to a request. Kafka refuses batches, so only a message that is alone in its batch is known for a culprit.
    alone: bool,
    /// A batch was begun and its end not waited for.
    abandoned: bool,
}

impl KafkaProducer {
    /// Makes a producer; `name` is its client id.
    pub fn connect(kafka: &Connection, name: &str, limits: ProducerLimits) -> KafkaResult<Self> {
        let mut producer = Self {
            kafka: kafka.clone(),
            name: name.to_owned(),
            limits,
            publication: Publication::default(),
            producer: None,
            alone: false,
            abandoned: false,
        };
        producer.producer()?;
        Ok(producer)
    }

    /// Where events go while their topics move. A row counts as published once Kafka has it on each of its topics.
    #[must_use]
    pub fn publishing(self, publication: Publication) -> Self {
        Self { publication, ..self }
    }

    /// The producer, made anew where the last one was destroyed.
    fn producer(&mut self) -> KafkaResult<Arc<Client>> {
        if let Some(Served { client, .. }) = &self.producer {
            return Ok(client.clone());
        }
        let new = self.producer.insert(self.make()?).client.clone();
        self.kafka.tell(&new);
        Ok(new)
    }

    fn make(&self) -> KafkaResult<Served> {
        let mut config = client_settings::producer(&self.kafka, &self.name, &self.limits);
        if self.alone {
            config.set("batch.num.messages", "1");
        }
        Served::new(&config)
    }

    /// Drops what is queued and destroys the producer. What the network holds already may still arrive, as a repeat: with one
    /// request under way at a time it is a run of rows that begins where the next producer begins.
    async fn destroy(&mut self) {
        let Some(old) = self.producer.take() else { return };
        old.client.producer.purge(PurgeConfig::default().queue().inflight());
        let old = old.end().await;
        // Dropping a producer waits for its threads.
        if let Err(error) = tokio::task::spawn_blocking(move || drop(old)).await {
            warn!(%error, "the failed Kafka producer did not end cleanly");
        }
    }

    /// Waits until nothing is in flight, then ends the producer.
    pub async fn close(mut self) {
        self.destroy().await;
    }
}

impl EventProducer for KafkaProducer {
    async fn publish(&mut self, rows: Vec<OutboxRow>) -> Vec<Result<(), PublishError>> {
        if self.abandoned {
            self.destroy().await;
        }
        let len = rows.len();
        let counts = count(&rows, &self.publication);
        let batch = Batch::new(counts.iter().sum());
        let client = match self.producer() {
            Ok(client) => client,
            Err(error) => return vec![Err(PublishError::Transient(error.to_string())); len],
        };
        self.abandoned = true;
        hand_over(&client, rows, &self.publication, &batch, self.limits.patience).await;
        let results = self.reports(&client, &batch).await;
        drop(client);
        self.abandoned = false;
        let (delivery_failed, was_alone) = (batch.has_failed(), self.alone);
        let results = self.isolate(results, delivery_failed);
        if delivery_failed || was_alone != self.alone {
            self.destroy().await;
        }
        per_row(results, &counts)
    }

    async fn look_for(&mut self, topic: &str) -> Result<(), PublishError> {
        let topics: Vec<String> = self.publication.moves.destinations(topic).map(str::to_owned).collect();
        for topic in topics {
            self.look_for_one(&topic).await?;
        }
        Ok(())
    }
}

impl KafkaProducer {
    async fn look_for_one(&mut self, topic: &str) -> Result<(), PublishError> {
        let transient = |error: &dyn std::fmt::Display| PublishError::Transient(error.to_string());
        let client = self.producer().map_err(|error| transient(&error))?;
        let name = topic.to_owned();
        let asked =
            tokio::task::spawn_blocking(move || client.producer.client().fetch_metadata(Some(&name), METADATA)).await;
        let metadata = asked.map_err(|error| transient(&error))?.map_err(|error| transient(&error))?;
        match metadata.topics().iter().find(|found| found.name() == topic) {
            Some(found) if found.error().is_none() && !found.partitions().is_empty() => Ok(()),
            _ => Err(PublishError::Topic(format!("{topic} is not there, or this service may not write it"))),
        }
    }

    /// Waits for all reports. Without progress everything is purged, so that nothing is overtaken.
    async fn reports(&self, client: &Client, batch: &Arc<Batch>) -> Vec<Result<(), PublishError>> {
        let patience = self.limits.patience;
        if batch.wait(patience).await {
            return batch.take(NOT_SENT);
        }
        client.producer.purge(PurgeConfig::default().queue().inflight());
        batch.wait(PURGE).await;
        let why = format!("nothing was acknowledged for {patience:?}");
        batch.fail(&why);
        let mut results = batch.take(&why);
        for error in results.iter_mut().filter_map(|result| result.as_mut().err()) {
            if let PublishError::Transient(purged) = error {
                why.clone_into(purged);
            }
        }
        results
    }

    /// Kafka refuses whole batches. Unless a row was alone in its batch, it is only suspected: the next rows go one by one,
    /// and go on so until none is refused.
    fn isolate(
        &mut self,
        mut results: Vec<Result<(), PublishError>>,
        delivery_failed: bool,
    ) -> Vec<Result<(), PublishError>> {
        let refused = delivery_failed && results.iter().any(|result| matches!(result, Err(PublishError::Refused(_))));
        let certain = self.alone || results.len() == 1 || !delivery_failed;
        self.alone = refused;
        if !certain {
            for error in results.iter_mut().filter_map(|result| result.as_mut().err()) {
                if let PublishError::Refused(why) = error {
                    *error = PublishError::Transient(format!("refused together with others, sent alone next: {why}"));
                }
            }
        }
        results
    }
}

/// Gives rows to the producer, in order. After a failed delivery it sends nothing more. After a row that the client itself
/// refuses, it sends no row of its key. It sends none to a topic that the client knows to be away.
async fn hand_over(
    client: &Client,
    rows: Vec<OutboxRow>,
    publication: &Publication,
    batch: &Arc<Batch>,
    patience: Duration,
) {
    let (mut blocked, mut first) = (Blocked::default(), 0);
    for OutboxRow { message, .. } in rows {
        let records = match as_records(&message, publication, first) {
            Ok(records) => records,
            Err(error) => {
                let count = publication.topics(&message).count();
                (first..first + count).for_each(|index| batch.settle(index, Err(error.clone())));
                first += count;
                blocked.by(&message, &error);
                continue;
            }
        };
        first += records.len();
        let mut error = match batch.has_failed() {
            true => Some(PublishError::Transient(NOT_SENT.into())),
            false => blocked.of(&message),
        };
        for record in records {
            if let Some(error) = &error {
                batch.settle(record.index, Err(error.clone()));
                continue;
            }
            match send_when_there_is_room(client, &record, batch, patience).await {
                Ok(()) => continue,
                Err(failed @ PublishError::Transient(_)) => {
                    batch.report(record.index, Err(failed.clone()));
                    error = Some(failed);
                }
                Err(failed) => {
                    batch.settle(record.index, Err(failed.clone()));
                    blocked.by(&message, &failed);
                    error = Some(failed);
                }
            }
        }
    }
}

/// What the client has refused before anything was sent.
#[derive(Default)]
struct Blocked {
    topics: HashMap<String, PublishError>,
    keys: HashSet<(String, Vec<u8>)>,
}

impl Blocked {
    fn by(&mut self, message: &OutboxMessage, error: &PublishError) {
        let topic = message.topic.clone();
        match error {
            PublishError::Topic(_) => drop(self.topics.insert(topic, error.clone())),
            _ => self.keys.extend(message.key.clone().map(|key| (topic, key))),
        }
    }

    fn of(&self, message: &OutboxMessage) -> Option<PublishError> {
        if let Some(error) = self.topics.get(&message.topic) {
            return Some(error.clone());
        }
        let key = (!self.keys.is_empty()).then(|| Some((message.topic.clone(), message.key.clone()?)))??;
        self.keys.contains(&key).then(|| PublishError::Transient(NOT_SENT.into()))
    }
}

/// Waits while the queue is full, for as long as something leaves it.
async fn send_when_there_is_room(
    client: &Client,
    record: &Record<'_>,
    batch: &Arc<Batch>,
    patience: Duration,
) -> Result<(), PublishError> {
    let (mut open, mut since) = (batch.open(), Instant::now());
    loop {
        match send(client, record, batch) {
            Ok(()) => return Ok(()),
            Err(Trouble::Failed(error)) => return Err(error),
            Err(Trouble::QueueFull) if since.elapsed() > patience => {
                return Err(PublishError::Transient(format!("the producer's queue was full for {patience:?}")));
            }
            Err(Trouble::QueueFull) => tokio::time::sleep(QUEUE_FULL).await,
        }
        let now_open = batch.open();
        if now_open != open {
            (open, since) = (now_open, Instant::now());
            beat();
        }
    }
}

fn send(client: &Client, Record { index, topic, message }: &Record<'_>, batch: &Arc<Batch>) -> Result<(), Trouble> {
    let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
    for header in &message.headers {
        headers = headers.insert(KafkaHeader { key: &header.text_name(), value: header.value.as_deref() });
    }
    let mut record: BaseRecord<'_, [u8], [u8], _> =
        BaseRecord::with_opaque_to(topic, Box::new((*index, batch.clone()))).headers(headers);
    if let Some(key) = &message.key {
        record = record.key(key);
    }
    if let Some(payload) = &message.payload {
        record = record.payload(payload);
    }
    client.producer.send(record).map_err(|(error, _)| trouble(&error))
}
