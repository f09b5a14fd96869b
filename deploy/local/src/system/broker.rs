//! Which broker, and why.

use std::path::Path;

use choreography_kafka::Connection;
use provision::{
    choreography::{PARTITIONS, PARTS, topics},
    kafka::{create_topics, set_access, set_passwords, with_partitions},
    secrets::{KAFKA_SETUP, kafka_password},
};

use super::SystemOptions;
use crate::{EmbeddedBroker, HowKafka, Kafka, KafkaOptions, Result, can_run_apache_kafka, embedded_broker::CAVEAT};

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
    External(Connection),
}

impl Broker {
    /// Starts it, with all topics; with users and what they may do where there are secrets for them.
    pub(super) async fn start(options: &SystemOptions, dir: &Path, secrets: Option<&Path>) -> Result<Self> {
        let partitions = options.partitions;
        match &options.broker {
            BrokerChoice::External(bootstrap) => {
                let connection = Connection::plain(bootstrap);
                make_topics(&connection, partitions).await?;
                Ok(Self::External(connection))
            }
            BrokerChoice::Embedded => embedded("asked for", partitions),
            BrokerChoice::Kafka => kafka(dir, "asked for", options, secrets).await,
            BrokerChoice::Auto => {
                let looked = tokio::task::spawn_blocking(look_for_kafka).await.map_err(std::io::Error::other);
                match looked {
                    Ok(Ok(how)) => kafka(dir, &how.to_string(), options, secrets).await,
                    Ok(Err(why_not)) => embedded(&why_not.to_string(), partitions),
                    Err(error) => embedded(&error.to_string(), partitions),
                }
            }
        }
    }

    #[must_use]
    pub fn bootstrap(&self) -> &str {
        match self {
            Self::Kafka { kafka, .. } => kafka.bootstrap(),
            Self::Embedded { broker, .. } => broker.bootstrap(),
            Self::External(connection) => connection.brokers(),
        }
    }

    /// For programs that look on or provision: as the administrator, where the broker asks for a user.
    #[must_use]
    pub fn connection(&self) -> Connection {
        match self {
            Self::Kafka { kafka, .. } => kafka.connection().clone(),
            Self::Embedded { broker, .. } => Connection::plain(broker.bootstrap()),
            Self::External(connection) => connection.clone(),
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
            Self::External(connection) => format!("{}, as given", connection.brokers()),
        }
    }
}

/// What Apache Kafka can be run from, its jars fetched.
fn look_for_kafka() -> Result<HowKafka> {
    let how = can_run_apache_kafka()?;
    how.provide()?;
    Ok(how)
}

async fn make_topics(connection: &Connection, partitions: Option<i32>) -> Result<()> {
    let topics = with_partitions(connection, topics(), partitions).await?;
    Ok(create_topics(connection, &topics).await?)
}

async fn kafka(dir: &Path, why: &str, options: &SystemOptions, secrets: Option<&Path>) -> Result<Broker> {
    let SystemOptions { partitions, broker_runs_for_long: runs_for_long, .. } = *options;
    let of_kafka = KafkaOptions { secrets: secrets.map(Path::to_owned), runs_for_long, ..KafkaOptions::default() };
    let kafka = Kafka::start(&dir.join("kafka"), of_kafka).await?;
    make_topics(kafka.connection(), partitions).await?;
    if let Some(secrets) = secrets {
        let password = |user: &str| {
            let file = secrets.join(KAFKA_SETUP).join(kafka_password(user));
            choreography::secret::need("KAFKA_PASSWORD", None, Some(&file))
        };
        let users = PARTS.iter().map(|part| Ok((part.service.clone(), password(&part.service)?)));
        set_passwords(kafka.connection(), users.collect::<Result<_>>()?).await?;
        set_access(kafka.connection(), &PARTS).await?;
    }
    Ok(Broker::Kafka { kafka: Box::new(kafka), why: why.to_owned() })
}

fn embedded(why: &str, partitions: Option<i32>) -> Result<Broker> {
    let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
    let partitions = partitions.unwrap_or(PARTITIONS);
    Ok(Broker::Embedded { broker: EmbeddedBroker::start(&names, partitions)?, why: why.to_owned() })
}
