//! The loops that empty what went aside.

use std::sync::Arc;

use super::{Aside, Handled, NO_ANSWER, batch::Batch, item::Item};
use crate::{
    calls::{self, CallStore},
    event_id::IdSource,
    handler::Handler,
    participant::Participant,
    store::{Database, StoreError},
};

/// What a loop beside does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Tries what came in ever smaller parts, without waiting for locks. One loop does, and never waits long.
    Quick,
    /// Waits for the rest, and isolates what the database refuses.
    Slow,
}

/// One of the loops that empty it.
pub struct Beside<P: Participant> {
    aside: Arc<Aside<P>>,
    turn: Turn,
    pending: Option<(Batch<P>, Vec<Arc<str>>)>,
}

impl<P: Participant> Beside<P> {
    /// A loop beside.
    pub fn new(aside: Arc<Aside<P>>, turn: Turn) -> Self {
        Self { aside, turn, pending: None }
    }

    /// Ready once something came for it.
    pub async fn came(&mut self) {
        self.aside.came(self.turn).await;
    }

    /// Handles what waits, or what failed before. `None`: nothing waits.
    ///
    /// Safe to drop in the middle, as [`Intake::step`](super::Intake::step).
    ///
    /// # Errors
    /// The database is away; what was taken is kept.
    pub async fn step<D: Database<P> + CallStore>(
        &mut self,
        handler: &Handler<P, D>,
        ids: &mut dyn IdSource,
    ) -> Result<Option<Handled<P::Reply>>, StoreError> {
        self.make_pending(NO_ANSWER);
        let Some((batch, _)) = &mut self.pending else { return Ok(None) };
        batch.begun = true;
        let (inbound, progress) = (&mut batch.inbound, &mut batch.progress);
        let tried = match self.turn {
            Turn::Quick => handler.handle_in_parts(ids, inbound, progress).await,
            Turn::Slow if self.aside.is_guarded() => handler.handle_guarded(ids, inbound, progress).await,
            Turn::Slow => handler.handle_isolating(ids, inbound, progress).await,
        };
        if let Err(error) = tried {
            self.make_pending(&error.to_string());
            return Err(error);
        }
        let Some((batch, aggregates)) = self.pending.take() else { return Ok(None) };
        let (handled, left) = batch.end(&self.aside.offsets);
        self.aside.leave(left);
        self.aside.ended(aggregates);
        calls::report_late(&handler.database, &handled.late).await;
        Ok(Some(handled))
    }

    fn make_pending(&mut self, why: &str) {
        if let Some((batch, aggregates)) = self.pending.take() {
            // Commands are about no aggregate, so the list of those stays as it is.
            self.pending = Some((batch.begin_again(why, |_| true), aggregates));
            return;
        }
        let items = self.aside.take(self.turn);
        if !items.is_empty() {
            let aggregates =
                items.iter().filter_map(|item: &Item<P>| item.inbound.aggregate_id().map(Arc::from)).collect();
            self.pending = Some((Batch::of(items), aggregates));
        }
    }
}
