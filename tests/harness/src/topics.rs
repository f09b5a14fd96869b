//! What an administrator of Kafka does to topics.

use std::time::Duration;

use local::EventLog;
use provision::{
    choreography::{TopicSpec, topics},
    kafka::create_topics,
};
use rdkafka::{
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
};

use crate::World;

const REQUEST: Duration = Duration::from_secs(20);

impl World {
    fn kafka_admin(&self) -> (AdminClient<DefaultClientContext>, AdminOptions) {
        let admin = self.system.broker.connection().config().create().expect("an admin client");
        (admin, AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST)))
    }

    /// Deletes a topic and waits until no client is told of it any more.
    pub async fn delete_topic(&self, topic: &str) {
        let (admin, options) = self.kafka_admin();
        let answers = admin.delete_topics(&[topic], &options).await.expect("Kafka answers");
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        self.until(&format!("{topic} is gone"), || async {
            let metadata = admin.inner().fetch_metadata(Some(topic), REQUEST).map_err(|error| error.to_string())?;
            let partitions = metadata.topics().iter().map(|topic| topic.partitions().len()).sum::<usize>();
            if partitions == 0 { Ok(()) } else { Err(format!("{partitions} partitions")) }
        })
        .await;
    }

    /// Makes a topic of the choreography as it was made first, and follows it anew: what is on it now.
    pub async fn make_topic(&self, topic: &str) -> EventLog {
        let connection = self.system.broker.connection();
        create_topics(&connection, &[spec(topic)]).await.expect("the topic is made");
        EventLog::follow(&connection, &[topic.to_owned()]).expect("the topic can be followed")
    }

    /// Sets one of a topic's settings, `None` as it was at first; the others stay as they were at first.
    pub async fn set_topic(&self, topic: &str, name: &str, value: Option<&str>) {
        let set: Vec<(&str, &str)> = value.map(|value| (name, value)).into_iter().collect();
        self.set_topic_to(topic, &set).await;
    }

    /// Sets some of a topic's settings; the others are as they were at first.
    pub async fn set_topic_to(&self, topic: &str, set: &[(&str, &str)]) {
        let (admin, options) = self.kafka_admin();
        let TopicSpec { config, .. } = spec(topic);
        let mut wanted = AlterConfig::new(ResourceSpecifier::Topic(topic));
        for (other, value) in config.iter().filter(|(other, _)| set.iter().all(|(name, _)| name != other)) {
            wanted = wanted.set(other, value);
        }
        for (name, value) in set {
            wanted = wanted.set(name, value);
        }
        let answers = admin.alter_configs([&wanted], &options).await.expect("Kafka answers");
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
}

fn spec(topic: &str) -> TopicSpec {
    topics().into_iter().find(|spec| spec.name == topic).expect("a topic of the choreography")
}
