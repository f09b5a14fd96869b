//! Partitions made ahead and dropped behind, and the gauges that only the database knows.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    postgres::{Pool, drop_partitions, make_partitions, sweep},
    settings::{EngineSettings, delta},
};

const EVERY: Duration = Duration::from_secs(3600);

pub(crate) async fn maintenance_loop(pool: Pool, settings: Arc<EngineSettings>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let window = settings.policy().window;
        match make_partitions(&pool, window).await {
            Ok(()) => {}
            Err(error) => error!(%error, "partitions could not be made ahead; events will wait when the days run out"),
        }
        match sweep(&pool, window.horizon).await {
            Ok(0) => {}
            Ok(swept) => info!(swept, "rows that were settled before the horizon are gone"),
            Err(error) => error!(%error, "settled rows could not be swept; they take room"),
        }
        match drop_partitions(&pool, window, delta(settings.outbox_delay)).await {
            Ok(0) => {}
            Ok(dropped) => info!(dropped, "old partitions dropped"),
            Err(error) => error!(%error, "old partitions could not be dropped; the disk fills"),
        }
    }
}
