//! The consuming side: batches from all assigned partitions, bounded in messages and in bytes.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use choreography_core::{
    broker::{BrokerError, EventConsumer},
    delivery::{Delivery, Position},
    topic_moves::Switch,
};
use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};
use tokio::task::JoinHandle;
use tracing::warn;

use super::{
    Connection, client_settings,
    group::{Group, positions},
    membership::{GroupProtocol, Membership},
    raw_client::{Message, Polled, Queue},
    state::{KafkaState, Stop},
    subscription::Subscription,
};

/// How long a poll waits for a first message; also how soon a stopping service notices.
const PATIENCE: Duration = Duration::from_millis(100);
/// A leaving member waits so long for its last commit.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// How often is looked whether a partition that stands still may go on.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// So many errors, commits and the like are dealt with in one poll, at most.
const SERVED: usize = 1_000;

/// How much a poll takes.
#[derive(Clone, Copy)]
pub struct Limits {
    /// At most so many messages.
    pub messages: usize,
    /// Of memory, roughly; one message may be larger.
    pub bytes: usize,
    /// With a backlog, how long a batch waits for more.
    pub linger: Duration,
}

/// What was handed over, and in which assignment.
type Taken = (Delivery, Option<u64>);

/// One member of a consumer group.
pub struct KafkaConsumer {
    membership: Membership,
    consumer: Arc<BaseConsumer<Group>>,
    limits: Limits,
    paused: bool,
    /// What librdkafka handed over and no poll has returned yet: it would not hand it over again.
    taken: Vec<Taken>,
    /// A poll under way. It outlives the future that began it, so that nothing is lost if that one is dropped.
    polling: Option<JoinHandle<Vec<Taken>>>,
    looked: Instant,
}

impl KafkaConsumer {
    /// Joins the group and subscribes. What becomes of it stands in `state`.
    pub fn subscribe(
        kafka: &Connection,
        group: &str,
        topics: &[&str],
        limits: Limits,
        protocol: GroupProtocol,
        state: Arc<KafkaState>,
    ) -> KafkaResult<Self> {
        Self::subscribe_switching(kafka, group, (topics, Vec::new()), limits, protocol, state)
    }

    /// As [`subscribe`](Self::subscribe). Once the group has handled a topic up to its switch offsets, the member goes on with the
    /// topic that takes its place, from the beginning of that, and reads the old one no more.
    pub fn subscribe_switching(
        kafka: &Connection,
        group: &str,
        (topics, switches): (&[&str], Vec<Switch>),
        limits: Limits,
        protocol: GroupProtocol,
        state: Arc<KafkaState>,
    ) -> KafkaResult<Self> {
        // Told from the first statistics on.
        topics.iter().for_each(|topic| state.set_missing(topic, false));
        let subscription = Subscription::new(topics, switches);
        let mut membership = Membership::new(kafka, group, subscription, protocol);
        let consumer = membership.join(Group::new(state))?;
        let (taken, polling, looked) = (Vec::new(), None, Instant::now());
        Ok(Self { membership, consumer, limits, paused: false, taken, polling, looked })
    }

    /// Commits what was handled last and leaves the group.
    pub async fn leave(mut self) {
        if let Err(error) = self.finish().await {
            warn!(%error, "the last poll failed");
        }
        let consumer = self.consumer;
        let left = tokio::task::spawn_blocking(move || {
            commit_the_rest(&consumer);
            drop(consumer);
        });
        if let Err(error) = left.await {
            warn!(%error, "leaving the consumer group failed");
        }
    }

    fn set_paused(&mut self, paused: bool) -> Result<(), BrokerError> {
        self.paused = paused;
        self.consumer.context().set_paused(&self.consumer, paused).map_err(broker_error)
    }

