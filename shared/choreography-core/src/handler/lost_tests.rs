//! What others change between a batch's reading and its writing.

use std::sync::Arc;

use crate::{
    delivery::Delivery,
    input::Verdict::{Applied, Dead, Deferred, Gone, Repeat},
    store::{
        DeadMessage,
        DeferredStatus::{self, Parked, Queued, Retrying},
        Failure,
    },
    testing::{Intrusion, State, Table, World},
};

/// Others commit this after the next batch has read, and before it writes.
fn meanwhile(world: &World, change: impl Fn(&mut State) + Send + Sync + 'static) {
    world.handler.database.state().before_the_write.push_back(Intrusion(Arc::new(change)));
}

fn statements(world: &World) -> Vec<&'static str> {
    std::mem::take(&mut world.handler.database.state().statements)
}

const TWICE: [&str; 5] = ["lock", "write", "lock", "write", "commit"];

/// As another replica that had the same message.
fn id_of(delivery: &Delivery) -> uuid::Uuid {
    let json: serde_json::Value = serde_json::from_slice(delivery.payload.as_deref().unwrap()).unwrap();
    json["id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_new_row_that_another_writes_first_is_read_and_changed() {
    let mut world = World::new();
    meanwhile(&world, |state| {
        state.rows.insert((Table::Accounts, "a".into()), 10);
    });
    assert_eq!(world.batch(&[("a", "add"), ("b", "add")]), [Applied(None), Applied(None)]);
    assert_eq!((world.sum("a"), world.sum("b")), (11, 1));
    assert_eq!(world.published(), ["a add", "b add"]);
    assert_eq!(statements(&world), TWICE);
}

#[test]
fn what_a_rule_refuses_over_a_row_that_was_not_there_is_tried_on_the_one_that_is() {
    let mut world = World::new();
    meanwhile(&world, |state| {
        state.rows.insert((Table::Accounts, "a".into()), 10);
    });
    assert_eq!(world.batch(&[("a", "refuse")]), [Deferred(Parked)]);
    assert_eq!((world.sum("a"), world.deferred().len(), world.dead_letters()), (10, 1, 1));
    assert_eq!(statements(&world), TWICE);
}

#[test]
fn an_event_that_another_handles_first_has_one_effect_and_the_rest_goes_on() {
    let mut world = World::new();
    let events = ["a", "b"].map(|key| world.event(key, r#"{"act":"add"}"#));
    let id = id_of(&events[0]);
    meanwhile(&world, move |state| {
        state.inbox.insert(id);
    });
    assert_eq!(world.arrive(&events), [Repeat, Applied(None)]);
    assert_eq!((world.sum("a"), world.sum("b")), (0, 1));
    assert_eq!(statements(&world), TWICE);
}

/// Another transaction defers an event of `a` so.
fn defer(world: &mut World, act: &str, status: DeferredStatus) {
    let mut other = World::new();
    other.batch(&[("a", act)]);
    let (number, mut row) = other.handler.database.state().deferred.pop_first().unwrap();
    row.status = status;
    row.event.number = number;
    meanwhile(world, move |state| {
        state.deferred.insert(number, row.clone());
        state.deferred_number = number;
    });
}

#[test]
fn an_event_queues_behind_one_of_its_key_that_another_parks() {
    let mut world = World::new();
    defer(&mut world, "refuse", Parked);
    assert_eq!(world.batch(&[("a", "add"), ("b", "add")]), [Deferred(Queued), Applied(None)]);
    assert_eq!((world.sum("a"), world.published()), (0, vec!["b add".into()]));
    assert_eq!(statements(&world), TWICE);
}

#[test]
fn a_compensation_waits_for_one_that_another_holds_and_passes_what_is_parked() {
    let mut world = World::new();
    defer(&mut world, "undo but fail", Retrying);
    assert_eq!(world.batch(&[("a", "undo")]), [Deferred(Queued)]);
    assert_eq!(statements(&world), TWICE);

    let mut world = World::new();
    defer(&mut world, "undo but refuse", Parked);
    assert_eq!(world.batch(&[("a", "undo")]), [Applied(None)]);
    assert_eq!(statements(&world), ["lock", "write", "commit"], "nothing was lost");
}

#[test]
fn a_message_that_another_sets_aside_first_is_dead_lettered_by_it_alone() {
    let mut world = World::new();
    let mut junk = world.event("a", "{}");
    junk.payload = Some(b"junk".to_vec().into());
    let good = world.event("a", r#"{"act":"add"}"#);
    let kept = DeadMessage {
        delivery: junk.clone(),
        failure: Failure { class: "envelope", message: "junk".into() },
        now: world.now(),
    };
    meanwhile(&world, move |state| state.dead.push(kept.clone()));
    assert_eq!(world.arrive(&[junk, good]), [Dead, Applied(None)]);
    assert_eq!((world.dead_letters(), world.handler.database.state().dead.len()), (0, 1));
}

#[test]
fn a_deadline_that_another_settles_first_has_no_effect_and_the_others_have() {
    let mut world = World::new();
    let gone = world.set_deadline("a", "ring");
    world.set_deadline("b", "ring");
    meanwhile(&world, move |state| {
        state.deadlines.remove(&gone);
    });
    let mut verdicts = world.deadlines(10);
    verdicts.sort_by_key(|verdict| *verdict == Gone);
    assert_eq!(verdicts, [Applied(None), Gone]);
    assert_eq!(world.published(), ["b ring"]);
}

#[test]
fn an_answer_that_another_takes_first_has_no_effect() {
    let mut world = World::new();
    world.batch(&[("a", "call")]);
    let call = world.handler.database.state().calls.values().next().unwrap().0.clone();
    let id = call.id;
    meanwhile(&world, move |state| {
        state.calls.remove(&id);
    });
    assert_eq!(world.answer(&[&call]), [Gone]);
    assert_eq!(world.published(), ["a call"]);
}

#[test]
fn a_key_that_was_minted_and_is_there_is_its_clients_error_and_not_a_lost_race() {
    let mut world = World::new();
    world.handler.database.state().rows.insert((Table::Accounts, "new a".into()), 1);
    let verdicts = world.command(&["new a", "new b"]);
    assert!(matches!(&verdicts[..], [crate::input::Verdict::Refused(_), Applied(None)]), "{verdicts:?}");
    assert_eq!((world.sum("new a"), world.sum("new b")), (1, 1));
}
