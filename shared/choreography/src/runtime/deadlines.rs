//! The deadline loop: sleeps until the next deadline or until an earlier one is set.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use choreography_core::{deadlines, event_id::Ids};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Aftermath, ServiceDoor, backoff, beat, idle};

pub(crate) async fn deadline_loop(
    door: Arc<ServiceDoor>,
    aftermath: Aftermath,
    limit: usize,
    slow_poll: Duration,
    stop: CancellationToken,
) {
    let mut ids = Ids::new();
    let mut failures = 0;
    while !stop.is_cancelled() {
        beat();
        // Whatever is set from here on is told, since what is read now may not have it.
        aftermath.next_deadline.store(i64::MAX, Ordering::Relaxed);
        let wait = match deadlines::step(&door, &door.database, &mut ids, limit).await {
            Ok((due, mut progress)) => {
                failures = 0;
                let handled = progress.verdicts.len() + due.unreadable.len();
                // Before the aftermath: what was set or postponed meanwhile may come earlier.
                let next = due.next.map_or(i64::MAX, |next| next.timestamp_millis());
                aftermath.next_deadline.store(next, Ordering::Relaxed);
                aftermath.of(&mut progress);
                let until_next = due.next.and_then(|next| (next - due.now).to_std().ok()).unwrap_or(slow_poll);
                if handled == limit { Duration::ZERO } else { until_next.min(slow_poll * 10) }
            }
            Err(error) => {
                failures += 1;
                warn!(%error, "deadlines wait");
                backoff(failures)
            }
        };
        idle(async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = aftermath.wakes.deadlines.notified() => {}
                () = stop.cancelled() => {}
            }
        })
        .await;
    }
}
