//! The one loop of a service: whatever has arrived (commands, answers, deadlines, events) goes into the next transaction.
//!
//! What has arrived is gathered while the last transaction is on its way, and waits here, kind by kind. A step takes a fair share
//! of each kind, in the order commands, answers, deadlines, events, and hands them to the handler in one transaction that waits for
//! locks only for a moment. What could not be done at once goes to [`Aside`], with everything of the same aggregate that comes behind
//! it: there it is waited for, halved, or set aside, and delays no other. A step begins only when the outcome of the last is known.
//!
//! Offsets are committed only after the database, as a contiguous watermark: behind the first message of a partition that is not
//! done with, wherever it is, nothing is committed.

mod batch;
mod item;
mod messages;
mod pause;
mod search;
mod share;
mod side_loop;
mod side_queue;

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
};

pub use item::{Asked, Kind, Reply};
pub use messages::Messages;
pub use pause::Pacing;
pub use search::{Found, Search, search};
pub use side_loop::{Beside, Turn};
pub use side_queue::Aside;

use crate::{
    broker::{BrokerError, EventConsumer},
    calls::{self, CallStore, LateAnswer},
    crash_point::reached,
    event_id::IdSource,
    handler::{Handler, Progress},
    participant::{Answer, Participant},
    store::{Database, Deadline, PendingCall, StoreError},
};
use batch::Batch;
use item::{Item, SharedOffsets};
use share::shares;

const KINDS: usize = Kind::ALL.len();
const COMMANDS: usize = Kind::Command as usize;
const EVENTS: usize = Kind::Event as usize;

/// Why a client is not told whether its command was done.
const NO_ANSWER: &str = "the database did not answer in time";

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Inputs of one transaction, and messages that wait for one.
    pub inputs: usize,
    /// Bytes of messages that wait for a transaction; the last of them may go beyond.
    pub bytes: usize,
}

/// What a step did.
pub struct Handled<R> {
    /// What became of each input (without a verdict, it was left), and what follows.
    pub progress: Progress<R>,
    /// What each input is.
    pub kinds: Vec<Kind>,
    /// Answers whose calls were gone.
    late: Vec<LateAnswer>,
}

/// One member of the service's consumer group, and everything else that the service takes in.
pub struct Intake<P: Participant> {
    waiting: [VecDeque<Item<P>>; KINDS],
    pending: Option<Batch<P>>,
    offsets: SharedOffsets,
    aside: Arc<Aside<P>>,
    limits: Limits,
    guarded: bool,
    /// The kind that is next, when each goes alone.
    turn: usize,
}

impl<P: Participant> Intake<P> {
    /// The intake, and the queue in which it leaves inputs to the loops beside.
    pub fn new(limits: Limits) -> (Self, Arc<Aside<P>>) {
        let offsets = SharedOffsets::default();
        let aside = Arc::new(Aside::new(limits, offsets.clone()));
        let (waiting, pending) = (std::array::from_fn(|_| VecDeque::new()), None);
        (Self { waiting, pending, offsets, aside: aside.clone(), limits, guarded: false, turn: 0 }, aside)
    }

    /// Whether it watches for an input that ends the process, as it should for some time after a crash: then each kind goes alone, is
    /// written down before it begins, and what a run crashed over goes aside.
    pub fn set_guarded(&mut self, guarded: bool) {
        self.guarded = guarded;
        self.aside.set_guarded(guarded);
    }

    /// How many further messages it takes. With none, serve the group with [`EventConsumer::keep_alive`].
    pub fn room(&self) -> usize {
        self.basket().room()
    }

    /// How many more inputs of a kind it takes before others have gone into a transaction. What waits outside is bounded there.
    pub fn room_for(&self, kind: Kind) -> usize {
        self.limits.inputs.saturating_sub(self.waiting[kind as usize].len())
    }

    /// Commands came.
    pub fn ask(&mut self, commands: impl IntoIterator<Item = Asked<P>>) {
        self.waiting[COMMANDS].extend(commands.into_iter().map(Item::command));
    }

    /// A call was answered.
    pub fn answered(&mut self, call: &PendingCall, answer: Answer) {
        self.waiting[Kind::Answer as usize].push_back(Item::answer(call, answer));
    }

    /// Deadlines are due. Their search is over once all of them are done with.
    pub fn due(&mut self, deadlines: Vec<Deadline>, found: &Found) {
        self.waiting[Kind::Deadline as usize]
            .extend(deadlines.into_iter().map(|deadline| Item::deadline(deadline, found.clone())));
    }

    /// Messages came.
    pub fn messages(&mut self, messages: Messages<P>) {
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        for item in messages.items {
            item.take_offset(&mut offsets);
            self.waiting[EVENTS].push_back(item);
        }
    }

    /// What messages are taken into, also while a step is on its way.
    pub fn basket(&self) -> Messages<P> {
        let bytes = self.waiting[EVENTS].iter().map(Item::size).sum();
        let room = if self.aside.is_full() { 0 } else { self.room_for(Kind::Event) };
        Messages { items: Vec::new(), bytes, room, limits: self.limits, reads: !self.guarded }
    }

    /// Whether enough waits for a transaction, so that it need not linger.
    pub fn has_enough(&self) -> bool {
        self.pending.is_some() || self.waiting.iter().map(VecDeque::len).sum::<usize>() >= self.limits.inputs / 4
    }

    /// Whether something waits for a transaction.
    pub fn has_work(&self) -> bool {
        self.pending.is_some() || self.waiting.iter().any(|waiting| !waiting.is_empty())
    }

