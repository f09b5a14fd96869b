//! What a saga's trace and the log tell of its inputs.

use chrono::TimeDelta;
use opentelemetry_sdk::trace::SpanData;
use test_log::logged;

use crate::{
    delivery::Delivery,
    testing::{
        World,
        spans::{ended, told, trace},
    },
    trace::{Header, TraceContext},
};

/// An event in a trace of its own.
fn traced(world: &mut World, key: &str, act: &str) -> (String, Delivery) {
    let (trace_id, header) = trace();
    let delivery = world.event(key, &format!(r#"{{"act":"{act}"}}"#));
    (trace_id, Delivery { headers: vec![header], ..delivery })
}

/// The trace of the message that was published last.
fn last_published(world: &World) -> TraceContext {
    TraceContext::from_headers(&world.handler.database.state().outbox.last().unwrap().headers)
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
    let published = world.handler.database.state().outbox[0].clone();
    let event_offset = event.position.offset;
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
    let spans = ended(&batch);
    let [link] = &spans[1].links.links[..] else { panic!("{spans:?}") };
    assert_eq!(link.span_context.trace_id().to_string(), trace_id);
    let offset = format!("messaging.kafka.offset={}", event_offset);
    let expected = [
        "messaging.destination.name=in",
        "messaging.destination.partition.id=0",
        &offset,
        "messaging.kafka.message.key=a",
    ];
    assert_eq!(link.attributes.iter().map(|of| format!("{}={}", of.key, of.value)).collect::<Vec<_>>(), expected);
    let spans: Vec<_> = spans.iter().map(told).collect();
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
fn a_deferred_event_tells_its_attempts_or_that_it_cannot_be_read() {
    let mut world = World::new();
    let (trace_id, event) = traced(&mut world, "a", "fail");
    world.arrive(std::slice::from_ref(&event));
    world.pass(TimeDelta::seconds(20));
    world.retry();
    let more = ["saga.attempts=1", "saga.correlation_id=s", "saga.outcome=retrying", "error.type=refused"];
    let expected = ("Consumer process in failed".into(), and(of_event(&event), &more));
    assert_eq!(ended(&trace_id).last().map(told), Some(expected));

    let junk = Some(b"of another version".to_vec().into());
    world.handler.database.state().deferred.get_mut(&1).unwrap().event.event.delivery.payload = junk;
    world.pass(TimeDelta::seconds(20));
    world.retry();
    let id = format!("messaging.message.id={}", id_of(&event));
    let expected = and(Vec::new(), &[&id, "saga.outcome=parked", "error.type=envelope"]);
    assert_eq!(ended(&trace_id).last().map(told), Some(("Internal read a deferred event failed".into(), expected)));
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
    let call = world.handler.database.state().calls.values().next().unwrap().0.clone();
    world.answer(&[&call]);
    assert_eq!(told(&last_input(&world)), ("Internal answer add".into(), expected));

    world.command(&["b"]);
    let expected = and(Vec::new(), &["saga.correlation_id=b", "saga.outcome=applied"]);
    assert_eq!(told(&last_input(&world)), ("Internal command".into(), expected));
}

/// An event of a trace that is not recorded.
fn unrecorded(world: &mut World, act: &str) -> (String, Delivery) {
    let context = TraceContext::unrecorded();
    let trace_id = context.trace_id().unwrap().to_owned();
    let header = Header::text("traceparent", context.traceparent.unwrap());
    let event = world.event("a", &format!(r#"{{"act":"{act}"}}"#));
    (trace_id, Delivery { headers: vec![header], ..event })
}

#[test]
fn what_needs_an_operator_is_an_error_in_the_log_and_what_passes_is_less() {
    let mut world = World::new();
    let [retrying, queued, junk] = ["fail", "add", "add"].map(|act| unrecorded(&mut world, act));
    let junk = (junk.0, Delivery { payload: Some(b"junk".to_vec().into()), ..junk.1 });
    let [applied, parked] = ["add", "refuse"].map(|act| unrecorded(&mut world, act));
    let (at, events) = (junk.1.position.offset, [retrying.1, queued.1, junk.1].to_vec());
    let of_event = |trace: &str, rest: &str| {
        format!(r#"correlation_id="s" aggregate_id="a" event_type="toy.event" trace_id="{trace}" {rest}"#)
    };
    let lines = logged(tracing::Level::INFO, || {
        world.arrive(&events);
    });
    let dead = "dead-lettered, no valid event: see /admin/dead-messages";
    let failed = of_event(&retrying.0, r#"outcome="retrying" class="refused""#);
    let expected = [
        format!(
            r#"ERROR {dead} correlation_id="" aggregate_id="" event_type="in[0]@{at}" trace_id="{}" outcome="dead" class="envelope""#,
            junk.0
        ),
        format!("WARN failed for a passing reason; it and its key wait {failed}"),
        format!(
            "INFO waits behind a deferred event of its key {}",
            of_event(&queued.0, r#"outcome="queued" class="""#)
        ),
    ];
    assert_eq!(lines, expected);

    let mut world = World::new();
    let lines = logged(tracing::Level::DEBUG, || {
        world.arrive(&[applied.1, parked.1]);
    });
    let expected = [
        format!("DEBUG handled {}", of_event(&applied.0, r#"outcome="applied" class="""#)),
        format!(
            "ERROR parked and dead-lettered: see /admin/deferred, then redrive or discard {}",
            of_event(&parked.0, r#"outcome="parked" class="refused""#)
        ),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_refused_deadline_and_a_refused_answer_are_errors_in_the_log() {
    let mut world = World::new();
    world.set_deadline("a", "refuse");
    let lines = logged(tracing::Level::INFO, || {
        world.deadlines(10);
    });
    assert!(
        matches!(&lines[..], [line] if line.starts_with("ERROR refused; a deadline or an answer stays")),
        "{lines:?}"
    );
    assert!(lines[0].contains(r#"correlation_id="s" aggregate_id="a" event_type="refuse""#), "{lines:?}");
}
