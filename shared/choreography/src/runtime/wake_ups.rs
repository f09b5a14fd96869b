//! Wake-ups after a commit: in process directly, other replicas by one coalesced NOTIFY outside the business transaction.

use std::{sync::Arc, time::Duration};

use choreography_core::relay::Lane;
use choreography_postgres::Pool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{PostCommit, backoff, beat, idle};

const CHANNEL: &str = "saga_outbox";
/// At most one NOTIFY per this time: they take a database-wide lock when they commit.
const COALESCE: Duration = Duration::from_millis(10);
/// After so much silence the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(5);

/// The loops that are to be woken.
#[derive(Clone, Default)]
pub struct Wakes {
    /// An event waits in the outbox.
    pub relay: Arc<Notify>,
    /// A dead letter waits in the outbox.
    pub dead_letters: Arc<Notify>,
    /// An earlier deadline was set.
    pub deadlines: Arc<Notify>,
    /// A deferred event may go on.
    pub retry: Arc<Notify>,
    /// Something waits in a range that another replica's relay holds.
    pub elsewhere: Arc<Notify>,
}

impl Wakes {
    /// What wakes the relay of a lane.
    pub fn of_relay(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Events => &self.relay,
            Lane::DeadLetters => &self.dead_letters,
        }
    }
}

/// Carries wake-ups between replicas, both ways.
pub async fn listen_loop(pool: Pool, post_commit: PostCommit, stop: CancellationToken) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let Err(error) = listen(&pool, &post_commit, &mut failures, &stop).await else { return };
        failures += 1;
        // Without wake-ups the poll still finds everything.
        warn!(%error, "no wake-ups between replicas; a poll every POLL_INTERVAL takes their place");
        idle(async {
            tokio::select! {
                () = tokio::time::sleep(backoff(failures)) => {}
                () = stop.cancelled() => {}
            }
        })
        .await;
    }
}

async fn listen(
    pool: &Pool,
    post_commit: &PostCommit,
    failures: &mut u32,
    stop: &CancellationToken,
) -> sqlx::Result<()> {
    let mut listener = within(PATIENCE, connect(pool)).await?;
    *failures = 0;
    let mut ask_at = Instant::now() + SILENCE;
    loop {
        beat();
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = tokio::time::timeout_at(ask_at, listener.recv()) => match heard {
                Ok(notification) => {
                    notification?;
                    ask_at = Instant::now() + SILENCE;
                    Lane::ALL.into_iter().for_each(|lane| post_commit.look_into_the_table(lane));
                }
                Err(_) => {
                    within(PATIENCE, sqlx::query("SELECT 1").execute(&mut listener)).await?;
                    ask_at = Instant::now() + SILENCE;
                }
            },
            () = post_commit.wakes.elsewhere.notified() => {
                sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(pool).await?;
                tokio::time::sleep(COALESCE).await;
            }
        }
    }
}

/// A connection of its own: it is used by no other, so it needs no place among the pool's.
async fn connect(pool: &Pool) -> sqlx::Result<PgListener> {
    let alone = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let mut listener = PgListener::connect_with(&alone.connect_lazy_with(pool.options())).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn within<T>(limit: Duration, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(limit, answer).await.map_err(|_| sqlx::Error::PoolTimedOut)?
}
