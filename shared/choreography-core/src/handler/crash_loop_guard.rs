//! The crash-loop guard. After a crash one of the messages, deadlines, answers or commands that were under way may have ended the process, and would end
//! it again whenever it comes. So work is written down before it begins, before it is even decoded, and what was begun before is
//! handled in ever smaller parts, until the culprit stands alone and is set aside: a message for good; whatever comes again is not
//! tried while this process lives.

use std::sync::atomic::Ordering;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Handler, Manner, Progress, SetAside, isolation::without_bytes, note::CRASH};
use crate::{
    delivery::Position,
    event_id::IdSource,
    input::{Inbound, Input, Origin, Unread, Verdict},
    participant::{Participant, Refusal},
    reception,
    store::{Crashes, Database, Failure, Stage, StoreError},
};

/// Most inputs in one part; an eighth of them for each crash over it.
const PART: usize = 512;
/// After so many crashes over a message it counts as what ends the process. With the parts above it stood alone the last
/// time.
const CRASHES_ENOUGH: u32 = 4;
/// One more for a message that never was decoded. It keeps no key waiting when it is set aside, so it must not be an event
/// that was merely at hand when the process was killed from outside.
const CRASHES_AT_DECODING: u32 = CRASHES_ENOUGH + 1;

/// Several loops handle inputs at once. While one of them tries an input for the last time before that counts as what ends the process, the
/// others try nothing, guarded or not, or an input of theirs would end the process and the wrong one be set aside.
#[derive(Default)]
pub(super) struct LastTries(RwLock<()>);

/// For as long as it lives, a try is under way.
pub(super) enum Try<'a> {
    BesideOthers { _turn: RwLockReadGuard<'a, ()> },
    Alone { _turn: RwLockWriteGuard<'a, ()> },
}

impl LastTries {
    /// Waits until a try may begin of what processes crashed over so often. It is waited for before the try is written down.
    pub(super) async fn turn(&self, crashes: u32) -> Try<'_> {
        match is_last_try(crashes) {
            true => Try::Alone { _turn: self.0.write().await },
            false => Try::BesideOthers { _turn: self.0.read().await },
        }
    }
}

impl<P: Participant, D: Database<P>> Handler<P, D> {
    /// Over which of this work earlier runs of the process crashed.
    pub async fn crashed_over(&self, inbound: &[Inbound<P>]) -> Result<Vec<bool>, StoreError> {
        let crashes = self.database.crashes(&self.under_way(inbound)).await?;
        Ok(crashes.iter().map(|crashes| crashes.times > 0).collect())
    }

    /// As [`handle_at_once`](Handler::handle_at_once), for a process whose last run crashed, and for work over which no run did. It is
    /// written down until it has ended, so that the next run knows. Called again with a `progress` in which something is settled, it
    /// only writes down that all of it has ended.
    pub async fn handle_at_once_guarded(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let under_way = self.under_way(inbound);
        let _try = self.last_tries.turn(0).await;
        let handled = match progress.verdicts.iter().all(Option::is_none) {
            true => {
                self.database.begin_messages(&under_way, Stage::Begun).await?;
                self.try_at_once(ids, inbound, progress).await
            }
            false => Ok(()),
        };
        // It ended, well or not, and the process lives.
        let forgotten = self.database.end_messages(&under_way).await;
        handled.and(forgotten)
    }

    fn under_way(&self, inbound: &[Inbound<P>]) -> Vec<Position> {
        inbound.iter().map(|inbound| inbound.under_way(&*self.participant)).collect()
    }

    /// As [`handle_isolating`](Handler::handle_isolating), for a process whose last run crashed.
    pub async fn handle_guarded(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        let under_way = self.under_way(inbound);
        let crashes = match &progress.crashes {
            Some(crashes) => crashes.clone(),
            None => progress.crashes.insert(self.database.crashes(&under_way).await?).clone(),
        };
        for (from, to) in parts(&crashes) {
            if progress.verdicts[from..to].iter().all(Option::is_some) {
                continue;
            }
            let (part, before) = ((from, to), crashes[from]);
            let is_culprit = is_culprit(before);
            let _try = self.last_tries.turn(before.times).await;
            let handled = if is_culprit {
                self.set_culprit_aside(ids, &mut inbound[from], &under_way[from], before.stage, from, progress).await
            } else {
                self.try_part(ids, inbound, part, &under_way[from..to], before.times, progress).await
            };
            if is_culprit && inbound[from].comes_again() {
                // By its crashes it is known when it does.
                self.knows_culprit.store(true, Ordering::Relaxed);
                handled?;
                continue;
            }
            // It ended, well or not, and the process lives.
            let forgotten = self.database.end_messages(&under_way[from..to]).await;
            handled.and(forgotten)?;
        }
        Ok(())
    }

