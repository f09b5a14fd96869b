//! Topics that are called otherwise on the broker than in the contracts.

use serde_json::{Map, Value};

use super::*;
use crate::topic_moves::{Switch, TopicMoves};

fn with_moves(moves: &str) -> Routed {
    Routed::new(Loyalty).unwrap().with_moves(moves.parse().unwrap())
}

fn reads_from(moves: &str, topic: &str) -> bool {
    let json = r#"{"id":"0198f5c7-0000-7000-8000-000000000001","type":"visit.made","version":1,
        "timestamp":"2026-01-01T00:00:00Z","correlationId":"o1","aggregateId":"o1","payload":{"order":"o1","points":3}}"#;
    let envelope = Envelope::parse(None, Some(json.as_bytes())).unwrap();
    with_moves(moves).decode(topic, &envelope).is_ok()
}

#[test]
fn an_event_is_taken_from_each_name_of_its_topic_and_from_no_other() {
    assert!(!reads_from("", "visits.v2"));
    for moves in ["both:visits:visits.v2", "switch:visits:visits.v2:0", "moved:visits:visits.v2"] {
        assert!(reads_from(moves, "visits") && reads_from(moves, "visits.v2"), "{moves}");
        assert!(!reads_from(moves, "points"), "{moves}");
    }
}

#[test]
fn a_reader_subscribes_to_the_old_topic_until_it_has_moved() {
    let subscribed = |moves: &str| {
        let routed = with_moves(moves);
        let (topics, switches) = routed.subscription();
        (topics.join(" "), switches, routed.sources().join(" "), routed.left().len())
    };
    let switch = Switch { from: "visits".into(), to: "visits.v2".into(), offsets: vec![4, 0] };
    assert_eq!(subscribed("both:visits:visits.v2"), ("visits".into(), vec![], "visits".into(), 0));
    let switching = subscribed("switch:visits:visits.v2:4/0");
    assert_eq!(switching, ("visits".into(), vec![switch], "visits visits.v2".into(), 0));
    assert_eq!(subscribed("moved:visits:visits.v2"), ("visits.v2".into(), vec![], "visits.v2".into(), 1));
}

#[test]
fn an_owner_publishes_where_its_topic_is_and_where_it_goes() {
    let written = |moves: &str| with_moves(moves).destinations().join(" ");
    assert_eq!(written("both:points:points.v2"), "points points.v2");
    assert_eq!(written("moved:points:points.v2"), "points.v2");
    assert_eq!(written("both:visits:visits.v2"), "points", "that topic is another's");
}

/// A release whose events have another version than the old topic's readers know.
struct Later;

impl Service for Later {
    type Aggregate = Account;

    const NAME: &'static str = "loyalty";

    fn routes(on: &mut Routes<Self>) {
        on.publishes::<PointsEarned>();
        on.publishes_before::<PointsEarned>(0, |_: Map<String, Value>| Ok(Map::new()));
    }
}

#[test]
fn what_the_old_topics_readers_get_is_declared_with_the_event() {
    let publication = Routed::new(Later).unwrap().with_moves("both:points:points.v2".parse().unwrap()).publication();
    let step = publication.before["points.earned"];
    assert_eq!((step.from, step.to), (1, 0));
    assert_ne!(publication.moves, TopicMoves::default());
}
