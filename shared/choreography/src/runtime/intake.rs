//! The one loop of a service: it waits until something arrives, takes all that is there into one transaction, and gathers
//! what comes meanwhile.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use choreography_core::{
    broker::{BrokerError, EventConsumer},
    commands::CommandQueue,
    delivery::Delivery,
    event_id::Ids,
    intake::{Found, Handled, Intake, Kind, Messages, Pacing},
    participant::Answer,
    routes::{AnyReply, Routed},
    store::{Deadline, PendingCall},
};
use choreography_kafka::{KafkaConsumer, KafkaState};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{PostCommit, ServiceHandler, backoff, beat};

/// A transaction that takes longer is rolled back and handed in again; well below max.poll.interval.ms.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// So long after a crash: what was under way then has come again by now, rebalances included. It costs two short
/// transactions a batch.
const GUARDED_FOR: Duration = Duration::from_secs(300);
/// While nothing can be done, whatever else arrives is followed by another try; there is at least this time between two.
const TRY_SOON: Duration = Duration::from_millis(200);
/// A service that stops tries so often to be rid of what it has.
const LAST_TRIES: u32 = 5;

/// What the probes and the metrics say about the loop.
#[derive(Default)]
pub struct ConsumerState {
    /// How the consumer stands with Kafka.
    pub kafka: Arc<KafkaState>,
    /// The last step found the database in order.
    pub well: AtomicBool,
    /// The circuit breaker refuses calls.
    pub breaker_open: AtomicBool,
}

/// Where inputs come from.
pub(crate) struct Arrivals {
    pub consumer: KafkaConsumer,
    pub commands: CommandQueue<Routed>,
    pub answers: mpsc::Receiver<(PendingCall, Answer)>,
    pub deadlines: mpsc::Receiver<(Vec<Deadline>, Found)>,
}

pub(crate) struct IntakeLoop {
    pub handler: Arc<ServiceHandler>,
    pub post_commit: PostCommit,
    pub state: Arc<ConsumerState>,
    /// Most inputs of one transaction.
    pub limit: usize,
    /// The last run of this process crashed.
    pub crashed: bool,
    /// From then on no message is taken, and no command.
    pub stop: CancellationToken,
    /// Cancelled once this loop has ended, so that nothing goes aside any more.
    pub ended: CancellationToken,
}

impl IntakeLoop {
    /// Runs until it is told to stop and has handled what it took, or until going on would lose events.
    pub async fn run(self, mut intake: Intake<Routed>, mut arrivals: Arrivals) {
        let _ended = self.ended.clone().drop_guard();
        if let Err(error) = self.take_in(&mut intake, &mut arrivals).await {
            error!(%error, "the service reads nothing any more, because going on would skip or lose events");
            self.state.well.store(false, Ordering::Relaxed);
        }
        intake.give_up("the service is stopping");
        arrivals.consumer.leave().await;
    }

