//! The deadline loop: sleeps until the next deadline or until an earlier one is set, and hands those that are due to the service's
//! loop.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use choreography_core::{
    deadlines,
    intake::{Found, search},
    store::Deadline,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{PostCommit, ServiceHandler, backoff, beat, idle};

pub(crate) async fn deadline_loop(
    handler: Arc<ServiceHandler>,
    due: mpsc::Sender<(Vec<Deadline>, Found)>,
    post_commit: PostCommit,
    limit: usize,
    poll_interval: Duration,
    stop: CancellationToken,
) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        beat();
        // Each deadline that is set from here on wakes this loop, since the read below may not see it.
        post_commit.next_deadline.store(i64::MAX, Ordering::Relaxed);
        let until = match deadlines::look(&handler.database, limit, handler.policy.retry.cap).await {
            Ok(looked) => {
                failures = 0;
                // Before these are handled: a deadline that is set or postponed meanwhile may come earlier.
                let next = looked.next.map_or(i64::MAX, |next| next.timestamp_millis());
                post_commit.next_deadline.store(next, Ordering::Relaxed);
                let until_next =
                    looked.next.and_then(|next| (next - looked.now).to_std().ok()).unwrap_or(poll_interval);
                let is_all = looked.due.len() + looked.unreadable.len() < limit;
                let until = Instant::now() + if is_all { until_next.min(poll_interval * 10) } else { Duration::ZERO };
                if !looked.due.is_empty() {
                    let (found, search) = search();
                    let handled = async {
                        if due.send((looked.due, found)).await.is_ok() {
                            search.over().await;
                        }
                    };
                    idle(async {
                        tokio::select! {
                            () = handled => {}
                            () = stop.cancelled() => {}
                        }
                    })
                    .await;
                }
                until
            }
            Err(error) => {
                failures += 1;
                warn!(%error, "deadlines wait");
                Instant::now() + backoff(failures)
            }
        };
        idle(async {
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = post_commit.wakes.deadlines.notified() => {}
                () = stop.cancelled() => {}
            }
        })
        .await;
    }
}
