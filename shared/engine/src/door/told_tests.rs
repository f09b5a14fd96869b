//! What a saga's trace tells of its inputs.

use chrono::TimeDelta;
use opentelemetry_sdk::trace::SpanData;

use crate::{
    delivery::Delivery,
    testing::{
        World,
        spans::{ended, told, trace},
    },
    trace::TraceContext,
};

/// An event in a trace of its own.
fn traced(world: &mut World, key: &str, act: &str) -> (String, Delivery) {
    let (trace_id, header) = trace();
    let delivery = world.event(key, &format!(r#"{{"act":"{act}"}}"#));
    (trace_id, Delivery { headers: vec![header], ..delivery })
}

/// The trace of the message that was published last.
fn last_published(world: &World) -> TraceContext {
    TraceContext::from_headers(&world.door.database.state().outbox.last().unwrap().headers)
}

fn id_of(delivery: &Delivery) -> String {
    let envelope: serde_json::Value = serde_json::from_slice(delivery.payload.as_deref().unwrap()).unwrap();
    envelope["id"].as_str().unwrap().to_owned()
}

/// What every span of a message from Kafka tells.
fn processed(delivery: &Delivery) -> Vec<String> {
    let offset = format!("messaging.kafka.offset={}", delivery.position.offset);
    let mut told: Vec<String> = [
        "messaging.system=kafka",
        "messaging.operation.name=process",
        "messaging.operation.type=process",
        "messaging.destination.name=in",
        "messaging.destination.partition.id=0",
    ]
    .map(String::from)
    .into();
    told.extend([offset, "messaging.consumer.group.name=toy".into()]);
    told
}

fn and(mut told: Vec<String>, more: &[&str]) -> Vec<String> {
    told.extend(more.iter().map(|more| (*more).to_owned()));
    told
}

fn of_event(delivery: &Delivery) -> Vec<String> {
    let id = format!("messaging.message.id={}", id_of(delivery));
    and(processed(delivery), &[&id, "saga.event_type=toy.event"])
}

#[test]
fn an_event_and_what_it_publishes_are_spans_of_its_trace_and_link_to_the_batch() {
    let mut world = World::new();
    let (trace_id, event) = traced(&mut world, "a", "add");
    world.arrive(std::slice::from_ref(&event));
    let spans = ended(&trace_id);
    let [create, process] = &spans[..] else { panic!("{spans:?}") };
    let expected = and(of_event(&event), &["saga.correlation_id=s", "saga.outcome=applied"]);
    assert_eq!(told(process), ("Consumer process in".into(), expected));
    let published = world.door.database.state().outbox[0].clone();
    let published = Delivery { payload: published.payload.map(Into::into), ..event };
    let id = format!("messaging.message.id={}", id_of(&published));
    let expected = [
        "messaging.system=kafka",
        "messaging.operation.name=create",
        "messaging.operation.type=create",
        "messaging.destination.name=out",
        &id,
        "messaging.message.conversation_id=s",
        "saga.correlation_id=s",
        "saga.event_type=toy.done",
    ];
    assert_eq!(told(create), ("Producer create out".into(), and(Vec::new(), &expected)));
    assert_eq!(create.parent_span_id, process.span_context.span_id());
    assert_eq!(last_published(&world).span_context().unwrap().span_id(), create.span_context.span_id());

    let batch = process.links.links[0].span_context.trace_id().to_string();
    let spans: Vec<_> = ended(&batch).iter().map(told).collect();
    let expected = [
        ("Client transaction", vec!["db.system.name=postgresql", "db.namespace=toy", "db.operation.name=COMMIT"]),
        ("Internal batch toy", vec!["messaging.batch.message_count=1"]),
    ];
    assert_eq!(spans, expected.map(|(name, attributes)| (name.to_owned(), and(Vec::new(), &attributes))));
}

#[test]
fn a_refused_event_is_a_failed_span_and_a_compensation_is_marked() {
    let mut world = World::new();
    let (trace_id, event) = traced(&mut world, "a", "undo but refuse");
    world.arrive(std::slice::from_ref(&event));
    let spans = ended(&trace_id);
    let more = ["saga.correlation_id=s", "saga.compensation=true", "saga.outcome=parked", "error.type=refused"];
    let expected = ("Consumer process in failed".into(), and(of_event(&event), &more));
    assert_eq!(spans.last().map(told), Some(expected));
}

#[test]
fn what_is_no_event_is_a_failed_span_all_the_same() {
    let mut world = World::new();
    let (trace_id, event) = traced(&mut world, "a", "add");
    let junk = Delivery { payload: Some(b"junk".to_vec().into()), ..event };
    world.arrive(std::slice::from_ref(&junk));
    let expected = and(processed(&junk), &["saga.outcome=dead", "error.type=envelope"]);
    assert_eq!(
        ended(&trace_id).iter().map(told).collect::<Vec<_>>(),
        [("Consumer process in failed".into(), expected)]
    );
}

#[test]
fn a_held_event_tells_its_attempts_or_that_it_cannot_be_read() {
    let mut world = World::new();
    let (trace_id, event) = traced(&mut world, "a", "fail");
    world.arrive(std::slice::from_ref(&event));
    world.pass(TimeDelta::seconds(20));
    world.retry();
    let more = ["saga.attempts=1", "saga.correlation_id=s", "saga.outcome=retrying", "error.type=refused"];
    let expected = ("Consumer process in failed".into(), and(of_event(&event), &more));
    assert_eq!(ended(&trace_id).last().map(told), Some(expected));

    let junk = Some(b"of another version".to_vec().into());
    world.door.database.state().held.get_mut(&1).unwrap().event.event.delivery.payload = junk;
    world.pass(TimeDelta::seconds(20));
    world.retry();
    let id = format!("messaging.message.id={}", id_of(&event));
    let expected = and(Vec::new(), &[&id, "saga.outcome=parked", "error.type=envelope"]);
    assert_eq!(ended(&trace_id).last().map(told), Some(("Internal read a held event failed".into(), expected)));
}

/// The span of the input that published last.
fn last_input(world: &World) -> SpanData {
    let trace = last_published(world);
    ended(trace.trace_id().unwrap()).pop().unwrap()
}

#[test]
fn deadlines_answers_and_commands_are_spans_by_their_names() {
    trace();
    let mut world = World::new();
    world.set_deadline("a", "ring");
    world.deadlines(10);
    let expected = and(Vec::new(), &["saga.correlation_id=s", "saga.outcome=applied"]);
    assert_eq!(told(&last_input(&world)), ("Internal deadline ring".into(), expected.clone()));

    world.batch(&[("a", "call")]);
    let intent = world.door.database.state().intents.values().next().unwrap().0.clone();
    world.answer(&[&intent]);
    assert_eq!(told(&last_input(&world)), ("Internal answer add".into(), expected));

    world.command(&["b"]);
    let expected = and(Vec::new(), &["saga.correlation_id=b", "saga.outcome=applied"]);
    assert_eq!(told(&last_input(&world)), ("Internal command".into(), expected));
}
