//! What could not be done at once, with all that stands behind it: waited for, halved or set aside here, while the others go on.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    Handled, Limits, NO_ANSWER,
    batch::{Batch, Ended},
    item::{Item, SharedOffsets},
};
use crate::{
    door::Door,
    event_id::IdSource,
    intents::{self, IntentStore},
    participant::Participant,
    store::{Database, StoreError},
};

/// Full at so many batches' worth: then no further messages are taken from Kafka.
const BATCHES: usize = 4;

/// Shared by the loop that fills it and those that empty it.
pub struct Aside<P: Participant> {
    state: Mutex<State<P>>,
    offsets: SharedOffsets,
    limits: Limits,
    /// Told when something came.
    pub came: Notify,
}

struct State<P: Participant> {
    waiting: VecDeque<Item<P>>,
    bytes: usize,
    /// Aggregates of which something is here, waiting or under way.
    here: HashMap<Arc<str>, Here>,
}

struct Here {
    items: usize,
    under_way: bool,
}

impl<P: Participant> Aside<P> {
    pub(super) fn new(limits: Limits, offsets: SharedOffsets) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, here: HashMap::new() };
        Self { state: Mutex::new(state), offsets, limits, came: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, items: impl IntoIterator<Item = Item<P>>) {
        let mut state = self.state();
        for item in items {
            state.add(item);
            // A loop that is at work looks again before it waits.
            self.came.notify_one();
        }
    }

    /// Adds those of whose aggregates something is here; the others come back.
    pub(super) fn keep_behind(&self, items: Vec<Item<P>>) -> Vec<Item<P>> {
        let mut state = self.state();
        if state.here.is_empty() {
            return items;
        }
        let is_here = |item: &Item<P>| item.work.aggregate_id().is_some_and(|it| state.here.contains_key(it));
        let (behind, others): (Vec<_>, Vec<_>) = items.into_iter().partition(is_here);
        for item in behind {
            state.add(item);
            self.came.notify_one();
        }
        others
    }

    pub(super) fn is_full(&self) -> bool {
        let state = self.state();
        state.waiting.len() >= BATCHES * self.limits.inputs || state.bytes >= BATCHES * self.limits.bytes
    }

    /// The first that wait and of whose aggregates nothing is under way elsewhere.
    fn take(&self) -> Vec<Item<P>> {
        let mut state = self.state();
        let State { waiting, here, bytes } = &mut *state;
        let (mut taken, mut stays) = (Vec::new(), VecDeque::new());
        let mut mine: Vec<Arc<str>> = Vec::new();
        for item in waiting.drain(..) {
            let aggregate = item.work.aggregate_id();
            let elsewhere = aggregate.and_then(|aggregate| here.get(aggregate)).is_some_and(|here| here.under_way);
            if elsewhere || taken.len() == self.limits.inputs {
                stays.push_back(item);
                continue;
            }
            mine.extend(aggregate.map(Arc::from));
            *bytes -= item.size();
            taken.push(item);
        }
        for aggregate in &mine {
            if let Some(here) = here.get_mut(aggregate) {
                here.under_way = true;
            }
        }
        *waiting = stays;
        taken
    }

    fn ended(&self, aggregates: Vec<Arc<str>>) {
        let mut state = self.state();
        for aggregate in aggregates {
            if let Some(here) = state.here.get_mut(&aggregate) {
                here.under_way = false;
                here.items -= 1;
                if here.items == 0 {
                    state.here.remove(&aggregate);
                }
            }
        }
    }
}

impl<P: Participant> State<P> {
    fn add(&mut self, item: Item<P>) {
        self.bytes += item.size();
        if let Some(aggregate) = item.work.aggregate_id() {
            match self.here.get_mut(aggregate) {
                Some(here) => here.items += 1,
                None => drop(self.here.insert(aggregate.into(), Here { items: 1, under_way: false })),
            }
        }
        self.waiting.push_back(item);
    }
}

/// One of the loops that empty it.
pub struct Beside<P: Participant> {
    aside: Arc<Aside<P>>,
    pending: Option<(Batch<P>, Vec<Arc<str>>)>,
}

impl<P: Participant> Beside<P> {
    /// A loop beside.
    pub fn new(aside: Arc<Aside<P>>) -> Self {
        Self { aside, pending: None }
    }

    /// Handles what waits, or what failed before, and isolates what the database refuses. `None`: nothing waits.
    ///
    /// Safe to drop in the middle, as [`Intake::step`](super::Intake::step).
    ///
    /// # Errors
    /// The database is away; what was taken is kept.
    pub async fn step<D: Database<P> + IntentStore>(
        &mut self,
        door: &Door<P, D>,
        ids: &mut dyn IdSource,
    ) -> Result<Option<Handled<P::Reply>>, StoreError> {
        self.make_pending(NO_ANSWER);
        let Some((batch, _)) = &mut self.pending else { return Ok(None) };
        batch.begun = true;
        if let Err(error) = door.handle_isolating(ids, &mut batch.work, &mut batch.progress).await {
            self.make_pending(&error.to_string());
            return Err(error);
        }
        let Some((batch, aggregates)) = self.pending.take() else { return Ok(None) };
        let Ended { handled, late, .. } = batch.end(&self.aside.offsets);
        self.aside.ended(aggregates);
        if !late.is_empty() {
            intents::report_late(&door.database, &late).await;
        }
        Ok(Some(handled))
    }

    fn make_pending(&mut self, why: &str) {
        if let Some((batch, aggregates)) = self.pending.take() {
            // Commands are about no aggregate, so the list of those stays as it is.
            self.pending = Some((batch.begin_again(why, |_| true), aggregates));
            return;
        }
        let items = self.aside.take();
        if !items.is_empty() {
            let aggregates = items.iter().filter_map(|item| item.work.aggregate_id().map(Arc::from)).collect();
            self.pending = Some((Batch::of(items), aggregates));
        }
    }
}
