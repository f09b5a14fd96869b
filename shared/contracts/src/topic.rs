//! One topic per owner; only its owner writes to it.

use crate::Event;

/// The order service's events and requests.
pub const ORDER_EVENTS: &str = "order-events";
/// What stock did about an order.
pub const INVENTORY_EVENTS: &str = "inventory-events";
/// What money did about an order.
pub const PAYMENT_EVENTS: &str = "payment-events";
/// What goods did about an order.
pub const SHIPPING_EVENTS: &str = "shipping-events";

/// The customers' keys, by customer: compacted, and written by order alone.
pub const CUSTOMER_KEYS: &str = "customer-keys";

/// All topics that carry events.
pub const ALL: &[&str] = Event::TOPICS;

/// Where messages of `topic` go that a reader could not handle.
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}.dlq")
}

/// The one topic on which this event type may stand; `None` for a type that is not of this choreography.
pub fn owner(event_type: &str) -> Option<&'static str> {
    Event::topic_of(event_type)
}
