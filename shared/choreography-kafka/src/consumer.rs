//! The consuming side: batches from all assigned partitions, bounded in messages and in bytes. librdkafka says when something has
//! arrived, so no thread waits for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
use tokio::{task::JoinHandle, time::timeout_at};
use tracing::warn;

use super::{
    Connection,
    group::{Group, positions},
    membership::{GroupProtocol, Membership},
    raw_client::Queue,
    rests::Rests,
    state::KafkaState,
    subscription::Subscription,
    take::{Ended, Rebalance, Room, Taken, serve, take},
};

/// How long a poll waits for a first message; also how soon a stopping service notices.
const PATIENCE: Duration = Duration::from_millis(100);
/// A leaving member waits so long for its last commit.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// How often is looked whether a partition that stands still may go on.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

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

impl Limits {
    /// What may still be taken; `None`: no more.
    fn beside(self, taken: &[Taken]) -> Option<Room> {
        let messages = self.messages.checked_sub(taken.len()).filter(|messages| *messages > 0)?;
        let bytes = self.bytes.checked_sub(taken.iter().map(|(delivery, _)| delivery.size()).sum())?;
        (bytes > 0).then_some(Room { messages, bytes })
    }
}

/// One member of a consumer group.
pub struct KafkaConsumer {
    membership: Membership,
    consumer: Arc<BaseConsumer<Group>>,
    limits: Limits,
    paused: bool,
    /// What librdkafka handed over and no poll has returned yet: it would not hand it over again.
    taken: Vec<Taken>,
    /// What asks the broker and waits for it, on a thread of its own. It outlives the future that began it: no message is taken before it
    /// has ended.
    asking: Option<JoinHandle<()>>,
    looked: Instant,
    rests: Rests,
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
        let (taken, asking, looked, rests) = (Vec::new(), None, Instant::now(), Rests::default());
        Ok(Self { membership, consumer, limits, paused: false, taken, asking, looked, rests })
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
        // A pause that failed may hold for some partitions: all are resumed then. A resumption that failed is tried again.
        self.paused |= paused;
        self.consumer.context().set_paused(&self.consumer, paused).map_err(broker_error)?;
        self.paused = paused;
        self.rests.forget();
        Ok(())
    }

    /// Takes what is there, or waits a little until something is. With a backlog it waits a little for more, since a fuller batch costs
    /// less per event. Safe to drop in the middle.
    async fn gather(&mut self, limits: Limits) -> Result<(), BrokerError> {
        self.finish().await?;
        self.look().await?;
        let (mut until, mut waited, before) = (Instant::now() + PATIENCE, false, self.taken.len());
        let mut has_some = false;
        loop {
            self.rest()?;
            let ended = take(&self.consumer, limits.beside(&self.taken[before..]), &mut self.taken);
            if self.taken.len() > before && !has_some {
                has_some = true;
                // A message that came while the consumer was idle is not made to wait.
                until = Instant::now() + if waited { Duration::ZERO } else { limits.linger };
            }
            match ended {
                Ended::Rebalance(rebalance) => {
                    self.apply(rebalance).await?;
                    continue;
                }
                Ended::Early => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ended::Empty | Ended::Full => {}
            }
            waited |= !has_some;
            if matches!(ended, Ended::Full) || until <= Instant::now() || self.consumer.context().ended().is_some() {
                break;
            }
            let look = self.rests.next_end().map_or(until, |end| end.min(until));
            // Whichever it was, what is there is taken, and it is looked at the clock again.
            let _ = timeout_at(look.into(), self.membership.arrived.notified()).await;
        }
        match self.consumer.context().ended() {
            Some(why) => Err(BrokerError::Fatal(why)),
            None => self.join_anew_if_lost(),
        }
    }

    /// Reads again what has rested long enough, and lets rest what is due.
    fn rest(&mut self) -> Result<(), BrokerError> {
        if self.paused {
            return Ok(());
        }
        let (group, now) = (self.consumer.context(), Instant::now());
        while let Some((topic, partitions)) = self.rests.over(now) {
            if let Err(error) = group.resume(&self.consumer, &partitions) {
                self.rests.began(&topic, partitions, now);
                return Err(broker_error(error));
            }
        }
        while let Some((topic, next)) = self.rests.due(now) {
            let partitions = group.pause_read(&self.consumer, &next).map_err(broker_error)?;
            if !partitions.is_empty() {
                metrics::counter!("saga_consumer_rests_total", "topic" => topic.to_string()).increment(1);
                self.rests.began(&topic, partitions, now);
            }
        }
        Ok(())
    }

    /// Looks now and then what has changed at the broker.
    async fn look(&mut self) -> Result<(), BrokerError> {
        let look_again = self.looked.elapsed() > LOOK_AGAIN;
        if look_again {
            self.looked = Instant::now();
        }
        if !look_again && !self.membership.subscription.is_to_look() {
            return Ok(());
        }
        let subscription = self.membership.subscription.clone();
        self.ask(move |consumer| {
            if look_again {
                consumer.context().look_again(consumer);
            }
            subscription.look(consumer);
        })
        .await
    }

    async fn apply(&mut self, Rebalance { assigned, partitions }: Rebalance) -> Result<(), BrokerError> {
        self.ask(move |consumer| consumer.context().rebalanced(consumer, assigned, &partitions)).await
    }

    async fn ask(&mut self, what: impl FnOnce(&BaseConsumer<Group>) + Send + 'static) -> Result<(), BrokerError> {
        let consumer = self.consumer.clone();
        self.asking = Some(tokio::task::spawn_blocking(move || what(&consumer)));
        self.finish().await
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
        self.rests.forget();
        self.membership.close(std::mem::replace(&mut self.consumer, new));
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), BrokerError> {
        let Some(asking) = &mut self.asking else { return Ok(()) };
        let asked = asking.await;
        self.asking = None;
        asked.map_err(|error| BrokerError::Fatal(error.to_string()))
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
        self.finish().await?;
        if self.paused {
            self.set_paused(false)?;
        }
        if self.taken.is_empty() {
            self.gather(Limits { messages: limit, ..self.limits }).await?;
        }
        Ok(self.hand_over(limit))
    }

    async fn keep_alive(&mut self) -> Result<(), BrokerError> {
        self.finish().await?;
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

    fn note(&mut self, position: &Position, is_handled: bool) {
        self.rests.note(position, is_handled, Instant::now());
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
        if let Some(event) = queue.poll(PATIENCE)
            && let Some(Rebalance { assigned, partitions }) = serve(consumer, event.read())
        {
            group.rebalanced(consumer, assigned, &partitions);
        }
    }
}
