//! What the rules answer is written down, and the loops that have to act on it are told.

use chrono::{DateTime, TimeDelta};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::{
    input::Verdict::{self, Applied, Deferred, Gone, Refused},
    outbox::{OutboxRow, range_of},
    store::DeferredStatus::Parked,
    testing::{World, failure},
};

/// Aggregates, names, and whether they came back with an error.
fn deadlines(world: &World) -> Vec<(String, String, bool)> {
    let state = world.handler.database.state();
    let mut rows: Vec<_> = state
        .deadlines
        .values()
        .map(|row| (row.aggregate_id.clone(), row.name.clone(), row.last_error.is_some()))
        .collect();
    rows.sort();
    rows
}

fn named(rows: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    rows.iter().map(|(key, name, failed)| ((*key).to_owned(), (*name).to_owned(), *failed)).collect()
}

#[test]
fn a_deadline_that_is_set_anew_replaces_its_first_one_and_no_other() {
    let mut world = World::new();
    world.batch(&[("a", "ring later"), ("b", "ring later"), ("a", "ring tomorrow"), ("a", "ring later")]);
    assert_eq!(deadlines(&world), named(&[("a", "alarm", false), ("a", "ring", false), ("b", "ring", false)]));
}

#[test]
fn a_deadline_that_its_own_batch_settles_is_never_set_and_no_other_is_settled() {
    let mut world = World::new();
    world.batch(&[("a", "ring later"), ("b", "ring later"), ("a", "ring tomorrow"), ("a", "settle ring")]);
    assert_eq!(deadlines(&world), named(&[("a", "alarm", false), ("b", "ring", false)]));
    world.batch(&[("b", "settle ring")]);
    assert_eq!(deadlines(&world), named(&[("a", "alarm", false)]));
}

/// The deadlines come due in this order, and share a batch.
fn due(world: &mut World, deadlines: &[(&str, &str)]) -> Vec<Verdict<()>> {
    for (key, name) in deadlines {
        world.set_deadline(key, name);
        world.pass(TimeDelta::milliseconds(1));
    }
    world.deadlines(10)
}

#[test]
fn a_refused_deadline_comes_again_whatever_else_its_batch_sets_or_settles() {
    let mut world = World::new();
    due(&mut world, &[("a", "ring later"), ("b", "settle ring"), ("a", "refuse"), ("b", "refuse")]);
    assert_eq!(deadlines(&world), named(&[("a", "refuse", true), ("a", "ring", false), ("b", "refuse", true)]));
}

#[test]
fn a_refused_deadline_that_its_batch_has_settled_comes_no_more_and_another_aggregates_does() {
    let mut world = World::new();
    let verdicts = due(&mut world, &[("a", "settle refuse"), ("a", "refuse"), ("b", "refuse")]);
    assert!(matches!(verdicts[..], [Applied(_), Gone, Refused(_)]), "{verdicts:?}");
    assert_eq!(deadlines(&world), named(&[("b", "refuse", true)]));
}

fn requests(world: &World) -> Vec<String> {
    let state = world.handler.database.state();
    let told = |call: &crate::store::PendingCall| format!("{} {}", call.idempotency_key(), call.request);
    let mut requests: Vec<String> = state.calls.values().map(|(call, _)| told(call)).collect();
    requests.sort();
    requests
}

#[test]
fn a_call_is_written_down_with_what_it_came_from_and_can_be_made_at_once() {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":"call"}"#);
    let progress = world.arrive_fully(std::slice::from_ref(&event));
    let state = world.handler.database.state();
    let (call, _) = state.calls.values().next().unwrap();
    assert_eq!((call.idempotency_key().as_str(), call.correlation_id.as_str()), ("a/add", "s"));
    assert_eq!((call.causation_id, call.attempts), (state.inbox.first().copied(), 0));
    assert_eq!((call.requested_at, state.calls.len()), (state.now, 1));
    assert_eq!(state.calls_are_own_until, Some(state.now + TimeDelta::seconds(10)));
    assert_eq!(progress.calls.iter().map(|call| &call.call).collect::<Vec<_>>(), [call]);
}

#[test]
fn a_call_is_amended_before_and_after_it_is_written_and_no_other_with_it() {
    let mut world = World::new();
    world.batch(&[("b", "call"), ("a", "call otherwise"), ("a", "call"), ("a", "amend")]);
    assert_eq!(requests(&world), ["a/add amended", "a/other {}", "b/add {}"]);
    world.batch(&[("b", "amend")]);
    assert_eq!(requests(&world), ["a/add amended", "a/other {}", "b/add amended"]);
}

