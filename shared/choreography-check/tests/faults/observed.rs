//! What happened: something that nobody declared, something that never came, and a twin of each that is in order.

use choreography_check::{
    Finding,
    observed::{Comparison, Deed, Message, Observations, SpanFact, compare, read, topics},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::files::{Files, shop};

/// What was seen: all topics were read, and it can be told which events came.
struct Happened {
    files: Files,
    seen: Observations,
    offset: i64,
}

/// The id of the one event of a type.
fn id(event: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, event.as_bytes())
}

fn topic(event: &str) -> String {
    format!("{}-events", event.split_once('.').map_or(event, |(owner, _)| owner))
}

/// An event as its publisher writes it. `cause`: the type of the event that led to it.
fn event(event: &str, cause: Option<&str>) -> Value {
    let source = event.split_once('.').map_or("", |(owner, _)| owner);
    json!({
        "id": id(event), "type": event, "version": 1, "timestamp": "2026-08-01T10:00:00Z", "correlationId": "o",
        "aggregateId": "o", "payload": { "orderId": "o" }, "causationId": cause.map(id), "source": source,
    })
}

impl Happened {
    fn in_the(files: Files) -> Self {
        let mut seen = Observations::remembering(100);
        for topic in topics(&files.choreography()) {
            seen.reads_topic(topic);
        }
        Self { files, seen, offset: 0 }
    }

    /// A message came.
    fn message(mut self, topic: &str, payload: &str, headers: &[(&str, &str)]) -> Self {
        let headers: Vec<(String, Vec<u8>)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let (key, payload) = (Some(&b"o"[..]), Some(payload.as_bytes()));
        let message = Message { topic, partition: 0, offset: self.offset, key, payload, headers: &headers };
        self.seen.message(read(&message));
        self.offset += 1;
        self
    }

    /// An event came, as its publisher writes it, but for what is changed.
    fn changed(self, of: &str, cause: Option<&str>, change: impl FnOnce(&mut Value)) -> Self {
        let mut body = event(of, cause);
        change(&mut body);
        self.message(&topic(of), &body.to_string(), &[])
    }

    /// Events came, each because of another.
    fn events(self, all: &[(Option<&str>, &str)]) -> Self {
        all.iter().fold(self, |happened, (cause, of)| happened.changed(of, *cause, |_| {}))
    }

    /// The traces of a service were read, with these deeds in them.
    fn traced(mut self, service: &str, deeds: &[Deed]) -> Self {
        self.seen.reads_traces(service);
        for deed in deeds {
            self.seen.span(SpanFact { service: service.into(), deed: deed.clone(), place: "in trace t1".into() });
        }
        self
    }

    fn compared(&self) -> Comparison {
        let comparison = compare(&self.files.choreography(), &self.seen);
        println!("{comparison}");
        comparison
    }

    fn undeclared(&self) -> Vec<String> {
        named(&self.compared().undeclared)
    }

    fn unexercised(&self) -> Vec<String> {
        named(&self.compared().unexercised)
    }
}

fn named(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} at {}", finding.kind, finding.place)).collect()
}

fn handled(topic: &str, event: &str) -> Deed {
    Deed::Handled { topic: topic.into(), event: Some(event.into()) }
}

fn reacted(on: &str, effect: Option<&str>) -> Deed {
    Deed::Reacted { on: on.into(), effect: effect.map(Into::into) }
}

/// The shop, with what its services wrote of an order that was completed.
fn completed() -> Happened {
    Happened::in_the(shop()).events(&[
        (None, "order.placed"),
        (Some("order.placed"), "inventory.reserved"),
        (Some("inventory.reserved"), "payment.succeeded"),
        (Some("payment.succeeded"), "shipping.dispatched"),
        (Some("shipping.dispatched"), "order.completed"),
    ])
}

#[test]
fn an_order_that_goes_as_described_shows_nothing_undeclared() {
    assert_eq!(completed().undeclared(), [""; 0]);
    let comparison = completed().compared();
    let expected =
        "topics do not show who takes an event in, nor which deadline or command led to one: name a Jaeger, too";
    assert_eq!(comparison.notes, [expected]);
}

#[test]
fn a_type_that_nobody_publishes() {
    let planted = completed().changed("order.renamed", None, |_| {});
    assert_eq!(planted.undeclared(), ["undeclared-event at order: order.renamed"]);
    let finding = &planted.compared().undeclared[0];
    let what = "it was seen once, at order-events[0]@5, event ";
    assert!(
        finding.what.starts_with(what) && finding.what.ends_with(" by order, and no service declares to publish it")
    );
    assert_eq!(finding.file, "order.json");
}

