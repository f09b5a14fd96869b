//! One topic per owner; only its owner writes to it.

pub const ORDER_EVENTS: &str = "order-events";
pub const INVENTORY_EVENTS: &str = "inventory-events";
pub const PAYMENT_EVENTS: &str = "payment-events";
pub const SHIPPING_EVENTS: &str = "shipping-events";

/// All topics that carry facts.
pub const ALL: [&str; 4] = [ORDER_EVENTS, INVENTORY_EVENTS, PAYMENT_EVENTS, SHIPPING_EVENTS];

/// Where messages of `topic` go that a reader could not handle.
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}.dlq")
}
