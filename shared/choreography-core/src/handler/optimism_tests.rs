//! A small batch is tried without locks, and done anew with them if anything is not as it was read.

use std::sync::Arc;

use crate::{
    input::Verdict::{Applied, Deferred, Refused, Repeat},
    store::DeferredStatus::Parked,
    testing::{Intrusion, State, Table, World},
};

const AT_ONCE: [&str; 2] = ["read", "write at once"];
const ANEW: [&str; 5] = ["read", "write at once", "lock", "write", "commit"];

fn optimistic() -> World {
    let world = World::new();
    world.handler.database.state().is_optimistic = true;
    world
}

fn meanwhile(world: &World, change: impl Fn(&mut State) + Send + Sync + 'static) {
    world.handler.database.state().before_the_write.push_back(Intrusion(Arc::new(change)));
}

fn statements(world: &World) -> Vec<&'static str> {
    std::mem::take(&mut world.handler.database.state().statements)
}

fn set(world: &World, key: &str, sum: i64) {
    world.handler.database.state().rows.insert((Table::Accounts, key.into()), sum);
}

#[test]
fn what_stands_as_it_was_read_is_written_at_once() {
    let mut world = optimistic();
    set(&world, "a", 10);
    assert_eq!(world.batch(&[("a", "add"), ("b", "add")]), [Applied(None), Applied(None)]);
    assert_eq!((world.sum("a"), world.sum("b")), (11, 1));
    assert_eq!(world.published(), ["a add", "b add"]);
    assert_eq!(statements(&world), AT_ONCE);
}

#[test]
fn a_row_that_another_changes_meanwhile_is_read_under_a_lock_and_so_are_the_next_ones() {
    let mut world = optimistic();
    set(&world, "a", 10);
    meanwhile(&world, |state| {
        state.rows.insert((Table::Accounts, "a".into()), 20);
    });
    assert_eq!(world.batch(&[("a", "add")]), [Applied(None)]);
    assert_eq!((world.sum("a"), world.published()), (21, vec!["a add".to_owned()]));
    assert_eq!(statements(&world), ANEW);
    world.batch(&[("b", "add")]);
    assert_eq!(statements(&world), ["lock", "write", "commit"]);
}

#[test]
fn a_repeat_has_no_second_effect() {
    let mut world = optimistic();
    let event = world.event("a", r#"{"act":"add"}"#);
    assert_eq!(world.arrive(std::slice::from_ref(&event)), [Applied(None)]);
    assert_eq!(world.arrive(&[event]), [Repeat]);
    assert_eq!(world.sum("a"), 1);
}

#[test]
fn what_is_refused_is_set_aside_under_locks() {
    let mut world = optimistic();
    assert_eq!(world.batch(&[("a", "refuse"), ("b", "add")]), [Deferred(Parked), Applied(None)]);
    assert_eq!((world.deferred().len(), world.dead_letters(), world.sum("b")), (1, 1, 1));
    assert_eq!(statements(&world), ["read", "lock", "write", "commit"], "nothing was written without them");
}

#[test]
fn a_row_that_the_database_refuses_is_told_from_the_others() {
    let mut world = optimistic();
    world.handler.database.state().poison.insert("a".into());
    assert_eq!(world.batch(&[("a", "add"), ("b", "add")]), [Deferred(Parked), Applied(None)]);
    assert_eq!((world.sum("a"), world.sum("b")), (0, 1));
}

#[test]
fn a_locked_row_is_not_waited_for_without_locks() {
    let mut world = optimistic();
    set(&world, "a", 10);
    world.handler.database.state().locked.insert((Table::Accounts, "a".into()));
    world.batch(&[("a", "add"), ("b", "add")]);
    assert_eq!((world.sum("a"), world.sum("b")), (10, 1), "one input steps aside");
}

#[test]
fn an_answer_that_gets_lost_leaves_open_what_happened_and_a_repeat_finds_it_out() {
    let mut world = optimistic();
    world.handler.database.state().loses_an_answer = true;
    let event = world.event("a", r#"{"act":"add"}"#);
    assert!(world.try_arrive(std::slice::from_ref(&event)).is_err());
    assert_eq!(world.arrive(&[event]), [Repeat]);
    assert_eq!((world.sum("a"), world.published().len()), (1, 1));
}

#[test]
fn a_key_that_was_minted_and_is_there_is_refused_as_ever() {
    let mut world = optimistic();
    set(&world, "new a", 1);
    let verdicts = world.command(&["new a", "new b"]);
    assert!(matches!(&verdicts[..], [Refused(_), Applied(None)]), "{verdicts:?}");
}
