//! The loop between what arrives and its database.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use super::*;
use crate::{
    commands::ReplyError,
    delivery::{Delivery, Position},
    input::Verdict::{self, Applied, Repeat},
    store::{Crashes, DeferredStatus, Stage},
    testing::{Intrusion, Table, Toy, World, now},
    trace::TraceContext,
};

const LIMITS: Limits = Limits { inputs: 100, bytes: 1_000_000 };

/// One partition of a topic.
#[derive(Default)]
pub(super) struct Topic {
    pub offered: VecDeque<Vec<Delivery>>,
    owned_since: Option<u64>,
    confirmed: Vec<Position>,
    asked: Vec<Position>,
}

impl EventConsumer for Topic {
    async fn poll(&mut self, _limit: usize) -> Result<Vec<Delivery>, BrokerError> {
        Ok(self.offered.pop_front().unwrap_or_default())
    }

    async fn keep_alive(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }

    fn owned_since(&self, _topic: &str, _partition: i32) -> Option<u64> {
        self.owned_since
    }

    async fn commit(&mut self, next: &[Position]) -> Result<(), BrokerError> {
        self.asked.extend_from_slice(next);
        Ok(())
    }

    fn take_confirmed(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.confirmed)
    }
}

/// A service with a topic that offers events.
pub(super) struct Service {
    pub world: World,
    pub topic: Topic,
    pub intake: Intake<Toy>,
    quick: Beside<Toy>,
    slow: Beside<Toy>,
}

impl Service {
    fn new() -> Self {
        Self::with(LIMITS)
    }

    pub fn with(limits: Limits) -> Self {
        let (intake, aside) = Intake::new(limits);
        let topic = Topic { owned_since: Some(1), ..Topic::default() };
        let quick = Beside::new(aside.clone(), Turn::Quick);
        Self { world: World::new(), topic, intake, quick, slow: Beside::new(aside, Turn::Slow) }
    }

