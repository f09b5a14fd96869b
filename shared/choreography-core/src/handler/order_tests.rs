//! Order within a key, and what one input may do to the others of its batch.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::{
    delivery::Delivery,
    event_id::IdSource,
    input::Verdict::{Applied, Dead, Deferred, Ignored, Repeat},
    store::DeferredStatus::{Parked, Queued, Retrying},
    testing::{World, failure, key_of},
};

#[test]
fn two_events_of_one_key_leave_in_order() {
    let mut world = World::new();
    assert_eq!(
        world.batch(&[("a", "one"), ("b", "other"), ("a", "two")]),
        [Applied(None), Applied(None), Applied(None)]
    );
    assert_eq!(world.published(), ["a one", "b other", "a two"]);
    assert_eq!((world.sum("a"), world.sum("b")), (2, 1));
}

#[test]
fn a_newly_deferred_event_blocks_its_key_within_the_same_batch() {
    let mut world = World::new();
    let verdicts = world.batch(&[("a", "fail"), ("a", "add"), ("b", "add"), ("a", "undo")]);
    assert_eq!(verdicts, [Deferred(Retrying), Deferred(Queued), Applied(None), Applied(None)]);
    assert_eq!(world.published(), ["b add", "a undo"]);
}

#[test]
fn a_refusal_undoes_one_input_alone() {
    let mut world = World::new();
    let verdicts = world.batch(&[("a", "add"), ("a", "refuse"), ("b", "add")]);
    assert_eq!(verdicts, [Applied(None), Deferred(Parked), Applied(None)]);
    assert_eq!((world.sum("a"), world.sum("b"), world.dead_letters()), (1, 1, 1));
}

#[test]
fn a_panic_anywhere_in_the_rules_is_one_inputs() {
    for act in ["panic", "panic at touching", "panic at overtaking"] {
        let mut world = World::new();
        let verdicts = world.batch(&[("b", "add"), ("a", act), ("a", "add"), ("c", "add")]);
        assert_eq!(verdicts, [Applied(None), Deferred(Parked), Deferred(Queued), Applied(None)], "{act}");
        assert_eq!(failure(&world.deferred()[0]).0, "panic", "{act}");
        assert_eq!(world.dead_letters(), 1, "{act}");
    }
}

#[test]
fn a_panic_at_decoding_makes_a_dead_message() {
    let mut world = World::new();
    let verdicts = world.batch(&[("a", "panic at decoding"), ("a", "add")]);
    assert_eq!(verdicts, [Dead, Applied(None)]);
    let state = world.handler.database.state();
    assert_eq!(state.dead[0].failure.class, "panic");
}

#[test]
fn a_repeat_has_no_effect_within_a_batch_and_later() {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":"add"}"#);
    assert_eq!(world.arrive(&[event.clone(), event.clone()]), [Applied(None), Repeat]);
    assert_eq!(world.arrive(&[event]), [Repeat]);
    assert_eq!((world.sum("a"), world.published().len()), (1, 1));
}

