//! How a service joins its group, and joins it anew when its client is lost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaResult,
};
use tokio::{sync::Notify, task::JoinHandle};

use super::{Connection, client_settings, group::Group, subscription::Subscription};

/// A client that heard nothing from Kafka for so long is made anew.
///
/// librdkafka forgets all brokers when it is told that there are none, as by a broker that was frozen and fenced, and then
/// finds none again, however well they are (<https://github.com/confluentinc/librdkafka/issues/5301>).
const LOST_AFTER: Duration = Duration::from_secs(30);

/// How it is decided which member of a group reads which partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupProtocol {
    /// The members agree, by cooperative-sticky assignment.
    Classic {
        /// A member from which the broker hears nothing for this long is out of the group.
        session_timeout: Duration,
    },
    /// The broker decides, from Kafka 4.0 on ([KIP-848](https://cwiki.apache.org/confluence/x/HhD1D)), and says how long a member may be
    /// silent (`group.consumer.session.timeout.ms`). A member that does not reach the group's coordinator goes on reading what
    /// it had until it hears that it is out, and can't commit: what it handles comes to another again, and the inbox skips it.
    Consumer,
}

/// What it takes to become a member.
pub(super) struct Membership {
    kafka: Connection,
    group: String,
    pub subscription: Arc<Subscription>,
    /// Told by librdkafka when something has arrived where nothing was.
    pub arrived: Arc<Notify>,
    protocol: GroupProtocol,
    joined: Instant,
    /// A client that was given up, while it closes. That may take as long as its brokers are frozen.
    closing: Option<JoinHandle<()>>,
}

impl Membership {
    pub fn new(kafka: &Connection, group: &str, subscription: Subscription, protocol: GroupProtocol) -> Self {
        Self {
            kafka: kafka.clone(),
            group: group.to_owned(),
            subscription: Arc::new(subscription),
            arrived: Arc::default(),
            protocol,
            joined: Instant::now(),
            closing: None,
        }
    }

    /// A new member of the group.
    pub fn join(&mut self, group: Group) -> KafkaResult<Arc<BaseConsumer<Group>>> {
        self.joined = Instant::now();
        let config = client_settings::consumer(&self.kafka, &self.group, self.protocol);
        let mut consumer: BaseConsumer<Group> = config.create_with_context(group)?;
        let arrived = self.arrived.clone();
        consumer.set_nonempty_callback(move || arrived.notify_one());
        let topics = self.subscription.topics();
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        let consumer = Arc::new(consumer);
        self.kafka.tell(&consumer);
        Ok(consumer)
    }

    /// Whether a client that heard from Kafka so long ago (`None`: never) is to be made anew. Ask only when the engine has
    /// taken all that it handed over: what it heard last may be among it.
    pub fn is_lost(&self, contact_age: Option<Duration>) -> bool {
        self.joined.elapsed() > LOST_AFTER
            && contact_age.is_none_or(|age| age > LOST_AFTER)
            && self.closing.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Closes a client whose place another has taken.
    pub fn close(&mut self, lost: Arc<BaseConsumer<Group>>) {
        self.closing = Some(tokio::task::spawn_blocking(move || drop(lost)));
    }
}
