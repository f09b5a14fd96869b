//! Gauges of what only the database knows. Every replica tells them all, so take their maximum, not their sum.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{ConsumerState, Progress, idle};
use crate::postgres::{Depths, Pool, depths, stopped_keys};

const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn gauge_loop(pool: Pool, state: Arc<ConsumerState>, progress: Progress, stop: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let ticked = idle(async {
            tokio::select! {
                _ = every.tick() => true,
                () = stop.cancelled() => false,
            }
        });
        if !ticked.await {
            return;
        }
        metrics::gauge!("saga_loops_stalled").set(f64::from(u8::from(progress.stalled().is_some())));
        metrics::gauge!("saga_partition_missing").set(f64::from(u8::from(pool.lacks_partition())));
        crate::http::fold_metrics();
        let open = if state.breaker_open.load(Ordering::Relaxed) { 1.0 } else { 0.0 };
        metrics::gauge!("saga_breaker_open").set(open);
        metrics::gauge!("saga_consumer_partitions").set(state.kafka.partitions() as f64);
        match depths(&pool).await {
            Ok(depths) => tell(&depths),
            Err(error) => warn!(%error, "the gauges of the database could not be read"),
        }
        match stopped_keys(&pool).await {
            Ok(stopped) => metrics::gauge!("saga_stopped_keys").set(stopped as f64),
            Err(error) => warn!(%error, "the stopped keys could not be counted"),
        }
    }
}

fn tell(depths: &Depths) {
    metrics::gauge!("saga_outbox_messages").set(depths.outbox as f64);
    metrics::gauge!("saga_outbox_oldest_age_seconds").set(depths.outbox_age);
    metrics::gauge!("saga_held_events", "status" => "retrying").set(depths.retrying as f64);
    metrics::gauge!("saga_held_events", "status" => "queued").set(depths.queued as f64);
    metrics::gauge!("saga_held_events", "status" => "parked").set(depths.parked as f64);
    metrics::gauge!("saga_retrying_oldest_age_seconds").set(depths.retrying_age);
    metrics::gauge!("saga_parked_keys").set(depths.parked_keys as f64);
    metrics::gauge!("saga_dead_messages").set(depths.dead_messages as f64);
    metrics::gauge!("saga_deadlines_due").set(depths.deadlines_due as f64);
    metrics::gauge!("saga_deadlines_refused").set(depths.deadlines_refused as f64);
    metrics::gauge!("saga_inbox_events").set(depths.inbox as f64);
    for (step, open, age) in &depths.intents {
        metrics::gauge!("saga_intents_unresolved", "step" => step.clone()).set(*open as f64);
        metrics::gauge!("saga_intent_oldest_age_seconds", "step" => step.clone()).set(*age);
    }
}
