//! Messages from outside: what a person types into a console producer, what a broken client sends, what comes twice.

use std::ffi::{CString, c_int};
use std::time::Duration;

use choreography_kafka::Connection;
use rdkafka::bindings::{self as sys, rd_kafka_vtype_t as Vtype};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, FutureProducer, FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use crate::{LocalError, Record, Result};

const TIMEOUT: Duration = Duration::from_secs(30);
/// RD_KAFKA_MSG_F_COPY
const COPY: c_int = 2;

/// A plain producer.
pub struct Producer {
    bootstrap: String,
    producer: FutureProducer,
}

impl Producer {
    /// # Errors
    /// [`LocalError::Broker`] when librdkafka refuses the address.
    pub fn connect(kafka: &Connection) -> Result<Self> {
        Self::with(kafka, &[])
    }

    /// A producer whose messages may be large before they are compressed, by one of Kafka's codecs.
    ///
    /// # Errors
    /// Like [`Producer::connect`].
    pub fn compressing(kafka: &Connection, codec: &str) -> Result<Self> {
        Self::with(kafka, &[("compression.type", codec), ("message.max.bytes", "100000000")])
    }

    fn with(kafka: &Connection, settings: &[(&str, &str)]) -> Result<Self> {
        let bootstrap = kafka.brokers();
        let mut config = kafka.config();
        // As the services do, so that a key has one partition, whichever client writes it.
        config.set("partitioner", "murmur2_random");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let producer = config.create().map_err(|error| refused(bootstrap, &error.to_string()))?;
        Ok(Self { bootstrap: bootstrap.to_owned(), producer })
    }

    /// Sends a message and waits until the broker has it.
    ///
    /// # Errors
    /// [`LocalError::Broker`] when the broker does not take it.
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

fn refused(bootstrap: &str, problem: &str) -> LocalError {
    LocalError::Broker { bootstrap: bootstrap.into(), what: "sending a message".into(), problem: problem.into() }
}

/// Sends a message with a header whose name need not be text, as any other client may, and waits until the broker has it.
///
/// # Errors
/// [`LocalError::Broker`] when the broker does not take it.
pub fn send_with_odd_header(
    kafka: &Connection,
    topic: &str,
    key: &str,
    payload: &[u8],
    (name, value): (&[u8], &[u8]),
) -> Result<()> {
    let failed = |problem: &str| refused(kafka.brokers(), problem);
    let mut config = kafka.config();
    config.set("partitioner", "murmur2_random");
    let producer: BaseProducer = config.create().map_err(|error| failed(&error.to_string()))?;
    let c_string = |bytes: &[u8]| CString::new(bytes).map_err(|error| failed(&error.to_string()));
    let (topic, name) = (c_string(topic.as_bytes())?, c_string(name)?);
    let size = |bytes: &[u8]| isize::try_from(bytes.len()).unwrap_or(isize::MAX);
    // SAFETY: variadic as librdkafka's header says, ended by END; COPY makes it keep nothing of what is lent here; the
    // producer lives to the end of this function.
    let code = unsafe {
        sys::rd_kafka_producev(
            producer.client().native_ptr(),
            Vtype::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            Vtype::RD_KAFKA_VTYPE_KEY,
            key.as_ptr(),
            key.len(),
            Vtype::RD_KAFKA_VTYPE_VALUE,
            payload.as_ptr(),
            payload.len(),
            Vtype::RD_KAFKA_VTYPE_HEADER,
            name.as_ptr(),
            value.as_ptr(),
            size(value),
            Vtype::RD_KAFKA_VTYPE_MSGFLAGS,
            COPY,
            Vtype::RD_KAFKA_VTYPE_END,
        )
    };
    if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(failed(&RDKafkaErrorCode::from(code).to_string()));
    }
    producer.flush(TIMEOUT).map_err(|error| failed(&error.to_string()))
}