    async fn take_in(&self, intake: &mut Intake<Routed>, arrivals: &mut Arrivals) -> Result<(), BrokerError> {
        let (started, mut ids, mut failures) = (Instant::now(), Ids::new(), 0);
        let mut pacing = Pacing::default();
        let mut open = Open { commands: true, answers: true };
        loop {
            beat();
            intake.set_guarded(self.crashed && (started.elapsed() < GUARDED_FOR || self.handler.knows_culprit()));
            if self.stop.is_cancelled() {
                arrivals.commands.close();
                if !intake.has_work() && !open.commands && !open.answers {
                    return Ok(());
                }
            }
            let polled = if intake.has_work() { Ok(()) } else { self.wait(intake, arrivals, &mut open).await };
            self.take_what_is_there(intake, arrivals);
            if intake.has_work() && !intake.has_enough() {
                self.pause(intake, arrivals, started + pacing.next()).await;
            }
            let began = started.elapsed();
            let stepped = match polled {
                Ok(()) => self.step(intake, arrivals, &mut ids).await,
                Err(failure) => Err(failure),
            };
            if stepped.as_ref().is_ok_and(|stepped| *stepped) {
                pacing.took(began, started.elapsed());
            }
            match stepped {
                Ok(_) => {
                    failures = 0;
                    self.state.well.store(true, Ordering::Relaxed);
                }
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(failure)) => {
                    failures = u32::saturating_add(failures, 1);
                    self.state.well.store(false, Ordering::Relaxed);
                    warn!(failure, failures, "inputs wait; partitions are paused and the group is kept alive");
                    if self.stop.is_cancelled() && failures >= LAST_TRIES {
                        return Ok(());
                    }
                    self.keep_alive(intake, arrivals, backoff(failures)).await;
                }
            }
        }
    }

    /// Until something has arrived, or there is reason to look around.
    async fn wait(&self, intake: &mut Intake<Routed>, arrivals: &mut Arrivals, open: &mut Open) -> Result<(), Failure> {
        let Arrivals { consumer, commands, answers, deadlines } = arrivals;
        let mut basket = intake.basket();
        let stopping = self.stop.is_cancelled();
        let room = basket.room();
        tokio::select! {
            asked = commands.next(self.limit), if open.commands => match asked {
                Some(asked) => intake.ask(asked),
                None => open.commands = false,
            },
            answer = answers.recv(), if open.answers => match answer {
                Some((call, answer)) => intake.answered(&call, answer),
                None => open.answers = false,
            },
            Some((due, found)) = deadlines.recv(), if !stopping => intake.due(due, &found),
            polled = poll(consumer, room), if !stopping => {
                basket.add(&self.handler.participant, polled?, consumer);
                intake.messages(basket);
            }
            () = self.stop.cancelled(), if !stopping => {}
        }
        if let Err(error) = intake.commit_offsets(consumer).await {
            warn!(%error, "offsets were not committed; they are committed with the next ones");
        }
        Ok(())
    }

    /// All that can be had without waiting, as far as there is room; whether something came.
    fn take_what_is_there(&self, intake: &mut Intake<Routed>, arrivals: &mut Arrivals) -> bool {
        let asked = arrivals.commands.waiting(intake.room_for(Kind::Command));
        let mut came = !asked.is_empty();
        intake.ask(asked);
        while intake.room_for(Kind::Answer) > 0
            && let Ok((call, answer)) = arrivals.answers.try_recv()
        {
            intake.answered(&call, answer);
            came = true;
        }
        if let Ok((due, found)) = arrivals.deadlines.try_recv() {
            intake.due(due, &found);
            came = true;
        }
        came
    }

    /// Gathers what comes until then: the busier this loop is, the later.
    async fn pause(&self, intake: &mut Intake<Routed>, arrivals: &mut Arrivals, until: Instant) {
        if until <= Instant::now() || self.stop.is_cancelled() {
            return;
        }
        let mut basket = intake.basket();
        let gathered = tokio::time::timeout_at(until.into(), self.gather(&mut arrivals.consumer, &mut basket)).await;
        if let Ok(Err(error)) = gathered {
            warn!(%error, "Kafka could not be read");
        }
        intake.messages(basket);
        self.take_what_is_there(intake, arrivals);
    }

    /// One transaction, and what comes from Kafka meanwhile. Whether there was something to do.
    async fn step(&self, intake: &mut Intake<Routed>, arrivals: &mut Arrivals, ids: &mut Ids) -> Result<bool, Failure> {
        let consumer = &mut arrivals.consumer;
        if !intake.prepare(|topic, partition| consumer.owned_since(topic, partition)) {
            return Ok(false);
        }
        let (began, mut basket) = (Instant::now(), intake.basket());
        let gathers = !self.stop.is_cancelled();
        let stepped = {
            let mut step = pin!(tokio::time::timeout(TIME_LIMIT, intake.step(&self.handler, ids)));
            tokio::select! {
                biased;
                stepped = &mut step => stepped,
                gathered = self.gather(consumer, &mut basket), if gathers => match gathered {
                    // Full: the rest of the time nothing more is taken.
                    Ok(()) => step.await,
                    Err(error) => {
                        warn!(%error, "Kafka could not be read");
                        step.await
                    }
                },
            }
        };
        intake.messages(basket);
        match stepped {
            Ok(Ok(handled)) => {
                handled.into_iter().for_each(|handled| report(handled, &self.post_commit, began));
                if let Err(error) = intake.commit_offsets(consumer).await {
                    warn!(%error, "offsets were not committed; they are committed with the next ones");
                }
                Ok(true)
            }
            Ok(Err(error)) => Err(Failure::Passing(error.to_string())),
            Err(_) => Err(Failure::Passing(format!("a transaction took longer than {TIME_LIMIT:?}"))),
        }
    }

    /// Takes messages until there is no room for more.
    async fn gather(&self, consumer: &mut KafkaConsumer, basket: &mut Messages<Routed>) -> Result<(), BrokerError> {
        while basket.room() > 0 {
            let messages = consumer.poll(basket.room()).await?;
            basket.add(&self.handler.participant, messages, consumer);
        }
        Ok(())
    }

    /// Waits before the next try; what arrives cuts that short.
    async fn keep_alive(&self, intake: &mut Intake<Routed>, arrivals: &mut Arrivals, time: Duration) {
        let began = Instant::now();
        let mut until = began + time;
        while Instant::now() < until {
            beat();
            if self.take_what_is_there(intake, arrivals) || self.stop.is_cancelled() {
                until = until.min(began + TRY_SOON);
            }
            if let Err(error) = arrivals.consumer.keep_alive().await {
                warn!(%error, "keeping the consumer group alive failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// With no room for messages the group is kept alive without any.
async fn poll(consumer: &mut KafkaConsumer, room: usize) -> Result<Vec<Delivery>, BrokerError> {
    match room {
        0 => consumer.keep_alive().await.map(|()| Vec::new()),
        _ => consumer.poll(room).await,
    }
}

/// Which queues may still bring something.
struct Open {
    commands: bool,
    answers: bool,
}

/// Why a step was not done.
enum Failure {
    /// The next step tries again.
    Passing(String),
    /// Going on would skip or lose events.
    Lasting(BrokerError),
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Transient(why) => Self::Passing(why),
            lasting => Self::Lasting(lasting),
        }
    }
}

/// What follows a commit.
pub(super) fn report(mut handled: Handled<AnyReply>, post_commit: &PostCommit, began: Instant) {
    post_commit.of(&mut handled.progress);
    for kind in Kind::ALL {
        let count = handled.kinds.iter().filter(|of| **of == kind).count();
        if count > 0 {
            metrics::histogram!("saga_batch_size", "kind" => kind.name()).record(count as f64);
        }
    }
    metrics::histogram!("saga_batch_seconds", "kind" => "inputs").record(began.elapsed().as_secs_f64());
}