    async fn try_part(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut [Inbound<P>],
        (from, to): (usize, usize),
        under_way: &[Position],
        crashes: u32,
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        self.database.begin_messages(under_way, Stage::Begun).await?;
        reception::read_all(&*self.participant, &mut inbound[from..to]);
        if is_last_try(crashes) {
            self.database.begin_messages(under_way, Stage::Decoded).await?;
        }
        self.isolate(ids, inbound, (from, to), progress).await
    }

    /// `stage` says what ended the process before, and so what is not to be tried once more.
    async fn set_culprit_aside(
        &self,
        ids: &mut dyn IdSource,
        inbound: &mut Inbound<P>,
        at: &Position,
        stage: Stage,
        index: usize,
        progress: &mut Progress<P::Reply>,
    ) -> Result<(), StoreError> {
        if let (Stage::SettingAside, Inbound::Unread(Unread::Message(delivery))) = (stage, &*inbound)
            && self.database.is_kept(delivery).await?
        {
            // That process ended only after the message had been set aside.
            progress.verdicts[index] = Some(Verdict::Dead);
            return Ok(());
        }
        self.database.begin_messages(std::slice::from_ref(at), Stage::SettingAside).await?;
        let message = format!("the process ended at least {CRASHES_ENOUGH} times while it was handled");
        let failure = Failure { class: CRASH, message: message.clone() };
        match inbound {
            // It is parked as it is, and not read again.
            Inbound::Unread(Unread::Deferred(deferred)) => *inbound = Inbound::Stuck(deferred.clone(), failure),
            Inbound::Unread(Unread::Message(_)) if stage == Stage::Decoded => {
                reception::read_all(&*self.participant, std::slice::from_mut(inbound));
            }
            Inbound::Unread(Unread::Message(delivery)) => {
                *inbound = match stage {
                    Stage::SettingAside => without_bytes(delivery, &failure, "the process ended over them"),
                    _ => Inbound::Dead(delivery.clone(), failure),
                };
            }
            _ => {}
        }
        let refusal = match &*inbound {
            // A client is told to come again: another build may take it.
            Inbound::Input(Input { origin: Origin::Client, .. }) => Refusal::Transient(message),
            _ => Refusal::Permanent(message),
        };
        let set_aside = SetAside { class: CRASH, refusal };
        let manner = Manner { set_aside: Some(&set_aside), ..Manner::default() };
        let handled: Progress<P::Reply> = self.transact(ids, std::slice::from_ref(inbound), manner).await?;
        progress.keep(index, handled);
        Ok(())
    }
}

/// Whether this input must be the one that ends the process.
fn is_culprit(before: Crashes) -> bool {
    before.times >= if before.stage == Stage::Begun { CRASHES_AT_DECODING } else { CRASHES_ENOUGH }
}

/// Whether one more crash over it is enough.
fn is_last_try(crashes: u32) -> bool {
    crashes + 1 >= CRASHES_ENOUGH
}

/// Neighbours over which the process crashed equally often, in parts that are the smaller, the more often it did.
fn parts(crashes: &[Crashes]) -> Vec<(usize, usize)> {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (index, Crashes { times, .. }) in crashes.iter().enumerate() {
        let most = (PART >> times.saturating_mul(3).min(31)).max(1);
        match parts.last_mut() {
            Some((from, to)) if crashes[*from].times == *times && *to - *from < most => *to += 1,
            _ => parts.push((index, index + 1)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(times: &[u32]) -> Vec<Crashes> {
        times.iter().map(|times| Crashes { times: *times, stage: Stage::Begun }).collect()
    }

    #[test]
    fn what_no_process_crashed_over_goes_as_one() {
        assert_eq!(parts(&times(&[0; 500])), [(0, 500)]);
        assert_eq!(parts(&[]), []);
    }

    #[test]
    fn what_processes_crashed_over_goes_in_smaller_parts_and_in_order() {
        assert_eq!(parts(&times(&[1; 100])), [(0, 64), (64, 100)]);
        assert_eq!(parts(&times(&[0, 0, 2, 2, 0])), [(0, 2), (2, 4), (4, 5)]);
        assert_eq!(parts(&times(&[3, 3, 9])), [(0, 1), (1, 2), (2, 3)]);
    }

    #[test]
    fn a_culprit_stood_alone_the_last_time() {
        assert_eq!(PART >> (3 * (CRASHES_ENOUGH - 1)), 1);
    }
}