#[test]
fn what_is_no_event_or_not_handled_delays_no_other() {
    let mut world = World::new();
    let mut junk = world.event("a", "{}");
    junk.payload = Some(b"junk".to_vec().into());
    let mut foreign = world.event("a", r#"{"act":"add"}"#);
    let text = String::from_utf8(foreign.payload.take().unwrap().to_vec()).unwrap();
    foreign.payload = Some(text.replace("toy.event", "toy.foreign").into_bytes().into());
    let good = world.event("a", r#"{"act":"add"}"#);
    assert_eq!(world.arrive(&[junk.clone(), foreign, good]), [Dead, Ignored, Applied(None)]);
    assert_eq!(world.arrive(&[junk]), [Dead]);
    assert_eq!(world.dead_letters(), 1, "it is dead-lettered once");
}

#[test]
fn a_repeat_is_found_by_the_write_and_then_needs_neither_rows_nor_a_look_at_what_is_deferred() {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":"add"}"#);
    world.arrive(std::slice::from_ref(&event));
    world.handler.database.state().statements.clear();
    assert_eq!(world.arrive(&[event]), [Repeat]);
    assert_eq!(world.handler.database.state().statements, ["lock", "write", "commit"]);
}

#[test]
fn an_event_from_the_future_waits_for_its_time_and_its_key_behind_it() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let early = world.event_with(id, "a", r#"{"act":"early"}"#);
    let later = world.event("a", r#"{"act":"later"}"#);
    assert_eq!(world.arrive(&[early.clone(), later, early.clone()])[..2], [Deferred(Retrying), Deferred(Queued)]);
    world.pass(TimeDelta::minutes(50));
    assert_eq!(world.arrive(std::slice::from_ref(&early)), [Deferred(Queued)], "it comes again too early");
    world.retry();
    assert!(world.published().is_empty());
    world.pass(TimeDelta::minutes(6));
    world.retry();
    assert_eq!(world.published(), ["a early", "a later"]);
    assert_eq!(world.arrive(&[early]), [Repeat]);
    assert!(world.deferred().is_empty() && world.dead_letters() == 0);
}

#[test]
fn an_event_from_the_future_that_comes_again_in_its_time_has_one_effect() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let early = world.event_with(id, "a", r#"{"act":"add"}"#);
    world.arrive(std::slice::from_ref(&early));
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.arrive(&[early]), [Deferred(Queued)]);
    assert_eq!(world.retry(), [Applied(None)]);
    assert_eq!((world.sum("a"), world.deferred().len()), (1, 0));
}

#[test]
fn an_id_from_a_far_future_is_not_waited_for() {
    let mut world = World::new();
    let in_a_year = world.now() + TimeDelta::days(365);
    let id = world.ids.next(in_a_year);
    let event = world.event_with(id, "a", r#"{"act":"add"}"#);
    assert_eq!(world.arrive(&[event]), [Dead]);
}

#[test]
fn bytes_are_kept_as_they_came() {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":  "refuse"}"#);
    world.arrive(std::slice::from_ref(&event));
    let deferred = world.deferred();
    assert_eq!((key_of(&deferred[0]), &deferred[0].event.event.delivery), ("a", &event));
}

#[test]
fn a_batch_takes_one_lock_one_write_and_one_commit_and_a_table_whose_keys_come_from_rows_one_lock_more() {
    let mut world = World::new();
    world.batch(&[("a", "add"), ("b", "add")]);
    assert_eq!(world.handler.database.state().statements, ["lock", "write", "commit"]);
    world.handler.database.state().statements.clear();
    let event = world.event("a", r#"{"act":"add","shelf":"left"}"#);
    world.arrive(&[event]);
    assert_eq!(world.handler.database.state().statements, ["lock", "lock", "write", "commit"]);
}

#[test]
fn what_this_service_does_not_handle_takes_no_transaction() {
    let mut world = World::new();
    let mut foreign = world.event("a", r#"{"act":"add"}"#);
    let text = String::from_utf8(foreign.payload.take().unwrap().to_vec()).unwrap();
    foreign.payload = Some(text.replace("toy.event", "toy.foreign").into_bytes().into());
    assert_eq!(world.arrive(&[foreign]), [Ignored]);
    assert!(world.handler.database.state().statements.is_empty());
}

#[test]
fn rows_under_fresh_keys_are_inserted_without_being_locked() {
    let mut world = World::new();
    assert_eq!(world.command(&["new a", "new b"]), [Applied(None), Applied(None)]);
    assert_eq!((world.sum("new a"), world.sum("new b")), (1, 1));
    assert_eq!(world.handler.database.state().statements, ["write", "commit"]);
}

#[test]
fn messages_that_are_no_events_are_kept_once_each() {
    let mut world = World::new();
    let [one, other] = ["one", "other"].map(|bytes| {
        let event = world.event("a", "{}");
        Delivery { payload: Some(bytes.as_bytes().to_vec().into()), ..event }
    });
    assert_eq!(world.arrive(&[one.clone(), other, one]), [Dead, Dead, Dead]);
    let kept: Vec<i64> = world.handler.database.state().dead.iter().map(|dead| dead.delivery.position.offset).collect();
    assert_eq!((kept, world.dead_letters()), (vec![1, 2], 2));
}

#[test]
fn a_compensation_that_fails_keeps_those_behind_it_and_one_that_is_parked_does_not() {
    let mut world = World::new();
    let verdicts = world.batch(&[("a", "undo but fail"), ("a", "undo"), ("b", "undo but refuse"), ("b", "undo")]);
    assert_eq!(verdicts, [Deferred(Retrying), Deferred(Queued), Deferred(Parked), Applied(None)]);
}

#[test]
fn an_event_before_its_time_queues_where_its_key_is_deferred_and_a_compensation_does_not() {
    let mut world = World::new();
    world.batch(&[("a", "refuse")]);
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let early = ["add", "undo"].map(|act| {
        let id = world.ids.next(in_an_hour);
        world.event_with(id, "a", &format!(r#"{{"act":"{act}"}}"#))
    });
    assert_eq!(world.arrive(&early), [Deferred(Queued), Deferred(Retrying)]);
}

#[test]
fn events_that_fail_together_do_not_come_back_together() {
    let mut world = World::new();
    let keys: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let moments = |world: &World| world.deferred().iter().map(|row| row.due_at).collect::<BTreeSet<_>>().len();
    world.batch(&keys.iter().map(|key| (key.as_str(), "fail")).collect::<Vec<_>>());
    assert!(moments(&world) > 10);
    world.pass(TimeDelta::seconds(20));
    world.retry();
    assert!(moments(&world) > 10);
}