    /// Polls librdkafka. Dropped in the middle, it is finished by the next call.
    async fn gather(&mut self, limits: Limits) -> Result<(), BrokerError> {
        self.finish().await?;
        let look_again = self.looked.elapsed() > LOOK_AGAIN;
        if look_again {
            self.looked = Instant::now();
        }
        let (consumer, subscription) = (self.consumer.clone(), self.membership.subscription.clone());
        self.polling = Some(tokio::task::spawn_blocking(move || {
            if look_again {
                consumer.context().look_again(&consumer);
            }
            subscription.look(&consumer);
            gather(&consumer, limits)
        }));
        self.finish().await?;
        match self.consumer.context().ended() {
            Some(why) => Err(BrokerError::Fatal(why)),
            None => self.join_anew_if_lost(),
        }
    }

    /// What the lost client had handed over is repeated to the member that gets its partitions, and skipped by the inbox.
    fn join_anew_if_lost(&mut self) -> Result<(), BrokerError> {
        let contact = self.consumer.context().state.snapshot().contact_age;
        if !self.taken.is_empty() || !self.membership.is_lost(contact) {
            return Ok(());
        }
        metrics::counter!("saga_consumer_rejoins_total").increment(1);
        warn!(?contact, "Kafka has not answered for long; a new client joins the group in place of this one");
        let new = self.membership.join(self.consumer.context().successor()).map_err(broker_error)?;
        self.membership.close(std::mem::replace(&mut self.consumer, new));
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), BrokerError> {
        let Some(polling) = &mut self.polling else { return Ok(()) };
        let polled = polling.await;
        self.polling = None;
        self.taken.extend(polled.map_err(|error| BrokerError::Fatal(error.to_string()))?);
        Ok(())
    }

    /// The first messages that were taken, within the limits, of partitions that this member still has.
    fn hand_over(&mut self, messages: usize) -> Vec<Delivery> {
        let group = self.consumer.context();
        // Of an assignment that is over nothing is handed over, even if the partition is back: it begins anew.
        self.taken.retain(|(delivery, since)| {
            since.is_some() && group.owned_since(&delivery.position.topic, delivery.position.partition) == *since
        });
        let mut bytes = 0;
        let count = self.taken.iter().take(messages).take_while(|(delivery, _)| {
            let fits = bytes < self.limits.bytes;
            bytes += delivery.size();
            fits
        });
        let count = count.count();
        self.taken.drain(..count).map(|(delivery, _)| delivery).collect()
    }
}

impl EventConsumer for KafkaConsumer {
    async fn poll(&mut self, limit: usize) -> Result<Vec<Delivery>, BrokerError> {
        if self.paused {
            self.set_paused(false)?;
        }
        self.finish().await?;
        if self.taken.is_empty() {
            self.gather(Limits { messages: limit, ..self.limits }).await?;
        }
        Ok(self.hand_over(limit))
    }

    async fn keep_alive(&mut self) -> Result<(), BrokerError> {
        if !self.paused {
            self.set_paused(true)?;
        }
        let before = self.taken.len();
        // All is paused, so hardly anything comes: only messages that librdkafka already had on their way.
        self.gather(Limits { messages: 1, ..self.limits }).await?;
        if self.taken.len() > before {
            self.set_paused(true)?;
        }
        Ok(())
    }

    fn owned_since(&self, topic: &str, partition: i32) -> Option<u64> {
        self.consumer.context().owned_since(topic, partition)
    }

    async fn commit(&mut self, next: &[Position]) -> Result<(), BrokerError> {
        let mut commits = self.consumer.context().commits();
        let now = commits.want(next, Instant::now());
        if now.is_empty() {
            return Ok(());
        }
        let sent = send(&self.consumer, &now);
        if sent.is_err() {
            commits.not_sent(Instant::now());
        }
        sent.map_err(broker_error)
    }

    fn take_confirmed(&mut self) -> Vec<Position> {
        self.consumer.context().commits().take_confirmed()
    }
}

fn send(consumer: &BaseConsumer<Group>, offsets: &[Position]) -> KafkaResult<()> {
    let queue = Queue::of(consumer).ok_or(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownGroup))?;
    queue.commit(&positions(offsets)?).map_err(KafkaError::ConsumerCommit)
}

fn broker_error(error: KafkaError) -> BrokerError {
    BrokerError::Transient(error.to_string())
}

