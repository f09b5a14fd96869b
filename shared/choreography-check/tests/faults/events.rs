use serde_json::json;

use crate::files::{clean, shop, trip};

#[test]
fn both_choreographies_are_clean() {
    clean(&shop());
    clean(&trip());
}

#[test]
fn an_event_that_nobody_handles() {
    let nobody_listens = || shop().without("notification");
    let planted = nobody_listens().set("order", "/outcomes", json!([]));
    assert_eq!(
        planted.found(),
        ["unhandled-event at order: order.cancelled", "unhandled-event at order: order.completed"]
    );
    clean(&nobody_listens());
}

#[test]
fn an_event_that_nobody_publishes() {
    let always_free = || {
        let hotel = trip().drop("hotel", "publishes", "hotel.refused").no_line("hotel", "new", "trip.requested");
        let hotel = hotel.no_line("hotel", "refused", "trip.abandoned");
        let hotel = hotel
            .lines("hotel", &[json!({ "from": "new", "on": "trip.requested", "to": "held", "then": ["hotel.held"] })]);
        let states = json!(["new", "held", "released", "booked"]);
        let ends = json!({ "released": "stays", "booked": "travels" });
        hotel.set("hotel", "/state_table/states", states).set("hotel", "/state_table/ends", ends)
    };
    assert_eq!(always_free().found(), ["unpublished-event at trip: hotel.refused"]);
    let agreed = always_free().drop("trip", "handles", "hotel.refused").no_line("trip", "*", "hotel.refused");
    clean(&agreed.set("trip", "/state_table/impossible/4/on", json!("hotel.held")));
}

#[test]
fn an_event_that_nobody_publishes_since_its_service_is_missing() {
    let planted = trip().without("hotel");
    let found = planted.found();
    assert!(found.contains(&"unpublished-event at trip: hotel.held".to_owned()), "{found:?}");
    assert!(found.contains(&"unpublished-event at trip: hotel.refused".to_owned()), "{found:?}");
}

#[test]
fn an_event_that_comes_and_is_neither_handled_nor_ignored() {
    let planted = trip().drop("trip", "ignores", "flight.booked");
    assert_eq!(planted.found(), ["unanswered-event at trip: flight.booked"]);
    let elsewhere = trip().drop("trip", "ignores", "flight.booked").add("flight", "writes", &["tickets"]);
    clean(&elsewhere.set("flight", "/events/flight.booked/topic", json!("tickets")));
}

#[test]
fn an_event_that_is_declared_as_published_and_is_not() {
    let planted = trip().add("hotel", "publishes", &["hotel.upgraded"]).add("hotel", "outcomes", &["hotel.upgraded"]);
    let contract = json!({ "topic": "hotels", "owner": "hotel", "version": 1 });
    let planted = planted.set("hotel", "/events/hotel.upgraded", contract).add("trip", "ignores", &["hotel.upgraded"]);
    assert_eq!(planted.found(), ["unpublished-event at hotel: hotel.upgraded"]);
    let upgrades =
        json!({ "from": "held", "on": "trip.confirmed", "to": "booked", "then": ["hotel.upgraded", "hotel.booked"] });
    clean(&planted.lines("hotel", &[upgrades]));
}
