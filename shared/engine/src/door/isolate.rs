//! When the database refuses a batch, it is halved until the culprit stands alone; everything else goes on.

use chrono::{DateTime, Utc};

use super::{Door, SetAside};
use crate::{
    event_id::IdSource,
    input::{Handled, Input, Source, Verdict, Work},
    participant::{Participant, Refusal},
    store::{Database, Intent, StoreError},
};

/// How far a batch has come. Kept across failed tries, so that committed halves are not handled (or answered) twice.
pub struct Progress<R> {
    pub verdicts: Vec<Option<Verdict<R>>>,
    pub ranges: Vec<i32>,
    pub intents: Vec<Intent>,
    pub earliest_deadline: Option<DateTime<Utc>>,
    /// How often each was begun by earlier runs, once that was asked: tries of this run are no crashes.
    pub(crate) begun: Option<Vec<u32>>,
}

impl<R> Progress<R> {
    pub fn new(len: usize) -> Self {
        Self {
            verdicts: (0..len).map(|_| None).collect(),
            ranges: Vec::new(),
            intents: Vec::new(),
            earliest_deadline: None,
            begun: None,
        }
    }

    pub(super) fn keep(&mut self, from: usize, handled: Handled<R>) {
        for (offset, verdict) in handled.verdicts.into_iter().enumerate() {
            self.verdicts[from + offset] = Some(verdict);
        }
        self.ranges.extend(handled.ranges);
        self.intents.extend(handled.intents);
        self.earliest_deadline = self.earliest_deadline.into_iter().chain(handled.earliest_deadline).min();
    }
}

impl<P: Participant, D: Database<P>> Door<P, D> {
    /// Handles `work`, isolating what the database refuses. On an error the database is away: what `progress` holds by
    /// then is committed; call again with the same `work` and `progress` to go on.
    pub async fn handle_isolating(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        self.isolate(ids, work, (0, work.len()), progress).await
    }

    /// Handles the part of `work` from the first to before the second index.
    pub(super) async fn isolate(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        part: (usize, usize),
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let mut open = vec![part];
        while let Some((from, to)) = open.pop() {
            if from == to || progress.verdicts[from..to].iter().all(Option::is_some) {
                continue;
            }
            match self.handle(ids, &work[from..to]).await {
                Ok(handled) => progress.keep(from, handled),
                Err(StoreError::Unavailable(why)) => return Err(StoreError::Unavailable(why)),
                Err(_) if to - from > 1 => {
                    let middle = from.midpoint(to);
                    open.push((middle, to));
                    open.push((from, middle));
                }
                Err(error) => {
                    let handled = self.set_aside(ids, &work[from], &error).await?;
                    progress.keep(from, handled);
                }
            }
        }
        Ok(())
    }

    /// Sets one piece of work aside without running its rules again: the database refused what they wanted.
    async fn set_aside(
        &self,
        ids: &mut dyn IdSource,
        work: &Work<P>,
        error: &StoreError,
    ) -> Result<Handled<P::Reply>, StoreError> {
        let refusal = match error {
            StoreError::Data(_) => Refusal::Permanent(error.to_string()),
            StoreError::Contention(_) | StoreError::Unavailable(_) => Refusal::Transient(error.to_string()),
        };
        match work {
            Work::Input(input) if input.source.event().is_some() => {
                let set_aside = SetAside { class: "database", refusal };
                self.handle_or_refuse(ids, std::slice::from_ref(work), Some(&set_aside)).await.map_err(unavailable)
            }
            Work::Input(Input { source: Source::Client, .. }) => Ok(only(Verdict::Refused(refusal))),
            // Deadline and intent rows were not taken, since the transaction rolled back: they come again.
            Work::Input(_) => Ok(only(Verdict::Refused(refusal))),
            Work::Dead(..) => Err(unavailable(error.clone())),
        }
    }
}

fn only<R>(verdict: Verdict<R>) -> Handled<R> {
    Handled { verdicts: vec![verdict], ranges: Vec::new(), intents: Vec::new(), earliest_deadline: None }
}

/// If even setting it aside fails, nothing may be skipped: the batch waits as if the database were away.
fn unavailable(error: StoreError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
