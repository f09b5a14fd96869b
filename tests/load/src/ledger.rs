//! What the clients know of their orders: when each was to be placed, and how it ended.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::clock::Micros;
use crate::hops::Hops;
use crate::latency::{Latencies, Sample};
use crate::mix::{End, Kind};

/// Most findings that are told.
const TOLD: usize = 20;

#[derive(Debug, Clone, Copy)]
enum State {
    Placed {
        kind: Kind,
        due: Micros,
    },
    /// As [`State::Placed`], but its end is only checked.
    Apart(Kind),
    /// Seen on the topic before the answer to the request was read.
    Ended(Ended),
    Counted(End),
}

/// A terminal event.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub how: End,
    /// The event's own timestamp.
    pub at: Micros,
    /// When it was seen on the topic.
    pub seen: Micros,
}

/// A request to place an order that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Post {
    pub due: Micros,
    /// From then until its answer was read.
    pub took: Micros,
}

/// How many have come how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: usize,
    /// Both known: the answer to the request, and the end.
    pub measured: usize,
    pub completed: usize,
    pub cancelled: usize,
    /// Answers that told the client to come again.
    pub refused: usize,
}

/// What a run has shown.
#[derive(Debug, Default)]
pub struct Seen {
    pub counts: Counts,
    /// By kind: how many completed, and how many were cancelled.
    pub ends: BTreeMap<Kind, (usize, usize)>,
    /// From when an order was due until its terminal event's timestamp.
    pub latencies: Latencies,
    /// The same until the event was seen on the topic.
    pub to_sight: Latencies,
    /// How much later than due the request was sent.
    pub delays: Latencies,
    pub samples: Vec<Sample>,
    pub posts: Vec<Post>,
    /// When each end was seen, in that order.
    pub ends_seen: Vec<Micros>,
    /// What must not be.
    pub findings: Vec<String>,
}

impl Seen {
    /// From when an order was due until its acceptance was read.
    pub fn post_latencies(&self) -> Latencies {
        Latencies::of(self.posts.iter().map(|post| post.took))
    }
}

#[derive(Debug, Default)]
struct Inner {
    orders: HashMap<Uuid, State>,
    /// Of those that are no part of the load, how many have not ended.
    apart: usize,
    /// Their cancellation came too late, order has said.
    too_late: Vec<Uuid>,
    lately: Latencies,
    hops: Option<Hops>,
    seen: Seen,
}

/// Shared by the clients, which begin orders, and the follower, which sees their ends.
#[derive(Debug)]
pub struct Ledger {
    inner: Mutex<Inner>,
    /// Orders that may be placed yet.
    room: Option<Semaphore>,
}

impl Ledger {
    /// Room for so many orders that have not ended; `None`: for any number.
    pub fn new(unended: Option<usize>, hops: Option<Hops>) -> Self {
        let inner = Inner { hops, ..Inner::default() };
        Self { inner: Mutex::new(inner), room: unended.map(Semaphore::new) }
    }

    /// Waits until there is room for one more order, and takes it: until that has ended.
    pub async fn enter(&self) {
        if let Some(room) = &self.room
            && let Ok(permit) = room.acquire().await
        {
            permit.forget();
        }
    }

    /// An order is asked for, so much later than it was due.
    pub fn asked(&self, delay: Micros) {
        self.lock().seen.delays.record(delay);
    }

    /// An order was accepted that was due at `due`, by an answer that was read at `answered`.
    pub fn accepted(&self, order: Uuid, kind: Kind, due: Micros, answered: Micros) {
        let mut inner = self.lock();
        inner.seen.counts.accepted += 1;
        inner.seen.posts.push(Post { due, took: answered.saturating_sub(due) });
        if let Some(hops) = &mut inner.hops {
            hops.placed(order, due);
        }
        match inner.orders.insert(order, State::Placed { kind, due }) {
            Some(State::Ended(ended)) => self.count(&mut inner, order, kind, due, ended),
            Some(State::Placed { .. } | State::Apart(_) | State::Counted(_)) => {
                inner.find(format!("order {order} was accepted twice"));
            }
            None => {}
        }
    }

    /// An order was accepted that is no part of the load: it must end as its kind does, and no figure is taken of it.
    pub fn accepted_apart(&self, order: Uuid, kind: Kind) {
        let mut inner = self.lock();
        match inner.orders.insert(order, State::Apart(kind)) {
            Some(State::Ended(ended)) => inner.end(order, kind, ended.how),
            Some(State::Placed { .. } | State::Apart(_) | State::Counted(_)) => {
                inner.find(format!("order {order} was accepted twice"));
            }
            None => inner.apart += 1,
        }
    }

    /// How many of [`Self::accepted_apart`] have not ended.
    pub fn apart(&self) -> usize {
        self.lock().apart
    }

    /// A request was answered with "come again".
    pub fn refused(&self) {
        self.lock().seen.counts.refused += 1;
    }

    /// A cancellation was answered: the order is completed.
    pub fn too_late(&self, order: Uuid) {
        self.lock().too_late.push(order);
    }

    /// An event was seen that is one of the forward path's.
    pub fn hop(&self, order: Uuid, event_type: &str, at: Micros) {
        if let Some(hops) = &mut self.lock().hops {
            hops.seen(order, event_type, at);
        }
    }

