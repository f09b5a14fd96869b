//! How large, long and odd a field may be: each case one step inside its bound, or one step outside.

use crate::support::{golden_json, samples};
use contracts::{ContractError, Event, Item, check::MAX_AMOUNT, total_amount};
use serde_json::{Value, json};

/// Event type, the fields to replace as JSON pointers, and the path refused; `None` for a payload that is well.
type Case = (&'static str, Vec<(&'static str, Value)>, Option<&'static str>);

type OfPayload = fn(&Value) -> bool;

/// What is refused although the schema allows it: it takes a look at another field, or at the list of currencies.
const BEYOND_SCHEMAS: &[(&str, OfPayload)] = &[
    ("payload.currency", |payload| ["XXX", "ZZZ", "XAU"].iter().any(|code| payload["currency"] == *code)),
    ("payload.items[1].sku", |payload| payload["items"][0]["sku"] == payload["items"][1]["sku"]),
    ("payload.totalAmount", |payload| {
        payload["totalAmount"].as_i64().is_some_and(|amount| (1..=MAX_AMOUNT).contains(&amount))
    }),
    ("payload.shortages[0].available", |payload| payload["shortages"][0]["available"] == 1),
];

fn one(
    event_type: &'static str,
    pointer: &'static str,
    value: impl Into<Value>,
    refused: Option<&'static str>,
) -> Case {
    (event_type, vec![(pointer, value.into())], refused)
}

fn check(cases: Vec<Case>) {
    for (event_type, changes, refused) in cases {
        let mut payload = golden_json(&samples::of(event_type));
        for (pointer, value) in &changes {
            *payload.pointer_mut(pointer).unwrap() = value.clone();
        }
        let found = match Event::parse(event_type, 1, &payload.to_string()) {
            Ok(_) => None,
            Err(ContractError::Field { path, .. }) => Some(path),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found.as_deref(), refused, "{event_type} {changes:?}");
        let by_the_schema = crate::schemas::is_valid(event_type, &payload);
        let is_beyond_schemas = BEYOND_SCHEMAS.iter().any(|(path, beyond)| refused == Some(*path) && beyond(&payload));
        assert_eq!(by_the_schema, refused.is_none() || is_beyond_schemas, "by the schema: {event_type} {changes:?}");
    }
}

fn items(count: usize) -> Value {
    (0..count).map(|number| json!({"sku": format!("sku-{number}"), "quantity": 1, "price": 1})).collect()
}

#[test]
fn who_orders_and_in_what_currency() {
    check(vec![
        one("order.placed", "/orderId", "01990000", Some("payload.orderId")),
        one("order.placed", "/userId", "é".repeat(128), None),
        one("order.placed", "/userId", "é".repeat(129), Some("payload.userId")),
        one("order.placed", "/userId", "", Some("payload.userId")),
        one("order.placed", "/userId", "a\u{0}", Some("payload.userId")),
        one("inventory.reserved", "/userId", "", Some("payload.userId")),
        one("order.placed", "/currency", "USD", None),
        one("order.placed", "/currency", "eur", Some("payload.currency")),
        one("order.placed", "/currency", "XXX", Some("payload.currency")),
        one("order.placed", "/currency", "ZZZ", Some("payload.currency")),
        one("inventory.reserved", "/currency", "XAU", Some("payload.currency")),
        one("payment.succeeded", "/currency", "BGN", None),
        one("payment.refunded", "/currency", "BGN", None),
        one("order.placed", "/currency", "EURO", Some("payload.currency")),
        one("payment.succeeded", "/currency", "E1R", Some("payload.currency")),
        one("payment.refunded", "/currency", "", Some("payload.currency")),
    ]);
}

#[test]
fn what_is_ordered() {
    let hundred = |count, total: i64| vec![("/items", items(count)), ("/totalAmount", total.into())];
    check(vec![
        ("order.placed", hundred(100, 100), None),
        ("order.placed", hundred(101, 101), Some("payload.items")),
        ("order.placed", hundred(0, 0), Some("payload.items")),
        one("inventory.reserved", "/items", json!([]), Some("payload.items")),
        one("payment.succeeded", "/items", json!([]), Some("payload.items")),
        one("order.placed", "/items/1/sku", format!("{}._-9", "Z".repeat(60)), None),
        one("order.placed", "/items/1/sku", "Z".repeat(65), Some("payload.items[1].sku")),
        one("order.placed", "/items/1/sku", "", Some("payload.items[1].sku")),
        one("order.placed", "/items/1/sku", "ä", Some("payload.items[1].sku")),
        one("order.placed", "/items/1/sku", "chair", Some("payload.items[1].sku")),
        one("order.placed", "/items/1/quantity", 0, Some("payload.items[1].quantity")),
        one("order.placed", "/items/1/quantity", -1, Some("payload.items[1].quantity")),
        one("order.placed", "/items/1/quantity", 1_000_001, Some("payload.items[1].quantity")),
        one("order.placed", "/items/1/quantity", 5_000_000_000_i64, Some("payload.items[1].quantity")),
        one("order.placed", "/items/1/price", -1, Some("payload.items[1].price")),
    ]);
}

