//! The relay loops, one per lane: woken after commits, with a poll for what a crash left.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use choreography_core::{
    dead_letter::topic_of,
    participant::Participant,
    relay::{Lane, OutboxStore, Pace, Relay, Relayed},
};
use choreography_kafka::KafkaProducer;
use choreography_postgres::Postgres;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{PostCommit, backoff, beat, idle};
use crate::settings::{EngineSettings, delta};

/// What a relay loop works with.
pub(crate) struct RelayLoop {
    pub store: Postgres,
    pub lane: Lane,
    pub post_commit: PostCommit,
    pub settings: Arc<EngineSettings>,
    pub stop: CancellationToken,
}

impl RelayLoop {
    /// Publishes until `stop`, and then what is left, for half of the time that a drain may take.
    pub async fn run(self, mut producer: KafkaProducer) {
        let (holder, settings) = (Uuid::new_v4(), &self.settings);
        let pace = Pace::new(settings.relay_batch, settings.relay_batch_bytes, settings.relay_lease);
        let mut relay = Relay::new(holder, self.lane, pace, self.post_commit.feed(self.lane));
        // A claim passes over rows that are locked, so it must not meet this relay's own renewal.
        let turn = Mutex::new(());
        tokio::select! {
            () = self.publish(&mut relay, &mut producer, &turn) => {}
            () = self.renew(holder, &turn) => {}
            () = self.stop_at_last() => {
                warn!(lane = self.lane.name(), "Kafka did not take everything before the stop; the rest stays in the outbox");
            }
        }
        // Only when nothing of it is on its way any more may another send the same.
        producer.close().await;
        if let Err(error) = relay.release(&self.store).await {
            warn!(%error, "relay leases were not given back; they expire");
        }
    }

    async fn stop_at_last(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(self.settings.drain_timeout / 2).await;
    }

    /// Keeps the leases alive, however long a step takes.
    async fn renew(&self, holder: Uuid, turn: &Mutex<()>) {
        loop {
            tokio::time::sleep(self.renew_every()).await;
            let _turn = turn.lock().await;
            if let Err(error) = self.store.renew(holder, delta(self.settings.relay_lease)).await {
                warn!(%error, lane = self.lane.name(), "relay leases were not renewed");
            }
        }
    }

    fn renew_every(&self) -> Duration {
        self.settings.relay_lease / 3
    }

    async fn publish(&self, relay: &mut Relay, producer: &mut KafkaProducer, turn: &Mutex<()>) {
        let epoch = Instant::now();
        let clock = || epoch.elapsed();
        let mut claimed: Option<Instant> = None;
        let mut told = self.topics();
        let mut failures = 0;
        loop {
            // A step that waits for Kafka says so by itself, for as long as something is acknowledged.
            beat();
            if relay.has_lost_leases() || claimed.is_none_or(|at| at.elapsed() >= self.renew_every()) {
                let _turn = turn.lock().await;
                match relay.claim(&self.store, delta(self.settings.relay_lease)).await {
                    Ok(()) => {
                        claimed = Some(Instant::now());
                        self.report_ranges(relay.ranges());
                    }
                    Err(error) => warn!(%error, "relay leases were not claimed"),
                }
            }
            let began = Instant::now();
            let step = relay.step(&self.store, producer, &clock).await;
            Self::report_topics(relay, &mut told);
            let wait = match step {
                Ok(relayed) => {
                    // Any answer of the database ends what its failures began.
                    failures = 0;
                    self.report(&relayed, began.elapsed());
                    match relayed {
                        Relayed::Nothing if self.stop.is_cancelled() => break,
                        Relayed::Nothing => self.until_the_next(relay.next_try(clock())),
                        Relayed::PassedOver { .. } | Relayed::Published { .. } | Relayed::Failed { .. } => continue,
                    }
                }
                Err(error) => {
                    failures += 1;
                    warn!(%error, "the outbox could not be read or marked; repeats are skipped by their readers");
                    backoff(failures)
                }
            };
            if self.stop.is_cancelled() && failures > 0 {
                break;
            }
            idle(self.pause(wait, failures > 0)).await;
        }
    }

    /// Until the next poll, or until something that waits is tried again.
    fn until_the_next(&self, next_try: Option<Duration>) -> Duration {
        let poll = self.poll();
        next_try.map_or(poll, |next| next.min(poll))
    }

    /// After so long without anything the table is read, in case it has rows that were not handed to the relay.
    fn poll(&self) -> Duration {
        self.settings.poll_interval.min(self.renew_every())
    }

    fn report_ranges(&self, ranges: Vec<i32>) {
        self.post_commit.relay_ranges.lock().unwrap_or_else(PoisonError::into_inner).insert(self.lane, ranges);
    }

    /// `told` has all topics of the lane that are known; others that fail join them.
    fn report_topics(relay: &Relay, told: &mut BTreeMap<String, bool>) {
        told.values_mut().for_each(|fails| *fails = false);
        told.extend(relay.failing_topics().map(|topic| (topic.to_owned(), true)));
        for (topic, fails) in told {
            let fails = if *fails { 1.0 } else { 0.0 };
            metrics::gauge!("saga_topic_failing", "topic" => topic.clone()).set(fails);
        }
    }

    fn topics(&self) -> BTreeMap<String, bool> {
        let topics: Vec<String> = match self.lane {
            Lane::Events => self.store.participant().writes().iter().map(|topic| (*topic).to_owned()).collect(),
            Lane::DeadLetters => self.store.participant().sources().into_iter().map(topic_of).collect(),
        };
        topics.into_iter().map(|topic| (topic, false)).collect()
    }

    fn report(&self, relayed: &Relayed, took: Duration) {
        let rows = match relayed {
            Relayed::Nothing => return,
            Relayed::PassedOver { rows } => {
                let lane = self.lane.name();
                return info!(
                    lane,
                    rows, "messages wait: their topic is away, or an earlier one of their key was refused"
                );
            }
            Relayed::Published { rows, .. } => *rows,
            Relayed::Failed { published, stopped, error } => {
                let (lane, published, stopped) = (self.lane.name(), *published, *stopped);
                match stopped {
                    0 => error!(%error, lane, published, "Kafka did not take a message; it waits and is sent again"),
                    _ => {
                        error!(%error, lane, published, stopped, "Kafka refuses a message; its key stops: see /admin/stopped")
                    }
                }
                published
            }
        };
        metrics::counter!("saga_published_total").increment(rows as u64);
        metrics::histogram!("saga_relay_seconds").record(took.as_secs_f64());
        metrics::histogram!("saga_batch_size", "kind" => "relay").record(rows as f64);
    }

    async fn pause(&self, wait: Duration, failing: bool) {
        let wake = self.post_commit.wakes.of_relay(self.lane);
        tokio::select! {
            () = tokio::time::sleep(wait) => {
                if wait >= self.poll() {
                    self.post_commit.feed(self.lane).look_into_the_table();
                }
            }
            // While the database is away, new rows are no reason to try sooner.
            () = wake.notified(), if !failing => {}
            () = self.stop.cancelled(), if !failing => {}
        }
    }
}
