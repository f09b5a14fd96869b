//! The protocol: every event, its type on the wire, its version and its topic.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    Invalid, InventoryRejected, InventoryReleased, InventoryReserved, OrderCancellationRequested, OrderCancelled,
    OrderCompleted, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentSucceeded, PaymentVoided, ShippingCancelled,
    ShippingDispatched, ShippingFailed,
    topic::{INVENTORY_EVENTS, ORDER_EVENTS, PAYMENT_EVENTS, SHIPPING_EVENTS},
};

/// What every payload can say of itself.
pub trait Payload: Serialize + DeserializeOwned {
    /// The order it is about: the aggregate, and the Kafka key.
    fn order_id(&self) -> Uuid;
    /// Checks what the types alone don't.
    fn validate(&self) -> Result<(), Invalid>;
}

macro_rules! events {
    ($($event:ident = $event_type:literal, version $version:literal, on $topic:ident;)*) => {
        /// Any event of the choreography.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($event($event),)*
        }

        impl Event {
            /// Every event type.
            pub const TYPES: &[&str] = &[$($event_type,)*];

            /// Reads and validates a payload.
            pub fn parse(event_type: &str, version: u32, payload: &str) -> Result<Self, Invalid> {
                match (event_type, version) {
                    $(($event_type, $version) => read::<$event>(payload).map(Self::$event),)*
                    $(($event_type, _) => Err(Invalid::UnknownVersion {
                        event_type: event_type.to_owned(),
                        version,
                        known: $version,
                    }),)*
                    _ => Err(Invalid::UnknownType { event_type: event_type.to_owned() }),
                }
            }

            /// The topic of a type's owner; `None` for a type that is not of this choreography.
            pub fn topic_of(event_type: &str) -> Option<&'static str> {
                match event_type {
                    $($event_type => Some($topic),)*
                    _ => None,
                }
            }

            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$event(_) => $event_type,)* }
            }

            pub fn version(&self) -> u32 {
                match self { $(Self::$event(_) => $version,)* }
            }

            pub fn topic(&self) -> &'static str {
                match self { $(Self::$event(_) => $topic,)* }
            }

            pub fn order_id(&self) -> Uuid {
                match self { $(Self::$event(event) => event.order_id(),)* }
            }

            /// The payload's JSON, validated: nothing wrong leaves a service.
            pub fn to_payload(&self) -> Result<String, Invalid> {
                match self { $(Self::$event(event) => write(event),)* }
            }
        }

        $(impl From<$event> for Event {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })*
    };
}

events! {
    OrderPlaced = "order.placed", version 1, on ORDER_EVENTS;
    OrderCancellationRequested = "order.cancellation_requested", version 1, on ORDER_EVENTS;
    OrderCompleted = "order.completed", version 1, on ORDER_EVENTS;
    OrderCancelled = "order.cancelled", version 1, on ORDER_EVENTS;

    InventoryReserved = "inventory.reserved", version 1, on INVENTORY_EVENTS;
    InventoryRejected = "inventory.rejected", version 1, on INVENTORY_EVENTS;
    InventoryReleased = "inventory.released", version 1, on INVENTORY_EVENTS;

    PaymentSucceeded = "payment.succeeded", version 1, on PAYMENT_EVENTS;
    PaymentFailed = "payment.failed", version 1, on PAYMENT_EVENTS;
    PaymentRefunded = "payment.refunded", version 1, on PAYMENT_EVENTS;
    PaymentVoided = "payment.voided", version 1, on PAYMENT_EVENTS;

    ShippingDispatched = "shipping.dispatched", version 1, on SHIPPING_EVENTS;
    ShippingFailed = "shipping.failed", version 1, on SHIPPING_EVENTS;
    ShippingCancelled = "shipping.cancelled", version 1, on SHIPPING_EVENTS;
}

fn read<E: Payload>(payload: &str) -> Result<E, Invalid> {
    let mut json = serde_json::Deserializer::from_str(payload);
    let event: E = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "payload".to_owned() } else { format!("payload.{path}") };
        Invalid::field(path, error.inner().to_string())
    })?;
    event.validate()?;
    Ok(event)
}

fn write<E: Payload>(event: &E) -> Result<String, Invalid> {
    event.validate()?;
    serde_json::to_string(event).map_err(|error| Invalid::field("payload", error.to_string()))
}
