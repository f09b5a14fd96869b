//! When the database refuses a batch, it is halved until the culprit stands alone; everything else goes on. When it
//! waits too long for a row, it is tried again without waiting: whoever needs a row that is locked steps aside.

use chrono::{DateTime, Utc};

use tracing::error;

use super::{Door, Manner, SetAside};
use crate::{
    delivery::Delivery,
    event_id::IdSource,
    input::{Handled, Input, Source, Verdict, Work},
    intents::FreshCall,
    outbox::OutboxRow,
    participant::{Participant, Refusal},
    reception,
    store::{Crashes, Database, Failure, StoreError, Waits},
};

/// How far a batch has come. Kept across failed tries, so that committed halves are not handled (or answered) twice.
pub struct Progress<R> {
    /// What became of each piece of work, in its order; `None` of what is not settled yet.
    pub verdicts: Vec<Option<Verdict<R>>>,
    /// Rows of the outbox, for the relay of their ranges.
    pub published: Vec<OutboxRow>,
    /// Key ranges that have something else to publish.
    pub ranges: Vec<i32>,
    /// Calls to make now.
    pub intents: Vec<FreshCall>,
    /// The earliest deadline that was set.
    pub earliest_deadline: Option<DateTime<Utc>>,
    /// How often earlier runs crashed over each, once that was asked.
    pub(crate) crashes: Option<Vec<Crashes>>,
}

impl<R> Progress<R> {
    /// Nothing of so many pieces of work is settled yet.
    pub fn new(len: usize) -> Self {
        Self {
            verdicts: (0..len).map(|_| None).collect(),
            published: Vec::new(),
            ranges: Vec::new(),
            intents: Vec::new(),
            earliest_deadline: None,
            crashes: None,
        }
    }

    pub(super) fn keep(&mut self, from: usize, handled: Handled<R>) {
        for (offset, verdict) in handled.verdicts.into_iter().enumerate() {
            self.verdicts[from + offset] = verdict;
        }
        self.published.extend(handled.published);
        self.ranges.extend(handled.ranges);
        self.intents.extend(handled.intents);
        self.earliest_deadline = self.earliest_deadline.into_iter().chain(handled.earliest_deadline).min();
    }
}

/// A part of a batch on its way, from the first to before the second index.
#[derive(Clone, Copy)]
struct Part {
    from: usize,
    to: usize,
    hurried: bool,
}