    /// Events of one key arrive: what they do.
    pub fn offer(&mut self, key: &str, acts: &[&str]) -> Vec<Delivery> {
        let events = acts.iter().map(|act| self.world.event(key, &format!(r#"{{"act":"{act}"}}"#)));
        let events: Vec<Delivery> = events.collect();
        self.topic.offered.push_back(events.clone());
        events
    }

    pub fn poll(&mut self) {
        let polled = now(self.topic.poll(self.intake.room())).unwrap();
        let mut messages = self.intake.basket();
        messages.add(&Toy, polled, &mut self.topic);
        self.intake.messages(messages);
    }

    fn prepare(&mut self) {
        self.intake.prepare(|topic, partition| self.topic.owned_since(topic, partition));
    }

    pub fn step(&mut self) -> Result<Vec<Verdict<()>>, StoreError> {
        self.prepare();
        let handled = now(self.intake.step(&self.world.handler, &mut self.world.ids))?;
        now(self.intake.commit_offsets(&mut self.topic)).unwrap();
        Ok(handled.map(|handled| handled.progress.verdicts.into_iter().flatten().collect()).unwrap_or_default())
    }

    /// A quick turn, and a slow one for what it leaves.
    pub fn step_beside(&mut self) -> Vec<Verdict<()>> {
        let mut verdicts = Vec::new();
        for beside in [&mut self.quick, &mut self.slow] {
            let handled = now(beside.step(&self.world.handler, &mut self.world.ids)).unwrap();
            verdicts.extend(handled.into_iter().flat_map(|handled| handled.progress.verdicts).flatten());
        }
        verdicts
    }

    /// The offset that was asked for last.
    fn committed(&mut self) -> Option<i64> {
        now(self.intake.commit_offsets(&mut self.topic)).unwrap();
        self.topic.asked.last().map(|position| position.offset)
    }

    fn set_away(&self, is_away: bool) {
        self.world.handler.database.state().is_away = is_away;
    }

    /// A client asks for something; where the reply goes.
    pub fn ask(&mut self, key: &str) -> Arc<Mutex<Option<Result<(), ReplyError>>>> {
        let said = Arc::new(Mutex::new(None));
        let to = said.clone();
        let reply: Reply<()> = Box::new(move |reply| *to.lock().unwrap() = Some(reply));
        self.intake.ask([Asked { command: key.to_owned(), trace: TraceContext::default(), reply }]);
        said
    }
}

#[test]
fn whatever_has_arrived_shares_a_transaction_and_commands_come_first() {
    let mut service = Service::new();
    service.offer("a", &["one"]);
    service.poll();
    service.world.set_deadline("b", "wake");
    let memory = service.world.handler.database.clone();
    let due = now(crate::deadlines::look(&memory, 10, chrono::TimeDelta::seconds(1))).unwrap().due;
    service.intake.due(due, &search().0);
    let said = service.ask("c");
    service.prepare();
    let handled = now(service.intake.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    assert_eq!(handled.kinds, [Kind::Command, Kind::Deadline, Kind::Event]);
    assert!(said.lock().unwrap().is_some());
    assert_eq!(memory.state().statements.iter().filter(|statement| **statement == "commit").count(), 1);
}

#[test]
fn a_batch_is_handed_in_again_until_the_database_takes_it_and_offsets_follow() {
    let mut service = Service::new();
    service.offer("a", &["one", "two"]);
    service.poll();
    service.set_away(true);
    for _ in 0..3 {
        assert!(service.step().is_err());
        assert!(service.intake.has_work() && service.committed().is_none());
    }
    service.set_away(false);
    assert_eq!(service.step(), Ok(vec![Applied(None), Applied(None)]));
    assert_eq!(service.committed(), Some(3));
}

#[test]
fn a_command_is_tried_once_and_its_client_told_that_the_outcome_is_unknown() {
    let mut service = Service::new();
    let said = service.ask("a");
    service.set_away(true);
    service.step().unwrap_err();
    assert!(matches!(&*said.lock().unwrap(), Some(Err(ReplyError::Unknown(_)))));
    service.set_away(false);
    assert_eq!(service.step(), Ok(vec![]));
    assert_eq!(service.world.sum("a"), 0);
}

#[test]
fn what_another_member_has_by_now_is_left_to_it() {
    let mut service = Service::new();
    let events = service.offer("a", &["one"]);
    service.poll();
    service.set_away(true);
    service.step().unwrap_err();
    service.topic.owned_since = None;
    service.set_away(false);
    assert_eq!(service.step(), Ok(vec![]));
    assert_eq!((service.world.sum("a"), service.committed()), (0, None));
    assert_eq!(service.world.arrive(&events), [Applied(None)], "the other member handles it");
}

#[test]
fn a_rewind_repeats_without_effect() {
    let mut service = Service::new();
    let events = service.offer("a", &["one"]);
    service.topic.offered.push_back(events);
    for expected in [Applied(None), Repeat] {
        service.poll();
        assert_eq!(service.step(), Ok(vec![expected]));
    }
    assert_eq!((service.world.sum("a"), service.committed()), (1, Some(2)));
}

#[test]
fn what_the_database_refuses_goes_aside_and_its_key_waits_behind_it_while_others_go_on() {
    let mut service = Service::new();
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "bad".into()));
    service.offer("bad", &["one"]);
    service.poll();
    assert_eq!(service.step(), Ok(vec![]), "all of the batch went aside");
    service.offer("bad", &["two"]);
    service.offer("good", &["three"]);
    service.poll();
    service.poll();
    assert_eq!(service.step(), Ok(vec![Applied(None)]), "only the other key's");
    assert_eq!(service.committed(), Some(1), "nothing is committed behind what is aside");
    let deferred = service.step_beside();
    assert!(matches!(deferred[..], [Verdict::Deferred(_), Verdict::Deferred(DeferredStatus::Queued)]), "{deferred:?}");
    assert_eq!(service.committed(), Some(4));
}

#[test]
fn what_is_locked_is_left_with_all_behind_it_and_done_beside_once_it_is_free() {
    let mut service = Service::new();
    let lock = (Table::Accounts, "a".to_owned());
    service.world.handler.database.state().locked.insert(lock.clone());
    for (key, act) in [("a", "one"), ("b", "one"), ("a", "two")] {
        service.offer(key, &[act]);
        service.poll();
    }
    assert_eq!(service.step(), Ok(vec![Applied(None)]), "the others go on at once");
    assert_eq!((service.world.sum("a"), service.world.sum("b")), (0, 1));
    // Found free by now, the next of its key still waits behind it.
    service.world.handler.database.state().locked.remove(&lock);
    service.offer("a", &["three"]);
    service.poll();
    assert_eq!(service.step(), Ok(vec![]));
    assert_eq!(service.step_beside(), [Applied(None), Applied(None), Applied(None)]);
    assert_eq!((service.world.sum("a"), service.committed()), (3, Some(5)));
    service.offer("a", &["four"]);
    service.poll();
    assert_eq!(service.step(), Ok(vec![Applied(None)]), "nothing of its key is aside any more");
}

#[test]
fn two_loops_beside_never_have_the_same_aggregate() {
    let mut service = Service::new();
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "bad".into()));
    for key in ["bad", "good"] {
        service.offer(key, &["one"]);
    }
    service.poll();
    service.poll();
    assert_eq!(service.step(), Ok(vec![]));
    // One loop has them under way when the database goes.
    service.set_away(true);
    assert!(now(service.quick.step(&service.world.handler, &mut service.world.ids)).is_err());
    service.set_away(false);
    service.offer("good", &["two"]);
    service.offer("new", &["three"]);
    service.poll();
    service.poll();
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "new".into()));
    assert_eq!(service.step(), Ok(vec![]));
    let mut other = Beside::new(service.intake.aside.clone(), Turn::Quick);
    let handled = now(other.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    assert_eq!(handled.kinds.len(), 1, "only what the first has nothing of");
    assert_eq!(service.step_beside().len(), 3);
    assert_eq!(service.step_beside(), [Applied(None)]);
}

