//! Messages from outside: what somebody types into a console producer, what a broken client sends, what comes twice.

use std::time::Duration;

use engine::kafka::Connection;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::{Error, Record, Result};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A plain producer.
pub struct Producer {
    bootstrap: String,
    producer: FutureProducer,
}

impl Producer {
    /// # Errors
    /// [`Error::Broker`] when librdkafka refuses the address.
    pub fn connect(kafka: &Connection) -> Result<Self> {
        let bootstrap = kafka.brokers();
        let producer = kafka
            .config()
            // As the services do, so that a key has one partition whoever writes it.
            .set("partitioner", "murmur2_random")
            .create()
            .map_err(|error| refused(bootstrap, &error.to_string()))?;
        Ok(Self { bootstrap: bootstrap.to_owned(), producer })
    }

    /// Sends a message and waits until the broker has it.
    ///
    /// # Errors
    /// [`Error::Broker`] when the broker does not take it.
    pub async fn send(
        &self,
        topic: &str,
        key: &str,
        payload: &[u8],
        headers: &[(String, Option<Vec<u8>>)],
    ) -> Result<()> {
        let all = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: value.as_deref() }));
        let record = FutureRecord::to(topic).key(key).payload(payload).headers(all);
        let sent = self.producer.send(record, TIMEOUT).await;
        sent.map(drop).map_err(|(error, _)| refused(&self.bootstrap, &error.to_string()))
    }

    /// Sends what stands on a topic once more, byte by byte.
    ///
    /// # Errors
    /// Like [`Producer::send`].
    pub async fn send_again(&self, record: &Record) -> Result<()> {
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
        self.send(&record.topic, &key, record.payload.as_deref().unwrap_or_default(), &record.headers).await
    }
}

fn refused(bootstrap: &str, problem: &str) -> Error {
    Error::Broker { bootstrap: bootstrap.into(), what: "sending a message".into(), problem: problem.into() }
}
