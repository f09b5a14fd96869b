//! The relay loop: woken after commits, with a slow poll for what a crash left.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use super::{Aftermath, backoff, beat, idle};
use crate::{
    kafka::KafkaSink,
    postgres::{Postgres, Tables},
    relay::{Relay, Relayed},
    settings::{EngineSettings, delta},
};

pub(crate) async fn relay_loop<P: Tables>(
    store: Postgres<P>,
    mut sink: KafkaSink,
    aftermath: Aftermath,
    settings: Arc<EngineSettings>,
    stop: CancellationToken,
) {
    let mut relay = Relay::new(Uuid::new_v4());
    let renew_every = settings.relay_lease / 3;
    let mut claimed: Option<Instant> = None;
    let mut failures = 0;
    loop {
        beat();
        if claimed.is_none_or(|at| at.elapsed() >= renew_every) {
            match relay.claim(&store, delta(settings.relay_lease)).await {
                Ok(()) => {
                    claimed = Some(Instant::now());
                    *aftermath.relay_ranges.lock().unwrap_or_else(PoisonError::into_inner) = relay.ranges();
                }
                Err(error) => warn!(%error, "relay leases were not renewed"),
            }
        }
        let began = Instant::now();
        let wait = match relay.step(&store, &mut sink, settings.relay_batch).await {
            Ok(Relayed::Published { rows, .. }) => {
                failures = 0;
                metrics::counter!("saga_published_total").increment(rows as u64);
                metrics::histogram!("saga_relay_seconds").record(began.elapsed().as_secs_f64());
                metrics::histogram!("saga_batch_size", "kind" => "relay").record(rows as f64);
                continue;
            }
            Ok(Relayed::Nothing) if stop.is_cancelled() => break,
            Ok(Relayed::Nothing) => settings.slow_poll.min(renew_every),
            Ok(Relayed::Failed { published, error }) => {
                failures += 1;
                error!(%error, published, "Kafka did not take an event; its key range waits and is sent again");
                backoff(failures)
            }
            Err(error) => {
                failures += 1;
                warn!(%error, "the outbox could not be read or marked; repeats are skipped by their readers");
                backoff(failures)
            }
        };
        if stop.is_cancelled() && failures > 0 {
            break;
        }
        idle(pause(&aftermath, wait, failures > 0, &stop)).await;
    }
    if let Err(error) = relay.release(&store).await {
        warn!(%error, "relay leases were not given back; they expire");
    }
    sink.close().await;
}

async fn pause(aftermath: &Aftermath, wait: Duration, failing: bool, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        // While Kafka is away, new rows are no reason to try sooner.
        () = aftermath.wakes.relay.notified(), if !failing => {}
        () = stop.cancelled(), if !failing => {}
    }
}