/// Serves the queue until the last commits are confirmed. Messages that come meanwhile are the next owner's.
fn commit_the_rest(consumer: &BaseConsumer<Group>) {
    let (group, until) = (consumer.context(), Instant::now() + LEAVE_WITHIN);
    let Some(queue) = Queue::of(consumer) else { return };
    while !group.commits().open().is_empty() {
        if Instant::now() > until {
            warn!("the last offsets were not confirmed; their events may come again and are skipped");
            return;
        }
        let again = group.commits().want_now(Instant::now());
        if !again.is_empty()
            && let Err(error) = send(consumer, &again)
        {
            warn!(%error, "the last offsets were not committed; their events come again and are skipped");
            return;
        }
        if let Some(event) = queue.poll(PATIENCE) {
            serve(consumer, event.read());
        }
    }
}

/// Takes what is there. With a backlog it waits a little for more, since a fuller batch costs less per event.
fn gather(consumer: &BaseConsumer<Group>, limits: Limits) -> Vec<Taken> {
    let mut topics: HashMap<String, Arc<str>> = HashMap::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let Some(queue) = Queue::of(consumer) else { return batch };
    let (mut until, mut waited, mut served) = (Instant::now() + PATIENCE, false, 0);
    while served < SERVED
        && batch.len() < limits.messages
        && bytes < limits.bytes
        && consumer.context().ended().is_none()
    {
        let Some(event) = queue.poll(Duration::ZERO).or_else(|| {
            waited |= batch.is_empty();
            queue.poll(until.saturating_duration_since(Instant::now()))
        }) else {
            if Instant::now() < until {
                continue;
            }
            break;
        };
        let polled = event.read();
        let Polled::Message(message) = polled else {
            serve(consumer, polled);
            served += 1;
            continue;
        };
        let Some(delivery) = accept(consumer, &message, &mut topics) else { continue };
        if batch.is_empty() {
            // A message that came while the consumer was idle is not made to wait.
            until = Instant::now() + if waited { Duration::ZERO } else { limits.linger };
        }
        bytes += delivery.size();
        let since = consumer.context().owned_since(&delivery.position.topic, delivery.position.partition);
        batch.push((delivery, since));
    }
    batch
}

/// Whatever is no message.
fn serve(consumer: &BaseConsumer<Group>, polled: Polled<'_>) {
    let group = consumer.context();
    match polled {
        Polled::Message(_) | Polled::Nothing => {}
        Polled::Failure(failure) => group.failed(consumer, failure),
        Polled::Rebalance(assigned, partitions) => group.rebalanced(consumer, assigned, &partitions),
        Polled::Committed(done, refused) => group.committed(done, &refused),
        Polled::Statistics(json) => group.statistics(json),
    }
}

/// A message as a delivery; `None` if its partition stands still, or has to because of it.
fn accept(
    consumer: &BaseConsumer<Group>,
    message: &Message<'_>,
    topics: &mut HashMap<String, Arc<str>>,
) -> Option<Delivery> {
    let group = consumer.context();
    if group.state.is_stopped(message.topic, message.partition) {
        return None;
    }
    let topic = match topics.get(message.topic) {
        Some(topic) => topic.clone(),
        None => topics.entry(message.topic.to_owned()).or_insert_with(|| Arc::from(message.topic)).clone(),
    };
    let position = Position { topic, partition: message.partition, offset: message.offset };
    let size = message.payload.map_or(0, <[u8]>::len) + message.key.map_or(0, <[u8]>::len);
    if size > client_settings::LARGEST_MESSAGE {
        let text = format!("a message of {size} bytes; at most {} are taken", client_settings::LARGEST_MESSAGE);
        group.stop(consumer, &position, Stop::Unreadable, text);
        return None;
    }
    let headers = message.headers().unwrap_or_else(|| {
        warn!(?position, "the headers of a message can't be read; it is taken without them");
        Vec::new()
    });
    let payload = message.payload.map(Bytes::copy_from_slice);
    Some(Delivery { position, key: message.key.map(<[u8]>::to_vec), payload, headers })
}
