//! Clients' commands on their way to the service's loop, and the replies on their way back.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::{
    Command,
    intake::Asked,
    participant::{Participant, Refusal},
    routes::{AnyCommand, Routed},
    trace::TraceContext,
};

/// Why a command got no reply of the rules.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Nothing was done; try again later.
    #[error("too many requests wait already; try again in a moment")]
    Busy,
    /// It is not known whether it was done: ask, or repeat it under the same idempotency key.
    #[error("the database did not confirm in time: {0}. Repeat the request with the same Idempotency-Key")]
    Unknown(String),
    /// The rules or the database refused it.
    #[error("{0}")]
    Refused(Refusal),
}

/// The client side of the command queue; cheap to clone.
pub struct Commands<P: Participant> {
    queue: mpsc::Sender<Asked<P>>,
    time_limit: Duration,
}

impl<P: Participant> Clone for Commands<P> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), time_limit: self.time_limit }
    }
}

impl<P: Participant> Commands<P> {
    /// Submits a command and waits until its transaction is committed.
    pub async fn submit(&self, command: P::Command, trace: TraceContext) -> Result<P::Reply, ReplyError> {
        let (reply, answered) = oneshot::channel();
        // A client that stopped waiting needs no reply.
        let reply = Box::new(move |said| drop(reply.send(said)));
        self.queue.try_send(Asked { command, trace, reply }).map_err(|_| ReplyError::Busy)?;
        match tokio::time::timeout(self.time_limit, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ReplyError::Unknown("the service is stopping".into())),
            Err(_) => Err(ReplyError::Unknown(format!("no commit within {:?}", self.time_limit))),
        }
    }
}

impl Commands<Routed> {
    /// Asks for something and waits until its transaction is committed.
    ///
    /// # Errors
    /// [`ReplyError`] says whether nothing was done, or whether that is not known.
    pub async fn ask<C: Command>(&self, command: C, trace: TraceContext) -> Result<C::Reply, ReplyError> {
        let reply = self.submit(AnyCommand::new(command), trace).await?;
        reply.take().ok_or_else(|| ReplyError::Unknown("the rules replied to another command; this is a bug".into()))
    }
}

/// The service side.
pub struct CommandQueue<P: Participant> {
    queue: mpsc::Receiver<Asked<P>>,
}

/// A queue of at most `capacity` commands.
pub fn queue<P: Participant>(capacity: usize, time_limit: Duration) -> (Commands<P>, CommandQueue<P>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Commands { queue: sender, time_limit }, CommandQueue { queue: receiver })
}

impl<P: Participant> CommandQueue<P> {
    /// Waits for a command and takes what stands behind it, at most `limit`; `None` once all senders are gone. Safe to drop.
    pub async fn next(&mut self, limit: usize) -> Option<Vec<Asked<P>>> {
        let mut asked = Vec::new();
        (self.queue.recv_many(&mut asked, limit).await > 0).then_some(asked)
    }

    /// Takes what is there, at most `limit`.
    pub fn waiting(&mut self, limit: usize) -> Vec<Asked<P>> {
        std::iter::from_fn(|| self.queue.try_recv().ok()).take(limit).collect()
    }

    /// Takes no further commands; those that wait already can still be had by [`next`](Self::next).
    pub fn close(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Toy;

    const LONG: Duration = Duration::from_secs(60);

    type Asked = tokio::task::JoinHandle<Result<(), ReplyError>>;

    fn asked(commands: &Commands<Toy>, command: &str) -> Asked {
        let (commands, command) = (commands.clone(), command.to_owned());
        tokio::spawn(async move { commands.submit(command, TraceContext::default()).await })
    }

    #[tokio::test]
    async fn commands_that_wait_are_taken_together_and_each_client_gets_its_own_reply() {
        let (commands, mut queue) = queue::<Toy>(10, LONG);
        let waiting = ["a", "b", "c"].map(|command| asked(&commands, command));
        tokio::task::yield_now().await;
        let taken = queue.next(10).await.unwrap();
        assert_eq!(taken.iter().map(|asked| asked.command.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        let refused = || Err(ReplyError::Refused(Refusal::Permanent("no".into())));
        let unknown = || Err(ReplyError::Unknown("the database is away".into()));
        taken.into_iter().zip([Ok(()), refused(), unknown()]).for_each(|(asked, reply)| (asked.reply)(reply));
        for (waiting, expected) in waiting.into_iter().zip([Ok(()), refused(), unknown()]) {
            assert_eq!(waiting.await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_batch_takes_no_more_than_its_limit() {
        let (commands, mut queue) = queue::<Toy>(10, LONG);
        let _waiting = ["a", "b", "c"].map(|command| asked(&commands, command));
        tokio::task::yield_now().await;
        let (first, second) = (queue.next(2).await.unwrap(), queue.next(2).await.unwrap());
        assert_eq!((first.len(), second.len()), (2, 1));
    }

    #[tokio::test]
    async fn a_client_that_finds_the_queue_full_is_told_to_come_again() {
        let (commands, _queue) = queue::<Toy>(1, LONG);
        let _first = asked(&commands, "a");
        tokio::task::yield_now().await;
        assert_eq!(commands.submit("b".into(), TraceContext::default()).await, Err(ReplyError::Busy));
    }

    #[tokio::test]
    async fn a_client_that_waits_too_long_or_for_a_service_that_stops_is_told_that_it_is_not_known() {
        let (commands, queue) = queue::<Toy>(1, Duration::from_millis(1));
        let late = commands.submit("a".into(), TraceContext::default()).await;
        assert!(matches!(&late, Err(ReplyError::Unknown(why)) if why.contains("no commit")), "{late:?}");
        drop(queue);
        let (commands, mut queue) = self::queue::<Toy>(2, LONG);
        let waiting = asked(&commands, "a");
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(commands.submit("b".into(), TraceContext::default()).await, Err(ReplyError::Busy));
        assert_eq!(queue.next(10).await.map(|taken| taken.len()), Some(1), "what waited is still had");
        assert!(queue.next(10).await.is_none());
        let dropped = waiting.await.unwrap();
        assert!(matches!(&dropped, Err(ReplyError::Unknown(why)) if why.contains("stopping")), "{dropped:?}");
    }
}
