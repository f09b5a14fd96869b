//! Waits for servers that start together with these jobs and may not be ready yet.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use choreography_kafka::Connection;
use rdkafka::{
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer},
};
use sqlx::Connection as _;

const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
const ONE_REQUEST: Duration = Duration::from_secs(3);

pub async fn for_kafka(kafka: &Connection) -> Result<()> {
    let kafka = kafka.clone();
    until(kafka.brokers(), async || {
        let mut config = kafka.config();
        // While the broker starts, refused connections are expected and no news.
        let client: BaseConsumer =
            config.set_log_level(RDKafkaLogLevel::Emerg).create().map_err(|error| error.to_string())?;
        let asked = tokio::task::spawn_blocking(move || client.fetch_metadata(None, ONE_REQUEST).map(drop)).await;
        asked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    })
    .await
}

pub async fn for_postgres(url: &str) -> Result<()> {
    until("PostgreSQL", async || {
        let connection = sqlx::PgConnection::connect(url).await.map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    })
    .await
}

async fn until(server: &str, look: impl AsyncFn() -> std::result::Result<(), String>) -> Result<()> {
    let since = Instant::now();
    while let Err(seen) = look().await {
        if since.elapsed() > PATIENCE {
            bail!("{server} did not answer within {PATIENCE:?}; last seen: {seen}");
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}
