//! Wake-ups after a commit: in process directly, other replicas by one coalesced NOTIFY outside the business transaction.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::backoff;

const CHANNEL: &str = "saga_outbox";
/// At most one NOTIFY per this time: they take a database-wide lock when they commit.
const COALESCE: Duration = Duration::from_millis(10);

/// Who is to be woken.
#[derive(Clone, Default)]
pub struct Wakes {
    /// Something waits in the outbox.
    pub relay: Arc<Notify>,
    /// An earlier deadline was set.
    pub deadlines: Arc<Notify>,
    /// A held event may go on.
    pub retry: Arc<Notify>,
    /// Something waits in a range that another replica's relay holds.
    pub elsewhere: Arc<Notify>,
}

/// Carries wake-ups between replicas, both ways.
pub async fn listen_loop(pool: PgPool, wakes: Wakes, stop: CancellationToken) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let Err(error) = listen(&pool, &wakes, &stop).await else { return };
        failures += 1;
        // Without wake-ups the slow poll still finds everything.
        warn!(%error, "no wake-ups between replicas; the slow poll stands in");
        tokio::select! {
            () = tokio::time::sleep(backoff(failures)) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn listen(pool: &PgPool, wakes: &Wakes, stop: &CancellationToken) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            notification = listener.recv() => {
                notification?;
                wakes.relay.notify_one();
            }
            () = wakes.elsewhere.notified() => {
                sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(pool).await?;
                tokio::time::sleep(COALESCE).await;
            }
        }
    }
}
