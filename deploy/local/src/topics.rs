//! Topics on a real broker.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use crate::{Error, Result};

const REQUEST: Duration = Duration::from_secs(20);
const VISIBLE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A topic to be made, with one replica.
#[derive(Debug, Clone)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: i32,
    /// Topic settings by name, as `retention.ms`.
    pub config: Vec<(String, String)>,
}

impl TopicSpec {
    /// A topic with the broker's own settings.
    pub fn new(name: impl Into<String>, partitions: i32) -> Self {
        Self { name: name.into(), partitions, config: Vec::new() }
    }
}

/// Makes the topics that are not there and waits until each partition of all of them has a leader.
/// Those that are there keep their settings. Not for the embedded broker: it makes its own.
///
/// # Errors
/// [`Error::Partitions`] when one is there with another number of partitions; [`Error::Broker`]
/// when the broker refuses or does not get there in time.
pub async fn create_topics(bootstrap: &str, topics: &[TopicSpec]) -> Result<()> {
    let refused =
        |what: &str, problem: String| Error::Broker { bootstrap: bootstrap.into(), what: what.into(), problem };
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .map_err(|error| refused("making topics", error.to_string()))?;
    let options = AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST));
    let wanted: Vec<NewTopic<'_>> = topics.iter().map(new_topic).collect();
    let answers =
        admin.create_topics(&wanted, &options).await.map_err(|error| refused("making topics", error.to_string()))?;
    for answer in answers {
        match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(refused(&format!("making topic {topic}"), code.to_string()));
            }
        }
    }
    let topics = topics.to_vec();
    let name = bootstrap.to_owned();
    tokio::task::spawn_blocking(move || wait_visible(&admin, &name, &topics))
        .await
        .map_err(|error| refused("waiting for topics", error.to_string()))?
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(1));
    spec.config.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
}

fn wait_visible(admin: &AdminClient<DefaultClientContext>, bootstrap: &str, topics: &[TopicSpec]) -> Result<()> {
    let start = Instant::now();
    for spec in topics {
        while let Err(seen) = visible(admin, spec)? {
            if start.elapsed() >= VISIBLE {
                return Err(Error::Broker {
                    bootstrap: bootstrap.into(),
                    what: format!("topic {} was not usable within {VISIBLE:?}", spec.name),
                    problem: format!("last seen: {seen}"),
                });
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
    Ok(())
}

/// Inner error: not yet, and what was seen instead.
fn visible(admin: &AdminClient<DefaultClientContext>, spec: &TopicSpec) -> Result<std::result::Result<(), String>> {
    let metadata = match admin.inner().fetch_metadata(Some(&spec.name), REQUEST) {
        Ok(metadata) => metadata,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == spec.name) else {
        return Ok(Err("not in the metadata".into()));
    };
    let partitions = topic.partitions();
    if partitions.is_empty() {
        return Ok(Err(format!("no partitions ({:?})", topic.error())));
    }
    let have = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
    if have != spec.partitions {
        return Err(Error::Partitions { topic: spec.name.clone(), have, want: spec.partitions });
    }
    let leaderless = partitions.iter().filter(|one| one.leader() < 0).count();
    Ok(match leaderless {
        0 => Ok(()),
        some => Err(format!("{some} partitions have no leader")),
    })
}
