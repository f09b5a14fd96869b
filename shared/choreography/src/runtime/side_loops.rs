//! The loops that handle what the intake put aside, while it goes on with the rest.

use std::{sync::Arc, time::Instant};

use choreography_core::{event_id::Ids, intake::Beside, routes::Routed};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{PostCommit, ServiceHandler, backoff, beat, idle, intake::report};

/// Runs until nothing goes aside any more and nothing is left, or until the database is away while the service stops.
pub(crate) async fn beside_loop(
    handler: Arc<ServiceHandler>,
    mut beside: Beside<Routed>,
    post_commit: PostCommit,
    stop: CancellationToken,
    nothing_comes: CancellationToken,
) {
    let (mut ids, mut failures) = (Ids::new(), 0);
    loop {
        beat();
        let began = Instant::now();
        match beside.step(&handler, &mut ids).await {
            Ok(Some(handled)) => {
                failures = 0;
                report(handled, &post_commit, began);
            }
            Ok(None) if nothing_comes.is_cancelled() => return,
            Ok(None) => {
                idle(async {
                    tokio::select! {
                        () = beside.came() => {}
                        () = nothing_comes.cancelled() => {}
                    }
                })
                .await;
            }
            Err(_) if stop.is_cancelled() => return,
            Err(error) => {
                failures += 1;
                warn!(%error, "inputs that were set aside wait for the database");
                idle(async {
                    tokio::select! {
                        () = tokio::time::sleep(backoff(failures)) => {}
                        () = stop.cancelled() => {}
                    }
                })
                .await;
            }
        }
    }
}