#[test]
fn a_guarded_loop_sets_what_ended_the_process_aside_and_another_tries_it() {
    for (guarded, expected) in [(true, Verdict::Deferred(DeferredStatus::Parked)), (false, Applied(None))] {
        let mut service = Service::new();
        let at = service.offer("a", &["one"])[0].position.clone();
        service.world.handler.database.state().crashes.insert(at, Crashes { times: 4, stage: Stage::Decoded });
        service.intake.set_guarded(guarded);
        service.offer("b", &["two"]);
        service.poll();
        service.poll();
        let (here, beside) = (service.step().unwrap(), service.step_beside());
        let all = if guarded {
            ([Applied(None)].to_vec(), [expected].to_vec())
        } else {
            (vec![Applied(None), expected], vec![])
        };
        assert_eq!((here, beside), all, "what is suspected delays no other");
        assert!(!service.intake.has_work());
    }
}

#[test]
fn what_a_guarded_step_did_is_not_done_again_by_a_loop_that_is_guarded_no_more() {
    let mut service = Service::new();
    service.intake.set_guarded(true);
    let said = service.ask("a");
    let goes_away = Intrusion(Arc::new(|state| state.is_away = true));
    service.world.handler.database.state().before_the_write.push_back(goes_away);
    service.step().unwrap_err();
    assert_eq!(service.world.sum("a"), 1, "it is committed; that it ended could not be written down");
    service.set_away(false);
    service.intake.set_guarded(false);
    service.step().unwrap();
    assert_eq!((service.world.sum("a"), said.lock().unwrap().is_some()), (1, true));
}

#[test]
fn a_guarded_loop_takes_each_kind_alone_and_in_turns() {
    let mut service = Service::new();
    service.intake.set_guarded(true);
    let first = service.ask("a");
    service.offer("b", &["one"]);
    service.poll();
    assert_eq!(service.step(), Ok(vec![Applied(None)]));
    assert!(first.lock().unwrap().is_some());
    let second = service.ask("a");
    assert_eq!(service.step(), Ok(vec![Applied(None)]));
    assert!(second.lock().unwrap().is_none(), "the event's turn");
    assert_eq!(service.world.sum("b"), 1);
}

