//! librdkafka's producer, and the task that serves its reports. librdkafka says when there are some, so no thread waits for them.
//! (rust-rdkafka's own thread looks at the clock without a pause in the last millisecond of each wait.)

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig,
    error::KafkaResult,
    producer::{BaseProducer, Producer},
};
use tokio::task::JoinHandle;

use super::Reporting;
use crate::{
    credentials::{Authenticated, Handle},
    raw_client::MainQueue,
};

pub(super) struct Client {
    // Dropped first: librdkafka calls nothing of it any more while the producer ends.
    reports: MainQueue,
    pub producer: BaseProducer<Reporting>,
}

impl Client {
    fn serve(&self) {
        while self.reports.has_some() {
            self.producer.poll(Duration::ZERO);
        }
    }
}

impl Authenticated for Client {
    fn handle(&self) -> Handle<'_> {
        self.producer.handle()
    }
}

/// A producer whose reports are served, for as long as it is not dropped.
pub(super) struct Served {
    pub client: Arc<Client>,
    serving: JoinHandle<()>,
}

impl Served {
    pub fn new(config: &ClientConfig) -> KafkaResult<Self> {
        let producer: BaseProducer<Reporting> = config.create_with_context(Reporting)?;
        let reports = MainQueue::of(producer.client());
        let arrived = reports.arrived();
        let client = Arc::new(Client { reports, producer });
        let served = Arc::downgrade(&client);
        let serving = tokio::spawn(async move {
            loop {
                arrived.notified().await;
                let Some(client) = served.upgrade() else { return };
                client.serve();
            }
        });
        Ok(Self { client, serving })
    }

    /// Serves no more; what is dropped then ends the producer.
    pub async fn end(mut self) -> Arc<Client> {
        self.serving.abort();
        // It was cancelled, which is what was asked for.
        let _ = (&mut self.serving).await;
        self.client.clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::config::RDKafkaLogLevel;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn what_stood_in_the_queue_at_the_beginning_is_served_too() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set_log_level(RDKafkaLogLevel::Debug);
        // librdkafka warns of it before anything of the client can be used.
        config.set("enable.idempotence", "true").set("enable.gapless.guarantee", "true");
        let served = Served::new(&config).unwrap();
        let is_served = async {
            while served.client.reports.has_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, is_served).await.expect("nothing is left in the queue");
    }
}
