//! Connections kept for the next caller. Unlike sqlx's own pool it asks nothing of a connection that was just
//! used (two round trips less), and whatever it waits for has a limit.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{session::Session, statement::no_answer};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// After this long without use a connection is asked whether it lives.
const QUIET: Duration = Duration::from_secs(1);
pub(super) const PING_LIMIT: Duration = Duration::from_secs(2);
/// Older ones are made anew, so that an address that moved is followed without an error.
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// Statements that a connection keeps prepared. What a batch writes decides which parts its statement has.
const STATEMENTS: usize = 500;
/// So long the database's clock is expected to have gone on as this machine's.
const CLOCK_HOLDS: Duration = Duration::from_secs(10);
/// So much the database's clock may be ahead of what is expected of it.
const LONGEST_ANSWER: Duration = Duration::from_millis(100);
/// A connection that was in use so lately is not asked whether it lives before a write that must not get lost.
const A_MOMENT: Duration = Duration::from_millis(10);
/// A BEGIN that meets a dead connection is tried on another.
const BEGIN_TRIES: usize = 2;

/// What a pool allows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long one waits for a connection that others have.
    pub acquire: Duration,
    /// How long a statement may take; it should be longer than PostgreSQL's own `statement_timeout`.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10, acquire: Duration::from_secs(10), statement: Duration::from_secs(20) }
    }
}

/// Connections to one database; cheap to clone. As an executor it runs one statement.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    /// How the next connection is made. The same for all pools of a database.
    options: Arc<Mutex<PgConnectOptions>>,
    limits: Limits,
    pooler: Option<String>,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    server: Arc<Server>,
    closed: AtomicBool,
}

/// What was seen of the server; the same for all pools of a database.
struct Server {
    /// Connections that are older lead to a server that is gone, or is not the primary any more.
    trusted_since: Mutex<Instant>,
    lacks_partition: AtomicBool,
    partition_missed: Notify,
    clock: Mutex<Option<Clock>>,
}

/// The database's clock as it was told last.
struct Clock {
    told: DateTime<Utc>,
    at: Instant,
    /// What this machine's clock said then.
    here: SystemTime,
}

impl Clock {
    /// What it says now, or a little less, unless that is too long ago. A machine that slept meanwhile knows it by its own clock.
    fn now(&self) -> Option<DateTime<Utc>> {
        let (since, here) = (self.at.elapsed(), self.here.elapsed().ok()?);
        (since < CLOCK_HOLDS && here < CLOCK_HOLDS).then(|| self.told + since)
    }
}

/// A connection for an optimistic transaction.
pub(super) struct Lent {
    pub session: Session,
    /// What the database's clock says, by its last answer.
    pub now: DateTime<Utc>,
    /// Whether this connection was in use a moment ago.
    pub answered: bool,
}

impl Server {
    fn new() -> Arc<Self> {
        let (trusted_since, lacks_partition) = (Mutex::new(Instant::now()), AtomicBool::new(false));
        let (partition_missed, clock) = (Notify::new(), Mutex::default());
        Arc::new(Self { trusted_since, lacks_partition, partition_missed, clock })
    }
}

struct Idle {
    connection: PgConnection,
    born: Instant,
    since: Instant,
}