#[test]
fn with_room_for_one_input_commands_keep_no_event_from_its_turn() {
    let mut service = Service::with(Limits { inputs: 1, ..LIMITS });
    service.offer("b", &["one"]);
    service.poll();
    for _ in 0..3 {
        service.ask("a");
    }
    service.step().unwrap();
    assert_eq!(service.world.sum("b"), 0, "a command was first");
    service.step().unwrap();
    assert_eq!(service.world.sum("b"), 1);
}

#[test]
fn what_waits_counts_against_the_bytes_of_what_comes() {
    let mut service = Service::new();
    let size = service.offer("a", &["one"])[0].size();
    service.poll();
    let limits = Limits { bytes: 2 * size, ..LIMITS };
    let waiting = std::mem::take(&mut service.intake.waiting);
    service.intake = Intake { waiting, ..Intake::new(limits).0 };
    let message = service.offer("b", &["one"]);
    let mut basket = service.intake.basket();
    basket.add(&Toy, message, &mut service.topic);
    assert_eq!(basket.room(), 0);
}

#[test]
fn no_further_messages_are_taken_while_too_many_wait() {
    let mut service = Service::new();
    assert_eq!(service.intake.room(), LIMITS.inputs);
    service.offer("a", &["one"; 100]);
    service.poll();
    assert_eq!(service.intake.room(), 0);
    service.step().unwrap();
    assert_eq!(service.intake.room(), LIMITS.inputs);
}

#[test]
fn of_a_batch_that_the_database_refuses_only_the_culprit_and_what_comes_behind_it_have_to_wait() {
    let mut service = Service::new();
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "bad".into()));
    let said = service.ask("a");
    service.offer("b", &["one"]);
    service.offer("bad", &["one", "two"]);
    service.offer("c", &["one"]);
    (0..3).for_each(|_| service.poll());
    assert_eq!(service.step(), Ok(vec![]));
    now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap();
    let handled = now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    let settled: Vec<bool> = handled.progress.verdicts.iter().map(Option::is_some).collect();
    assert_eq!(settled, [true, false, false, true]);
    assert!(said.lock().unwrap().is_some(), "its client does not wait for the culprit");
    let handled = now(service.slow.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    assert!(handled.progress.verdicts.iter().all(|verdict| matches!(verdict, Some(Verdict::Deferred(_)))));
    assert!(now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap().is_none());
}

#[test]
fn what_comes_behind_something_that_waits_for_a_slow_turn_waits_behind_it() {
    let mut service = Service::new();
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "a".into()));
    service.offer("a", &["one"]);
    service.poll();
    service.step().unwrap();
    now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap();
    service.offer("a", &["two"]);
    service.poll();
    assert_eq!(service.step(), Ok(vec![]));
    assert!(now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap().is_none());
    let handled = now(service.slow.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    assert_eq!(handled.kinds.len(), 2);
}

#[test]
fn a_command_that_went_aside_is_answered_before_the_events_that_were_there_first() {
    let mut service = Service::new();
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "bad".into()));
    service.offer("bad", &["one"]);
    service.offer("b", &["one"; 80]);
    (0..2).for_each(|_| service.poll());
    assert_eq!(service.step(), Ok(vec![]));
    service.offer("bad too", &["one"]);
    service.world.handler.database.state().unreadable.insert((Table::Accounts, "bad too".into()));
    service.poll();
    let said = service.ask("a");
    assert_eq!(service.step(), Ok(vec![]));
    let handled = now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    assert_eq!((handled.kinds, said.lock().unwrap().is_some()), (vec![Kind::Command], true));
    let handled = now(service.quick.step(&service.world.handler, &mut service.world.ids)).unwrap().unwrap();
    assert_eq!(handled.kinds.len(), 64, "then the others have a turn, not all of them at once");
}
