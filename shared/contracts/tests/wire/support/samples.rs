//! One event of each type, as Rust sees it. The golden files say the same as JSON.

use contracts::*;
use uuid::Uuid;

const ORDER: Uuid = Uuid::from_u128(0x01990000_0000_7000_8000_000000000001);

/// Of the form of one; nobody has its key.
const SEALED: &str = "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA";

pub fn all() -> Vec<Event> {
    let mut all = order();
    all.extend(inventory());
    all.extend(payment());
    all.extend(shipping());
    all
}

/// The sample of a type.
pub fn of(event_type: &str) -> Event {
    let found = all().into_iter().find(|sample| sample.event_type() == event_type);
    found.unwrap_or_else(|| {
        panic!("{event_type} has no sample: add one to shared/contracts/tests/wire/support/samples.rs")
    })
}

pub fn placed() -> OrderPlaced {
    OrderPlaced {
        order_id: ORDER,
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: 25_000,
            currency: "EUR".into(),
            items: items(),
            payment_method: Some("tok_visa".into()),
            shipping_address: Some(address()),
            sealed_address: Some(SEALED.into()),
        },
    }
}

fn order() -> Vec<Event> {
    vec![
        placed().into(),
        OrderCancellationRequested { order_id: ORDER, reason: CancellationReason::Client }.into(),
        OrderCompleted { order_id: ORDER }.into(),
        OrderCancelled { order_id: ORDER, reason: "out of stock".into() }.into(),
    ]
}

fn inventory() -> Vec<Event> {
    let reserved = InventoryReserved {
        order_id: ORDER,
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: 25_000,
            currency: "EUR".into(),
            items: items(),
            payment_method: Some("tok_visa".into()),
            shipping_address: Some(address()),
            sealed_address: Some(SEALED.into()),
        },
    };
    let shortages = vec![Shortage { sku: "lamp".into(), requested: 1, available: 0 }];
    vec![
        reserved.into(),
        InventoryRejected { order_id: ORDER, reason: "out of stock: lamp".into(), shortages }.into(),
        InventoryReleased { order_id: ORDER, reason: "payment failed".into() }.into(),
    ]
}

fn payment() -> Vec<Event> {
    let succeeded = PaymentSucceeded {
        order_id: ORDER,
        items: items(),
        amount: 25_000,
        currency: "EUR".into(),
        charge_id: "ch_1".into(),
        shipping_address: Some(address()),
        sealed_address: Some(SEALED.into()),
    };
    let (currency, refund_id) = ("EUR".into(), "re_1".into());
    vec![
        succeeded.into(),
        PaymentFailed { order_id: ORDER, reason: "card declined".into() }.into(),
        PaymentRefunded { order_id: ORDER, amount: 25_000, currency, refund_id }.into(),
        PaymentVoided { order_id: ORDER, reason: "cancelled".into() }.into(),
    ]
}

fn shipping() -> Vec<Event> {
    vec![
        ShippingDispatched { order_id: ORDER, tracking_number: "TRACK-1".into() }.into(),
        ShippingFailed { order_id: ORDER, reason: "address not served".into() }.into(),
        ShippingCancelled { order_id: ORDER, reason: "cancelled by the client".into() }.into(),
    ]
}

fn items() -> Vec<Item> {
    vec![
        Item { sku: "chair".into(), quantity: 2, price: 10_000 },
        Item { sku: "lamp".into(), quantity: 1, price: 5_000 },
    ]
}

fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "Main Street 1".into(),
        line2: Some("Door 7".into()),
        postal_code: "1010".into(),
        city: "Vienna".into(),
        country: "AT".into(),
    }
}
