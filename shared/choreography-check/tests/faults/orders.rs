use choreography_check::Kind;
use serde_json::json;

use crate::files::{clean, shop, trip};

/// Each of the shop's marks of what comes too late, left out: state, input, and what is found.
const LEFT_OUT: [(&str, &str, &str, &[&str]); 3] = [
    (
        "payment",
        "none",
        "shipping.cancelled",
        &[
            "unpublished-event at payment: payment.voided",
            "impossible-occurs at payment: none, on shipping.cancelled",
            "unreachable-end at inventory: tombstone",
            "unreachable-end at payment: voided",
        ],
    ),
    (
        "inventory",
        "none",
        "payment.voided",
        &["undeclared-input at inventory: none, on payment.voided", "unreachable-end at inventory: tombstone"],
    ),
    (
        "shipping",
        "none",
        "order.cancellation_requested",
        &[
            "unpublished-event at shipping: shipping.cancelled",
            "undeclared-input at shipping: none, on order.cancellation_requested",
            "unreachable-end at inventory: tombstone",
            "unreachable-end at payment: voided",
            "unreachable-end at shipping: cancelled",
        ],
    ),
];

#[test]
fn an_input_that_comes_too_early_and_has_no_tombstone() {
    for (service, state, input, found) in LEFT_OUT {
        assert_eq!(shop().no_line(service, state, input).found(), found);
    }
    clean(&shop());
}

#[test]
fn what_goes_wrong_is_shown_by_the_fewest_steps() {
    let report = shop().no_line("payment", "none", "shipping.cancelled").report();
    let finding = report.findings.iter().find(|finding| finding.kind == Kind::ImpossibleOccurs).unwrap();
    let order = [
        "order: none, on command place → pending (publishes order.placed, sets deadline order)",
        "order: pending, on deadline order → cancelling (publishes order.cancellation_requested)",
        "shipping: none, on order.cancellation_requested → cancelled (publishes shipping.cancelled)",
        "payment: none, on shipping.cancelled, which is declared as impossible",
    ];
    assert_eq!(finding.order, order);
}

#[test]
fn an_impossible_input_that_comes() {
    let open = json!(["open", "flight held", "hotel held"]);
    let withdrawn = |then: &[&str]| {
        let line = json!({ "from": open, "on": "command withdraw", "to": "abandoned", "then": then });
        let mut trip = trip();
        for state in ["open", "flight held", "hotel held"] {
            trip = trip.no_line("trip", state, "command withdraw");
        }
        trip.lines("trip", &[line])
    };
    let found = ["impossible-occurs at trip: abandoned, on deadline patience"];
    assert_eq!(withdrawn(&["trip.abandoned"]).found(), found);
    clean(&withdrawn(&["trip.abandoned", "settle patience"]));
}

#[test]
fn an_input_that_the_table_does_not_have() {
    let planted = trip().no_line("trip", "abandoned", "flight.refused");
    assert_eq!(planted.found(), ["undeclared-input at trip: abandoned, on flight.refused"]);
    clean(&planted.lines("trip", &[json!({ "from": "abandoned", "on": "flight.refused" })]));
}

#[test]
fn services_that_do_not_agree_on_how_it_ended() {
    let confirmed = |to: &str| trip().lines("flight", &[json!({ "from": "held", "on": "trip.confirmed", "to": to })]);
    let confirmed = |to: &str| confirmed(to).set("flight", "/deduplicates", json!(true));
    assert_eq!(confirmed("refused").found(), ["ends-disagree at flight: refused, with hotel booked"]);
    clean(&confirmed("booked"));
}