#[test]
fn an_event_on_a_topic_of_another() {
    let body = event("order.placed", None).to_string();
    let planted = completed().message("payment-events", &body, &[]);
    assert_eq!(planted.undeclared(), ["undeclared-topic at order: order.placed on payment-events"]);
    assert_eq!(completed().message("order-events", &body, &[]).undeclared(), [""; 0]);
}

#[test]
fn a_publisher_that_does_not_say_so() {
    let by = |source: &str| completed().changed("order.placed", None, |body| body["source"] = json!(source));
    assert_eq!(by("mallory").undeclared(), ["undeclared-publisher at mallory: order.placed"]);
    assert_eq!(by("payment").undeclared(), ["undeclared-publisher at payment: order.placed"]);
    assert_eq!(by("order").undeclared(), [""; 0]);
    let nobody = completed().changed("order.placed", None, |body| drop(body["source"].take()));
    assert_eq!(nobody.undeclared(), [""; 0], "a source is optional");
    let note = "1 events do not say which service published them: what led to them is not told";
    assert!(nobody.compared().notes.iter().any(|said| said == note));
}

#[test]
fn a_version_that_its_publisher_does_not_know() {
    let in_version = |files: Files| {
        Happened::in_the(files).changed("order.placed", None, |body| body["version"] = json!(7)).undeclared()
    };
    assert_eq!(in_version(shop()), ["undeclared-version at order: order.placed version 7"]);
    assert_eq!(in_version(shop().set("order", "/events/order.placed/accepts", json!([1, 7]))), [""; 0]);
    assert_eq!(in_version(shop().set("order", "/events/order.placed/version", json!(7))), [""; 0]);
}

#[test]
fn a_field_that_its_publisher_does_not_describe() {
    let with = |field: &str, value: Value| {
        completed().changed("order.placed", None, |body| body["payload"][field] = value).undeclared()
    };
    assert_eq!(with("colour", json!({ "red": 3 })), ["undeclared-field at order: order.placed colour"]);
    let items = json!([{ "sku": "chair", "price": "cheap" }]);
    assert_eq!(with("items", items), ["undeclared-field at order: order.placed items[].price"]);
    assert_eq!(with("items", json!([{ "sku": "chair", "price": 3, "quantity": 1 }])), [""; 0]);
    assert_eq!(with("paymentMethod", Value::Null), [""; 0]);
}

#[test]
fn something_that_no_line_of_a_state_table_says() {
    let planted = completed().events(&[(Some("order.placed"), "inventory.released")]);
    assert_eq!(planted.undeclared(), ["undeclared-reaction at inventory: order.placed → inventory.released"]);
    let failed = [(Some("inventory.reserved"), "payment.failed"), (Some("payment.failed"), "inventory.released")];
    assert_eq!(completed().events(&failed).undeclared(), [""; 0]);
    let planted = completed().events(&[(None, "shipping.failed")]);
    assert_eq!(planted.undeclared(), ["undeclared-reaction at shipping: a command or a deadline → shipping.failed"]);
}

#[test]
fn a_cause_that_is_read_after_its_effect_and_one_that_is_not_read() {
    let late = [(Some("payment.failed"), "inventory.released"), (Some("inventory.reserved"), "payment.failed")];
    assert_eq!(completed().events(&late).undeclared(), [""; 0]);
    let comparison = completed().events(&late[..1]).compared();
    assert!(comparison.notes[0].starts_with("what led to 1 events is not known"), "{:?}", comparison.notes);
}

#[test]
fn something_that_only_traces_show() {
    let of = |effect: &str| completed().traced("payment", &[reacted("inventory.reserved", Some(effect))]).undeclared();
    assert_eq!(of("call refund"), ["undeclared-reaction at payment: inventory.reserved → call refund"]);
    assert_eq!(of("call charge"), [""; 0]);
}

#[test]
fn a_reader_of_whom_nobody_knows() {
    let of =
        |service: &str, topic: &str, event: &str| completed().traced(service, &[handled(topic, event)]).undeclared();
    let found = ["undeclared-handling at mail: order.placed"];
    assert_eq!(of("mail", "order-events", "order.placed"), found);
    assert_eq!(of("mail", "letters", "letter.sent"), [""; 0], "it is no topic of the choreography");
    let found = ["undeclared-handling at payment: inventory.rejected"];
    assert_eq!(of("payment", "inventory-events", "inventory.rejected"), found);
    assert_eq!(of("payment", "inventory-events", "inventory.reserved"), [""; 0]);
}

