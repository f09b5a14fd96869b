//! Kafka → batches → the door → offsets. Offsets are committed only after the database, as a contiguous watermark:
//! a batch is done with as a whole, or it is handed in again.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    crash_point::reached,
    delivery::{Delivery, Position},
    door::{Door, Progress},
    event_id::IdSource,
    input::{Unread, Work},
    log::{EventSource, LogError},
    participant::Participant,
    store::{Database, StoreError},
};

/// One member of the service's consumer group.
pub struct Consumer<P: Participant> {
    pending: Option<Pending<P>>,
    /// Watermarks whose commit was not confirmed. Without a further message of their partition nothing else would
    /// commit them.
    uncommitted: Watermarks,
    careful: bool,
}

type Watermarks = BTreeMap<(Arc<str>, i32), Watermark>;

/// The position after the last handled message of a partition.
struct Watermark {
    next: i64,
    /// It counts for this assignment only: another member may have gone further before the partition came back.
    since: Option<u64>,
}

/// A batch on its way.
struct Pending<P: Participant> {
    work: Vec<Work<P>>,
    progress: Progress<P::Reply>,
    next: Watermarks,
    messages: usize,
}

/// What a step did.
pub enum Step<P: Participant> {
    /// Nothing was offered.
    Idle,
    /// A batch is committed. `offsets` failing is harmless: the next step commits them too, and repeats die in the inbox.
    Handled { messages: usize, progress: Progress<P::Reply>, offsets: Result<(), LogError> },
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// The batch is kept: serve the group with [`EventSource::keep_alive`] for a while, then step again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<P: Participant> Default for Consumer<P> {
    fn default() -> Self {
        Self { pending: None, uncommitted: Watermarks::new(), careful: false }
    }
}

impl<P: Participant> Consumer<P> {
    /// Whether it watches for a message that ends the process, as it should for some time after a crash
    /// ([`Door::handle_carefully`]).
    pub fn be_careful(&mut self, careful: bool) {
        self.careful = careful;
    }

    /// Handles the next batch, or the one that failed before.
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
                    commit(&mut self.uncommitted, source).await?;
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
        let Some(done) = self.pending.take() else { return Ok(Step::Idle) };
        self.uncommitted.extend(done.next);
        let offsets = commit(&mut self.uncommitted, source).await;
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
        let mut next = Watermarks::new();
        let mut work = Vec::with_capacity(messages);
        for delivery in deliveries {
            let Position { topic, partition, offset } = delivery.position.clone();
            let since = source.owned_since(&topic, partition);
            let watermark = next.entry((topic, partition)).or_insert(Watermark { next: 0, since });
            watermark.next = watermark.next.max(offset + 1);
            work.push(Work::Unread(Unread::Message(delivery)));
        }
        let progress = Progress::new(work.len());
        Self { work, progress, next, messages }
    }

    /// Work of partitions that another member has by now is left to it; what was committed of it stays committed.
    fn forget_revoked<S: EventSource>(&mut self, source: &S) {
        let verdicts = std::mem::take(&mut self.progress.verdicts);
        let work = std::mem::take(&mut self.work);
        let begun = self.progress.begun.take();
        let mut kept = Vec::with_capacity(work.len());
        for (index, (work, verdict)) in work.into_iter().zip(verdicts).enumerate() {
            if work.position().is_none_or(|position| is_owned(&self.next, position, source)) {
                self.work.push(work);
                self.progress.verdicts.push(verdict);
                kept.push(index);
            }
        }
        self.progress.begun = begun.map(|begun| kept.iter().filter_map(|index| begun.get(*index).copied()).collect());
    }
}

/// Commits what is still owned; what moved to another member is that one's to commit.
async fn commit<S: EventSource>(uncommitted: &mut Watermarks, source: &mut S) -> Result<(), LogError> {
    uncommitted.retain(|(topic, partition), watermark| {
        watermark.since.is_some() && source.owned_since(topic, *partition) == watermark.since
    });
    if uncommitted.is_empty() {
        return Ok(());
    }
    let next: Vec<Position> = uncommitted
        .iter()
        .map(|((topic, partition), watermark)| Position {
            topic: topic.clone(),
            partition: *partition,
            offset: watermark.next,
        })
        .collect();
    source.commit(&next).await?;
    uncommitted.clear();
    Ok(())
}

/// Whether the partition never left this member since the message was taken.
fn is_owned<S: EventSource>(taken: &Watermarks, position: &Position, source: &S) -> bool {
    let since = taken.get(&(position.topic.clone(), position.partition)).and_then(|watermark| watermark.since);
    since.is_some() && source.owned_since(&position.topic, position.partition) == since
}
