use serde_json::json;

use crate::files::{Files, clean, shop, trip};

#[test]
fn a_service_whose_states_are_not_known() {
    let planted = shop().set("shipping", "/state_table", json!(null));
    assert_eq!(planted.found(), ["not-explored at shipping: state_table"]);
    let notes = planted.report().notes;
    let group = "inventory, notification, order, payment, shipping";
    assert_eq!(notes, [format!("no order of events of {group} was tried: shipping has no state_table")]);
}

#[test]
fn compensations_without_a_pivot() {
    let planted = trip().set("trip", "/pivot", json!(null));
    let found = ["flight", "hotel", "trip"].map(|service| format!("not-explored at {service}: compensations"));
    assert_eq!(planted.found(), found);
    let mut none = planted;
    for service in ["flight", "hotel", "trip"] {
        none = none.set(service, "/compensations", json!({}));
    }
    clean(&none);
    assert_eq!(none.report().notes, ["compensations of flight, hotel, trip were not checked: no service has a pivot"]);
}

#[test]
fn a_listener_whose_states_are_not_known_keeps_nobody_else_from_being_explored() {
    let planted = shop().set("notification", "/state_table", json!(null));
    assert_eq!(planted.found(), ["not-explored at notification: state_table"]);
    assert_eq!(planted.report().explored[0].services, ["inventory", "order", "payment", "shipping"]);
}

/// A flight that sometimes gets lost when a trip is abandoned while the airline is asked.
fn distracted(further: &[serde_json::Value]) -> Files {
    let flight = trip().with("flight", |flight| {
        flight["state_table"]["states"].as_array_mut().unwrap().push(json!("lost"));
    });
    let lost = json!({ "from": "lost", "on": ["trip.requested", "trip.abandoned"] });
    let flight = flight.lines("flight", &[lost]).lines("flight", further);
    flight.lines("flight", &[json!({ "from": "asking", "on": "trip.abandoned", "to": "lost" })])
}

#[test]
fn a_state_from_which_no_line_leads_to_an_end() {
    let stays = json!({ "from": "lost", "on": ["answer airline full", "answer airline seats"] });
    assert_eq!(distracted(&[stays]).found(), ["no-way-to-an-end at flight: lost"]);
    let ends = json!({ "from": "lost", "on": ["answer airline full", "answer airline seats"], "to": "never" });
    let ends = distracted(&[ends, json!({ "from": "never", "on": ["answer airline full", "answer airline seats"] })]);
    clean(&ends);
}

#[test]
fn a_run_that_stops_before_its_end() {
    // The undo mark is left out.
    let late = |to: &str| {
        let payment = shop().no_line("payment", "capturing", "shipping.cancelled");
        payment.lines("payment", &[json!({ "from": "capturing", "on": "shipping.cancelled", "to": to })])
    };
    assert_eq!(late("capturing").found(), ["no-way-to-an-end at inventory: reserved"]);
    clean(&late("capturing_undo"));
}

#[test]
fn a_run_that_goes_on_and_never_ends() {
    let asks =
        json!({ "from": "lost", "on": ["answer airline full", "answer airline seats"], "then": ["call airline"] });
    let out = json!({ "from": "lost", "on": "answer airline full", "to": "refused", "then": ["flight.refused"] });
    assert_eq!(distracted(std::slice::from_ref(&asks)).found(), ["no-way-to-an-end at flight: lost"]);
    clean(&distracted(&[asks, out]));
}

#[test]
fn an_end_that_no_run_reaches() {
    let rebooks = |from: &str| {
        let flight = trip().with("flight", |flight| {
            flight["state_table"]["states"].as_array_mut().unwrap().push(json!("rebooked"));
            flight["state_table"]["ends"]["rebooked"] = json!("travels");
        });
        let here = json!({ "from": from, "on": "trip.confirmed", "to": "rebooked", "then": ["flight.booked"] });
        let again = json!({ "from": "rebooked", "on": ["trip.requested", "trip.confirmed", "answer airline seats"] });
        flight.lines("flight", &[here, again])
    };
    assert_eq!(rebooks("released").found(), ["unreachable-end at flight: rebooked"]);
    clean(&rebooks("held"));
}

#[test]
fn a_line_that_no_run_takes() {
    let planted = trip().lines(
        "hotel",
        &[json!({ "from": "booked", "on": "trip.abandoned", "to": "released", "then": ["hotel.released"] })],
    );
    assert_eq!(planted.found(), ["unreachable-transition at hotel: booked, on trip.abandoned"]);
    clean(&trip());
}
