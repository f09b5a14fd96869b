//! Inputs that could not be done at once, with all that stand behind them, while the others go on.
//!
//! They come in whole batches, and mostly a single input is at fault. So they are tried once more in ever smaller parts, without
//! waiting for locks ([`Turn::Quick`]). Those that are left then wait for locks, are halved or set aside ([`Turn::Slow`]).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    Limits, Turn,
    item::{Item, Kind, SharedOffsets},
};
use crate::participant::Participant;

/// Full at so many batches' worth: then no further messages are taken from Kafka.
const BATCHES: usize = 4;
/// Inputs of a quick turn. A client that waits for a reply has it at the turn's end, and a culprit is found in fewer tries among few.
const QUICK: usize = 64;

/// Shared by the loop that fills it and those that empty it.
pub struct Aside<P: Participant> {
    state: Mutex<State<P>>,
    pub(super) offsets: SharedOffsets,
    limits: Limits,
    came: [Notify; 2],
}

struct State<P: Participant> {
    quick: VecDeque<Item<P>>,
    slow: VecDeque<Item<P>>,
    bytes: usize,
    /// Aggregates that have an input here, waiting or under way.
    here: HashMap<Arc<str>, Here>,
    guarded: bool,
    /// The last quick turn was that of commands.
    commands_had_turn: bool,
}

struct Here {
    items: usize,
    under_way: bool,
    /// New inputs of it join the slow ones, which are before them.
    slow: bool,
}

impl<P: Participant> Aside<P> {
    pub(super) fn new(limits: Limits, offsets: SharedOffsets) -> Self {
        let (quick, slow, here) = (VecDeque::new(), VecDeque::new(), HashMap::new());
        let state = State { quick, slow, bytes: 0, here, guarded: false, commands_had_turn: false };
        Self { state: Mutex::new(state), offsets, limits, came: [Notify::new(), Notify::new()] }
    }

    fn state(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready once something came for such a turn.
    pub async fn came(&self, turn: Turn) {
        self.came[turn as usize].notified().await;
    }

    /// As [`Intake::set_guarded`](super::Intake::set_guarded): then nothing is tried once more without being watched.
    pub(super) fn set_guarded(&self, guarded: bool) {
        self.state().guarded = guarded;
    }

    pub(super) fn is_guarded(&self) -> bool {
        self.state().guarded
    }

    /// What was left, for a quick turn first; all that is added while it is guarded waits for a slow one.
    pub(super) fn add(&self, items: impl IntoIterator<Item = Item<P>>) {
        let mut state = self.state();
        let guarded = state.guarded;
        for item in items {
            self.put(&mut state, item, guarded);
        }
    }

    /// What a quick turn left comes before everything else of its aggregates.
    pub(super) fn leave(&self, items: Vec<Item<P>>) {
        let mut state = self.state();
        for item in items.into_iter().rev() {
            state.leave(item);
            self.came[Turn::Slow as usize].notify_one();
        }
    }

    /// Adds those of whose aggregates something is here; the others come back.
    pub(super) fn keep_behind(&self, items: Vec<Item<P>>) -> Vec<Item<P>> {
        let mut state = self.state();
        if state.here.is_empty() {
            return items;
        }
        let is_here = |item: &Item<P>| item.inbound.aggregate_id().is_some_and(|it| state.here.contains_key(it));
        let (behind, others): (Vec<_>, Vec<_>) = items.into_iter().partition(is_here);
        for item in behind {
            self.put(&mut state, item, false);
        }
        others
    }

    /// A loop that is at work looks again before it waits.
    fn put(&self, state: &mut State<P>, item: Item<P>, slow: bool) {
        let turn = state.add(item, slow);
        self.came[turn as usize].notify_one();
    }

    pub(super) fn is_full(&self) -> bool {
        let state = self.state();
        let waiting = state.quick.len() + state.slow.len();
        waiting >= BATCHES * self.limits.inputs || state.bytes >= BATCHES * self.limits.bytes
    }

    /// The first that wait for such a turn and of whose aggregates nothing is under way elsewhere.
    pub(super) fn take(&self, turn: Turn) -> Vec<Item<P>> {
        let mut state = self.state();
        if turn == Turn::Quick && state.hand_over() {
            self.came[Turn::Slow as usize].notify_one();
        }
        match turn {
            Turn::Quick => state.take_quick(self.limits.inputs.min(QUICK)),
            Turn::Slow => state.take(turn, self.limits.inputs),
        }
    }

    pub(super) fn ended(&self, aggregates: Vec<Arc<str>>) {
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
        // What waited for them may go on.
        self.came.iter().for_each(Notify::notify_one);
    }
}

impl<P: Participant> State<P> {
    /// For which turn it waits. `slow`: not for a quick one, unless something of its aggregate does.
    fn add(&mut self, item: Item<P>, slow: bool) -> Turn {
        let is_slow = self.count(&item, slow).map_or(slow, |here| here.slow);
        let turn = if is_slow { Turn::Slow } else { Turn::Quick };
        self.queue(turn).push_back(item);
        turn
    }

