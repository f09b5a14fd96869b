//! Clients' commands on their way to the door: those that arrive together share a transaction.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use crate::{
    door::Progress,
    input::{Input, Source, Verdict, Work},
    participant::{Participant, Refusal, What},
    trace::TraceContext,
};

/// Why a command got no reply of the rules.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoReply {
    /// Nothing was done; try again later.
    #[error("too many requests wait already; try again in a moment")]
    Busy,
    /// It is not known whether it was done: ask, or repeat it under the same idempotency key.
    #[error("the database did not confirm in time: {0}. Repeat the request with the same Idempotency-Key")]
    Unknown(String),
    /// The rules or the database refused it.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

struct Waiting<P: Participant> {
    command: P::Command,
    trace: TraceContext,
    reply: oneshot::Sender<Result<P::Reply, NoReply>>,
}

/// The client side of the command queue; cheap to clone.
pub struct Commands<P: Participant> {
    queue: mpsc::Sender<Waiting<P>>,
    time_limit: Duration,
}

impl<P: Participant> Clone for Commands<P> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), time_limit: self.time_limit }
    }
}

impl<P: Participant> Commands<P> {
    /// Submits a command and waits until its transaction is committed.
    pub async fn submit(&self, command: P::Command, trace: TraceContext) -> Result<P::Reply, NoReply> {
        let (reply, answered) = oneshot::channel();
        self.queue.try_send(Waiting { command, trace, reply }).map_err(|_| NoReply::Busy)?;
        match tokio::time::timeout(self.time_limit, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(NoReply::Unknown("the service is stopping".into())),
            Err(_) => Err(NoReply::Unknown(format!("no commit within {:?}", self.time_limit))),
        }
    }
}

/// The service side: takes all commands that wait, up to the batch limit.
pub struct CommandQueue<P: Participant> {
    queue: mpsc::Receiver<Waiting<P>>,
}

/// A queue of at most `capacity` commands.
pub fn queue<P: Participant>(capacity: usize, time_limit: Duration) -> (Commands<P>, CommandQueue<P>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Commands { queue: sender, time_limit }, CommandQueue { queue: receiver })
}

/// Commands that share a transaction, and who waits for each.
pub struct CommandBatch<P: Participant> {
    pub work: Vec<Work<P>>,
    replies: Vec<oneshot::Sender<Result<P::Reply, NoReply>>>,
}

impl<P: Participant> CommandQueue<P> {
    /// Waits for a command and takes what stands behind it; `None` once all senders are gone.
    pub async fn next(&mut self, limit: usize) -> Option<CommandBatch<P>> {
        let mut waiting = Vec::new();
        if self.queue.recv_many(&mut waiting, limit).await == 0 {
            return None;
        }
        let mut batch = CommandBatch { work: Vec::new(), replies: Vec::new() };
        for Waiting { command, trace, reply } in waiting {
            batch.work.push(Work::Input(Input {
                what: What::Command(command),
                correlation_id: None,
                trace,
                source: Source::Client,
            }));
            batch.replies.push(reply);
        }
        Some(batch)
    }

    /// Takes no further commands; those that wait already can still be had by [`next`](Self::next).
    pub fn close(&mut self) {
        self.queue.close();
    }
}

impl<P: Participant> CommandBatch<P> {
    /// Tells everybody what became of their command. `unconfirmed`: why commands without a verdict have none.
    pub fn answer(self, progress: Progress<P::Reply>, unconfirmed: Option<Arc<str>>) {
        for (reply, verdict) in self.replies.into_iter().zip(progress.verdicts) {
            let answer = match verdict {
                Some(Verdict::Applied(Some(reply))) => Ok(reply),
                Some(Verdict::Refused(refusal)) => Err(NoReply::Refused(refusal)),
                _ => Err(NoReply::Unknown(unconfirmed.as_deref().unwrap_or("the rules gave no reply").to_owned())),
            };
            // Who stopped waiting needs no answer.
            let _ = reply.send(answer);
        }
    }
}
