//! Group commit: calls that arrive together share one transaction.

use std::{future::Future, time::Duration};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinHandle,
};

use crate::reply::Reply;

/// One side of the ledger, with the SQL for a batch of calls.
pub(crate) trait Book: 'static {
    type Call: Send + Sync + 'static;
    type Answer: Send + 'static;
    /// Begins a transaction and waits for its turn, in one round trip. One writer at a time: absent rows can't be locked, and a
    /// batch decides about many of them. Two replicas on one database take turns.
    const BEGIN: &'static str;

    /// Settles the calls in their order within the transaction that [`Book::BEGIN`] began, and replies to each.
    fn settle(
        connection: &mut PgConnection,
        calls: &[Self::Call],
    ) -> impl Future<Output = Result<Vec<Reply<Self::Answer>>, sqlx::Error>> + Send;
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
        settle::<B>(&pool, std::mem::take(&mut batch)).await;
    }
}

async fn settle<B: Book>(pool: &PgPool, batch: Vec<Waiting<B>>) {
    let (calls, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.call, w.reply)).unzip();
    match in_transaction::<B>(pool, &calls).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // A caller that no longer waits can ask by key.
                let _ = reply.send(answer);
            }
        }
        // Dropping the replies tells each caller.
        Err(error) => tracing::error!(%error, calls = calls.len(), "the ledger failed; these calls are answered 503"),
    }
}

async fn in_transaction<B: Book>(pool: &PgPool, calls: &[B::Call]) -> Result<Vec<Reply<B::Answer>>, sqlx::Error> {
    let mut transaction = begin(pool, B::BEGIN).await?;
    let answers = B::settle(&mut transaction, calls).await?;
    transaction.commit().await?;
    Ok(answers)
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
