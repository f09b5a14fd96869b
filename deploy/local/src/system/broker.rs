//! Which broker, and why.

use std::path::Path;

use super::topology::{PARTITIONS, topics};
use crate::{
    EmbeddedBroker, Kafka, KafkaOptions, Result, can_run_apache_kafka, create_topics, embedded_broker::CAVEAT,
};

/// The user's wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BrokerChoice {
    /// Apache Kafka where it can run, else the embedded one.
    #[default]
    Auto,
    /// Apache Kafka, or an error that says what is missing.
    Kafka,
    /// librdkafka's mock cluster.
    Embedded,
    /// One that runs already, as `HOST:PORT`.
    External(String),
}

/// The broker that was taken.
#[derive(Debug)]
pub enum Broker {
    Kafka { kafka: Box<Kafka>, why: String },
    Embedded { broker: EmbeddedBroker, why: String },
    External(String),
}

impl Broker {
    /// Starts it, with all topics.
    pub(super) async fn start(choice: &BrokerChoice, dir: &Path) -> Result<Self> {
        match choice {
            BrokerChoice::External(bootstrap) => {
                create_topics(bootstrap, &topics()).await?;
                Ok(Self::External(bootstrap.clone()))
            }
            BrokerChoice::Embedded => embedded("asked for"),
            BrokerChoice::Kafka => kafka(dir, "asked for").await,
            BrokerChoice::Auto => {
                match tokio::task::spawn_blocking(can_run_apache_kafka).await.map_err(std::io::Error::other) {
                    Ok(Ok(how)) => kafka(dir, &how.to_string()).await,
                    Ok(Err(why_not)) => embedded(&why_not.to_string()),
                    Err(error) => embedded(&error.to_string()),
                }
            }
        }
    }

    #[must_use]
    pub fn bootstrap(&self) -> &str {
        match self {
            Self::Kafka { kafka, .. } => kafka.bootstrap(),
            Self::Embedded { broker, .. } => broker.bootstrap(),
            Self::External(bootstrap) => bootstrap,
        }
    }

    #[must_use]
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded { .. })
    }

    /// Apache Kafka, if this run started it.
    #[must_use]
    pub fn kafka(&self) -> Option<&Kafka> {
        match self {
            Self::Kafka { kafka, .. } => Some(kafka),
            Self::Embedded { .. } | Self::External(_) => None,
        }
    }

    /// Which it is and why it was taken.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::Kafka { kafka, why } => format!("Apache Kafka at {} ({why})", kafka.bootstrap()),
            Self::Embedded { broker, why } => format!("embedded at {} ({why}); {CAVEAT}", broker.bootstrap()),
            Self::External(bootstrap) => format!("{bootstrap}, as given"),
        }
    }
}

async fn kafka(dir: &Path, why: &str) -> Result<Broker> {
    let kafka = Kafka::start(&dir.join("kafka"), KafkaOptions::default()).await?;
    create_topics(kafka.bootstrap(), &topics()).await?;
    Ok(Broker::Kafka { kafka: Box::new(kafka), why: why.to_owned() })
}

fn embedded(why: &str) -> Result<Broker> {
    let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
    Ok(Broker::Embedded { broker: EmbeddedBroker::start(&names, PARTITIONS)?, why: why.to_owned() })
}
