//! After a crash: one of the events that were under way may have ended the process, and would end it again after every
//! restart. So work is written down before it begins, and what was begun before is handled in ever smaller parts, until
//! the culprit stands alone and is set aside.

use super::{Door, Progress, SetAside};
use crate::{
    delivery::Position,
    event_id::IdSource,
    input::{Source, Work},
    participant::{Participant, Refusal},
    store::{Database, StoreError},
};

/// Most work in one part; an eighth of it for each time that it was begun and never ended.
const PART: usize = 512;
/// So often an event alone may have been begun, before it counts as what ends the process. With the parts above it
/// stood alone the last time.
const BEGUN_ENOUGH: u32 = 4;

impl<P: Participant, D: Database<P>> Door<P, D> {
    /// As [`handle_isolating`](Door::handle_isolating), for a process whose last run crashed. Only events from Kafka
    /// are written down.
    pub async fn handle_carefully(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let messages: Vec<Position> = work.iter().filter_map(position).cloned().collect();
        if messages.len() < work.len() {
            return self.handle_isolating(ids, work, progress).await;
        }
        let begun = match &progress.begun {
            Some(begun) => begun.clone(),
            None => progress.begun.insert(self.database.begun(&messages).await?).clone(),
        };
        self.handle_parts(ids, work, &messages, &begun, progress).await
    }

    async fn handle_parts(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        messages: &[Position],
        begun: &[u32],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        for (from, to) in parts(begun) {
            if progress.verdicts[from..to].iter().all(Option::is_some) {
                continue;
            }
            let under_way = &messages[from..to];
            let handled = match &work[from] {
                Work::Input(_) if to - from == 1 && begun[from] >= BEGUN_ENOUGH => {
                    let refusal =
                        Refusal::Permanent(format!("the process ended {} times while it was handled", begun[from]));
                    let set_aside = SetAside { class: "crash", refusal };
                    let handled = self.handle_or_refuse(ids, &work[from..to], Some(&set_aside)).await;
                    handled.map(|handled| progress.keep(from, handled))
                }
                _ => {
                    let times: Vec<u32> = begun[from..to].iter().map(|times| times.saturating_add(1)).collect();
                    self.database.write_begun(under_way, &times).await?;
                    self.isolate(ids, work, (from, to), progress).await
                }
            };
            // It ended, well or not, and the process lives.
            let forgotten = self.database.forget_begun(under_way).await;
            handled.and(forgotten)?;
        }
        Ok(())
    }
}

/// Neighbours that were begun equally often, in parts that are smaller the oftener.
fn parts(begun: &[u32]) -> Vec<(usize, usize)> {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (index, times) in begun.iter().enumerate() {
        let most = (PART >> times.saturating_mul(3).min(31)).max(1);
        match parts.last_mut() {
            Some((from, to)) if begun[*from] == *times && *to - *from < most => *to += 1,
            _ => parts.push((index, index + 1)),
        }
    }
    parts
}

fn position<P: Participant>(work: &Work<P>) -> Option<&Position> {
    match work {
        Work::Dead(delivery, _) => Some(&delivery.position),
        Work::Input(input) => match &input.source {
            Source::Arrival(event) => Some(&event.delivery.position),
            Source::Held(held) => Some(&held.event.delivery.position),
            Source::Deadline(_) | Source::Intent(_) | Source::Client => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_begun_goes_as_one() {
        assert_eq!(parts(&[0; 500]), [(0, 500)]);
        assert_eq!(parts(&[]), []);
    }

    #[test]
    fn what_was_begun_oftener_goes_in_smaller_parts_and_in_order() {
        assert_eq!(parts(&[1; 100]), [(0, 64), (64, 100)]);
        assert_eq!(parts(&[0, 0, 2, 2, 0]), [(0, 2), (2, 4), (4, 5)]);
        assert_eq!(parts(&[3, 3, 9]), [(0, 1), (1, 2), (2, 3)]);
    }

    #[test]
    fn an_event_stands_alone_before_it_was_begun_often_enough() {
        assert_eq!(PART >> (3 * (BEGUN_ENOUGH - 1)), 1);
    }
}
