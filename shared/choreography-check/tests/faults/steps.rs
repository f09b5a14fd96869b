use serde_json::json;

use crate::files::{Files, clean, trip};

#[test]
fn a_step_before_the_pivot_that_nothing_undoes() {
    let planted = trip().set("hotel", "/compensations", json!({}));
    assert_eq!(planted.found(), ["no-compensation at hotel: hotel.held"]);
    clean(&trip().rename("hotel.released", "hotel.free_again"));
}

#[test]
fn a_step_that_is_undone_in_some_runs_only() {
    let forgets = |then: &[&str]| {
        trip().lines("hotel", &[json!({ "from": "held", "on": "trip.abandoned", "to": "released", "then": then })])
    };
    assert_eq!(forgets(&[]).found(), ["no-compensation at hotel: hotel.held"]);
    clean(&forgets(&["hotel.released"]));
}

/// A hotel that can be overbooked: it throws guests out, at this state of theirs.
fn overbooked(at: &str) -> Files {
    let others: Vec<&str> =
        ["new", "held", "refused", "released", "booked"].into_iter().filter(|state| *state != at).collect();
    let both = json!(["stays", "travels"]);
    let hotel = trip().add("hotel", "commands", &["overbook"]).set("hotel", "/state_table/ends/released", both);
    let lines = [
        json!({ "from": at, "on": "command overbook", "to": "released", "then": ["hotel.released"] }),
        json!({ "from": others, "on": "command overbook" }),
    ];
    hotel.lines("hotel", &lines)
}

#[test]
fn a_step_that_is_undone_after_the_pivot() {
    assert_eq!(overbooked("booked").found(), ["undone-after-pivot at hotel: hotel.released"]);
    let never = overbooked("booked").no_line("hotel", "booked", "command overbook");
    clean(&never.lines("hotel", &[json!({ "from": "booked", "on": "command overbook" })]));
}

#[test]
fn a_pivot_that_is_passed_although_a_step_is_undone() {
    let planted =
        overbooked("held").lines("hotel", &[json!({ "from": "released", "on": ["trip.confirmed", "trip.abandoned"] })]);
    assert_eq!(planted.found(), ["undone-after-pivot at hotel: hotel.released"]);
}

#[test]
fn a_compensation_that_nothing_can_trigger() {
    let cancelled = json!({ "topic": "trips", "owner": "trip", "version": 1 });
    let planted = trip()
        .drop("hotel", "handles", "trip.abandoned")
        .add("hotel", "handles", &["trip.cancelled"])
        .add("hotel", "ignores", &["trip.abandoned"])
        .set("hotel", "/events/trip.cancelled", cancelled)
        .no_line("hotel", "*", "trip.abandoned")
        .set("hotel", "/state_table/impossible/0/on", json!("trip.confirmed"))
        .lines(
            "hotel",
            &[json!({ "from": "held", "on": "trip.cancelled", "to": "released", "then": ["hotel.released"] })],
        );
    let found = [
        "unpublished-event at hotel: trip.cancelled",
        "untriggered-compensation at hotel: hotel.released",
        "no-way-to-an-end at hotel: held",
        "unreachable-end at hotel: released",
    ];
    assert_eq!(planted.found(), found);
    clean(&trip().rename("trip.abandoned", "trip.cancelled"));
}

#[test]
fn a_compensation_that_no_line_publishes() {
    let planted = trip().no_line("hotel", "held", "trip.abandoned");
    let planted = planted.lines("hotel", &[json!({ "from": "held", "on": "trip.abandoned", "to": "released" })]);
    let found = ["no-compensation at hotel: hotel.held", "untriggered-compensation at hotel: hotel.released"];
    assert_eq!(planted.found(), found);
}