#[test]
fn what_it_costs() {
    let free_lamp = |total: i64| vec![("/items/1/price", 0.into()), ("/totalAmount", total.into())];
    let all_free = vec![("/items/0/price", 0.into()), ("/items/1/price", 0.into()), ("/totalAmount", 0.into())];
    let yachts = |price: i64| {
        vec![
            ("/items", json!([{"sku": "yacht", "quantity": 1_000_000, "price": price}])),
            ("/totalAmount", (price * 1_000_000).into()),
        ]
    };
    check(vec![
        ("order.placed", free_lamp(20_000), None),
        ("order.placed", all_free, Some("payload.totalAmount")),
        one("order.placed", "/totalAmount", 24_999, Some("payload.totalAmount")),
        one("inventory.reserved", "/totalAmount", 25_001, Some("payload.totalAmount")),
        one("order.placed", "/totalAmount", u64::MAX, Some("payload.totalAmount")),
        ("order.placed", yachts(1_000_000), None),
        ("order.placed", yachts(1_000_001), Some("payload.totalAmount")),
        ("order.placed", yachts(i64::MAX / 1_000_000), Some("payload.totalAmount")),
        ("inventory.reserved", yachts(1_000_001), Some("payload.totalAmount")),
        // Money that was taken is given back, whatever is thought of it by now.
        one("payment.succeeded", "/amount", i64::MAX, None),
        one("payment.refunded", "/amount", i64::MAX, None),
        one("order.placed", "/items/0/price", i64::MAX, Some("payload.totalAmount")),
        one("payment.succeeded", "/amount", 0, Some("payload.amount")),
        one("payment.refunded", "/amount", -1, Some("payload.amount")),
    ]);
    let item = |price| Item { sku: "a".into(), quantity: 1, price };
    assert_eq!(total_amount(&[item(i64::MAX - 1), item(1)]), Some(i64::MAX));
    assert_eq!(total_amount(&[item(i64::MAX), item(1)]), None);
    assert_eq!(total_amount(&[Item { quantity: 4, ..item(i64::MAX / 2 + 1) }]), None);
}

#[test]
fn how_it_is_paid_and_where_it_goes() {
    check(vec![
        one("order.placed", "/paymentMethod", Value::Null, None),
        one("order.placed", "/shippingAddress", Value::Null, None),
        one("order.placed", "/paymentMethod", "t".repeat(200), None),
        one("order.placed", "/paymentMethod", "t".repeat(201), Some("payload.paymentMethod")),
        one("inventory.reserved", "/paymentMethod", "", Some("payload.paymentMethod")),
        one("order.placed", "/shippingAddress/name", "n".repeat(201), Some("payload.shippingAddress.name")),
        one("order.placed", "/shippingAddress/line1", "", Some("payload.shippingAddress.line1")),
        one("order.placed", "/shippingAddress/line2", "a\nb", Some("payload.shippingAddress.line2")),
        one(
            "inventory.reserved",
            "/shippingAddress/postalCode",
            "1".repeat(21),
            Some("payload.shippingAddress.postalCode"),
        ),
        one("payment.succeeded", "/shippingAddress/city", "c".repeat(101), Some("payload.shippingAddress.city")),
        one("order.placed", "/sealedAddress", Value::Null, None),
        one("order.placed", "/sealedAddress", "a".repeat(8_192), None),
        one("inventory.reserved", "/sealedAddress", "a".repeat(8_193), Some("payload.sealedAddress")),
        one("order.placed", "/sealedAddress", "", Some("payload.sealedAddress")),
        one("payment.succeeded", "/sealedAddress", "Main Street 1", Some("payload.sealedAddress")),
        one("payment.succeeded", "/shippingAddress/country", "Austria", Some("payload.shippingAddress.country")),
    ]);
}

#[test]
fn why_and_by_which_reference() {
    let mut cases = vec![
        one("order.cancellation_requested", "/reason", "deadline", None),
        one("order.cancellation_requested", "/reason", "whim", Some("payload.reason")),
        one("payment.succeeded", "/chargeId", "", Some("payload.chargeId")),
        one("payment.refunded", "/refundId", "r".repeat(201), Some("payload.refundId")),
        one("shipping.dispatched", "/trackingNumber", "", Some("payload.trackingNumber")),
    ];
    for event_type in Event::TYPES {
        let free_text = *event_type != "order.cancellation_requested";
        if golden_json(&samples::of(event_type)).get("reason").is_some() && free_text {
            cases.push(one(event_type, "/reason", "ü".repeat(500), None));
            cases.push(one(event_type, "/reason", "ü".repeat(501), Some("payload.reason")));
            cases.push(one(event_type, "/reason", "", Some("payload.reason")));
            cases.push(one(event_type, "/reason", "a\tb", Some("payload.reason")));
        }
    }
    check(cases);
}

#[test]
fn what_is_short() {
    let many: Value = (0..101).map(|_| json!({"sku": "a", "requested": 1, "available": 0})).collect();
    check(vec![
        one("inventory.rejected", "/shortages", json!([]), Some("payload.shortages")),
        one("inventory.rejected", "/shortages", many, Some("payload.shortages")),
        one("inventory.rejected", "/shortages/0/sku", "", Some("payload.shortages[0].sku")),
        one("inventory.rejected", "/shortages/0/requested", 0, Some("payload.shortages[0].requested")),
        one("inventory.rejected", "/shortages/0/requested", 1_000_000, None),
        one("inventory.rejected", "/shortages/0/available", -1, Some("payload.shortages[0].available")),
        one("inventory.rejected", "/shortages/0/available", 1, Some("payload.shortages[0].available")),
    ]);
}
