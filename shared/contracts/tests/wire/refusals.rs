//! What is refused, and that the refusal names the field.

use crate::support::{golden_json, places, samples};
use contracts::{ContractError, Event};
use serde_json::{Value, json};

/// Added after version 1 was first written, so older payloads don't have them.
const OPTIONAL: [&str; 4] = ["paymentMethod", "shippingAddress", "line2", "sealedAddress"];

fn refused_path(event_type: &str, payload: &str) -> String {
    match Event::parse(event_type, 1, payload) {
        Err(ContractError::Field { path, .. }) => path,
        other => panic!("{event_type} {payload}: {other:?}"),
    }
}

fn sample(event_type: &str) -> Value {
    golden_json(&samples::of(event_type))
}

#[test]
fn a_field_that_is_missing_is_named_wherever_it_stood() {
    for event_type in Event::TYPES {
        for (pointer, path) in places(&sample(event_type)) {
            let mut payload = sample(event_type);
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            let Some(object) = payload.pointer_mut(parent).unwrap().as_object_mut() else { continue };
            object.remove(field);
            if OPTIONAL.contains(&field) {
                Event::parse(event_type, 1, &payload.to_string()).unwrap();
            } else {
                assert_eq!(refused_path(event_type, &payload.to_string()), path, "{event_type}");
            }
        }
    }
}

#[test]
fn a_refusal_says_what_is_wrong_with_the_field() {
    let good = sample("shipping.dispatched").to_string();
    for (payload, refusal) in [
        (good.replace("trackingNumber", "number"), "payload.trackingNumber: is missing"),
        (good.replace('}', r#","trackingNumber":"T"}"#), "payload.trackingNumber: stands there twice"),
        (good.replace("TRACK-1", ""), "payload.trackingNumber: must have 1 to 200 characters, has 0"),
        (good.replace("\"TRACK-1\"", "1"), "payload.trackingNumber: invalid type: integer `1`, expected a string"),
    ] {
        let refused = Event::parse("shipping.dispatched", 1, &payload).unwrap_err().to_string();
        assert!(refused.starts_with(refusal), "{refused}, not {refusal}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named_wherever_it_stands() {
    for event_type in Event::TYPES {
        for (pointer, path) in places(&sample(event_type)) {
            for wrong in [json!(true), json!([1]), json!({"a": 1}), json!(1.5)] {
                let mut payload = sample(event_type);
                let place = payload.pointer_mut(&pointer).unwrap();
                let fits_outside = (place.is_array() && wrong.is_array()) || (place.is_object() && wrong.is_object());
                *place = wrong;
                let found = refused_path(event_type, &payload.to_string());
                assert!(
                    found == path || (fits_outside && found.starts_with(&path)),
                    "{event_type}: {found}, not {path}"
                );
            }
        }
    }
}

#[test]
fn a_list_of_values_is_no_object_even_in_the_right_order() {
    for item in [json!(["chair", 2, 10_000]), json!(["lamp", 1, 5_000])] {
        let mut payload = sample("order.placed");
        payload["items"][0] = item;
        assert_eq!(refused_path("order.placed", &payload.to_string()), "payload.items[0]");
    }
    let completed = json!([sample("order.completed")["orderId"]]);
    assert_eq!(refused_path("order.completed", &completed.to_string()), "payload");
    let mut payload = sample("inventory.rejected");
    payload["shortages"][0] = json!(["lamp", 1, 0]);
    assert_eq!(refused_path("inventory.rejected", &payload.to_string()), "payload.shortages[0]");
}

#[test]
fn text_that_is_not_exactly_one_object_is_refused() {
    let good = sample("order.completed").to_string();
    let twice = good.replace('}', &good.replace('{', ",").to_string());
    assert_eq!(refused_path("order.completed", &twice), "payload.orderId");
    for (payload, path) in [
        (format!("{good} {good}"), "payload"),
        (format!("{good},"), "payload"),
        ("".into(), "payload"),
        ("null".into(), "payload"),
        ("[]".into(), "payload"),
        ("\"text\"".into(), "payload"),
        ("not json".into(), "payload"),
        (good.replace('}', ""), "payload"),
        (good.replace('}', ", \"reason\" \"x\"}"), "payload"),
        (r#"{"orderId": "#.into(), "payload.orderId"),
    ] {
        assert_eq!(refused_path("order.completed", &payload), path, "{payload}");
    }
}

#[test]
fn a_field_that_stands_there_twice_is_named_whichever_struct_reads_it() {
    for event_type in ["order.placed", "inventory.reserved"] {
        let good = sample(event_type).to_string();
        for (field, again) in [("orderId", r#""01990000-0000-7000-8000-000000000002""#), ("userId", r#""bob""#)] {
            let twice = good.replacen('{', &format!(r#"{{"{field}":{again},"#), 1);
            let refused = Event::parse(event_type, 1, &twice).unwrap_err().to_string();
            assert_eq!(refused, format!("payload.{field}: stands there twice"), "{event_type}");
        }
    }
}

#[test]
fn a_type_or_version_that_is_not_known_is_told_apart() {
    assert!(
        matches!(Event::parse("order.lost", 1, "{}"), Err(ContractError::UnknownType { event_type }) if event_type == "order.lost")
    );
    for event_type in Event::TYPES {
        for version in [0, 2] {
            let event_type = (*event_type).to_owned();
            let refused = Event::parse(&event_type, version, "{}").unwrap_err();
            assert_eq!(refused, ContractError::UnknownVersion { event_type, version, known: "1".into() });
        }
    }
}

#[test]
fn nothing_wrong_leaves_a_service() {
    let mut placed = samples::placed();
    placed.details.total_amount += 1;
    let refused = Event::from(placed).to_payload().unwrap_err().to_string();
    assert_eq!(refused, "payload.totalAmount: is 25001, but the items add up to 25000");
}

#[test]
fn a_refusal_quotes_a_bounded_and_printable_part_of_what_came() {
    let long = "x".repeat(100_000);
    let mut payload = sample("order.cancellation_requested");
    for reason in [long.as_str(), "a\u{0}\nb"] {
        payload["reason"] = reason.into();
        let refused = Event::parse("order.cancellation_requested", 1, &payload.to_string()).unwrap_err().to_string();
        assert!(refused.starts_with("payload.reason: unknown variant") && refused.len() < 700, "{refused}");
        assert!(!refused.contains(char::is_control), "{refused:?}");
    }
    let unknown = Event::parse(&long, 1, "{}").unwrap_err().to_string();
    assert!(unknown.len() < 700, "{unknown}");
}