    /// Chooses what the next [`step`](Self::step) handles: the batch that failed before, or a fair share of what waits. Returns whether
    /// there is something. `owned_since`: as [`EventConsumer::owned_since`]; no message of a partition that moved to another is begun.
    pub fn prepare(&mut self, owned_since: impl Fn(&str, i32) -> Option<u64>) -> bool {
        let is_owned = |item: &Item<P>| item.is_owned(&owned_since);
        let again = self.pending.take().map(|batch| batch.begin_again(NO_ANSWER, is_owned));
        self.pending = again.filter(|batch| !batch.is_empty());
        if self.pending.is_none() {
            self.waiting[EVENTS].retain(is_owned);
            let chosen = self.choose();
            // Its aggregate's order holds only if an item waits behind what went aside before.
            let batch = self.aside.keep_behind(chosen);
            self.pending = (!batch.is_empty()).then(|| Batch::of(batch));
        }
        self.pending.is_some()
    }

    fn choose(&mut self) -> Vec<Item<P>> {
        let waiting = self.waiting.each_ref().map(VecDeque::len);
        let take = match self.guarded || self.limits.inputs < KINDS {
            true => self.one_kind(waiting),
            false => shares(self.limits.inputs, waiting),
        };
        self.waiting.iter_mut().zip(take).flat_map(|(waiting, take)| waiting.drain(..take)).collect()
    }

    /// In turns: so that an input that ends the process is not blamed on others, or because there is no room for a share of each.
    fn one_kind(&mut self, waiting: [usize; KINDS]) -> [usize; KINDS] {
        let mut alone = [0; KINDS];
        if let Some(kind) = (0..KINDS).map(|next| (self.turn + next) % KINDS).find(|kind| waiting[*kind] > 0) {
            alone[kind] = waiting[kind].min(self.limits.inputs);
            self.turn = kind + 1;
        }
        alone
    }

    /// Hands to the handler what was prepared. `None`: there was nothing, or all of it went aside.
    ///
    /// Safe to drop in the middle: the next step goes on with what was taken. Commands are not handed in twice, though: once a try
    /// has failed or was dropped, their clients are told that the outcome is not known.
    ///
    /// # Errors
    /// The database is away for every input. The batch is kept: serve the group with [`EventConsumer::keep_alive`] for a while, then
    /// step again.
    pub async fn step<D: Database<P> + CallStore>(
        &mut self,
        handler: &Handler<P, D>,
        ids: &mut dyn IdSource,
    ) -> Result<Option<Handled<P::Reply>>, StoreError> {
        match self.try_pending(handler, ids).await {
            Ok(()) => {}
            Err(StoreError::Contention(_) | StoreError::Data(_) | StoreError::Unreadable(_)) => {
                let Some(batch) = self.pending.take() else { return Ok(None) };
                self.aside.add(batch.into_items());
                return Ok(None);
            }
            Err(error) => {
                // A client that waits for a command's reply need not wait for the database to come back.
                let why = error.to_string();
                self.pending = self.pending.take().map(|batch| batch.begin_again(&why, |_| true));
                self.waiting[COMMANDS].drain(..).for_each(|item| item.answer_unknown(&why));
                return Err(error);
            }
        }
        reached("intake.committed");
        let Some(batch) = self.pending.take() else { return Ok(None) };
        let (handled, left) = batch.end(&self.offsets);
        self.aside.add(left);
        calls::report_late(&handler.database, &handled.late).await;
        Ok(Some(handled))
    }

    async fn try_pending<D: Database<P> + CallStore>(
        &mut self,
        handler: &Handler<P, D>,
        ids: &mut dyn IdSource,
    ) -> Result<(), StoreError> {
        if self.guarded {
            self.leave_suspects(handler).await?;
        }
        let Some(batch) = &mut self.pending else { return Ok(()) };
        batch.begun = true;
        // What was committed by a guarded try is never begun anew, and its note may still have to go.
        match self.guarded || batch.is_done_in_part() {
            true => handler.handle_at_once_guarded(ids, &mut batch.inbound, &mut batch.progress).await,
            false => handler.handle_at_once(ids, &mut batch.inbound, &mut batch.progress).await,
        }
    }

    /// Sets aside the inputs over which a run crashed, with all later inputs of their aggregates.
    async fn leave_suspects<D: Database<P>>(&mut self, handler: &Handler<P, D>) -> Result<(), StoreError> {
        let Some(batch) = self.pending.as_ref().filter(|batch| !batch.is_done_in_part()) else { return Ok(()) };
        let crashed = handler.crashed_over(&batch.inbound).await?;
        if crashed.contains(&true)
            && let Some(batch) = self.pending.take()
        {
            let (suspects, others) = batch.part(&crashed);
            self.aside.add(suspects);
            self.pending = (!others.is_empty()).then(|| Batch::of(others));
        }
        Ok(())
    }

    /// Asks Kafka to commit what is done with, until it confirms that. Failing is harmless: the next call asks for it too, and
    /// repeats die in the inbox.
    ///
    /// # Errors
    /// Kafka did not do its part.
    pub async fn commit_offsets<S: EventConsumer>(&mut self, consumer: &mut S) -> Result<(), BrokerError> {
        let next = self.offsets.lock().unwrap_or_else(PoisonError::into_inner).uncommitted(consumer);
        if next.is_empty() { Ok(()) } else { consumer.commit(&next).await }
    }

    /// The service stops: clients whose commands wait still are told so; the rest comes again.
    pub fn give_up(&mut self, why: &str) {
        let pending = self.pending.take().into_iter().flat_map(Batch::into_items);
        self.waiting
            .iter_mut()
            .flat_map(|waiting| waiting.drain(..))
            .chain(pending)
            .for_each(|item| item.answer_unknown(why));
    }
}

#[cfg(test)]
mod hot_key_tests;
#[cfg(test)]
mod tests;