    /// A terminal event was seen. Repeats are not counted.
    pub fn ended(&self, order: Uuid, ended: Ended) {
        let mut inner = self.lock();
        let placed = match inner.orders.entry(order) {
            Entry::Vacant(unknown) => {
                unknown.insert(State::Ended(ended));
                None
            }
            Entry::Occupied(known) => match *known.get() {
                State::Placed { kind, due } => Some((kind, due)),
                State::Apart(kind) => {
                    inner.apart -= 1;
                    inner.end(order, kind, ended.how);
                    return;
                }
                State::Ended(Ended { how, .. }) | State::Counted(how) => {
                    if how != ended.how {
                        inner.find(format!("order {order} ended twice: {how:?} and {:?}", ended.how));
                    }
                    return;
                }
            },
        };
        match ended.how {
            End::Completed => inner.seen.counts.completed += 1,
            End::Cancelled => inner.seen.counts.cancelled += 1,
        }
        inner.seen.ends_seen.push(ended.seen);
        if let Some((kind, due)) = placed {
            self.count(&mut inner, order, kind, due, ended);
        }
    }

    pub fn counts(&self) -> Counts {
        self.lock().seen.counts
    }

    /// Latencies since this was asked last.
    pub fn lately(&self) -> Latencies {
        let mut inner = self.lock();
        let lately = inner.lately.clone();
        inner.lately.clear();
        lately
    }

    /// What was seen; nothing is left.
    pub fn close(&self) -> (Seen, Option<Hops>) {
        let mut inner = self.lock();
        for order in std::mem::take(&mut inner.too_late) {
            if !matches!(inner.orders.get(&order), Some(State::Counted(End::Completed))) {
                inner.find(format!("order {order} was said to be completed, and is not"));
            }
        }
        (std::mem::take(&mut inner.seen), inner.hops.take())
    }

    fn count(&self, inner: &mut Inner, order: Uuid, kind: Kind, due: Micros, ended: Ended) {
        inner.end(order, kind, ended.how);
        let took = ended.at.saturating_sub(due);
        inner.lately.record(took);
        let seen = &mut inner.seen;
        seen.counts.measured += 1;
        seen.latencies.record(took);
        seen.to_sight.record(ended.seen.saturating_sub(due));
        seen.samples.push(Sample { at: ended.at, took });
        let (completed, cancelled) = seen.ends.entry(kind).or_default();
        *(if ended.how == End::Completed { completed } else { cancelled }) += 1;
        if let Some(room) = &self.room {
            room.add_permits(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn end(&mut self, order: Uuid, kind: Kind, how: End) {
        self.orders.insert(order, State::Counted(how));
        if !kind.may_end(how) {
            self.find(format!("order {order} is to end as {} does, and ended {how:?}", kind.name()));
        }
    }

    fn find(&mut self, what: String) {
        if self.seen.findings.len() < TOLD {
            self.seen.findings.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(how: End) -> Ended {
        Ended { how, at: 8_000, seen: 9_000 }
    }

    async fn place(ledger: &Ledger, order: Uuid, kind: Kind) {
        ledger.enter().await;
        ledger.accepted(order, kind, 1_000, 1_400);
    }

    #[tokio::test]
    async fn an_order_counts_once_whichever_is_seen_first_its_answer_or_its_end() {
        let ledger = Ledger::new(Some(2), None);
        let (early, late) = (Uuid::from_u128(1), Uuid::from_u128(2));
        ledger.ended(early, end(End::Completed));
        ledger.ended(early, end(End::Completed));
        place(&ledger, early, Kind::Completed).await;
        place(&ledger, late, Kind::Declined).await;
        ledger.ended(late, end(End::Cancelled));
        ledger.ended(late, end(End::Cancelled));
        assert_eq!(ledger.room.as_ref().map(Semaphore::available_permits), Some(2));
        let (seen, _) = ledger.close();
        assert_eq!(seen.counts, Counts { accepted: 2, measured: 2, completed: 1, cancelled: 1, refused: 0 });
        assert_eq!(seen.samples, [Sample { at: 8_000, took: 7_000 }; 2]);
        assert_eq!(seen.posts, [Post { due: 1_000, took: 400 }; 2]);
        assert_eq!(seen.ends, [(Kind::Completed, (1, 0)), (Kind::Declined, (0, 1))].into());
        assert_eq!(seen.findings, [""; 0]);
    }

    #[test]
    fn an_order_apart_must_end_as_its_kind_does_and_gives_no_figure() {
        let ledger = Ledger::new(None, None);
        let [right, wrong] = [1, 2].map(Uuid::from_u128);
        for order in [right, wrong] {
            ledger.accepted_apart(order, Kind::Completed);
        }
        assert_eq!(ledger.apart(), 2);
        for (order, how) in [(right, End::Completed), (right, End::Completed), (wrong, End::Cancelled)] {
            ledger.ended(order, end(how));
        }
        assert_eq!(ledger.apart(), 0);
        let (seen, _) = ledger.close();
        assert_eq!((seen.counts, seen.posts, seen.ends_seen), (Counts::default(), vec![], vec![]));
        assert_eq!(seen.findings.len(), 1, "{:?}", seen.findings);
    }

    #[tokio::test]
    async fn an_end_that_must_not_be_is_found() {
        let ledger = Ledger::new(None, None);
        let [wrong, twice, late] = [1, 2, 3].map(Uuid::from_u128);
        place(&ledger, wrong, Kind::OutOfStock).await;
        ledger.ended(wrong, end(End::Completed));
        place(&ledger, twice, Kind::Cancelled).await;
        ledger.ended(twice, end(End::Completed));
        ledger.ended(twice, end(End::Cancelled));
        place(&ledger, late, Kind::Cancelled).await;
        ledger.too_late(late);
        ledger.ended(late, end(End::Cancelled));
        let found = ledger.close().0.findings.join("\n");
        assert!(found.contains("is to end as out-of-stock does, and ended Completed"), "{found}");
        assert!(found.contains("ended twice: Completed and Cancelled"), "{found}");
        assert!(found.contains("was said to be completed, and is not"), "{found}");
    }
}
