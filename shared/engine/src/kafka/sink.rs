//! The producing side: a batch goes out in order and comes back as one list of reports.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientContext,
    error::{KafkaError, KafkaResult},
    message::{DeliveryResult, Header as KafkaHeader, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer},
};
use tokio::sync::Notify;
use tracing::warn;

use super::{Connection, tuning};
use crate::{
    log::{EventSink, LogError},
    outbox::OutboxRow,
};

type Reports = Vec<Option<Result<(), LogError>>>;

/// The reports of one batch.
struct Batch {
    reports: Mutex<(Reports, usize)>,
    complete: Notify,
}

impl Batch {
    fn new(len: usize) -> Arc<Self> {
        Arc::new(Self { reports: Mutex::new((vec![None; len], len)), complete: Notify::new() })
    }

    fn report(&self, index: usize, result: Result<(), LogError>) {
        let mut guard = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let (reports, open) = &mut *guard;
        if reports[index].is_none() {
            reports[index] = Some(result);
            *open -= 1;
        }
        if *open == 0 {
            self.complete.notify_one();
        }
    }

    async fn wait(&self) -> Vec<Result<(), LogError>> {
        self.complete.notified().await;
        let reports = std::mem::take(&mut self.reports.lock().unwrap_or_else(PoisonError::into_inner).0);
        reports.into_iter().flatten().collect()
    }
}

struct Reporting;

impl ClientContext for Reporting {
    fn stats(&self, _statistics: rdkafka::Statistics) {}
}

impl ProducerContext for Reporting {
    type DeliveryOpaque = Box<(usize, Arc<Batch>)>;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Self::DeliveryOpaque) {
        let (index, batch) = *opaque;
        batch.report(index, result.as_ref().map(drop).map_err(|(error, _)| LogError::Transient(error.to_string())));
    }
}

/// An idempotent producer. After a failed delivery it is made anew, so that nothing old is in flight.
pub struct KafkaSink {
    kafka: Connection,
    name: String,
    max_bytes: usize,
    producer: Arc<ThreadedProducer<Reporting>>,
}

impl KafkaSink {
    /// `max_bytes`: the largest message that may be published, in bytes.
    pub fn connect(kafka: &Connection, name: &str, max_bytes: usize) -> KafkaResult<Self> {
        let producer = producer(kafka, name, max_bytes)?;
        Ok(Self { kafka: kafka.clone(), name: name.to_owned(), max_bytes, producer })
    }

    /// Drops what is queued and starts over. What the network holds already may still arrive, as a repeat.
    async fn renew(&mut self) {
        let old = self.producer.clone();
        old.purge(PurgeConfig::default().queue().inflight());
        match producer(&self.kafka, &self.name, self.max_bytes) {
            Ok(new) => self.producer = new,
            Err(error) => warn!(%error, "the Kafka producer could not be made anew; the old one is used on"),
        }
        // Dropping a producer waits for its thread.
        if let Err(error) = tokio::task::spawn_blocking(move || drop(old)).await {
            warn!(%error, "the failed Kafka producer did not end cleanly");
        }
    }

    /// Waits until nothing is in flight.
    pub async fn close(self) {
        let producer = self.producer;
        let closed = tokio::task::spawn_blocking(move || producer.flush(Duration::from_secs(5)));
        if let Ok(Err(error)) = closed.await {
            warn!(%error, "not everything was acknowledged at the end; it stays in the outbox");
        }
    }
}

fn producer(kafka: &Connection, name: &str, max_bytes: usize) -> KafkaResult<Arc<ThreadedProducer<Reporting>>> {
    let producer = Arc::new(tuning::producer(kafka, name, max_bytes).create_with_context(Reporting)?);
    kafka.tell(&producer);
    Ok(producer)
}

impl EventSink for KafkaSink {
    async fn publish(&mut self, rows: &[OutboxRow]) -> Vec<Result<(), LogError>> {
        if rows.is_empty() {
            return Vec::new();
        }
        let batch = Batch::new(rows.len());
        let mut refused: Option<KafkaError> = None;
        for (index, row) in rows.iter().enumerate() {
            // Whatever follows a refused row must not overtake it.
            if refused.is_none() {
                refused = self.send(index, row, &batch).err();
            }
            if let Some(error) = &refused {
                batch.report(index, Err(LogError::Transient(error.to_string())));
            }
        }
        let results = batch.wait().await;
        if results.iter().any(Result::is_err) {
            self.renew().await;
        }
        results
    }
}

impl KafkaSink {
    fn send(&self, index: usize, row: &OutboxRow, batch: &Arc<Batch>) -> Result<(), KafkaError> {
        let message = &row.message;
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for header in &message.headers {
            headers = headers.insert(KafkaHeader { key: &header.text_name(), value: header.value.as_deref() });
        }
        let mut record: BaseRecord<'_, [u8], [u8], _> =
            BaseRecord::with_opaque_to(&message.topic, Box::new((index, batch.clone()))).headers(headers);
        if let Some(key) = &message.key {
            record = record.key(key);
        }
        if let Some(payload) = &message.payload {
            record = record.payload(payload);
        }
        self.producer.send(record).map_err(|(error, _)| error)
    }
}
