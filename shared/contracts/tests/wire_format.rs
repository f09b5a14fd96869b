//! The wire format is pinned by the files in `golden/`: changing one of them changes what other teams read.

use std::{fs, path::PathBuf};

use contracts::{Event, Invalid};

fn golden(event_type: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{event_type}.v1.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(event_type: &str) -> Event {
    Event::parse(event_type, 1, &golden(event_type)).unwrap_or_else(|error| panic!("{event_type}: {error}"))
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn golden_files_pin_the_wire_format_of_every_event() {
    for event_type in Event::TYPES {
        let event = parse(event_type);
        assert_eq!(event.event_type(), *event_type);
        assert_eq!(Event::topic_of(event_type), Some(event.topic()));
        assert_eq!(event.version(), 1);
        assert_eq!(json(&event.to_payload().unwrap()), json(&golden(event_type)), "{event_type}");
    }
}

#[test]
fn unknown_fields_are_tolerated_in_every_event() {
    for event_type in Event::TYPES {
        let mut payload = json(&golden(event_type));
        payload["addedLater"] = serde_json::json!({"a": [1]});
        assert_eq!(Event::parse(event_type, 1, &payload.to_string()).unwrap(), parse(event_type));
    }
}

#[test]
fn every_field_of_every_event_is_required_unless_it_was_added_since() {
    for event_type in Event::TYPES {
        let payload = json(&golden(event_type));
        for field in payload.as_object().unwrap().keys() {
            let mut without = payload.clone();
            without.as_object_mut().unwrap().remove(field);
            let parsed = Event::parse(event_type, 1, &without.to_string());
            let optional = matches!(field.as_str(), "paymentMethod" | "shippingAddress");
            assert_eq!(parsed.is_ok(), optional, "{event_type} without {field}: {parsed:?}");
        }
    }
}

#[test]
fn a_wrong_field_is_refused_with_its_path() {
    let cases: &[(&str, &str, serde_json::Value, &str)] = &[
        ("order.placed", "/orderId", "x".into(), "payload.orderId"),
        ("order.placed", "/userId", "".into(), "payload.userId"),
        ("order.placed", "/userId", "a\u{7}".into(), "payload.userId"),
        ("order.placed", "/totalAmount", 1.into(), "payload.totalAmount"),
        ("order.placed", "/totalAmount", serde_json::json!(25000.5), "payload.totalAmount"),
        ("order.placed", "/currency", "eur".into(), "payload.currency"),
        ("order.placed", "/items", serde_json::json!([]), "payload.items"),
        ("order.placed", "/items/0/quantity", 0.into(), "payload.items[0].quantity"),
        ("order.placed", "/items/0/quantity", "2".into(), "payload.items[0].quantity"),
        ("order.placed", "/items/0/price", (-1).into(), "payload.items[0].price"),
        ("order.placed", "/items/1/sku", "chair".into(), "payload.items[1].sku"),
        ("order.placed", "/items/1/sku", "a b".into(), "payload.items[1].sku"),
        ("order.placed", "/shippingAddress/country", "Austria".into(), "payload.shippingAddress.country"),
        ("order.placed", "/paymentMethod", "".into(), "payload.paymentMethod"),
        ("order.placed", "/items/0/price", i64::MAX.into(), "payload.totalAmount"),
        ("order.cancellation_requested", "/reason", "whim".into(), "payload.reason"),
        ("inventory.rejected", "/shortages/0/sku", "".into(), "payload.shortages[0].sku"),
        ("payment.succeeded", "/amount", 0.into(), "payload.amount"),
        ("payment.refunded", "/refundId", "".into(), "payload.refundId"),
        ("shipping.dispatched", "/trackingNumber", "".into(), "payload.trackingNumber"),
        ("shipping.failed", "/reason", "x".repeat(501).into(), "payload.reason"),
    ];
    for (event_type, pointer, value, path) in cases {
        let mut payload = json(&golden(event_type));
        *payload.pointer_mut(pointer).unwrap() = value.clone();
        match Event::parse(event_type, 1, &payload.to_string()) {
            Err(Invalid::Field { path: found, .. }) => {
                assert_eq!(found, *path, "{event_type} {pointer} {value}")
            }
            other => panic!("{event_type} {pointer} {value}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_event_of_this_choreography_is_told_apart() {
    assert!(matches!(Event::parse("order.lost", 1, "{}"), Err(Invalid::UnknownType { .. })));
    assert!(matches!(Event::parse("order.placed", 2, "{}"), Err(Invalid::UnknownVersion { known: 1, .. })));
    assert!(matches!(Event::parse("order.placed", 1, "[]"), Err(Invalid::Field { .. })));
}

#[test]
fn nothing_wrong_leaves_a_service() {
    let Event::OrderPlaced(mut placed) = parse("order.placed") else { panic!() };
    placed.total_amount += 1;
    let refused = Event::from(placed).to_payload().unwrap_err().to_string();
    assert!(refused.starts_with("payload.totalAmount"), "{refused}");
}