impl<P: Participant, D: Database<P>> Door<P, D> {
    /// Handles `work`, isolating what the database refuses. On an error the database is away: what `progress` holds by
    /// then is committed; call again with the same `work` and `progress` to go on.
    pub async fn handle_isolating(
        &self,
        ids: &mut dyn IdSource,
        work: &mut [Work<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        reception::read_all(&*self.participant, work);
        self.isolate(ids, work, (0, work.len()), progress).await
    }

    /// Handles `work` in one transaction that waits for locks only for a moment: what touches a row that somebody else has locked for
    /// longer is left, and all that comes behind it of its aggregate. `progress` has no verdict of what was left. On an error nothing
    /// was done, unless it is the commit's: then that is not known.
    pub async fn handle_at_once(
        &self,
        ids: &mut dyn IdSource,
        work: &mut [Work<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        reception::read_all(&*self.participant, work);
        let manner = |waits| Manner { waits, leaves: true, set_aside: None };
        let handled = match self.transact(ids, work, manner(Waits::Shortly)).await {
            // Somebody holds a row, or a whole table, for longer than a moment. Which one is asked, not waited for.
            Err(StoreError::Contention(_)) => self.transact(ids, work, manner(Waits::Hurried)).await?,
            other => other?,
        };
        progress.keep(0, handled);
        Ok(())
    }

    /// Handles the part of `work` from the first to before the second index.
    pub(super) async fn isolate(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        (from, to): (usize, usize),
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let mut open = unsettled(&progress.verdicts[from..to], from);
        while let Some(part) = open.pop() {
            let Part { from, to, hurried } = part;
            match self.transact(ids, &work[from..to], Manner { waits: waits(hurried), ..Manner::default() }).await {
                Ok(handled) => progress.keep(from, handled),
                Err(StoreError::Unavailable(why)) => return Err(StoreError::Unavailable(why)),
                // Somebody holds a row for too long. Which one is asked, not waited for.
                Err(StoreError::Contention(_)) if !hurried => open.push(Part { hurried: true, ..part }),
                Err(_) if to - from > 1 => {
                    let middle = from.midpoint(to);
                    open.push(Part { from: middle, ..part });
                    open.push(Part { to: middle, ..part });
                }
                Err(error) => {
                    let handled = self.set_aside(ids, &work[from], &error, hurried).await?;
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
        hurried: bool,
    ) -> Result<Handled<P::Reply>, StoreError> {
        let refusal = match error {
            StoreError::Data(_) => Refusal::Permanent(error.to_string()),
            StoreError::Contention(_) | StoreError::Unavailable(_) => Refusal::Transient(error.to_string()),
        };
        let set_aside = SetAside { class: "database", refusal: refusal.clone() };
        let manner = Manner { waits: waits(hurried), set_aside: Some(&set_aside), leaves: false };
        let left = match work {
            Work::Input(Input { source: Source::Client, .. }) => return Ok(only(Verdict::Refused(refusal))),
            Work::Dead(delivery, failure) => {
                let bare = without_bytes(delivery, failure, &error.to_string());
                return self.transact(ids, &[bare], manner).await.map_err(unavailable);
            }
            Work::Input(Input { source: Source::Arrival(_), .. }) => {
                return self.transact(ids, std::slice::from_ref(work), manner).await.map_err(unavailable);
            }
            Work::Input(Input { source: Source::Deadline(_) | Source::Intent(_), .. }) => Verdict::Refused(refusal),
            Work::Input(_) | Work::Stuck(..) | Work::Ignored(_) | Work::Unread(_) => Verdict::Gone,
        };
        match self.transact(ids, std::slice::from_ref(work), manner).await {
            Err(error @ (StoreError::Data(_) | StoreError::Contention(_))) => {
                // Its row stands as it was and comes again; nobody else waits for it.
                error!(%error, "the database takes neither the work nor a note of why it failed");
                Ok(only(left))
            }
            other => other,
        }
    }
}

fn waits(hurried: bool) -> Waits {
    if hurried { Waits::Hurried } else { Waits::Long }
}

/// What is not settled yet, the last part first.
fn unsettled<R>(verdicts: &[Option<Verdict<R>>], first: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, _) in verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_none()) {
        let at = first + index;
        match parts.last_mut() {
            Some(part) if part.to == at => part.to += 1,
            _ => parts.push(Part { from: at, to: at + 1, hurried: false }),
        }
    }
    parts.reverse();
    parts
}

/// A dead message whose bytes can't be kept; they still stand in Kafka, for as long as the topic keeps them.
pub(super) fn without_bytes<P: Participant>(delivery: &Delivery, failure: &Failure, why: &str) -> Work<P> {
    let message = format!("{} (its bytes could not be kept here, see the topic: {why})", failure.message);
    let delivery = Delivery { key: None, payload: None, headers: Vec::new(), position: delivery.position.clone() };
    Work::Dead(delivery, Failure { class: failure.class, message })
}

fn only<R>(verdict: Verdict<R>) -> Handled<R> {
    Handled::of(vec![Some(verdict)])
}

/// If even setting it aside fails, nothing may be skipped: the batch waits as if the database were away.
fn unavailable(error: StoreError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_settled_is_handled_again_and_in_order() {
        let verdict = |settled| if settled { Some(Verdict::<()>::Gone) } else { None };
        let verdicts = [false, true, false, false, true].map(verdict);
        let parts: Vec<_> = unsettled(&verdicts, 10).iter().map(|part| (part.from, part.to)).collect();
        assert_eq!(parts, [(12, 14), (10, 11)]);
    }
}
