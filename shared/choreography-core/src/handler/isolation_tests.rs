//! What the database refuses, or can't give, concerns only the inputs that asked for it.

use crate::{
    input::Verdict::{self, Applied, Dead, Deferred, Gone, Repeat},
    participant::Refusal,
    store::{
        DeferredStatus::{Parked, Queued, Retrying},
        StoreError,
    },
    testing::{Table, World, failure},
};

fn place(table: Table, key: &str) -> (Table, String) {
    (table, key.to_owned())
}

/// Events of three keys; those of `b` and `c` share a shelf.
fn on_shelves(world: &mut World) -> Vec<Verdict<()>> {
    let deliveries = [
        world.event("a", r#"{"act":"add","shelf":"left"}"#),
        world.event("b", r#"{"act":"add","shelf":"right"}"#),
        world.event("c", r#"{"act":"add","shelf":"right"}"#),
        world.event("b", r#"{"act":"later","shelf":"left"}"#),
    ];
    world.arrive(&deliveries)
}

#[test]
fn a_row_that_cannot_be_read_stops_only_who_needs_it() {
    let mut world = World::new();
    world.handler.database.state().unreadable.insert(place(Table::Accounts, "b"));
    assert_eq!(on_shelves(&mut world), [Applied(None), Deferred(Retrying), Applied(None), Deferred(Queued)]);
    assert_eq!(failure(&world.deferred()[0]).0, "database");
    assert_eq!(world.dead_letters(), 0, "a newer replica may read it");
    for _ in 0..world.handler.policy.retry.max_attempts {
        world.pass(world.handler.policy.retry.cap);
        world.retry();
    }
    let deferred = world.deferred();
    assert_eq!((deferred.len(), deferred[0].status, world.dead_letters()), (2, Parked, 1), "nobody can read it");
}

#[test]
fn a_row_that_a_newer_replica_can_read_is_handled_by_it_without_an_operator() {
    let mut world = World::new();
    world.handler.database.state().unreadable.insert(place(Table::Accounts, "b"));
    on_shelves(&mut world);
    world.handler.database.state().unreadable.clear();
    world.pass(world.handler.policy.retry.cap);
    world.retry();
    assert_eq!((world.deferred().len(), world.dead_letters()), (0, 0));
    assert_eq!(world.sum("b"), 2);
}

#[test]
fn what_the_database_refuses_is_parked_and_the_rest_goes_on() {
    let mut world = World::new();
    world.handler.database.state().poison.insert("c".into());
    assert_eq!(on_shelves(&mut world), [Applied(None), Applied(None), Deferred(Parked), Applied(None)]);
}

#[test]
fn who_needs_a_locked_row_steps_aside_and_delays_no_other() {
    let mut world = World::new();
    world.handler.database.state().locked.insert(place(Table::Shelves, "right"));
    let aside = [Applied(None), Deferred(Retrying), Deferred(Retrying), Deferred(Queued)];
    assert_eq!(on_shelves(&mut world), aside);
    assert_eq!(failure(&world.deferred()[0]).0, "locked");
    assert_eq!(world.dead_letters(), 0);
    let locks =
        |world: &World| world.handler.database.state().statements.iter().filter(|name| **name == "lock").count();
    let before = locks(&world);
    let other = world.event("d", r#"{"act":"add","shelf":"right"}"#);
    let free = world.event("e", r#"{"act":"add","shelf":"left"}"#);
    assert_eq!(world.arrive(&[other, free]), [Deferred(Retrying), Applied(None)]);
    // The accounts, and then the shelves: the suspected one was asked and not waited for.
    assert_eq!(locks(&world) - before, 2, "the locked row is known by now");

    world.handler.database.state().locked.clear();
    world.pass(chrono::TimeDelta::seconds(30));
    world.retry();
    assert_eq!(world.deferred().len(), 0, "{:?}", world.deferred());
    assert_eq!((world.sum("b"), world.sum("c"), world.sum("d")), (2, 1, 1));
}

#[test]
fn several_locked_rows_are_found_at_once() {
    let mut world = World::new();
    world.handler.database.state().locked.extend((0..20).map(|n| place(Table::Accounts, &format!("locked {n}"))));
    let keys: Vec<String> =
        (0..200).map(|n| if n % 10 == 0 { format!("locked {}", n / 10) } else { n.to_string() }).collect();
    let events: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "add")).collect();
    let verdicts = world.batch(&events);
    let deferred = verdicts.iter().filter(|verdict| **verdict == Deferred(Retrying)).count();
    assert_eq!((deferred, verdicts.len() - deferred), (20, 180));
    let commits = world.handler.database.state().statements.iter().filter(|name| **name == "commit").count();
    assert_eq!(commits, 1, "all that is free goes in one transaction");
}

#[test]
fn a_locked_table_makes_all_inputs_wait_and_moves_nothing() {
    let mut world = World::new();
    world.handler.database.state().is_table_locked = true;
    let event = world.event("a", r#"{"act":"add"}"#);
    let handled = world.try_arrive(std::slice::from_ref(&event));
    assert!(matches!(handled, Err(StoreError::Unavailable(_))), "{handled:?}");
    assert!(world.deferred().is_empty());
    world.handler.database.state().is_table_locked = false;
    assert_eq!(world.arrive(&[event]), [Applied(None)]);
}

#[test]
fn a_refused_deadline_comes_again_with_its_error_and_keeps_no_other() {
    let mut world = World::new();
    let refused = world.set_deadline("a", "refuse");
    let unreadable = world.set_deadline("b", "ring");
    let broken = world.set_deadline("c", "ring");
    world.set_deadline("d", "ring");
    {
        let mut state = world.handler.database.state();
        state.unreadable.insert(place(Table::Accounts, "b"));
        state.unreadable_deadlines.insert(broken);
    }
    let verdicts = world.deadlines(10);
    let refusals = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Refused(_))).count();
    assert_eq!((refusals, verdicts.len()), (2, 3), "{verdicts:?}");
    assert_eq!(world.published(), ["d ring"]);
    let state = world.handler.database.state();
    for (id, error) in [(refused, "refused: no"), (unreadable, "can't be read"), (broken, "no time")] {
        let row = &state.deadlines[&id];
        let told = row.last_error.as_deref().unwrap_or_default();
        assert!(row.attempts == 1 && row.next_at() > state.now && told.contains(error), "{row:?}");
    }
}

#[test]
fn the_attempts_of_a_refused_deadline_are_those_of_its_row_under_its_lock() {
    let mut world = World::new();
    let id = world.set_deadline("a", "refuse");
    let as_read = world.handler.database.state().deadlines[&id].clone();
    world.deadlines(10);
    assert!(matches!(world.deadline_as_read(as_read)[..], [Verdict::Refused(_)]));
    assert_eq!(world.handler.database.state().deadlines[&id].attempts, 2);
}

#[test]
fn a_deadline_that_was_settled_meanwhile_waits_for_no_row() {
    let mut world = World::new();
    let id = world.set_deadline("a", "ring");
    let as_read = world.handler.database.state().deadlines.remove(&id).unwrap();
    world.handler.database.state().locked.insert(place(Table::Accounts, "a"));
    assert_eq!(world.deadline_as_read(as_read), [Gone]);
}

#[test]
fn a_deadline_that_needs_a_locked_row_is_postponed_as_its_row_stands() {
    let mut world = World::new();
    let id = world.set_deadline("a", "ring");
    let as_read = world.handler.database.state().deadlines[&id].clone();
    {
        let mut state = world.handler.database.state();
        state.deadlines.entry(id).and_modify(|row| row.attempts = 5);
        state.locked.insert(place(Table::Accounts, "a"));
    }
    assert!(matches!(world.deadline_as_read(as_read)[..], [Verdict::Refused(_)]));
    let state = world.handler.database.state();
    let row = &state.deadlines[&id];
    assert_eq!((row.attempts, row.next_at() > state.now), (6, true));
    assert!(row.last_error.as_deref().is_some_and(|error| error.contains("locked by another session")), "{row:?}");
}

#[test]
fn who_still_waits_too_long_in_a_hurry_is_not_skipped() {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":"add"}"#);
    world.handler.database.state().is_inbox_locked = true;
    let refused = world.try_arrive(std::slice::from_ref(&event)).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(why) if why.contains("the inbox is locked")));
    world.handler.database.state().is_inbox_locked = false;
    assert_eq!(world.arrive(&[event]), [Applied(None)]);
}

#[test]
fn many_refused_deadlines_starve_no_other() {
    let mut world = World::new();
    for n in 0..20 {
        world.set_deadline(&format!("refused {n}"), "refuse");
    }
    world.pass(chrono::TimeDelta::seconds(1));
    world.set_deadline("good", "ring");
    let steps = (0..10).take_while(|_| {
        world.deadlines(5);
        world.published().is_empty()
    });
    assert!(steps.count() < 6, "those that were refused stand aside");
}

#[test]
fn a_deadline_that_is_set_anew_by_its_batch_is_not_overwritten_by_its_refusal() {
    let mut world = World::new();
    world.set_deadline("a", "ring later");
    world.set_deadline("a", "ring");
    world.deadlines(10);
    assert_eq!(world.handler.database.state().deadlines.len(), 1);
}

#[test]
fn a_deadline_whose_rules_cannot_run_stays_where_it_can_be_settled() {
    let mut world = World::new();
    world.handler.database.state().locked.insert(place(Table::Accounts, "a"));
    let id = world.set_deadline("a", "ring");
    assert!(matches!(world.deadlines(10)[..], [Verdict::Refused(_)]));
    let state = world.handler.database.state();
    let row = &state.deadlines[&id];
    assert_eq!((row.attempts, row.not_before > Some(state.now)), (1, true));
    assert!(row.last_error.as_deref().is_some_and(|error| error.starts_with("locked: ")), "{row:?}");
}

#[test]
fn a_dead_message_whose_bytes_are_refused_is_known_by_its_place_and_says_why() {
    let mut world = World::new();
    world.handler.database.state().refuses_bytes = true;
    let mut junk = world.event("a", "{}");
    junk.payload = Some(b"junk".to_vec().into());
    assert_eq!(world.arrive(std::slice::from_ref(&junk)), [Dead]);
    let state = world.handler.database.state();
    let dead = &state.dead[0];
    assert_eq!((&dead.delivery.position, dead.failure.class), (&junk.position, "envelope"));
    assert_eq!((&dead.delivery.key, &dead.delivery.payload), (&None, &None));
    assert!(dead.failure.message.contains("see the topic") && dead.failure.message.contains("too many bytes"));
}

#[test]
fn an_event_that_can_neither_be_handled_nor_deferred_is_not_skipped() {
    let mut world = World::new();
    {
        let mut state = world.handler.database.state();
        state.poison.insert("a".into());
        state.refuses_bytes = true;
    }
    let events = [world.event("b", r#"{"act":"add"}"#), world.event("a", r#"{"act":"add"}"#)];
    assert!(matches!(world.try_arrive(&events), Err(StoreError::Unavailable(why)) if why.contains("too many bytes")));
    world.handler.database.state().refuses_bytes = false;
    assert_eq!(world.arrive(&events), [Repeat, Deferred(Parked)]);
}

#[test]
fn a_client_who_needs_a_locked_row_is_told_to_come_again() {
    let mut world = World::new();
    world.handler.database.state().locked.insert(place(Table::Accounts, "a"));
    let verdicts = world.command(&["a", "b"]);
    assert!(matches!(verdicts[..], [Verdict::Refused(Refusal::Awaited(_)), Applied(None)]), "{verdicts:?}");
    assert_eq!((world.sum("a"), world.sum("b")), (0, 1));
}
