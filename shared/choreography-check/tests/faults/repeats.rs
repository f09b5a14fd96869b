use serde_json::json;

use crate::files::{Files, clean, trip};

#[test]
fn an_event_that_comes_twice_where_no_inbox_drops_it() {
    let planted = || trip().no_line("flight", "held", "trip.requested");
    assert_eq!(planted().found(), ["unsound-repeat at flight: held, on trip.requested"]);
    clean(&planted().set("flight", "/deduplicates", json!(true)));
}

/// A flight without the tombstone that a cancellation leaves which comes before the request.
fn no_tombstone() -> Files {
    let states = json!(["new", "asking", "dropped", "held", "refused", "released", "booked"]);
    let ends = json!({ "refused": "stays", "released": "stays", "booked": "travels" });
    trip()
        .no_line("flight", "new", "trip.abandoned")
        .no_line("flight", "never", "trip.abandoned")
        .no_line("flight", "never", "trip.requested")
        .set("flight", "/state_table/states", states)
        .set("flight", "/state_table/ends", ends)
        .set("flight", "/state_table/tombstones", json!([]))
}

#[test]
fn a_compensation_that_overtakes_what_it_undoes() {
    assert_eq!(no_tombstone().found(), ["unsound-overtaking at flight: new, on trip.abandoned"]);
    clean(&no_tombstone().drop("flight", "compensates", "trip.abandoned"));
    clean(&trip());
}

#[test]
fn a_tombstone_that_is_left() {
    let planted = trip().no_line("flight", "never", "trip.requested");
    let planted = planted.lines(
        "flight",
        &[json!({ "from": "never", "on": "trip.requested", "to": "asking", "then": ["call airline"] })],
    );
    assert_eq!(planted.found(), ["unsound-overtaking at flight: held", "unsound-overtaking at flight: never"]);
}
