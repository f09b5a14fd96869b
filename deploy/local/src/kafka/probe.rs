use std::time::Duration;

use choreography_kafka::Connection;
use rdkafka::{
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer},
};

const ONE_REQUEST: Duration = Duration::from_millis(1500);

/// Asks for the cluster's metadata; the error says what came instead.
pub(super) async fn answers(kafka: Connection) -> Result<(), String> {
    tokio::task::spawn_blocking(move || ask(&kafka)).await.map_err(|error| error.to_string())?
}

fn ask(kafka: &Connection) -> Result<(), String> {
    let client: BaseConsumer = kafka
        .config()
        // While the broker starts, refused connections are expected and no news.
        .set_log_level(RDKafkaLogLevel::Emerg)
        .create()
        .map_err(|error| error.to_string())?;
    match client.fetch_metadata(None, ONE_REQUEST) {
        Ok(metadata) if metadata.brokers().is_empty() => Err("no broker has registered".into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
