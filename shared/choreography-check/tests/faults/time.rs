use serde_json::{Value, json};

use crate::files::{Files, clean, shop, trip};

/// Trips without a limit of time.
fn patient(files: Files) -> Files {
    let mut files = files;
    for line in files.of("trip")["state_table"]["transitions"].as_array_mut().unwrap() {
        if let Some(then) = line.get_mut("then").and_then(Value::as_array_mut) {
            then.retain(|word| !word.as_str().unwrap().ends_with("patience"));
        }
    }
    files.no_line("trip", "*", "deadline patience")
}

#[test]
fn a_wait_that_nothing_limits() {
    assert_eq!(patient(trip()).found(), ["wait-without-deadline at trip: open"]);
    clean(&trip());
}

#[test]
fn the_shop_without_its_deadline() {
    let mut planted = shop();
    let lines = planted.of("order")["state_table"]["transitions"].as_array_mut().unwrap();
    for line in lines {
        if let Some(then) = line.get_mut("then").and_then(Value::as_array_mut) {
            then.retain(|word| !word.as_str().unwrap().ends_with(" order"));
        }
    }
    let found = [
        "wait-without-deadline at order: pending",
        "cycle-without-deadline at payment: refunding, on answer refund no",
    ];
    assert_eq!(planted.found(), found);
}

#[test]
fn a_deadline_that_leads_nowhere() {
    for (state, input) in [("pending", "deadline order"), ("pending", "command cancel")] {
        let planted = |then: &[&str]| {
            let order = shop().no_line("order", state, input);
            order.lines("order", &[json!({ "from": state, "on": input, "to": "cancelling", "then": then })])
        };
        let at = if input == "deadline order" { "pending" } else { "cancelling" };
        assert_eq!(planted(&[]).found(), [format!("wait-without-deadline at order: {at}, on deadline order")]);
        clean(&planted(&["order.cancellation_requested"]));
    }
}

/// The hotel is asked again whenever it is full.
fn insistent() -> Files {
    let hotel =
        trip().no_line("trip", "*", "hotel.refused").set("trip", "/state_table/impossible/4/on", json!("hotel.held"));
    let hotel = hotel.lines(
        "trip",
        &[
            json!({ "from": ["open", "flight held"], "on": "hotel.refused", "then": ["trip.requested"] }),
            json!({ "from": "abandoned", "on": "hotel.refused" }),
        ],
    );
    hotel.lines(
        "hotel",
        &[
            json!({ "from": "refused", "on": "trip.requested", "to": "held", "then": ["hotel.held"] }),
            json!({ "from": "refused", "on": "trip.requested", "then": ["hotel.refused"] }),
        ],
    )
}

#[test]
fn events_that_go_round() {
    let found = ["wait-without-deadline at trip: open", "cycle-without-deadline at trip: trip.requested"];
    assert_eq!(patient(insistent()).found(), found);
    clean(&insistent());
}

#[test]
fn a_call_that_is_made_again_and_again() {
    let asks_again = |files: Files| {
        files.lines("flight", &[json!({ "from": "asking", "on": "answer airline full", "then": ["call airline"] })])
    };
    let found =
        ["wait-without-deadline at trip: open", "cycle-without-deadline at flight: asking, on answer airline full"];
    assert_eq!(asks_again(patient(trip())).found(), found);
    clean(&asks_again(trip()));
}
