//! Which connections are open, and which of them wait for their client.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Bytes, HttpBody};
use tokio_util::sync::CancellationToken;

/// The connections of one server.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    limit: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: usize,
    /// Those that wait for their client, by since when.
    idle: BTreeMap<(Instant, u64), CancellationToken>,
}

/// One open connection's place; it is free when this is dropped.
pub(super) struct Place(Arc<Seat>);

struct Seat {
    connections: Connections,
    number: u64,
    evicted: CancellationToken,
    /// Since when, and whether a request is being answered.
    state: Mutex<(Instant, bool)>,
}

/// A request is being answered as long as this is there.
pub(super) struct Busy(Arc<Seat>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Shared { limit, table: Mutex::default() }))
    }

    /// A place for one more; if there is none, the one that has been idle longest has to go. `None`: all are busy.
    pub fn admit(&self) -> Option<Place> {
        let mut table = locked(&self.0.table);
        if table.open >= self.0.limit {
            let (_, longest_idle) = table.idle.pop_first()?;
            longest_idle.cancel();
        }
        table.open += 1;
        table.next += 1;
        let (number, evicted, now) = (table.next, CancellationToken::new(), Instant::now());
        table.idle.insert((now, number), evicted.clone());
        let seat = Seat { connections: self.clone(), number, evicted, state: Mutex::new((now, false)) };
        Some(Place(Arc::new(seat)))
    }
}

impl Place {
    /// A request came.
    pub fn busy(&self) -> Busy {
        self.0.set_busy(true);
        Busy(self.0.clone())
    }

    /// How long the request under way has been so.
    pub fn busy_for(&self) -> Duration {
        match *locked(&self.0.state) {
            (since, true) => since.elapsed(),
            (_, false) => Duration::ZERO,
        }
    }

    /// Ready once another connection needs the place.
    pub async fn evicted(&self) {
        self.0.evicted.cancelled().await;
    }
}

impl Seat {
    fn set_busy(&self, busy: bool) {
        let mut state = locked(&self.state);
        let mut table = locked(&self.connections.0.table);
        table.idle.remove(&(state.0, self.number));
        *state = (Instant::now(), busy);
        if !busy && !self.evicted.is_cancelled() {
            table.idle.insert((state.0, self.number), self.evicted.clone());
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_busy(false);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A body that outlives its connection must not bring it back among the idle.
        self.0.evicted.cancel();
        let since = locked(&self.0.state).0;
        let mut table = locked(&self.0.connections.0.table);
        table.idle.remove(&(since, self.0.number));
        table.open -= 1;
    }
}

/// An answer's body; while it is being sent, its connection is not idle.
pub(super) struct Held<B> {
    body: B,
    _busy: Busy,
}

impl<B> Held<B> {
    pub fn new(body: B, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Held<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_makes_room_and_the_busy_stay() {
        let connections = Connections::new(2);
        let first = connections.admit().unwrap();
        let second = connections.admit().unwrap();
        let answering = first.busy();
        let third = connections.admit().unwrap();
        assert!(second.0.evicted.is_cancelled() && !first.0.evicted.is_cancelled());
        drop(second);
        let also_answering = third.busy();
        assert!(connections.admit().is_none(), "both are busy");
        drop(also_answering);
        assert!(connections.admit().is_some());
        assert!(third.0.evicted.is_cancelled() && !first.0.evicted.is_cancelled());
        drop(answering);
    }

    #[test]
    fn a_connection_that_ended_leaves_nothing_behind() {
        let connections = Connections::new(1);
        let place = connections.admit().unwrap();
        let busy = place.busy();
        drop(place);
        drop(busy);
        let table = locked(&connections.0.table);
        assert_eq!((table.open, table.idle.len()), (0, 0));
    }
}