#[test]
fn what_is_no_event_and_what_was_given_up() {
    assert_eq!(
        completed().message("order-events", "junk", &[]).undeclared(),
        ["invalid-message at order: order-events"]
    );
    let headers = [("dead-letter-consumer-group", "payment"), ("dead-letter-error-class", "refused")];
    let body = event("inventory.reserved", None).to_string();
    let planted = completed().message("inventory-events.dlq", &body, &headers);
    assert_eq!(planted.undeclared(), ["dead-letter at payment: inventory.reserved from inventory-events, refused"]);
}

/// Whether something is told of as never exercised before, and not after.
#[track_caller]
fn until(told: &str, before: &Happened, after: &Happened) {
    assert!(before.unexercised().iter().any(|found| found == told), "{told} is not told");
    assert!(!after.unexercised().iter().any(|found| found == told), "{told} is told all the same");
}

#[test]
fn an_event_and_a_compensation_that_never_came() {
    let failed = [(Some("inventory.reserved"), "payment.failed"), (Some("payment.failed"), "inventory.released")];
    until("unseen-event at payment: payment.failed", &completed(), &completed().events(&failed));
    until("unseen-compensation at inventory: inventory.released", &completed(), &completed().events(&failed));
    let elsewhere = Happened { seen: Observations::default(), ..completed() };
    assert_eq!(elsewhere.unexercised(), [""; 0], "where no topic was read, nothing is told of events");
}

#[test]
fn a_version_that_is_accepted_and_never_came() {
    let files = || shop().set("inventory", "/events/order.placed/accepts", json!([1, 2]));
    let came =
        |version: u32| Happened::in_the(files()).changed("order.placed", None, |body| body["version"] = json!(version));
    until("unseen-version at inventory: order.placed version 1", &came(2), &came(1));
    let never = Happened::in_the(files()).unexercised();
    assert!(!never.iter().any(|found| found.starts_with("unseen-version")), "that it never came says it: {never:?}");
}

#[test]
fn a_reaction_that_was_never_seen() {
    let rejected = [(Some("order.placed"), "inventory.rejected"), (Some("inventory.rejected"), "order.cancelled")];
    let released = [(Some("inventory.reserved"), "payment.failed"), (Some("payment.failed"), "inventory.released")];
    let before = completed().events(&rejected).events(&released);
    let after =
        completed().events(&rejected).events(&released).events(&[(Some("inventory.released"), "order.cancelled")]);
    until("unseen-reaction at order: inventory.released → order.cancelled", &before, &after);
    let told = "unseen-reaction at order: inventory.rejected → order.cancelled";
    assert!(!completed().unexercised().iter().any(|found| found == told), "that the events never came says it");
}

#[test]
fn what_traces_never_showed() {
    let placed = reacted("command", Some("order.placed"));
    let before = completed().traced("order", std::slice::from_ref(&placed));
    let passed = reacted("deadline order", Some("order.cancellation_requested"));
    let took = handled("shipping-events", "shipping.dispatched");
    let after = completed().traced("order", &[placed, passed, took.clone()]);
    until("unseen-deadline at order: deadline order", &before, &after);
    until("unseen-handling at order: shipping.dispatched", &before, &after);
    let done = completed().traced("order", &[took.clone(), reacted("shipping.dispatched", Some("order.completed"))]);
    let told = "unseen-reaction at order: shipping.dispatched → order.completed";
    until(told, &completed().traced("order", &[took]), &done);
    let note = "there are no traces of inventory, notification, payment, shipping: ";
    assert!(before.compared().notes.iter().any(|said| said.starts_with(note)));
    assert!(!completed().unexercised().iter().any(|found| found.starts_with("unseen-handling")), "no trace was read");
}

#[test]
fn it_is_told_as_text_and_as_json() {
    let comparison = completed().changed("order.renamed", None, |_| {}).compared();
    let text = comparison.to_string();
    assert!(text.starts_with("undeclared-event at order: order.renamed (order.json)\n  it was seen once, "), "{text}");
    assert!(text.contains("\n  do: Describe it at its publisher, or "), "{text}");
    let sums = format!("1 seen and not declared, {} declared and never exercised\n", comparison.unexercised.len());
    assert!(text.ends_with(&sums), "{text}");
    let json = serde_json::to_value(&comparison).unwrap();
    assert_eq!(json["undeclared"][0]["kind"], "undeclared-event");
    assert_eq!(json["undeclared"][0]["where"], json!({ "service": "order", "at": "order.renamed" }));
    assert!(json["unexercised"].is_array() && json["read"].is_array() && json["notes"].is_array());
}
