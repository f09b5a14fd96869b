use chrono::TimeDelta;

use super::{Claimed, DeferredStore, Limits, UnreadableRow, redrive};
use crate::{
    event_id::IdSource,
    input::Verdict::{Applied, Dead, Deferred, Gone, Repeat},
    store::{
        DeferredStatus::{Parked, Queued, Retrying},
        StoreError,
    },
    testing::{LIMITS, Memory, Table, World, failure, now},
};

fn after_a_while(world: &World) {
    world.pass(TimeDelta::seconds(20));
}

#[test]
fn attempts_are_counted_until_they_are_spent() {
    let mut world = World::new();
    world.batch(&[("a", "fail"), ("a", "add")]);
    for (attempts, status) in [(2, Retrying), (3, Parked)] {
        after_a_while(&world);
        assert_eq!(world.retry()[0], Deferred(status));
        assert_eq!(world.deferred()[0].event.attempts, attempts);
    }
    after_a_while(&world);
    assert!(world.retry().iter().all(|verdict| *verdict == Gone), "a parked event waits, and its key");
    assert_eq!((world.dead_letters(), world.deferred().len()), (1, 2));
}

#[test]
fn to_wait_for_a_locked_row_spends_no_attempts() {
    let mut world = World::new();
    world.handler.database.state().locked.insert((Table::Accounts, "a".into()));
    world.batch(&[("a", "add")]);
    for _ in 0..10 {
        after_a_while(&world);
        assert_eq!(world.retry(), [Deferred(Retrying)]);
    }
    let deferred = world.deferred();
    assert_eq!((deferred[0].event.attempts, failure(&deferred[0]).0), (1, "locked"));
    world.handler.database.state().locked.clear();
    after_a_while(&world);
    assert_eq!(world.retry(), [Applied(None)]);
}

#[test]
fn to_wait_for_what_comes_by_another_way_spends_no_attempts() {
    let mut world = World::new();
    world.batch(&[("a", "await"), ("a", "add"), ("b", "add")]);
    for _ in 0..10 {
        after_a_while(&world);
        assert_eq!(world.retry()[0], Deferred(Retrying));
    }
    let deferred = world.deferred();
    assert_eq!((deferred[0].event.attempts, failure(&deferred[0])), (1, ("awaited", "its key is not here yet")));
    assert_eq!(
        (deferred[1].status, world.sum("b"), world.dead_letters()),
        (Queued, 1, 0),
        "its key waits, no other does"
    );
}

#[test]
fn what_waits_for_another_is_tried_again_within_moments() {
    let mut world = World::new();
    world.batch(&[("a", "await")]);
    for _ in 0..2 {
        world.pass(TimeDelta::milliseconds(20));
        assert_eq!(world.retry(), [Deferred(Retrying)]);
    }
    assert!(world.retry().is_empty(), "not before it is due");
}

#[test]
fn a_claimed_event_is_one_replicas_for_a_while() {
    let mut world = World::new();
    world.batch(&[("a", "refuse"), ("a", "add")]);
    assert_eq!(world.retry(), [Gone]);
    assert!(world.retry().is_empty());
}

#[test]
fn a_compensation_that_fails_once_behind_a_parked_event_gets_through() {
    let mut world = World::new();
    world.batch(&[("a", "refuse"), ("a", "add"), ("a", "undo but fail"), ("a", "undo")]);
    assert_eq!(world.deferred().iter().map(|row| row.status).collect::<Vec<_>>(), [Parked, Queued, Retrying, Queued]);
    after_a_while(&world);
    assert_eq!(world.retry(), [Gone, Deferred(Retrying), Gone], "the second waits for the first");
    // Its last attempt: it is parked, which keeps no other compensation.
    after_a_while(&world);
    assert_eq!(world.retry(), [Gone, Deferred(Parked), Applied(None)]);
    assert_eq!(world.published(), ["a undo"]);
}

#[test]
fn redrive_takes_one_key_in_its_order() {
    let mut world = World::new();
    world.batch(&[("a", "refuse"), ("b", "refuse"), ("a", "one"), ("b", "two"), ("a", "three")]);
    let numbers: Vec<i64> = world.deferred().iter().map(|row| row.event.number).collect();
    assert_eq!(world.redrive(numbers[0]), Some(Ok(Deferred(Parked))));
    assert_eq!(world.redrive(numbers[2]), Some(Ok(Gone)), "an earlier one of its key is deferred");
    assert_eq!(world.redrive(99), None);
    assert_eq!(world.dead_letters(), 2, "a redriven event that is refused again has its dead letter already");
    // An operator discards the first; what waited goes on in order, and the other key stands.
    world.handler.database.state().deferred.remove(&numbers[0]);
    after_a_while(&world);
    world.retry();
    assert_eq!(world.published(), ["a one", "a three"]);
    assert_eq!(world.deferred().len(), 2);
}

