//! Clients' requests on their way to whichever replica takes them up. Their clients do not wait for ever.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use choreography_core::{
    commands::ReplyError,
    input::Verdict,
    intake::{Asked, Reply},
    participant::Participant,
    trace::TraceContext,
};

use crate::core::{Core, lock, sleep};

/// So often a client looks for its answer, each time after so many steps at most.
const LOOKS: usize = 60;
const LOOK: usize = 40;

/// Where a client looks for its answer.
struct Answer<R>(Arc<Mutex<Option<Verdict<R>>>>);

impl<R> Answer<R> {
    fn give(self, verdict: Option<Verdict<R>>) {
        *lock(&self.0) = verdict;
    }
}

pub struct Request<P: Participant> {
    command: P::Command,
    answer: Answer<P::Reply>,
}

impl<P: Participant> Request<P> {
    pub fn into_asked(self) -> Asked<P> {
        let Self { command, answer } = self;
        let reply: Reply<P::Reply> = Box::new(move |said| {
            answer.give(match said {
                Ok(reply) => Some(Verdict::Applied(Some(reply))),
                Err(ReplyError::Refused(refusal)) => Some(Verdict::Refused(refusal)),
                // Not done, or it is not known.
                Err(_) => None,
            });
        });
        Asked { command, trace: TraceContext::default(), reply }
    }
}

/// What waits at a service. Clones are the same queue.
pub struct Requests<P: Participant>(Arc<Mutex<VecDeque<Request<P>>>>);

impl<P: Participant> Default for Requests<P> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<P: Participant> Clone for Requests<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Participant> Requests<P> {
    /// What waits, oldest first.
    pub fn take(&self, limit: usize) -> Vec<Request<P>> {
        let mut waiting = lock(&self.0);
        let some = waiting.len().min(limit);
        waiting.drain(..some).collect()
    }

    /// `None`: whether it was done is not known.
    pub async fn send(&self, core: &Core, command: P::Command) -> Option<Verdict<P::Reply>> {
        let answer = Arc::default();
        lock(&self.0).push_back(Request { command, answer: Answer(Arc::clone(&answer)) });
        for _ in 0..LOOKS {
            sleep(core, core.pick(LOOK) + 1).await;
            // The replica that had it may have dropped it, as when a process ends.
            let is_lost = Arc::strong_count(&answer) == 1;
            let answered = lock(&answer).take();
            if is_lost || answered.is_some() {
                return answered;
            }
        }
        None
    }
}
