//! Nothing of the two choreographies can be left out without a finding: each line of each state table, and what it does.

use serde_json::Value;

use crate::files::{Files, shop, trip};

/// Words whose loss is no fault: what is recorded is not checked, and an amended call has the same answers.
fn may_go(word: &str) -> bool {
    word.starts_with("record ") || word.starts_with("amend ")
}

fn lines<'a>(files: &'a mut Files, service: &str) -> &'a mut Vec<Value> {
    files.of(service)["state_table"]["transitions"].as_array_mut().unwrap()
}

/// What is left out, and is not missed.
fn survivors(of: fn() -> Files) -> Vec<String> {
    let mut survivors = Vec::new();
    for (service, count) in of().tables() {
        for index in 0..count {
            let mut without = of();
            let line = lines(&mut without, &service).remove(index);
            if without.report().is_clean() {
                survivors.push(format!("{service}: {line}"));
            }
            let words = line.get("then").and_then(Value::as_array).cloned().unwrap_or_default();
            for (place, word) in words.iter().enumerate().filter(|(_, word)| !may_go(word.as_str().unwrap())) {
                let mut without = of();
                lines(&mut without, &service)[index]["then"].as_array_mut().unwrap().remove(place);
                if without.report().is_clean() {
                    survivors.push(format!("{service}: {word} of {line}"));
                }
            }
        }
    }
    survivors
}

#[test]
fn nothing_of_the_shop_can_be_left_out() {
    // That a key may be erased no event says: without this line the carrier's no leads to the same end.
    let erased = r#"shipping: {"from":"none","on":"payment.succeeded","then":["shipping.failed"],"to":"failed"}"#;
    assert_eq!(survivors(shop), [erased]);
}

#[test]
fn nothing_of_the_trips_can_be_left_out() {
    // No service handles the release of a flight that was never held: it is an outcome.
    let released = r#"flight: "flight.released" of {"from":"dropped","on":"answer airline seats","then":["flight.released"],"to":"released"}"#;
    assert_eq!(survivors(trip), [released]);
}