#[test]
fn a_batch_hands_its_events_on_and_says_who_else_is_to_be_woken() {
    let mut world = World::new();
    let acts = [("a", "add"), ("b", "ring tomorrow"), ("c", "refuse")];
    let deliveries = acts.map(|(key, act)| world.event(key, &format!(r#"{{"act":"{act}"}}"#)));
    // The refusal of one halves the batch: what its parts leave behind is told together.
    world.handler.database.state().poison.insert("d".into());
    let poison = world.event("d", r#"{"act":"add"}"#);
    let progress = world.arrive_fully(&[deliveries.as_slice(), &[poison]].concat());
    let key = |row: &OutboxRow| String::from_utf8(row.message.key.clone().unwrap()).unwrap();
    let published = progress.published.iter().map(|row| (key(row), row.range, row.message.nth)).collect::<Vec<_>>();
    let expected = ["a", "b"].map(|key| (key.to_owned(), range_of("out", Some(key.as_bytes()), 4), Some(1)));
    assert_eq!(published, expected);
    let mut dead_letters = progress.ranges;
    dead_letters.dedup();
    assert_eq!(dead_letters, [range_of("in.dlq", None, 4)]);
    assert_eq!(progress.earliest_deadline, Some(world.now() + TimeDelta::days(1)));
    let sooner = world.event("e", r#"{"act":"ring later"}"#);
    assert_eq!(world.arrive_fully(&[sooner]).earliest_deadline, Some(DateTime::UNIX_EPOCH));
}

#[test]
fn events_are_numbered_within_their_aggregates_from_batch_to_batch_without_gaps() {
    let mut world = World::new();
    let mut numbered = Vec::new();
    for batch in [&[("a", "add"), ("a", "refuse"), ("b", "add")][..], &[("c", "add"), ("b", "add"), ("b", "add")]] {
        let deliveries: Vec<_> =
            batch.iter().map(|(key, act)| world.event(key, &format!(r#"{{"act":"{act}"}}"#))).collect();
        let published = world.arrive_fully(&deliveries).published;
        numbered
            .extend(published.into_iter().map(|row| (row.number, row.message.key.unwrap(), row.message.nth.unwrap())));
    }
    let of = |key: &[u8]| {
        let rows = numbered.iter().filter(|(_, of, _)| of == key);
        rows.map(|(number, _, nth)| (*number, *nth)).collect::<Vec<_>>()
    };
    assert_eq!(of(b"a").iter().map(|(_, nth)| *nth).collect::<Vec<_>>(), [1]);
    assert_eq!(of(b"b").iter().map(|(_, nth)| *nth).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(of(b"c").len(), 1);
    assert!(of(b"b").is_sorted(), "the outbox's numbers are in the same order");
    let state = world.handler.database.state();
    assert_eq!((state.events["a"], state.events["b"], state.events["c"]), (1, 3, 1));
}

#[test]
fn of_an_aggregate_that_another_program_changed_without_counting_events_have_no_numbers() {
    let mut world = World::new();
    world.batch(&[("a", "add")]);
    world.handler.database.state().events.clear();
    let events = ["a", "b"].map(|key| world.event(key, r#"{"act":"add"}"#));
    let progress = world.arrive_fully(&events);
    assert_eq!(progress.published.iter().map(|row| row.message.nth).collect::<Vec<_>>(), [Some(1)], "b's alone");
    assert_eq!(progress.ranges, [range_of("out", Some(b"a"), 4)]);
}

#[test]
fn an_event_about_an_aggregate_whose_row_is_not_locked_is_refused_and_nothing_is_published() {
    let mut world = World::new();
    assert_eq!(world.batch(&[("a", "speak for another"), ("b", "add")]), [Deferred(Parked), Applied(None)]);
    let deferred = world.deferred();
    let (class, why) = failure(&deferred[0]);
    assert_eq!(class, "unpublishable");
    assert!(why.contains("toy.done is about another"), "{why}");
    assert_eq!((world.published().len(), world.sum("a")), (1, 0), "b's alone");
}

#[test]
fn records_are_appended() {
    let mut world = World::new();
    world.batch(&[("a", "note"), ("b", "add"), ("c", "note")]);
    assert_eq!(world.handler.database.state().records, 2);
}

#[test]
fn the_end_of_a_saga_is_measured_once_it_is_committed() {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || World::new().batch(&[("a", "end"), ("b", "end"), ("a", "refuse")]));
    let metrics = recorder.handle().render();
    assert!(metrics.contains("saga_duration_seconds_sum{outcome=\"done\"} 180\n"), "{metrics}");
    assert!(metrics.contains("saga_duration_seconds_count{outcome=\"done\"} 2\n"), "{metrics}");
}

#[test]
fn a_command_begins_a_saga_and_what_the_database_refuses_of_it_is_its_clients_answer() {
    let mut world = World::new();
    world.handler.database.state().poison.insert("b".into());
    let verdicts = world.command(&["a", "b"]);
    assert!(matches!(&verdicts[..], [Applied(None), Refused(refusal)] if refusal.to_string().contains("out of range")));
    let state = world.handler.database.state();
    let envelope: serde_json::Value = serde_json::from_slice(state.outbox[0].payload.as_deref().unwrap()).unwrap();
    assert_eq!((envelope["correlationId"].as_str(), state.outbox.len()), (Some("a"), 1));
}
