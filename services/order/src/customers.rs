//! The customers' keys, which order owns: under them it seals where an order goes.

use std::time::Duration;

use choreography::Service as _;
use choreography_keys::{KeyOwner, OwnedData};
use contracts::topic::CUSTOMER_KEYS;

use crate::Order;

/// What order has of a customer beside their key.
const DATA: OwnedData = OwnedData {
    open_sagas: "SELECT count(*) FROM orders WHERE user_id = $1 AND status IN ('pending', 'cancelling')",
    forget: &[
        // The digest of a body is one of its address too.
        "DELETE FROM requests WHERE order_id IN (SELECT order_id FROM orders WHERE user_id = $1)",
        // Of orders from before addresses were sealed.
        "UPDATE orders SET shipping_address = NULL WHERE user_id = $1 AND shipping_address IS NOT NULL",
    ],
};

/// The keys. `segment`: the `segment.ms` of their topic.
#[must_use]
pub fn keys(segment: Duration) -> KeyOwner {
    KeyOwner::new(Order::NAME, CUSTOMER_KEYS, DATA, segment)
}
