//! One message in, one message out, whatever the broker.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message};

pub type TestResult = Result<(), Box<dyn std::error::Error>>;

const PATIENCE: Duration = Duration::from_secs(60);

pub async fn produce(bootstrap: &str, topic: &str, payload: &str) -> TestResult {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .create()?;
    let record = FutureRecord::to(topic).key("chair").payload(payload);
    producer.send(record, PATIENCE).await.map_err(|(error, _)| error)?;
    Ok(())
}

/// The first message of the topic, as a new group sees it.
pub async fn consume(bootstrap: &str, topic: &str, group: &str) -> Result<String, String> {
    let (bootstrap, topic, group) = (bootstrap.to_owned(), topic.to_owned(), group.to_owned());
    tokio::task::spawn_blocking(move || first_message(&bootstrap, &topic, &group))
        .await
        .map_err(|error| error.to_string())?
}

fn first_message(bootstrap: &str, topic: &str, group: &str) -> Result<String, String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .map_err(|error| error.to_string())?;
    consumer.subscribe(&[topic]).map_err(|error| error.to_string())?;
    let start = Instant::now();
    let mut last = "nothing".to_owned();
    while start.elapsed() < PATIENCE {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                let payload = message.payload().unwrap_or_default();
                return Ok(String::from_utf8_lossy(payload).into_owned());
            }
            Some(Err(error)) => last = error.to_string(),
            None => {}
        }
    }
    Err(format!("no message in {topic} within {PATIENCE:?}; last seen: {last}"))
}
