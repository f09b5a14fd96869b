//! The retry loop: held events that are due, and queues that may go on.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Aftermath, ServiceDoor, backoff};
use crate::{event_id::Ids, postgres::Tables, retry};

/// Of one key in one transaction; the rest follows in the next.
const PER_KEY: usize = 100;

pub(crate) async fn retry_loop<P: Tables>(
    door: Arc<ServiceDoor<P>>,
    aftermath: Aftermath,
    keys: usize,
    slow_poll: Duration,
    careful: bool,
    stop: CancellationToken,
) {
    let mut ids = Ids::new();
    let mut failures = 0;
    while !stop.is_cancelled() {
        let wait = match retry::step(&door, &door.database, &mut ids, keys, PER_KEY, careful).await {
            Ok(mut retried) => {
                failures = 0;
                for (number, failure) in &retried.unreadable {
                    error!(
                        number,
                        failure = failure.message,
                        "a held event can't be read by this version; it stays held"
                    );
                }
                let progress = &mut retried.progress;
                metrics::counter!("saga_retries_total").increment(progress.verdicts.len() as u64);
                let intents = std::mem::take(&mut progress.intents);
                aftermath.of(&progress.verdicts, &progress.ranges, intents, progress.earliest_deadline);
                slow_poll
            }
            Err(error) => {
                failures += 1;
                warn!(%error, "held events wait");
                backoff(failures)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = aftermath.wakes.retry.notified() => {
                // A retry that was just written down is not due before its wait is over.
                tokio::time::sleep(wait.min(Duration::from_millis(50))).await;
            }
            () = stop.cancelled() => {}
        }
    }
}
