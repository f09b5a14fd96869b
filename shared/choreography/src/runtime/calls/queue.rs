//! Calls on their way from the transactions that wrote them, or from the database, to the call loop. Bounded by number
//! and by bytes.

use std::{sync::Arc, time::Instant};

use chrono::TimeDelta;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use choreography_core::{
    calls::{Claimed, FreshCall},
    store::PendingCall,
};

/// Bytes of fresh calls that wait in memory, and as many of claimed ones.
pub(super) const QUEUE_BYTES: usize = 16 << 20;

/// Hands calls from the transactions that wrote them to the call loop.
#[derive(Clone)]
pub struct CallQueue {
    sender: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// A call that waits in memory until it can be made.
pub(crate) struct Waiting {
    pub call: PendingCall,
    /// How old the call was, at most, at `since`.
    age: TimeDelta,
    since: Instant,
    /// Given back once the call has ended.
    pub room: Option<OwnedSemaphorePermit>,
}

pub(crate) fn call_queue(capacity: usize) -> (CallQueue, mpsc::Receiver<Waiting>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (CallQueue { sender, room: Arc::new(Semaphore::new(QUEUE_BYTES)) }, receiver)
}

impl CallQueue {
    /// Takes what there is room for; the rest stands in the database and is claimed when its time comes.
    pub fn offer(&self, calls: Vec<FreshCall>) {
        for FreshCall { call, since } in calls {
            let room = self.room.clone().try_acquire_many_owned(room_for(&call));
            let taken = room.is_ok_and(|room| {
                let call = Waiting { call, age: TimeDelta::zero(), since, room: Some(room) };
                self.sender.try_send(call).is_ok()
            });
            if !taken {
                left_to_the_poll();
            }
        }
    }
}

impl Waiting {
    /// `since`: a moment before the claim was begun.
    pub fn claimed(Claimed { call, age }: Claimed, since: Instant, room: &Arc<Semaphore>) -> Self {
        // The calls that were asked for fit, or a single call is larger than all the room: then it takes what is left.
        let wanted = usize::try_from(room_for(&call)).unwrap_or(QUEUE_BYTES).min(room.available_permits());
        let room = room.clone().try_acquire_many_owned(u32::try_from(wanted).unwrap_or(u32::MAX)).ok();
        Self { call, age, since, room }
    }

    /// How old the call is, at most.
    pub fn age(&self) -> TimeDelta {
        TimeDelta::from_std(self.since.elapsed()).map_or(TimeDelta::MAX, |waited| self.age + waited)
    }

    /// Whether a call that takes all its `time_limit` would end within the `lease`; if not, another may call.
    pub fn is_in_time(&self, time_limit: std::time::Duration, lease: std::time::Duration) -> bool {
        self.since.elapsed() + time_limit < lease
    }
}

pub(super) fn left_to_the_poll() {
    metrics::counter!("saga_calls_left_to_the_poll_total").increment(1);
}

/// Its texts, and something for the rest. A call that is larger than all the room takes all of it.
fn room_for(call: &PendingCall) -> u32 {
    let texts = [&call.request, &call.aggregate_id, &call.step, &call.correlation_id];
    let bytes = texts.iter().map(|text| text.len()).sum::<usize>() + 256;
    u32::try_from(bytes.min(QUEUE_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::calls::tests::pending_call;

    fn fresh(request: String) -> FreshCall {
        FreshCall { call: PendingCall { request, ..pending_call(1) }, since: Instant::now() }
    }

    #[tokio::test]
    async fn what_waits_in_memory_is_bounded_in_bytes_and_not_only_in_number() {
        let (queue, mut waiting) = call_queue(1_000);
        let large = || fresh("x".repeat(QUEUE_BYTES / 4));
        queue.offer((0..10).map(|_| large()).collect());
        let mut taken = Vec::new();
        while let Ok(call) = waiting.try_recv() {
            taken.push(call);
        }
        assert_eq!(taken.len(), 3);
        // Its room comes back with the end of the call.
        queue.offer(vec![large()]);
        assert!(waiting.try_recv().is_err());
        taken.pop();
        queue.offer(vec![large()]);
        assert!(waiting.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_call_that_is_larger_than_all_the_room_still_goes_through_alone() {
        let (queue, mut waiting) = call_queue(10);
        let huge = || fresh("x".repeat(QUEUE_BYTES * 2));
        queue.offer(vec![huge(), huge()]);
        assert!(waiting.try_recv().is_ok());
        assert!(waiting.try_recv().is_err());
    }
}
