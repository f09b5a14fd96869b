//! What follows a commit: its rows go to the relay of the same process, its calls to the task that makes them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use choreography_core::{handler::Progress, outbox::OutboxRow, relay::Feed, store::PendingCall};

use crate::{
    core::{Core, lock},
    plant::Plant,
};

/// What waits in a replica's memory for its relay and its calls.
#[derive(Clone)]
pub(super) struct Following {
    pub calls: Arc<Mutex<Vec<PendingCall>>>,
    pub feed: Arc<Feed>,
    /// By aggregate, the number of the event that was handed on last; planted bugs go by it.
    handed_on: Arc<Mutex<HashMap<Vec<u8>, i64>>>,
}

impl Following {
    pub fn new(feed: Feed) -> Self {
        Self { calls: Arc::default(), feed: Arc::new(feed), handed_on: Arc::default() }
    }

    /// Some rows are not handed on, as if the process had none of them: they are in the table.
    pub fn offer<R>(&self, core: &Core, progress: &mut Progress<R>) {
        lock(&self.calls).extend(progress.calls.drain(..).map(|call| call.call));
        if !progress.published.is_empty() && core.pick(8) > 0 {
            core.count("relay", "rows are handed on");
            let mut handed_on = lock(&self.handed_on);
            self.feed.offer(progress.published.drain(..).map(|row| planted(core, &mut handed_on, row)));
        }
    }
}

/// With a planted bug, the relay gets a wrong number for the aggregate's previous event.
fn planted(core: &Core, handed_on: &mut HashMap<Vec<u8>, i64>, mut row: OutboxRow) -> OutboxRow {
    let (Some(key), Some(nth)) = (&row.message.key, row.message.nth) else { return row };
    row.message.nth = match handed_on.get(key) {
        None if core.has(Plant::CacheMissIgnored) => Some(1),
        Some(last) if core.has(Plant::ZombieFeeds) => Some(last + 1),
        _ => Some(nth),
    };
    handed_on.insert(key.clone(), row.message.nth.unwrap_or(nth));
    row
}