#[test]
fn an_event_that_cannot_be_read_now_is_tried_again_and_blocks_its_key_alone() {
    let mut world = World::new();
    world.batch(&[("a", "fail"), ("a", "add"), ("b", "fail")]);
    {
        let mut state = world.handler.database.state();
        let row = state.deferred.get_mut(&1).unwrap();
        row.event.event.delivery.payload = Some(b"of another version".to_vec().into());
    }
    after_a_while(&world);
    assert_eq!(world.retry(), [Deferred(Retrying), Gone, Deferred(Retrying)]);
    assert_eq!(failure(&world.deferred()[0]).0, "envelope");
    assert!(matches!(world.redrive(1), Some(Err(_))));
    assert_eq!(world.deferred()[0].event.attempts, 2, "to ask is no attempt");
}

#[test]
fn what_cannot_be_read_now_takes_its_turn_as_what_it_was_deferred_as() {
    let mut world = World::new();
    assert_eq!(
        world.batch(&[("a", "refuse"), ("a", "add"), ("a", "undo but fail")]),
        [Deferred(Parked), Deferred(Queued), Deferred(Retrying)]
    );
    for row in world.handler.database.state().deferred.values_mut() {
        row.event.event.delivery.payload = Some(b"of another version".to_vec().into());
    }
    after_a_while(&world);
    assert_eq!(world.retry(), [Gone, Deferred(Retrying)], "the compensation overtakes, the other waits");
    assert_eq!(failure(&world.deferred()[2]).0, "envelope");
}

#[test]
fn attempts_are_those_of_the_row_under_its_lock() {
    let mut world = World::new();
    world.batch(&[("a", "fail")]);
    let as_read = world.deferred()[0].event.clone();
    after_a_while(&world);
    assert_eq!(world.retry(), [Deferred(Retrying)]);
    assert_eq!(world.retry_as_read(as_read), [Deferred(Parked)]);
    assert_eq!((world.deferred()[0].event.attempts, world.dead_letters()), (3, 1));
}

#[test]
fn an_event_that_came_again_in_its_time_while_it_was_read_as_early_is_not_lost() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let event = world.event_with(id, "a", r#"{"act":"add"}"#);
    world.arrive(std::slice::from_ref(&event));
    let as_read = world.deferred()[0].event.clone();
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.arrive(&[event]), [Deferred(Queued)]);
    assert_eq!(world.retry_as_read(as_read), [Applied(None)]);
    assert_eq!((world.sum("a"), world.deferred().len()), (1, 0));
}

#[test]
fn an_early_event_that_the_inbox_has_is_a_repeat_before_its_time_and_in_it() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let event = world.event_with(id, "a", r#"{"act":"add"}"#);
    // As when an operator discarded it.
    world.handler.database.state().inbox.insert(id);
    let behind = world.event("a", r#"{"act":"behind"}"#);
    assert_eq!(world.arrive(&[event.clone(), behind]), [Repeat, Applied(None)]);
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.arrive(&[event]), [Repeat]);
    assert_eq!((world.published(), world.deferred().len()), (vec!["a behind".into()], 0));
}

#[test]
fn an_early_event_that_the_inbox_has_by_its_time_is_let_go() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let event = world.event_with(id, "a", r#"{"act":"add"}"#);
    assert_eq!(world.arrive(&[event]), [Deferred(Retrying)]);
    world.handler.database.state().inbox.insert(id);
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.retry(), [Repeat]);
    assert_eq!((world.sum("a"), world.deferred().len()), (0, 0));
}

#[test]
fn a_clock_that_goes_back_does_not_stop_what_was_deferred_in_its_time() {
    let mut world = World::new();
    world.batch(&[("a", "fail")]);
    let as_read = world.deferred()[0].event.clone();
    world.pass(TimeDelta::hours(-1));
    assert_eq!(world.retry_as_read(as_read), [Deferred(Retrying)]);
    assert_eq!(world.deferred()[0].event.attempts, 2);
}

#[test]
fn an_event_that_is_parked_at_a_redrive_has_its_dead_letter() {
    let mut world = World::new();
    world.batch(&[("a", "fail")]);
    world.handler.database.state().deferred.entry(1).and_modify(|row| row.event.attempts = 2);
    assert_eq!(world.redrive(1), Some(Ok(Deferred(Parked))));
    assert_eq!(world.dead_letters(), 1);
    assert_eq!(world.redrive(1), Some(Ok(Deferred(Parked))));
    assert_eq!(world.dead_letters(), 1);
}

#[test]
fn an_early_event_that_this_version_cannot_read_keeps_its_place_before_the_inbox() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let event = world.event_with(id, "a", r#"{"act":"add"}"#);
    world.arrive(std::slice::from_ref(&event));
    let set_payload = |world: &World, payload| {
        world.handler.database.state().deferred.entry(1).and_modify(|row| row.event.event.delivery.payload = payload);
    };
    set_payload(&world, Some(b"of another version".to_vec().into()));
    world.pass(TimeDelta::hours(1));
    assert_eq!(world.retry(), [Deferred(Retrying)]);
    set_payload(&world, event.payload.clone());
    after_a_while(&world);
    assert_eq!(world.retry(), [Applied(None)]);
    assert_eq!(world.arrive(&[event]), [Repeat]);
    assert_eq!(world.sum("a"), 1);
}

