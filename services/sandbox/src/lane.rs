//! Group commit: calls that arrive together share one transaction. Most come under keys that nobody used before, so a batch is tried as
//! if all did: that is one statement, and a key that was used refuses it.

use std::{future::Future, time::Duration};

use sqlx::{PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinHandle,
};

use crate::reply::Reply;

/// A batch is tried at most so often, if another replica uses its keys meanwhile.
const TRIES: usize = 3;

/// One side of the ledger, with the rules and the SQL for a batch of calls.
pub(crate) trait Book: 'static {
    type Call: Send + Sync + 'static;
    type Answer: Send + 'static;
    /// The rows that a batch touches. The default has none: no key was used before.
    type Page: Default + Send + Sync;
    /// Begins a transaction and waits for its turn, in one round trip. One writer at a time: absent rows can't be locked, and a
    /// batch decides about many of them. Two replicas on one database take turns.
    const BEGIN: &'static str;

    /// Whether it takes its key, and nothing but a row under that key changes its answer.
    fn stands_alone(call: &Self::Call) -> bool;

    fn load(
        connection: &mut PgConnection,
        calls: &[Self::Call],
    ) -> impl Future<Output = Result<Self::Page, sqlx::Error>> + Send;

    /// Settles one call on the page.
    fn settle(page: &mut Self::Page, call: &Self::Call) -> Reply<Self::Answer>;

    /// Writes what the batch changed. Of calls that stand alone and came under new keys it is one statement, which fails if one of
    /// the keys is there.
    fn write(connection: &mut PgConnection, page: &Self::Page) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// Why a call got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneError {
    /// The queue is full; nothing was done.
    Full,
    /// The ledger failed; whether it was done is not known.
    Failed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneOptions {
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) gather: Duration,
}

struct Waiting<B: Book> {
    call: B::Call,
    reply: oneshot::Sender<Reply<B::Answer>>,
}

/// The way into a book: a bounded queue before a single writer.
pub(crate) struct Lane<B: Book> {
    queue: mpsc::Sender<Waiting<B>>,
}

impl<B: Book> Clone for Lane<B> {
    fn clone(&self) -> Self {
        Lane { queue: self.queue.clone() }
    }
}

impl<B: Book> Lane<B> {
    /// The writer ends when every clone of the lane is gone and the queue is empty.
    pub(crate) fn open(pool: PgPool, options: LaneOptions) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(options.queue);
        (Lane { queue }, tokio::spawn(write(pool, waiting, options)))
    }

    /// The reply, after its commit. Dropping the future does not take the call back.
    pub(crate) async fn call(&self, call: B::Call) -> Result<Reply<B::Answer>, LaneError> {
        let (reply, replied) = oneshot::channel();
        self.queue.try_send(Waiting { call, reply }).map_err(|e| match e {
            TrySendError::Full(_) => LaneError::Full,
            TrySendError::Closed(_) => LaneError::Failed,
        })?;
        replied.await.map_err(|_| LaneError::Failed)
    }
}

async fn write<B: Book>(pool: PgPool, mut waiting: mpsc::Receiver<Waiting<B>>, options: LaneOptions) {
    let mut writer = Writer { pool, connection: None };
    let mut batch = Vec::new();
    let mut busy = false;
    while waiting.recv_many(&mut batch, options.batch).await > 0 {
        if busy && batch.len() < options.batch {
            // A batch costs about the same whatever its size, so under load a short wait saves more than it takes.
            tokio::time::sleep(options.gather).await;
            while batch.len() < options.batch
                && let Ok(more) = waiting.try_recv()
            {
                batch.push(more);
            }
        }
        busy = batch.len() > 1;
        writer.settle::<B>(std::mem::take(&mut batch)).await;
    }
}

/// A lane's writer. It keeps its connection: a pool asks each that it gets back whether it lives.
struct Writer {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
}

impl Writer {
    async fn settle<B: Book>(&mut self, batch: Vec<Waiting<B>>) {
        let (calls, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.call, w.reply)).unzip();
        match self.settle_all::<B>(&calls).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // A caller that no longer waits can ask by key.
                    let _ = reply.send(answer);
                }
            }
            // Dropping the replies tells each caller.
            Err(error) => {
                tracing::error!(%error, calls = calls.len(), "the ledger failed; these calls are answered 503")
            }
        }
    }

    async fn settle_all<B: Book>(&mut self, calls: &[B::Call]) -> Result<Vec<Reply<B::Answer>>, sqlx::Error> {
        if calls.iter().all(B::stands_alone) {
            match self.settle_new::<B>(calls).await {
                Ok(replies) => return Ok(replies),
                Err(error) if is_known_key(&error) => {}
                // A connection that died while it was idle, mostly. Whatever was written of these calls is found below.
                Err(error) => {
                    tracing::warn!(%error, calls = calls.len(), "these calls were not settled at once; they are tried once more");
                    self.connection = None;
                }
            }
        }
        let mut tries = 1;
        loop {
            match in_transaction::<B>(&self.pool, calls).await {
                Err(error) if tries < TRIES && is_known_key(&error) => tries += 1,
                settled => return settled,
            }
        }
    }

    /// As if no key was used before.
    async fn settle_new<B: Book>(&mut self, calls: &[B::Call]) -> Result<Vec<Reply<B::Answer>>, sqlx::Error> {
        let mut page = B::Page::default();
        let replies = calls.iter().map(|call| B::settle(&mut page, call)).collect();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.pool.acquire().await?),
        };
        B::write(connection, &page).await?;
        Ok(replies)
    }
}

fn is_known_key(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

async fn in_transaction<B: Book>(pool: &PgPool, calls: &[B::Call]) -> Result<Vec<Reply<B::Answer>>, sqlx::Error> {
    let mut transaction = begin(pool, B::BEGIN).await?;
    let mut page = B::load(&mut transaction, calls).await?;
    let replies = calls.iter().map(|call| B::settle(&mut page, call)).collect();
    B::write(&mut transaction, &page).await?;
    transaction.commit().await?;
    Ok(replies)
}

/// Connections are not tried out before: one that died while it was idle fails here, where nothing is done yet, and the next may
/// live.
async fn begin(pool: &PgPool, statement: &'static str) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut idle = pool.num_idle();
    loop {
        match pool.begin_with(statement).await {
            Err(error) if idle > 0 && !matches!(error, sqlx::Error::PoolTimedOut) => idle -= 1,
            begun => return begun,
        }
    }
}
