//! The retry loop: deferred events that are due, and queues that may go on.

use std::{sync::Arc, time::Duration};

use choreography_core::{
    event_id::Ids,
    input::Verdict,
    retry::{self, Limits},
    store::StoreError,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{PostCommit, ServiceHandler, backoff, beat, idle};

/// Of one key in one transaction; the rest follows in the next.
const PER_KEY: usize = 100;
/// Payloads in one transaction.
const BYTES: usize = 8 * 1024 * 1024;
/// Two looks are at least so far apart, unless the first one found something.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

pub(crate) async fn retry_loop(
    handler: Arc<ServiceHandler>,
    post_commit: PostCommit,
    keys: usize,
    poll_interval: Duration,
    guarded: bool,
    stop: CancellationToken,
) {
    let mut ids = Ids::new();
    let mut failures = 0;
    let limits = Limits { keys, per_key: PER_KEY, bytes: BYTES };
    while !stop.is_cancelled() {
        beat();
        let looked = async {
            let mut progress = retry::step(&handler, &handler.database, &mut ids, limits, guarded).await?;
            metrics::counter!("saga_retries_total").increment(progress.verdicts.len() as u64);
            post_commit.of(&mut progress);
            // Events that did not fit, or that stand behind a released one, come at once.
            if progress.verdicts.iter().flatten().any(|verdict| matches!(verdict, Verdict::Applied(_))) {
                return Ok(Duration::ZERO);
            }
            let next = handler.database.next_retry().await?.unwrap_or(poll_interval);
            Ok::<_, StoreError>(next.max(BETWEEN_LOOKS).min(poll_interval))
        };
        let wait = match looked.await {
            Ok(wait) => {
                failures = 0;
                wait
            }
            Err(error) => {
                failures += 1;
                warn!(%error, "deferred events wait");
                backoff(failures)
            }
        };
        idle(async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = post_commit.wakes.retry.notified() => {
                    // A retry that was just written down is not due before its wait is over.
                    tokio::time::sleep(wait.min(BETWEEN_LOOKS)).await;
                }
                () = stop.cancelled() => {}
            }
        })
        .await;
    }
}
