//! The orders between their request and their end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Completed,
    Cancelled,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Asked(Instant),
    /// Seen on the topic before the answer to the request was read.
    Ended(Instant),
    Counted,
}

/// What has been seen so far.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub accepted: usize,
    pub completed: usize,
    pub cancelled: usize,
    pub latencies: Vec<Duration>,
    /// When each end was seen, in that order.
    pub ends: Vec<Instant>,
    /// Answers that told the client to come again.
    pub refused: usize,
}

impl Seen {
    pub fn ended(&self) -> usize {
        self.completed + self.cancelled
    }
}

#[derive(Debug, Default)]
struct Inner {
    orders: HashMap<Uuid, State>,
    seen: Seen,
}

/// Shared by the clients, which begin orders, and the follower, which sees their ends.
#[derive(Debug)]
pub struct UnderWay {
    inner: Mutex<Inner>,
    room: Semaphore,
}

impl UnderWay {
    /// Room for so many orders that have not ended.
    pub fn new(unended: usize) -> Self {
        Self { inner: Mutex::default(), room: Semaphore::new(unended) }
    }

    /// Waits until there is room for one more order.
    pub async fn room(&self) -> Option<SemaphorePermit<'_>> {
        self.room.acquire().await.ok()
    }

    /// An order was accepted that had been asked for at `asked`.
    pub fn accepted(&self, order: Uuid, asked: Instant, room: SemaphorePermit<'_>) {
        let mut inner = self.lock();
        inner.seen.accepted += 1;
        room.forget();
        match inner.orders.insert(order, State::Asked(asked)) {
            Some(State::Ended(at)) => self.count(&mut inner, order, asked, at),
            Some(State::Asked(_) | State::Counted) | None => {}
        }
    }

    /// A request was answered with "come again".
    pub fn refused(&self) {
        self.lock().seen.refused += 1;
    }

    /// A terminal event was seen. Repeats are not counted.
    pub fn ended(&self, order: Uuid, how: End, at: Instant) {
        let mut inner = self.lock();
        let asked = match inner.orders.entry(order) {
            Entry::Vacant(unknown) => {
                unknown.insert(State::Ended(at));
                None
            }
            Entry::Occupied(known) => match known.get() {
                State::Asked(asked) => Some(*asked),
                State::Ended(_) | State::Counted => return,
            },
        };
        match how {
            End::Completed => inner.seen.completed += 1,
            End::Cancelled => inner.seen.cancelled += 1,
        }
        inner.seen.ends.push(at);
        if let Some(asked) = asked {
            self.count(&mut inner, order, asked, at);
        }
    }

    pub fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    /// How many have ended.
    pub fn count_ended(&self) -> usize {
        self.lock().seen.ended()
    }

    /// Orders whose request was answered and whose end was seen.
    pub fn count_measured(&self) -> usize {
        self.lock().seen.latencies.len()
    }

    fn count(&self, inner: &mut Inner, order: Uuid, asked: Instant, at: Instant) {
        inner.orders.insert(order, State::Counted);
        inner.seen.latencies.push(at.saturating_duration_since(asked));
        self.room.add_permits(1);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_counts_once_whichever_is_seen_first_its_answer_or_its_end() {
        let under_way = UnderWay::new(2);
        let (early, late) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let asked = Instant::now();
        let end = asked + Duration::from_millis(7);
        under_way.ended(early, End::Completed, end);
        under_way.ended(early, End::Completed, end);
        under_way.accepted(early, asked, under_way.room().await.unwrap());
        under_way.accepted(late, asked, under_way.room().await.unwrap());
        under_way.ended(late, End::Cancelled, end);
        under_way.ended(late, End::Cancelled, end);
        let seen = under_way.seen();
        assert_eq!((seen.accepted, seen.completed, seen.cancelled), (2, 1, 1));
        assert_eq!(seen.latencies, [Duration::from_millis(7); 2]);
        assert_eq!(under_way.room.available_permits(), 2);
    }
}