#[test]
fn an_early_event_that_waited_beyond_the_horizon_has_its_effect_and_no_inbox_row() {
    let mut world = World::new();
    let in_an_hour = world.now() + TimeDelta::hours(1);
    let id = world.ids.next(in_an_hour);
    let event = world.event_with(id, "a", r#"{"act":"add"}"#);
    world.arrive(std::slice::from_ref(&event));
    world.pass(TimeDelta::days(30));
    assert_eq!(world.retry(), [Applied(None)]);
    assert!(!world.handler.database.state().inbox.contains(&id));
    assert_eq!(world.arrive(&[event]), [Dead], "a copy is too old");
}

#[test]
fn a_deferred_event_whose_row_cannot_be_read_is_parked_and_a_redrive_says_why() {
    let mut world = World::new();
    world.batch(&[("a", "fail"), ("b", "fail")]);
    world.handler.database.state().unreadable_deferred.insert(1);
    after_a_while(&world);
    assert_eq!(world.retry(), [Deferred(Retrying)], "the other is tried");
    assert_eq!(world.deferred().iter().map(|row| row.status).collect::<Vec<_>>(), [Parked, Retrying]);
    let redriven = world.redrive(1).unwrap().unwrap_err();
    assert_eq!((redriven.class, redriven.message.as_str()), ("unreadable", "no headers"));
}

#[test]
fn a_redrive_runs_what_queues_behind_it_too_and_parks_what_cannot_be_read() {
    let mut world = World::new();
    world.batch(&[("a", "refuse"), ("a", "one"), ("a", "two")]);
    {
        let mut state = world.handler.database.state();
        let text = |row: &crate::testing::DeferredRow| {
            String::from_utf8(row.event.event.delivery.payload.as_deref().unwrap().to_vec()).unwrap()
        };
        let row = state.deferred.get_mut(&1).unwrap();
        let mended = text(row).replace("refuse", "mended");
        row.event.event.delivery.payload = Some(mended.into_bytes().into());
        state.unreadable_deferred.insert(3);
    }
    assert_eq!(world.redrive(1), Some(Ok(Applied(None))));
    assert_eq!(world.published(), ["a mended", "a one"]);
    assert_eq!(world.deferred().iter().map(|row| (row.event.number, row.status)).collect::<Vec<_>>(), [(3, Parked)]);
}

#[test]
fn who_waits_for_a_locked_row_looks_again_soon_however_long_it_takes() {
    let mut world = World::new();
    let keys: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    world.handler.database.state().locked.extend(keys.iter().map(|key| (Table::Accounts, key.clone())));
    world.batch(&keys.iter().map(|key| (key.as_str(), "add")).collect::<Vec<_>>());
    for _ in 0..10 {
        after_a_while(&world);
        world.retry();
    }
    let now = world.now();
    let longest = world.deferred().iter().map(|row| row.due_at - now).max().unwrap();
    assert!((TimeDelta::seconds(1)..=TimeDelta::seconds(5)).contains(&longest), "{longest}");
}

#[test]
fn an_event_that_is_redriven_while_its_row_is_locked_comes_again_by_itself() {
    let mut world = World::new();
    world.batch(&[("a", "fail")]);
    world.handler.database.state().deferred.entry(1).and_modify(|row| {
        row.event.attempts = 3;
        row.status = Parked;
    });
    world.handler.database.state().locked.insert((Table::Accounts, "a".into()));
    assert_eq!(world.redrive(1), Some(Ok(Deferred(Retrying))));
    assert_eq!(world.deferred()[0].event.attempts, 3);
}

/// Where the event that was asked for has just been released, so that the next one of its key comes first.
struct Behind(Memory);

impl DeferredStore for Behind {
    async fn claim(&self, limits: Limits, lease: TimeDelta) -> Result<Claimed, StoreError> {
        self.0.claim(limits, lease).await
    }

    async fn queue_from(&self, number: i64, limits: Limits) -> Result<Claimed, StoreError> {
        let mut queue = self.0.queue_from(number, limits).await?;
        queue.events.remove(0);
        Ok(queue)
    }

    async fn park_unreadable(&self, rows: &[UnreadableRow]) -> Result<(), StoreError> {
        self.0.park_unreadable(rows).await
    }
}

#[test]
fn a_redrive_takes_no_other_event_for_the_one_that_it_was_asked_for() {
    let mut world = World::new();
    world.batch(&[("a", "refuse"), ("a", "refuse")]);
    let (first, behind) = (world.deferred()[0].event.number, Behind(world.handler.database.clone()));
    world.handler.database.state().statements.clear();
    let redriven = now(redrive(&world.handler, &behind, &mut world.ids, first, LIMITS)).unwrap();
    assert!(redriven.is_none());
    assert!(world.handler.database.state().statements.is_empty());
}
