//! When the database refuses a batch, it is halved until the culprit stands alone; everything else goes on. When it
//! waits too long for a row, it is tried again without waiting: an input that needs a locked row steps aside.

use std::collections::HashSet;

use tracing::error;

use super::{Handler, Manner, Progress, SetAside};
use crate::{
    delivery::Delivery,
    event_id::IdSource,
    input::{Inbound, Input, Origin, Verdict},
    participant::{Participant, Refusal},
    reception,
    store::{Database, Failure, StoreError, Waits},
};

/// A part of a batch on its way, from the first to before the second index.
#[derive(Clone, Copy)]
struct Part {
    from: usize,
    to: usize,
    hurried: bool,
}

impl Part {
    /// The first half last, which is where the next part is taken from.
    fn halves(self) -> [Self; 2] {
        let middle = self.from.midpoint(self.to);
        [Self { from: middle, ..self }, Self { to: middle, ..self }]
    }
}

impl<P: Participant, D: Database<P>> Handler<P, D> {
    /// Handles `inbound`, isolating inputs that the database refuses. On an error the database is away. All that `progress` holds
    /// by then is committed; call again with the same `inbound` and `progress` to go on.
    pub async fn handle_isolating(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let _try = self.last_tries.turn(0).await;
        reception::read_all(&*self.participant, inbound);
        self.isolate(ids, inbound, (0, inbound.len()), progress).await
    }

    /// Handles `inbound` in one transaction that waits for locks only for a moment. An input that touches a row which another has
    /// locked for longer is left, with all later inputs of its aggregate; `progress` has no verdict of them. On an error nothing was
    /// done, unless it is the commit's: then that is not known.
    pub async fn handle_at_once(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let _try = self.last_tries.turn(0).await;
        self.try_at_once(ids, inbound, progress).await
    }

    /// As [`handle_at_once`](Handler::handle_at_once), for whoever has a turn.
    pub(super) async fn try_at_once(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        reception::read_all(&*self.participant, inbound);
        let manner = |waits| Manner { waits, leaves: true, ..Manner::default() };
        let handled = match self.transact(ids, inbound, manner(Waits::Shortly)).await {
            // Another transaction holds a row, or a whole table, for longer than a moment. The next try asks which one, and does not wait.
            Err(StoreError::Contention(_)) => self.transact(ids, inbound, manner(Waits::Hurried)).await?,
            other => other?,
        };
        progress.keep(0, handled);
        Ok(())
    }

    /// As [`handle_at_once`](Handler::handle_at_once), in ever smaller parts where the database refuses one. In the end only the
    /// culprit is left of such a part, with all later inputs of its aggregate. On an error, all that `progress` holds by then is committed.
    pub async fn handle_in_parts(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let _try = self.last_tries.turn(0).await;
        reception::read_all(&*self.participant, inbound);
        let mut left: HashSet<String> = HashSet::new();
        let mut open = unsettled(&progress.verdicts, 0);
        while let Some(part) = open.pop() {
            let Part { from, to, .. } = part;
            let manner = Manner { waits: Waits::Hurried, leaves: true, left: Some(&left), ..Manner::default() };
            match self.transact(ids, &inbound[from..to], manner).await {
                Ok(handled) => {
                    let all = inbound[from..to].iter().zip(&handled.verdicts);
                    let unsettled =
                        all.filter(|(_, verdict)| verdict.is_none()).filter_map(|(inbound, _)| inbound.aggregate_id());
                    left.extend(unsettled.map(str::to_owned));
                    progress.keep(from, handled);
                }
                Err(StoreError::Unavailable(why)) => return Err(StoreError::Unavailable(why)),
                Err(_) if to - from > 1 => open.extend(part.halves()),
                Err(_) => left.extend(inbound[from].aggregate_id().map(str::to_owned)),
            }
        }
        Ok(())
    }

    /// Handles the part of `inbound` from the first to before the second index.
    pub(super) async fn isolate(
        &self,
        ids: &mut dyn IdSource,
        inbound: &[Inbound<P>],
        (from, to): (usize, usize),
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let mut open = unsettled(&progress.verdicts[from..to], from);
        while let Some(part) = open.pop() {
            let Part { from, to, hurried } = part;
            match self.transact(ids, &inbound[from..to], Manner { waits: waits(hurried), ..Manner::default() }).await {
                Ok(handled) => progress.keep(from, handled),
                Err(StoreError::Unavailable(why)) => return Err(StoreError::Unavailable(why)),
                // Another transaction holds a row for too long. The next try asks which one, and does not wait.
                Err(StoreError::Contention(_)) if !hurried => open.push(Part { hurried: true, ..part }),
                Err(_) if to - from > 1 => open.extend(part.halves()),
                Err(error) => {
                    let handled = self.set_aside(ids, &inbound[from], &error, hurried).await?;
                    progress.keep(from, handled);
                }
            }
        }
        Ok(())
    }

    /// Sets one input aside without running its rules again: the database refused what they wanted.
    async fn set_aside(
        &self,
        ids: &mut dyn IdSource,
        inbound: &Inbound<P>,
        error: &StoreError,
        hurried: bool,
    ) -> Result<Progress<P::Reply>, StoreError> {
        let refusal = match error {
            StoreError::Data(_) => Refusal::Permanent(error.to_string()),
            // Of an unreadable row: a newer replica may take the next try.
            StoreError::Contention(_) | StoreError::Unreadable(_) | StoreError::Unavailable(_) => {
                Refusal::Transient(error.to_string())
            }
        };
        let set_aside = SetAside { class: "database", refusal: refusal.clone() };
        let manner = Manner { waits: waits(hurried), set_aside: Some(&set_aside), ..Manner::default() };
        let left = match inbound {
            Inbound::Input(Input { origin: Origin::Client, .. }) => return Ok(only(Verdict::Refused(refusal))),
            Inbound::Dead(delivery, failure) => {
                let bare = without_bytes(delivery, failure, &error.to_string());
                return self.transact(ids, &[bare], manner).await.map_err(unavailable);
            }
            Inbound::Input(Input { origin: Origin::Arrival(_), .. }) => {
                return self.transact(ids, std::slice::from_ref(inbound), manner).await.map_err(unavailable);
            }
            Inbound::Input(Input { origin: Origin::Deadline(_) | Origin::Call(_), .. }) => Verdict::Refused(refusal),
            Inbound::Input(_) | Inbound::Stuck(..) | Inbound::Ignored(_) | Inbound::Unread(_) => Verdict::Gone,
        };
        match self.transact(ids, std::slice::from_ref(inbound), manner).await {
            Err(error @ (StoreError::Data(_) | StoreError::Unreadable(_) | StoreError::Contention(_))) => {
                // Its row stands as it was and comes again; no other waits for it.
                error!(%error, "the database accepts neither the input nor a record of why it failed");
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
pub(super) fn without_bytes<P: Participant>(delivery: &Delivery, failure: &Failure, why: &str) -> Inbound<P> {
    let message = format!("{} (its bytes could not be kept here, see the topic: {why})", failure.message);
    let delivery = Delivery { key: None, payload: None, headers: Vec::new(), position: delivery.position.clone() };
    Inbound::Dead(delivery, Failure { class: failure.class, message })
}

fn only<R>(verdict: Verdict<R>) -> Progress<R> {
    Progress::of(vec![Some(verdict)])
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
