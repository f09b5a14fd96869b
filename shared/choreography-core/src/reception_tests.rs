//! What headers may say.

use std::sync::Arc;

use super::*;
use crate::{
    testing::{Toy, World},
    trace::Header,
};

const ADD: &str = r#"{"act":"add"}"#;

/// What becomes of an event with these headers; of a dead one its class.
fn received(body: &[u8], topic: &str, headers: &[(&str, &str)]) -> &'static str {
    let mut delivery = World::new().event("a", ADD);
    delivery.position.topic = Arc::from(topic);
    delivery.payload = Some(body.to_vec().into());
    delivery.headers = headers.iter().map(|(name, value)| Header::text(name, *value)).collect();
    match receive(&Toy, delivery) {
        Inbound::Input(_) => "input",
        Inbound::Ignored(_) => "ignored",
        Inbound::Dead(_, failure) => failure.class,
        _ => "else",
    }
}

fn event(event_type: &str) -> Vec<u8> {
    let event = World::new().event("a", ADD).payload.unwrap();
    String::from_utf8(event.to_vec()).unwrap().replace("toy.event", event_type).into_bytes()
}

#[test]
fn a_header_skips_what_is_declared_as_ignored_without_reading_it() {
    assert_eq!(received(b"no JSON", "in", &[("event-type", "toy.foreign")]), "ignored");
    assert_eq!(received(b"no JSON", "out", &[("event-type", "toy.foreign")]), "envelope", "the topic of another");
    assert_eq!(received(b"no JSON", "in", &[("event-type", "toy.unknown")]), "envelope", "declared by no service");
}

#[test]
fn without_one_clear_header_the_body_decides() {
    let two = [("event-type", "toy.foreign"), ("event-type", "toy.foreign")];
    for headers in [&[][..], &[("event-type", "toy.event"), ("event-version", "1")], &two] {
        assert_eq!(received(&event("toy.event"), "in", headers), "input", "{headers:?}");
    }
}

#[test]
fn a_header_that_contradicts_the_body_is_dead_lettered() {
    assert_eq!(received(&event("toy.foreign"), "in", &[("event-type", "toy.event")]), "header");
    assert_eq!(received(&event("toy.event"), "in", &[("event-type", "toy.other")]), "header");
    assert_eq!(received(&event("toy.event"), "in", &[("event-version", "2")]), "header");
    assert_eq!(received(&event("toy.event"), "in", &[("event-version", "one")]), "header");
}
