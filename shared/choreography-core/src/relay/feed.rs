//! Rows on their way from the commit that wrote them to the relay of the same process, past the table.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::outbox::OutboxRow;

/// Bounded in rows and bytes: rows that find no room are left to the table.
#[derive(Debug)]
pub struct Feed {
    state: Mutex<State>,
    rows: usize,
    bytes: usize,
}

#[derive(Debug)]
struct State {
    rows: Vec<OutboxRow>,
    bytes: usize,
    look: bool,
}

/// What a relay takes from it.
#[derive(Debug)]
pub(super) struct Taken {
    pub rows: Vec<OutboxRow>,
    /// The table has something else.
    pub look: bool,
}

impl Feed {
    /// At most so many rows and so many bytes of messages wait in it.
    pub fn new(rows: usize, bytes: usize) -> Self {
        // Nothing is known of the table yet.
        Self { state: Mutex::new(State { rows: Vec::new(), bytes: 0, look: true }), rows, bytes }
    }

    /// Hands on rows that are committed. Wake the relay afterwards.
    pub fn offer(&self, rows: impl IntoIterator<Item = OutboxRow>) {
        let mut state = self.state();
        for row in rows {
            let bytes = state.bytes + row.message.size();
            if state.rows.len() >= self.rows || bytes > self.bytes {
                state.look = true;
                continue;
            }
            state.bytes = bytes;
            state.rows.push(row);
        }
    }

    /// Says that the table has rows that were not handed on, as those of other replicas, or may have.
    pub fn look_into_the_table(&self) {
        self.state().look = true;
    }

    /// `rows`: whether the relay has room for them; else they wait here, where they are bounded.
    pub(super) fn take(&self, rows: bool) -> Taken {
        let mut state = self.state();
        let look = mem::take(&mut state.look);
        if !rows {
            return Taken { rows: Vec::new(), look };
        }
        state.bytes = 0;
        Taken { rows: mem::take(&mut state.rows), look }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OutboxMessage;

    fn row(number: i64, bytes: usize) -> OutboxRow {
        let payload = Some(vec![0; bytes]);
        let message = OutboxMessage { topic: "t".into(), key: None, payload, headers: Vec::new(), nth: Some(1) };
        OutboxRow { number, range: 0, message }
    }

    fn taken(feed: &Feed) -> (Vec<i64>, bool) {
        let Taken { rows, look } = feed.take(true);
        (rows.iter().map(|row| row.number).collect(), look)
    }

    #[test]
    fn what_finds_no_room_is_left_to_the_table() {
        let feed = Feed::new(2, 10_000);
        assert_eq!(taken(&feed), (vec![], true), "nothing is known yet");
        feed.offer([row(1, 10), row(2, 10)]);
        assert_eq!(taken(&feed), (vec![1, 2], false));
        feed.offer([row(3, 10), row(4, 10), row(5, 10)]);
        assert_eq!(taken(&feed), (vec![3, 4], true));
        feed.offer([row(5, 10)]);
        assert!(feed.take(false).rows.is_empty(), "the relay has no room");
        assert_eq!(taken(&feed), (vec![5], false));
        feed.offer([row(6, 9_000), row(7, 9_000)]);
        assert_eq!(taken(&feed), (vec![6], true));
        assert_eq!(taken(&feed), (vec![], false));
    }

    #[test]
    fn who_knows_of_other_rows_says_so() {
        let feed = Feed::new(2, 10_000);
        feed.take(true);
        feed.look_into_the_table();
        assert_eq!(taken(&feed), (vec![], true));
    }
}