/// The right to one of the pool's connections.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    born: Instant,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Does not connect yet.
    pub fn new(options: PgConnectOptions, limits: Limits) -> Self {
        Self::open(Arc::new(Mutex::new(options)), limits, None, Server::new())
    }

    /// Behind a pooler that hands out the server's connections by the transaction: `settings` (name and value) hold for
    /// each transaction, and no statement has a name.
    pub fn behind_pooler(options: PgConnectOptions, limits: Limits, settings: &[(&str, String)]) -> Self {
        let settings: String = settings.iter().map(|(name, value)| format!("; SET LOCAL {name} = '{value}'")).collect();
        Self::open(Arc::new(Mutex::new(options)), limits, Some(format!("BEGIN{settings}")), Server::new())
    }

    /// More connections to the same database, which others can't use up.
    #[must_use]
    pub fn beside(&self, limits: Limits) -> Self {
        let Shared { options, pooler, server, .. } = &*self.0;
        Self::open(options.clone(), limits, pooler.clone(), server.clone())
    }

    fn open(
        options: Arc<Mutex<PgConnectOptions>>,
        limits: Limits,
        pooler: Option<String>,
        server: Arc<Server>,
    ) -> Self {
        let free = Arc::new(Semaphore::new(limits.connections));
        let (idle, closed) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Shared { options, limits, pooler, free, idle, server, closed }))
    }

    /// A connection of one's own until it is dropped.
    pub async fn session(&self) -> sqlx::Result<Session> {
        loop {
            let (mut session, quiet) = self.acquire().await?;
            // If it does not answer it is closed, and so are those that are as old: the next one is new.
            if !quiet || session.ping(PING_LIMIT).await.is_ok() {
                return Ok(session);
            }
        }
    }

    /// A connection, and whether it was not used for so long that it may have died.
    async fn acquire(&self) -> sqlx::Result<(Session, bool)> {
        let acquired = tokio::time::timeout(self.0.limits.acquire, self.0.free.clone().acquire_owned()).await;
        let permit = acquired.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let Some(Idle { connection, born, since }) = self.take_idle() else {
            return Ok((self.connect(permit).await?, false));
        };
        let session = Session::new(connection, Place { _permit: permit, born }, self.clone());
        Ok((session, since.elapsed() >= QUIET))
    }

    async fn connect(&self, permit: OwnedSemaphorePermit) -> sqlx::Result<Session> {
        let born = Instant::now();
        let options = self.options().statement_cache_capacity(STATEMENTS);
        let connection = tokio::time::timeout(CONNECT_LIMIT, PgConnection::connect_with(&options))
            .await
            .map_err(|_| no_answer(CONNECT_LIMIT))??;
        Ok(Session::new(connection, Place { _permit: permit, born }, self.clone()))
    }

    /// Opens a transaction. It is rolled back unless it is committed.
    pub async fn begin(&self) -> sqlx::Result<Session> {
        self.begin_with("").await.map(|(session, _)| session)
    }

    /// As [`begin`](Self::begin), with what follows the BEGIN in the same message; and the database's clock.
    pub(super) async fn begin_with(&self, then: &str) -> sqlx::Result<(Session, DateTime<Utc>)> {
        let mut tries = 1;
        loop {
            // Whether the connection lives is found out by its BEGIN.
            let (mut session, _) = self.acquire().await?;
            let asked = Instant::now();
            match session.begin(then).await {
                Ok(now) => {
                    self.was_told(now, asked);
                    return Ok((session, now));
                }
                Err(_) if tries < BEGIN_TRIES && session.is_lost() => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection for statements that are transactions of their own, if one is free that is open already. `None` as well if it is not known
    /// what the database's clock says, and behind a pooler: that would give each statement another connection, which does not know what was
    /// prepared on the one before.
    pub(super) fn lend(&self) -> Option<Lent> {
        let now = locked(&self.0.server.clock).as_ref()?.now()?;
        if !self.names_statements() {
            return None;
        }
        let permit = self.0.free.clone().try_acquire_owned().ok()?;
        let Idle { connection, born, since } = self.take_idle()?;
        let session = Session::new(connection, Place { _permit: permit, born }, self.clone());
        Some(Lent { session, now, answered: since.elapsed() < A_MOMENT })
    }

    /// The database's clock, as it just said; and when it was asked. What took longer says too little: it was told when the question came.
    pub(super) fn was_told(&self, told: DateTime<Utc>, asked: Instant) {
        if asked.elapsed() < LONGEST_ANSWER {
            *locked(&self.0.server.clock) = Some(Clock { told, at: Instant::now(), here: SystemTime::now() });
        }
    }

    /// The one used last: those below it may go when they were not needed for long.
    fn take_idle(&self) -> Option<Idle> {
        let trusted_since = *locked(&self.0.server.trusted_since);
        let mut idle = locked(&self.0.idle);
        idle.retain(|idle| idle.born >= trusted_since && idle.born.elapsed() < LONGEST_LIFE);
        idle.pop()
    }

    pub(super) fn put_back(&self, connection: PgConnection, place: Place) {
        if place.born < *locked(&self.0.server.trusted_since) || self.is_closed() {
            return;
        }
        locked(&self.0.idle).push(Idle { connection, born: place.born, since: Instant::now() });
    }

    /// No connection that was made before now is used again.
    pub(super) fn distrust(&self) {
        *locked(&self.0.server.trusted_since) = Instant::now();
        *locked(&self.0.server.clock) = None;
    }

    /// A row fitted into no partition.
    pub(super) fn misses_partition(&self) {
        self.0.server.lacks_partition.store(true, Ordering::Release);
        self.0.server.partition_missed.notify_one();
    }

    /// Whether a row fitted into no partition, and none was made since.
    pub fn lacks_partition(&self) -> bool {
        self.0.server.lacks_partition.load(Ordering::Acquire)
    }

    /// Ready once a row fits into no partition.
    pub async fn partition_missed(&self) {
        self.0.server.partition_missed.notified().await;
    }

    /// All partitions are there again.
    pub fn has_partitions(&self) {
        self.0.server.lacks_partition.store(false, Ordering::Release);
    }

    pub(super) fn begin_statement(&self) -> &str {
        self.0.pooler.as_deref().unwrap_or("BEGIN")
    }

    pub(super) fn names_statements(&self) -> bool {
        self.0.pooler.is_none()
    }

    pub(super) fn statement_limit(&self) -> Duration {
        self.0.limits.statement
    }

    /// Whether no caller gets a connection any more.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// What it connects to, and as which role.
    pub fn options(&self) -> PgConnectOptions {
        locked(&self.0.options).clone()
    }

    /// The next connections are made so, of this pool and those beside it. Open ones go on until they are too old.
    pub fn set_options(&self, options: PgConnectOptions) {
        *locked(&self.0.options) = options;
    }

    /// No caller gets a connection from here on; those not in use are closed.
    pub async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.free.close();
        let idle = std::mem::take(&mut *locked(&self.0.idle));
        let closing = idle.into_iter().map(|idle| idle.connection.close());
        // PostgreSQL notices a closed socket as well; a frozen one is not waited for.
        let _ = tokio::time::timeout(PING_LIMIT, futures::future::join_all(closing)).await;
    }
}
