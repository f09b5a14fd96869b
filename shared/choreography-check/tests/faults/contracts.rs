use serde_json::json;

use crate::files::{clean, trip};

#[test]
fn two_services_with_one_group() {
    let planted = trip().set("hotel", "/group", json!("flights-python"));
    assert_eq!(planted.found(), ["shared-group at hotel: group flights-python"]);
    clean(&trip().set("hotel", "/group", json!("hotels-python")));
}

#[test]
fn an_event_on_a_topic_of_another() {
    let moved = |topic: &str| {
        let hotel = trip().add("hotel", "writes", &[topic]).add("trip", "reads", &[topic]);
        let hotel = hotel.set("hotel", "/events/hotel.refused/topic", json!(topic));
        hotel.set("trip", "/events/hotel.refused/topic", json!(topic))
    };
    assert_eq!(moved("flights").found(), ["foreign-topic at hotel: hotel.refused"]);
    assert_eq!(moved("flights").without("owners").found(), ["foreign-topic at hotel: hotel.refused"]);
    clean(&moved("full-hotels"));
    clean(&moved("full-hotels").set("owners", "/full-hotels", json!("hotel")));
}

#[test]
fn a_topic_of_another_that_is_asked_for() {
    let planted = trip().add("hotel", "writes", &["flights"]);
    assert_eq!(planted.found(), ["foreign-topic at hotel: writes flights"]);
    clean(&trip().add("hotel", "writes", &["rooms"]));
}

#[test]
fn a_topic_that_two_claim_is_its_listed_owners() {
    let planted =
        trip().add("flight", "writes", &["hotels"]).set("flight", "/events/flight.booked/topic", json!("hotels"));
    assert_eq!(planted.found(), ["foreign-topic at flight: flight.booked"]);
}

#[test]
fn an_event_of_another() {
    let planted = trip().set("hotel", "/events/hotel.refused/owner", json!("flight")).without("owners");
    let found = ["foreign-topic at hotel: hotel.refused", "topic-mismatch at trip: hotel.refused"];
    assert_eq!(planted.found(), found);
}

#[test]
fn an_event_that_is_awaited_elsewhere() {
    let planted = || trip().set("trip", "/events/hotel.refused/topic", json!("flights"));
    assert_eq!(planted().found(), ["topic-mismatch at trip: hotel.refused"]);
    let both = planted().add("hotel", "writes", &["full-hotels"]).add("trip", "reads", &["full-hotels"]);
    let both = both.set("trip", "/events/hotel.refused/topic", json!("full-hotels"));
    clean(&both.set("hotel", "/events/hotel.refused/topic", json!("full-hotels")));
}

#[test]
fn a_version_that_a_reader_does_not_know() {
    let planted = || trip().set("trip", "/events/trip.requested/version", json!(3));
    let found = ["version-mismatch at flight: trip.requested", "version-mismatch at hotel: trip.requested"];
    assert_eq!(planted().found(), found);
    let both = planted().set("flight", "/events/trip.requested/accepts", json!([2, 3]));
    clean(&both.set("hotel", "/events/trip.requested/accepts", json!([2, 3])));
}

#[test]
fn a_field_that_a_reader_needs() {
    let reads = |pets: &str| trip().set("hotel", "/events/trip.requested/fields/pets", json!(pets));
    assert_eq!(reads("boolean").found(), ["field-mismatch at hotel: trip.requested, pets"]);
    clean(&reads("boolean?"));
    clean(&reads("boolean").set("trip", "/events/trip.requested/fields/pets", json!("boolean")));
    let maybe = reads("boolean").set("trip", "/events/trip.requested/fields/pets", json!("boolean?"));
    assert_eq!(maybe.found(), ["field-mismatch at hotel: trip.requested, pets"]);
}

#[test]
fn a_field_of_another_type() {
    let reads = |nights: &str| trip().set("hotel", "/events/trip.requested/fields/nights", json!(nights));
    assert_eq!(reads("string").found(), ["field-mismatch at hotel: trip.requested, nights"]);
    clean(&reads("number"));
}

#[test]
fn fields_that_one_of_the_two_does_not_say_are_named_as_not_compared() {
    let silent = trip().set("hotel", "/events/trip.requested/fields", json!(null));
    clean(&silent);
    assert_eq!(silent.report().notes, ["fields were not compared, since `fields` is missing: trip.requested at hotel"]);
}
