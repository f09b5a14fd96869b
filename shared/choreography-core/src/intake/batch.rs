//! Items that go through the handler together.

use std::{collections::HashSet, sync::PoisonError};

use super::{
    Handled,
    item::{Item, Kind, SharedOffsets, Then},
};
use crate::{handler::Progress, input::Inbound, participant::Participant};

pub(super) struct Batch<P: Participant> {
    pub inbound: Vec<Inbound<P>>,
    pub progress: Progress<P::Reply>,
    thens: Vec<Then<P>>,
    /// A try was begun: whether it was committed is not known before it has ended.
    pub begun: bool,
}

impl<P: Participant> Batch<P> {
    pub fn of(items: Vec<Item<P>>) -> Self {
        let (inbound, thens): (Vec<_>, Vec<_>) =
            items.into_iter().map(|Item { inbound, then }| (inbound, then)).unzip();
        Self { progress: Progress::new(inbound.len()), inbound, thens, begun: false }
    }

    pub fn is_empty(&self) -> bool {
        self.inbound.is_empty()
    }

    /// Whether some of it is done with, and the rest is not.
    pub fn is_done_in_part(&self) -> bool {
        self.progress.verdicts.iter().any(Option::is_some)
    }

    /// A batch is handed in again. Commands are not: their clients are told that it is not known whether they were done. What
    /// `stays` says no to goes as well.
    pub fn begin_again(self, why: &str, stays: impl Fn(&Item<P>) -> bool) -> Self {
        let begun = self.begun;
        let crashes = self.progress.crashes.clone();
        let Self { inbound, progress, thens, .. } = self;
        let mut kept = Self { inbound: Vec::new(), progress: Progress::new(0), thens: Vec::new(), begun: false };
        let mut counts = Vec::new();
        for (index, ((inbound, then), verdict)) in inbound.into_iter().zip(thens).zip(progress.verdicts).enumerate() {
            let item = Item { inbound, then };
            if begun && item.kind() == Kind::Command && verdict.is_none() {
                item.answer_unknown(why);
            } else if verdict.is_some() || stays(&item) {
                kept.inbound.push(item.inbound);
                kept.thens.push(item.then);
                kept.progress.verdicts.push(verdict);
                counts.extend(crashes.as_ref().and_then(|crashes| crashes.get(index)).copied());
            }
        }
        kept.progress.crashes = crashes.map(|_| counts);
        kept.progress.published = progress.published;
        kept.progress.ranges = progress.ranges;
        kept.progress.calls = progress.calls;
        kept.progress.earliest_deadline = progress.earliest_deadline;
        kept
    }

    /// The batch went through, except for inputs that were left: nothing of those was done.
    pub fn end(self, offsets: &SharedOffsets) -> (Handled<P::Reply>, Vec<Item<P>>) {
        let mut offsets = offsets.lock().unwrap_or_else(PoisonError::into_inner);
        let Self { inbound, mut progress, thens, .. } = self;
        let (mut left, mut late, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for ((inbound, then), verdict) in inbound.into_iter().zip(thens).zip(&mut progress.verdicts) {
            let item = Item { inbound, then };
            kinds.push(item.kind());
            match verdict {
                Some(verdict) => item.settle(verdict, &mut offsets, &mut late),
                None => left.push(item),
            }
        }
        (Handled { progress, kinds, late }, left)
    }

    /// Those that are suspected, with what comes behind them of their aggregates; and the others.
    pub fn part(self, suspected: &[bool]) -> (Vec<Item<P>>, Vec<Item<P>>) {
        let mut aggregates: HashSet<String> = HashSet::new();
        let (mut suspects, mut others) = (Vec::new(), Vec::new());
        for (item, suspected) in self.into_items().into_iter().zip(suspected) {
            let aggregate = item.inbound.aggregate_id();
            if *suspected || aggregate.is_some_and(|aggregate| aggregates.contains(aggregate)) {
                aggregates.extend(aggregate.map(str::to_owned));
                suspects.push(item);
            } else {
                others.push(item);
            }
        }
        (suspects, others)
    }

    /// Nothing of it was done.
    pub fn into_items(self) -> Vec<Item<P>> {
        self.inbound.into_iter().zip(self.thens).map(|(inbound, then)| Item { inbound, then }).collect()
    }
}
