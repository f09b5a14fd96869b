//! A message that ends the process: each start finds what the one before wrote down.

use std::pin::pin;

use chrono::TimeDelta;
use futures::FutureExt;

use crate::{
    deadlines,
    delivery::{Delivery, Position},
    handler::Progress,
    input::{
        Inbound, Input, Origin, Unread,
        Verdict::{self, Applied, Dead, Deferred, Gone, Refused},
    },
    participant::{Refusal, Trigger},
    store::{
        Crashes,
        DeferredStatus::{Parked, Queued},
        Stage,
    },
    testing::{Toy, World, failure, now},
    trace::TraceContext,
};

/// The process crashed so often over the message, and came so far at most.
fn crashed(world: &World, delivery: &Delivery, times: u32, stage: Stage) {
    world.handler.database.state().crashes.insert(delivery.position.clone(), Crashes { times, stage });
}

#[test]
fn what_ended_the_process_often_enough_while_it_was_handled_is_parked() {
    let mut world = World::new();
    let deliveries = ["culprit", "behind"].map(|act| world.event("a", &format!(r#"{{"act":"{act}"}}"#)));
    let other = world.event("b", r#"{"act":"add"}"#);
    crashed(&world, &deliveries[0], 4, Stage::Decoded);
    let [culprit, behind] = deliveries;
    assert_eq!(
        world.arrive_guarded(&[culprit.clone(), behind, other]),
        [Deferred(Parked), Deferred(Queued), Applied(None)]
    );
    let deferred = world.deferred();
    assert_eq!(failure(&deferred[0]).0, "crash");
    assert_eq!(deferred[0].event.event.delivery, culprit);
    assert!(world.handler.database.state().under_way.is_empty());
}

#[test]
fn what_ended_the_process_at_decoding_is_never_decoded_again() {
    let mut world = World::new();
    let culprit = world.event("a", r#"{"act":"panic at decoding"}"#);
    let other = world.event("a", r#"{"act":"add"}"#);
    crashed(&world, &culprit, 5, Stage::Begun);
    assert_eq!(world.arrive_guarded(&[culprit.clone(), other]), [Dead, Applied(None)]);
    let state = world.handler.database.state();
    assert_eq!((state.dead[0].failure.class, &state.dead[0].delivery), ("crash", &culprit));
}

#[test]
fn what_ended_the_process_even_over_its_bytes_is_known_by_its_place_alone() {
    let mut world = World::new();
    let mut culprit = world.event("a", "{}");
    culprit.payload = Some(b"junk".to_vec().into());
    crashed(&world, &culprit, 6, Stage::SettingAside);
    assert_eq!(world.arrive_guarded(std::slice::from_ref(&culprit)), [Dead]);
    let state = world.handler.database.state();
    assert_eq!((&state.dead[0].delivery.payload, &state.dead[0].delivery.position), (&None, &culprit.position));
}

#[test]
fn what_processes_crashed_over_is_tried_again_until_it_must_be_what_ends_the_process() {
    for (times, stage) in [(0, Stage::Begun), (3, Stage::Decoded), (4, Stage::Begun)] {
        let mut world = World::new();
        let event = world.event("a", r#"{"act":"add"}"#);
        crashed(&world, &event, times, stage);
        assert_eq!(world.arrive_guarded(&[event]), [Applied(None)], "{times} crashes, {stage:?}");
    }
}

#[test]
fn a_process_that_was_killed_after_it_set_a_message_aside_does_not_set_it_aside_again() {
    let mut world = World::new();
    let culprit = world.event("a", r#"{"act":"panic at decoding"}"#);
    crashed(&world, &culprit, 5, Stage::Begun);
    world.arrive_guarded(std::slice::from_ref(&culprit));
    crashed(&world, &culprit, 6, Stage::SettingAside);
    assert_eq!(world.arrive_guarded(std::slice::from_ref(&culprit)), [Dead]);
    let state = world.handler.database.state();
    assert_eq!((state.dead.len(), &state.dead[0].delivery), (1, &culprit));
}

#[test]
fn a_deferred_event_that_ended_the_process_is_parked_without_being_read_again() {
    for stage in [Stage::Begun, Stage::Decoded, Stage::SettingAside] {
        let mut world = World::new();
        world.batch(&[("a", "fail"), ("a", "add")]);
        let culprit = world.deferred()[0].event.event.delivery.clone();
        crashed(&world, &culprit, 5, stage);
        world.pass(TimeDelta::seconds(20));
        assert_eq!(world.retry_after(true), [Deferred(Parked), Gone], "{stage:?}");
        let deferred = world.deferred();
        assert_eq!((failure(&deferred[0]).0, &deferred[0].event.event.delivery), ("crash", &culprit));
        assert_eq!(world.dead_letters(), 1);
    }
}

#[test]
fn the_last_try_of_what_may_end_the_process_says_that_it_was_decoded() {
    for (times, begun) in [(2, vec!["begun"]), (3, vec!["begun", "decoded"])] {
        let mut world = World::new();
        let event = world.event("a", r#"{"act":"add"}"#);
        crashed(&world, &event, times, Stage::Begun);
        world.arrive_guarded(&[event]);
        let mut statements = world.handler.database.state().statements.clone();
        statements.retain(|statement| ["begun", "decoded"].contains(statement));
        assert_eq!(statements, begun, "{times} crashes");
    }
}

/// Whether the handling of an event over which so many runs crashed is written down while another is tried over which so many did.
fn begins_beside(times: u32, other: u32) -> bool {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":"add"}"#);
    crashed(&world, &event, times, Stage::Begun);
    let memory = world.handler.database.clone();
    let another = now(world.handler.last_tries.turn(other));
    let mut inbound = [Inbound::Unread(Unread::Message(event))];
    let mut progress = Progress::new(1);
    let begins = {
        let mut handled = pin!(async {
            match times {
                0 => world.handler.handle_at_once_guarded(&mut world.ids, &mut inbound, &mut progress).await,
                _ => world.handler.handle_guarded(&mut world.ids, &mut inbound, &mut progress).await,
            }
        });
        let begins = handled.as_mut().now_or_never().is_some();
        assert_eq!(begins, memory.state().statements.contains(&"begun"), "nothing is written down of what waits");
        drop(another);
        if !begins {
            now(handled).unwrap();
        }
        begins
    };
    assert_eq!(progress.verdicts, [Some(Applied(None))]);
    begins
}

#[test]
fn nothing_else_is_under_way_at_the_last_try_of_what_may_end_the_process() {
    for (times, other) in [(3, 0), (3, 2), (3, 3), (0, 3), (2, 3), (4, 0), (0, 4)] {
        assert!(!begins_beside(times, other), "{times} beside {other}");
    }
    for (times, other) in [(0, 0), (2, 0), (0, 2), (2, 2)] {
        assert!(begins_beside(times, other), "{times} beside {other}");
    }
}

#[test]
fn nothing_unguarded_is_under_way_at_a_last_try() {
    for entry in ["at once", "in parts", "isolating"] {
        let mut world = World::new();
        let mut inbound = [Inbound::Unread(Unread::Message(world.event("a", r#"{"act":"add"}"#)))];
        let last_try = now(world.handler.last_tries.turn(3));
        let (handler, mut progress) = (&world.handler, Progress::new(1));
        {
            let mut handled = pin!(async {
                match entry {
                    "at once" => handler.handle_at_once(&mut world.ids, &mut inbound, &mut progress).await,
                    "in parts" => handler.handle_in_parts(&mut world.ids, &mut inbound, &mut progress).await,
                    _ => handler.handle_isolating(&mut world.ids, &mut inbound, &mut progress).await,
                }
            });
            assert!(handled.as_mut().now_or_never().is_none(), "{entry}");
            drop(last_try);
            now(handled).unwrap();
        }
        assert_eq!(progress.verdicts, [Some(Applied(None))], "{entry}");
    }
}

fn ask_guarded(world: &mut World, command: &str) -> Verdict<()> {
    let mut inbound = [work_of(command)];
    let mut progress = Progress::new(1);
    now(world.handler.handle_guarded(&mut world.ids, &mut inbound, &mut progress)).unwrap();
    progress.verdicts[0].clone().unwrap()
}

#[test]
fn a_command_that_ended_the_process_is_refused_for_now_however_often_it_comes_and_keeps_no_other() {
    let mut world = World::new();
    let memory = world.handler.database.clone();
    let culprit = work_of("a").under_way(&*world.handler.participant);
    memory.state().crashes.insert(culprit, Crashes { times: 5, stage: Stage::Begun });
    for _ in 0..2 {
        let refused = ask_guarded(&mut world, "a");
        assert!(matches!(&refused, Refused(Refusal::Transient(why)) if why.contains("ended")), "{refused:?}");
        assert_eq!(ask_guarded(&mut world, "b"), Applied(None));
    }
    assert!(memory.state().statements.contains(&"begun"), "the one that may end the process is written down before");
}

fn work_of(command: &str) -> Inbound<Toy> {
    let (trigger, trace) = (Trigger::Command(command.to_owned()), TraceContext::default());
    Inbound::Input(Input { trigger, correlation_id: None, trace, origin: Origin::Client })
}

#[test]
fn a_deadline_that_ended_the_process_is_postponed_without_being_tried_and_keeps_no_other() {
    let mut world = World::new();
    let (culprit, other) = (world.set_deadline("a", "ring"), world.set_deadline("b", "ring"));
    let at = Position { topic: format!("deadline:{culprit}").into(), partition: 0, offset: 0 };
    let memory = world.handler.database.clone();
    memory.state().crashes.insert(at.clone(), Crashes { times: 5, stage: Stage::Begun });
    let mut inbound = [culprit, other].map(|id| deadlines::input(memory.state().deadlines[&id].clone()));
    let mut progress = Progress::new(inbound.len());
    now(world.handler.handle_guarded(&mut world.ids, &mut inbound, &mut progress)).unwrap();
    assert!(matches!(progress.verdicts[..], [Some(Refused(_)), Some(Applied(_))]), "{:?}", progress.verdicts);
    let state = memory.state();
    let waiting = &state.deadlines[&culprit];
    assert_eq!(
        (waiting.attempts, waiting.not_before.is_some(), state.deadlines.contains_key(&other)),
        (1, true, false)
    );
    assert!(waiting.last_error.as_deref().unwrap().contains("the process ended"));
    assert!(state.crashes.contains_key(&at), "so it is known when it is due again");
}
