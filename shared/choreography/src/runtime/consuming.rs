//! The consumer loop: step, and while the database is away keep the group alive and wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use choreography_core::{
    consumer::{Consumer, Step, StepError},
    event_id::Ids,
    log::{EventSource, LogError},
    routes::Routed,
};
use choreography_kafka::{KafkaSource, KafkaState};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Aftermath, ServiceDoor, backoff, beat};

/// A batch that takes longer is rolled back and handed in again; well below max.poll.interval.ms.
const BATCH_TIME_LIMIT: Duration = Duration::from_secs(60);

/// So long after a crash: what was under way then has come again by now, rebalances included. It costs two short
/// transactions a batch.
const CAREFUL_FOR: Duration = Duration::from_secs(300);

/// What the probes and the metrics say about the consumer.
#[derive(Default)]
pub struct ConsumerState {
    /// How the consumer stands with Kafka.
    pub kafka: Arc<KafkaState>,
    /// The last step found the database in order.
    pub well: AtomicBool,
    /// The circuit breaker refuses calls.
    pub breaker_open: AtomicBool,
}

/// Runs until told to stop or until going on would lose facts, which is the error.
pub(crate) async fn consumer_loop(
    door: Arc<ServiceDoor>,
    mut source: KafkaSource,
    aftermath: Aftermath,
    state: Arc<ConsumerState>,
    limit: usize,
    crashed: bool,
    stop: CancellationToken,
) -> Result<(), LogError> {
    let mut consumer = Consumer::default();
    let started = Instant::now();
    let mut ids = Ids::new();
    let mut failures = 0;
    while !stop.is_cancelled() {
        beat();
        consumer.be_careful(crashed && started.elapsed() < CAREFUL_FOR);
        let began = Instant::now();
        let stepped = tokio::time::timeout(BATCH_TIME_LIMIT, consumer.step(&door, &mut source, &mut ids, limit)).await;
        let failure = match stepped {
            Ok(Ok(step)) => {
                failures = 0;
                state.well.store(true, Ordering::Relaxed);
                handled(step, &aftermath, began);
                continue;
            }
            Ok(Err(StepError::Log(LogError::Transient(why)))) => why,
            Ok(Err(StepError::Log(lasting))) => {
                error!(error = %lasting, "the consumer stops: it would skip or lose facts");
                state.well.store(false, Ordering::Relaxed);
                return Err(lasting);
            }
            Ok(Err(StepError::Store(error))) => error.to_string(),
            Err(_) => format!("a batch took longer than {BATCH_TIME_LIMIT:?}"),
        };
        failures = u32::saturating_add(failures, 1);
        state.well.store(false, Ordering::Relaxed);
        warn!(failure, failures, "events wait; partitions are paused and the group is kept alive");
        keep_alive(&mut source, backoff(failures), &stop).await;
    }
    source.leave().await;
    Ok(())
}

fn handled(step: Step<Routed>, aftermath: &Aftermath, began: Instant) {
    let Step::Handled { messages, mut progress, offsets } = step else { return };
    if let Err(error) = offsets {
        warn!(%error, "offsets were not committed; the next batch commits them too");
    }
    aftermath.of(&mut progress);
    metrics::histogram!("saga_batch_size", "kind" => "events").record(messages as f64);
    metrics::histogram!("saga_batch_seconds", "kind" => "events").record(began.elapsed().as_secs_f64());
}

async fn keep_alive(source: &mut KafkaSource, time: Duration, stop: &CancellationToken) {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.is_cancelled() {
        beat();
        if let Err(error) = source.keep_alive().await {
            warn!(%error, "keeping the consumer group alive failed");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
