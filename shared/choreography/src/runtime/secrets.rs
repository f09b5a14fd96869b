//! Puts secrets to use that change while the service runs. Each has a task of its own, which ends with the process.

use std::time::Duration;

use anyhow::Result;
use choreography_kafka::Connection;
use choreography_postgres::Pool;
use tracing::{error, warn};

use crate::{
    preparation::service_options,
    secret,
    settings::{EngineSettings, KafkaSettings},
};

/// New connections to the database are made by its URL as it is then. Those that are open go on until the pool
/// makes them anew.
pub(crate) fn follow_database_url(name: &'static str, settings: &EngineSettings, pool: Pool) -> Result<()> {
    let database = settings.database.clone();
    let Some(mut url) = database.live_url(settings.secrets_poll_interval)? else { return Ok(()) };
    tokio::spawn(async move {
        while let Some(new) = url.changed().await {
            match service_options(name, &database, &new) {
                Ok(options) => pool.set_options(options),
                Err(error) => error!(%error, "new connections to the database are made as before"),
            }
        }
    });
    Ok(())
}

/// librdkafka reads the authorities once, when a client is made, and has no way to be given others. So an operator is told.
pub(crate) fn watch_kafka_authorities(settings: &KafkaSettings, every: Duration) -> Result<()> {
    let Some(mut authorities) = secret::live("KAFKA_CA", None, settings.kafka_ca_file.as_deref(), every)? else {
        return Ok(());
    };
    tokio::spawn(async move {
        while authorities.changed().await.is_some() {
            warn!("KAFKA_CA_FILE has changed: Kafka's clients use the old authorities until this service is restarted");
        }
    });
    Ok(())
}

/// Kafka's clients show its password as it is when they connect. Connections that are open go on.
pub(crate) fn follow_kafka_password(settings: &KafkaSettings, kafka: &Connection, every: Duration) -> Result<()> {
    let Some(mut password) = settings.live_password(every)? else { return Ok(()) };
    let kafka = kafka.clone();
    tokio::spawn(async move {
        while let Some(new) = password.changed().await {
            let kafka = kafka.clone();
            // It may end up as the last owner of a client, whose end blocks.
            let given = tokio::task::spawn_blocking(move || kafka.set_password(new)).await;
            if let Err(error) = given {
                error!(%error, "KAFKA_PASSWORD: the new password could not be used");
            }
        }
    });
    Ok(())
}
