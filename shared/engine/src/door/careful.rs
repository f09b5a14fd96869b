//! After a crash: one of the messages that were under way may have ended the process, and would end it again after every
//! restart. So work is written down before it begins, before it is even decoded, and what was begun before is handled in
//! ever smaller parts, until the culprit stands alone and is set aside.

use super::{Door, Manner, Progress, SetAside, isolate::without_bytes};
use crate::{
    delivery::Position,
    event_id::IdSource,
    input::{Handled, Unread, Work},
    participant::{Participant, Refusal},
    reception,
    store::{Database, Failure, StoreError},
};

/// Most work in one part; an eighth of it for each time that it was begun and never ended.
const PART: usize = 512;
/// So often a message may have been begun, before it counts as what ends the process. With the parts above it stood
/// alone the last time. It is written down when that last try begins; a process that ended then ended at decoding it.
const BEGUN_ENOUGH: u32 = 4;
/// Written down once the last try has decoded it: a process that ended then ended at handling it.
const DECODED: u32 = BEGUN_ENOUGH + 1;
/// Written down before it is set aside: a process that ended then ended over its bytes.
const SETTING_ASIDE: u32 = DECODED + 1;

impl<P: Participant, D: Database<P>> Door<P, D> {
    /// As [`handle_isolating`](Door::handle_isolating), for a process whose last run crashed. Only events from Kafka
    /// are written down.
    pub async fn handle_carefully(
        &self,
        ids: &mut dyn IdSource,
        work: &mut [Work<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let messages: Vec<Position> = work.iter().filter_map(Work::position).cloned().collect();
        if messages.len() < work.len() {
            return self.handle_isolating(ids, work, progress).await;
        }
        let begun = match &progress.begun {
            Some(begun) => begun.clone(),
            None => progress.begun.insert(self.database.begun(&messages).await?).clone(),
        };
        for (from, to) in parts(&begun) {
            if progress.verdicts[from..to].iter().all(Option::is_some) {
                continue;
            }
            let (part, times) = ((from, to), begun[from]);
            let handled = match times {
                0..BEGUN_ENOUGH => self.try_part(ids, work, part, &messages[from..to], times, progress).await,
                _ => self.set_culprit_aside(ids, &mut work[from], &messages[from], times, from, progress).await,
            };
            // It ended, well or not, and the process lives.
            let forgotten = self.database.forget_begun(&messages[from..to]).await;
            handled.and(forgotten)?;
        }
        Ok(())
    }

    async fn try_part(
        &self,
        ids: &mut dyn IdSource,
        work: &mut [Work<P>],
        (from, to): (usize, usize),
        under_way: &[Position],
        begun: u32,
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        self.database.write_begun(under_way, &vec![begun + 1; under_way.len()]).await?;
        reception::read_all(&*self.participant, &mut work[from..to]);
        if begun + 1 == BEGUN_ENOUGH {
            self.database.write_begun(under_way, &vec![DECODED; under_way.len()]).await?;
        }
        self.isolate(ids, work, (from, to), progress).await
    }

    /// `times` says what ended the process before, and so what is not to be tried once more.
    async fn set_culprit_aside(
        &self,
        ids: &mut dyn IdSource,
        work: &mut Work<P>,
        at: &Position,
        times: u32,
        index: usize,
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let under_way = std::slice::from_ref(at);
        self.database.write_begun(under_way, &[SETTING_ASIDE]).await?;
        let message = format!("the process ended {BEGUN_ENOUGH} times while it was handled");
        if times == DECODED || matches!(work, Work::Unread(Unread::Held(_))) {
            reception::read_all(&*self.participant, std::slice::from_mut(work));
        } else if let Work::Unread(Unread::Message(delivery)) = work {
            let failure = Failure { class: "crash", message: message.clone() };
            *work = match times {
                SETTING_ASIDE.. => without_bytes(delivery, &failure, "the process ended over them"),
                _ => Work::Dead(delivery.clone(), failure),
            };
        }
        let set_aside = SetAside { class: "crash", refusal: Refusal::Permanent(message) };
        let manner = Manner { hurried: false, set_aside: Some(&set_aside) };
        let handled: Handled<P::Reply> = self.transact(ids, std::slice::from_ref(work), manner).await?;
        progress.keep(index, handled);
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