    fn leave(&mut self, item: Item<P>) {
        if let Some(here) = self.count(&item, true) {
            here.slow = true;
        }
        self.slow.push_front(item);
    }

    /// One more of its aggregate; `slow`: if it is the first.
    fn count(&mut self, item: &Item<P>, slow: bool) -> Option<&mut Here> {
        self.bytes += item.size();
        let aggregate = item.inbound.aggregate_id()?;
        if !self.here.contains_key(aggregate) {
            self.here.insert(aggregate.into(), Here { items: 0, under_way: false, slow });
        }
        let here = self.here.get_mut(aggregate)?;
        here.items += 1;
        Some(here)
    }

    fn queue(&mut self, turn: Turn) -> &mut VecDeque<Item<P>> {
        match turn {
            Turn::Quick => &mut self.quick,
            Turn::Slow => &mut self.slow,
        }
    }

    /// What waits for a quick turn and may not have one any more. Whether there was something.
    fn hand_over(&mut self) -> bool {
        let State { quick, slow, here, guarded, .. } = self;
        let before = slow.len();
        for item in std::mem::take(quick) {
            let here = item.inbound.aggregate_id().and_then(|aggregate| here.get_mut(aggregate));
            match here {
                Some(here) if here.slow || *guarded => {
                    here.slow = true;
                    slow.push_back(item);
                }
                None if *guarded => slow.push_back(item),
                _ => quick.push_back(item),
            }
        }
        slow.len() > before
    }

    /// Commands first, whose clients wait; they have no order. Then others have a turn.
    fn take_quick(&mut self, limit: usize) -> Vec<Item<P>> {
        let is_command = |item: &Item<P>| item.kind() == Kind::Command;
        if self.commands_had_turn || !self.quick.iter().any(is_command) {
            self.commands_had_turn = false;
            return self.take(Turn::Quick, limit);
        }
        self.commands_had_turn = true;
        let (commands, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.quick).into_iter().partition(is_command);
        self.quick = others.into();
        let mut commands = commands.into_iter();
        let taken = commands.by_ref().take(limit).collect();
        for later in commands.rev() {
            self.quick.push_front(later);
        }
        taken
    }

    /// A guarded turn has one kind, so that no other kind is blamed for an input that ends the process.
    fn take(&mut self, turn: Turn, limit: usize) -> Vec<Item<P>> {
        let (mut taken, mut stays): (Vec<Item<P>>, _) = (Vec::new(), VecDeque::new());
        let mut passed_over: HashSet<Arc<str>> = HashSet::new();
        let mut kind: Option<Kind> = None;
        for item in std::mem::take(self.queue(turn)) {
            let aggregate = item.inbound.aggregate_id();
            let is_another = self.guarded && kind.is_some_and(|kind| kind != item.kind());
            let is_elsewhere = aggregate.is_some_and(|it| self.here.get(it).is_some_and(|here| here.under_way));
            let is_behind = aggregate.is_some_and(|aggregate| passed_over.contains(aggregate));
            if is_another || is_elsewhere || is_behind || taken.len() == limit {
                passed_over.extend(aggregate.map(Arc::from));
                stays.push_back(item);
                continue;
            }
            kind = Some(item.kind());
            self.bytes -= item.size();
            taken.push(item);
        }
        for item in &taken {
            if let Some(here) = item.inbound.aggregate_id().and_then(|aggregate| self.here.get_mut(aggregate)) {
                here.under_way = true;
            }
        }
        *self.queue(turn) = stays;
        taken
    }
}
