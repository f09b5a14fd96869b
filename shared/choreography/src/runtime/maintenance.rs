//! Partitions made ahead and dropped behind.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use choreography_postgres::{Pool, drop_partitions, make_partitions, sweep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{backoff, idle};
use crate::settings::{EngineSettings, delta};

const EVERY: Duration = Duration::from_secs(3600);
/// Soon after the start: a service that is restarted every half hour must drop what is old as well.
const FIRST: Duration = Duration::from_secs(60);

pub(crate) async fn maintenance_loop(pool: Pool, settings: Arc<EngineSettings>, stop: CancellationToken) {
    let mut failures = 0;
    let mut next = Instant::now() + FIRST;
    loop {
        let missed = idle(async {
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => Some(false),
                () = pool.partition_missed() => Some(true),
                () = stop.cancelled() => None,
            }
        });
        let Some(missed) = missed.await else { return };
        if missed {
            error!("a row's day has no partition; it is created now");
        }
        let window = settings.policy().window;
        match make_partitions(&pool, window).await {
            Ok(()) => {
                failures = 0;
                pool.has_partitions();
            }
            Err(error) => {
                error!(%error, "partitions could not be made ahead; events will wait when the days run out");
                failures += 1;
                next = Instant::now() + if pool.lacks_partition() { backoff(failures) } else { FIRST };
            }
        }
        // What was missed in between does not put the rest off.
        if missed {
            continue;
        }
        if failures == 0 {
            next = Instant::now() + EVERY;
        }
        match sweep(&pool, window.horizon).await {
            Ok(0) => {}
            Ok(swept) => info!(swept, "rows that were settled before the horizon were deleted"),
            Err(error) => error!(%error, "settled rows could not be deleted; they take up room"),
        }
        match drop_partitions(&pool, window, delta(settings.outbox_delay)).await {
            Ok(0) => {}
            Ok(dropped) => info!(dropped, "old partitions dropped"),
            Err(error) => error!(%error, "old partitions could not be dropped; the disk fills"),
        }
    }
}
