//! Kafka → batches → the door → offsets. Offsets are committed only after the database, as a contiguous watermark:
//! a batch is done with as a whole, or it is handed in again.

use crate::{
    crash_point::reached,
    delivery::Delivery,
    door::{Door, Progress},
    event_id::IdSource,
    input::{Unread, Work},
    log::{EventSource, LogError},
    offsets::Offsets,
    participant::Participant,
    store::{Database, StoreError},
};

/// One member of the service's consumer group.
pub struct Consumer<P: Participant> {
    pending: Option<Pending<P>>,
    uncommitted: Offsets,
    careful: bool,
}

/// A batch on its way.
struct Pending<P: Participant> {
    work: Vec<Work<P>>,
    progress: Progress<P::Reply>,
    next: Offsets,
    messages: usize,
}

/// What a step did.
pub enum Step<P: Participant> {
    /// Nothing was offered.
    Idle,
    /// A batch is committed. `offsets` failing is harmless: the next step asks for them too, and repeats die in the inbox.
    Handled {
        /// So many messages.
        messages: usize,
        /// What became of each.
        progress: Progress<P::Reply>,
        /// Whether the offsets were committed.
        offsets: Result<(), LogError>,
    },
}

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    /// Kafka did not do its part; the next step asks again.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The batch is kept: serve the group with [`EventSource::keep_alive`] for a while, then step again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<P: Participant> Default for Consumer<P> {
    fn default() -> Self {
        Self { pending: None, uncommitted: Offsets::default(), careful: false }
    }
}

impl<P: Participant> Consumer<P> {
    /// Whether it watches for a message that ends the process, as it should for some time after a crash
    /// ([`Door::handle_carefully`]).
    pub fn be_careful(&mut self, careful: bool) {
        self.careful = careful;
    }

    /// Handles the next batch, or the one that failed before. Safe to drop in the middle: the next step goes on with what
    /// was taken.
    pub async fn step<D: Database<P>, S: EventSource>(
        &mut self,
        door: &Door<P, D>,
        source: &mut S,
        ids: &mut dyn IdSource,
        limit: usize,
    ) -> Result<Step<P>, StepError> {
        let pending = match &mut self.pending {
            Some(pending) => {
                pending.forget_revoked(source);
                pending
            }
            none => {
                let deliveries = source.poll(limit).await?;
                if deliveries.is_empty() {
                    self.uncommitted.commit(source).await?;
                    return Ok(Step::Idle);
                }
                none.insert(Pending::new(deliveries, source))
            }
        };
        if self.careful {
            door.handle_carefully(ids, &mut pending.work, &mut pending.progress).await?;
        } else {
            door.handle_isolating(ids, &mut pending.work, &mut pending.progress).await?;
        }
        reached("consumer.committed");
        self.uncommitted.extend(&pending.next);
        let offsets = self.uncommitted.commit(source).await;
        let Some(done) = self.pending.take() else { return Ok(Step::Idle) };
        Ok(Step::Handled { messages: done.messages, progress: done.progress, offsets })
    }

    /// Whether a batch waits for another try.
    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }
}

impl<P: Participant> Pending<P> {
    fn new<S: EventSource>(deliveries: Vec<Delivery>, source: &S) -> Self {
        let messages = deliveries.len();
        let mut next = Offsets::default();
        let mut work = Vec::with_capacity(messages);
        for delivery in deliveries {
            let at = &delivery.position;
            next.take(at, source.owned_since(&at.topic, at.partition));
            work.push(Work::Unread(Unread::Message(delivery)));
        }
        let progress = Progress::new(work.len());
        Self { work, progress, next, messages }
    }

    /// Work of partitions that another member has by now is left to it; what was committed of it stays committed.
    fn forget_revoked<S: EventSource>(&mut self, source: &S) {
        let verdicts = std::mem::take(&mut self.progress.verdicts);
        let work = std::mem::take(&mut self.work);
        let crashes = self.progress.crashes.take();
        let mut kept = Vec::with_capacity(work.len());
        for (index, (work, verdict)) in work.into_iter().zip(verdicts).enumerate() {
            if work.position().is_none_or(|position| self.next.owns(position, source)) {
                self.work.push(work);
                self.progress.verdicts.push(verdict);
                kept.push(index);
            }
        }
        self.progress.crashes =
            crashes.map(|crashes| kept.iter().filter_map(|index| crashes.get(*index).copied()).collect());
    }
}

#[cfg(test)]
#[path = "consumer_tests.rs"]
mod tests;
