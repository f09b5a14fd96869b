//! The protocol: every event, its type on the wire, its version and its topic.

use choreography_core::{DecodeError, EventType, Refusal, versions::Versions};
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    ContractError, InventoryRejected, InventoryReleased, InventoryReserved, OrderCancellationRequested, OrderCancelled,
    OrderCompleted, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentSucceeded, PaymentVoided, ShippingCancelled,
    ShippingDispatched, ShippingFailed,
    read::{locate, read},
    schema,
    topic::{INVENTORY_EVENTS, ORDER_EVENTS, PAYMENT_EVENTS, SHIPPING_EVENTS},
};

/// What every payload can say of itself.
pub trait Payload: Serialize + DeserializeOwned + JsonSchema {
    /// The order it is about: the aggregate, and the Kafka key.
    fn order_id(&self) -> Uuid;
    /// Checks what the types alone don't.
    fn validate(&self) -> Result<(), ContractError>;
    /// The place of what is wrong in a text that can't be read; `None` where it is not in the object. What is flattened
    /// is looked at by itself, since serde loses the place of what stands in it.
    #[doc(hidden)]
    fn locate(payload: &str) -> Option<ContractError> {
        locate::<Self>(payload)
    }
}

macro_rules! events {
    ($($owner:literal on $topic:ident {
        $($event:ident = $event_type:literal, version $version:literal $(reading $($from:literal -> $to:literal by $convert:path),+)?;)*
    })*) => {
        /// Any event of the choreography.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($($event($event),)*)*
        }

        impl Event {
            /// Every event type, in the order of the table.
            pub const TYPES: &[&str] = &[$($($event_type,)*)*];

            /// Every topic of the table, in its order.
            pub const TOPICS: &[&str] = &[$($topic,)*];

            /// Reads and validates a payload.
            pub fn parse(event_type: &str, version: u32, payload: &str) -> Result<Self, ContractError> {
                match event_type {
                    $($($event_type => {
                        <$event as choreography_core::Event>::read(version, payload).map(Self::$event).map_err(ContractError::from)
                    })*)*
                    _ => Err(ContractError::unknown_type(event_type)),
                }
            }

            /// Each event type with each version of it that is read.
            pub fn versions() -> Vec<(&'static str, u32)> {
                let of = |event_type, versions: &'static [u32]| versions.iter().map(move |version| (event_type, *version));
                [$($(of($event_type, <$event as choreography_core::Event>::READS),)*)*].into_iter().flatten().collect()
            }

            /// The JSON Schema of each event's payload, as this build writes it: type, version, schema.
            pub fn schemas() -> Vec<(&'static str, u32, Schema)> {
                vec![$($(($event_type, $version, schema::of::<$event>($event_type, $version)),)*)*]
            }

            /// The topic of a type's owner; `None` for a type that is not of this choreography.
            pub fn topic_of(event_type: &str) -> Option<&'static str> {
                match event_type {
                    $($($event_type => Some($topic),)*)*
                    _ => None,
                }
            }

            /// Its name on the wire, such as `order.placed`.
            pub fn event_type(&self) -> &'static str {
                match self { $($(Self::$event(_) => $event_type,)*)* }
            }

            /// The version of its payload that this build writes.
            pub fn version(&self) -> u32 {
                match self { $($(Self::$event(_) => $version,)*)* }
            }

            /// The topic of its owner.
            pub fn topic(&self) -> &'static str {
                match self { $($(Self::$event(_) => $topic,)*)* }
            }

            /// The order it is about: the aggregate, and the Kafka key.
            pub fn order_id(&self) -> Uuid {
                match self { $($(Self::$event(event) => event.order_id(),)*)* }
            }

            /// The payload's JSON, validated: nothing wrong leaves a service.
            pub fn to_payload(&self) -> Result<String, ContractError> {
                match self { $($(Self::$event(event) => write(event),)*)* }
            }
        }

        $($(impl From<$event> for Event {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })*)*

        const FAMILY: &[EventType] =
            &[$($(EventType { name: $event_type, version: $version, topic: $topic, owner: $owner },)*)*];

        $($(impl choreography_core::Event for $event {
            const TYPE: EventType = EventType { name: $event_type, version: $version, topic: $topic, owner: $owner };
            const FAMILY: &'static [EventType] = FAMILY;
            const READS: &'static [u32] = &[$($($from,)+)? $version];

            fn schema() -> Option<String> {
                Some(schema::of::<$event>($event_type, $version).as_value().to_string())
            }

            fn aggregate_id(&self) -> String {
                self.order_id().to_string()
            }

            fn read(version: u32, payload: &str) -> Result<Self, DecodeError> {
                const VERSIONS: Versions = Versions {
                    event_type: $event_type,
                    current: $version,
                    conversions: &[$($(choreography_core::versions::Conversion { from: $from, to: $to, convert: $convert }),+)?],
                };
                Ok(accept(&VERSIONS.current(version, payload)?)?)
            }

            fn write(&self) -> Result<String, Refusal> {
                write(self).map_err(|invalid| {
                    Refusal::Permanent(format!("{} can't be published: {invalid}", $event_type))
                })
            }
        })*)*
    };
}

events! {
    "order" on ORDER_EVENTS {
        OrderPlaced = "order.placed", version 1;
        OrderCancellationRequested = "order.cancellation_requested", version 1;
        OrderCompleted = "order.completed", version 1;
        OrderCancelled = "order.cancelled", version 1;
    }
    "inventory" on INVENTORY_EVENTS {
        InventoryReserved = "inventory.reserved", version 1;
        InventoryRejected = "inventory.rejected", version 1;
        InventoryReleased = "inventory.released", version 1;
    }
    "payment" on PAYMENT_EVENTS {
        PaymentSucceeded = "payment.succeeded", version 1;
        PaymentFailed = "payment.failed", version 1;
        PaymentRefunded = "payment.refunded", version 1;
        PaymentVoided = "payment.voided", version 1;
    }
    "shipping" on SHIPPING_EVENTS {
        ShippingDispatched = "shipping.dispatched", version 1;
        ShippingFailed = "shipping.failed", version 1;
        ShippingCancelled = "shipping.cancelled", version 1;
    }
}

fn accept<E: Payload>(payload: &str) -> Result<E, ContractError> {
    let event: E = read(payload)?;
    event.validate()?;
    Ok(event)
}

fn write<E: Payload>(event: &E) -> Result<String, ContractError> {
    event.validate()?;
    serde_json::to_string(event).map_err(|error| ContractError::field("payload", error.to_string()))
}

#[cfg(test)]
mod tests {
    use choreography_core::versions::field;
    use serde::Deserialize;
    use serde_json::{Map, Value};

    use super::*;

    /// A payload whose version 1 had its carrier among other words.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Delivered {
        order_id: Uuid,
        carrier: String,
    }

    impl Payload for Delivered {
        fn order_id(&self) -> Uuid {
            self.order_id
        }

        fn validate(&self) -> Result<(), ContractError> {
            crate::check::reference("payload.carrier", &self.carrier)
        }
    }

    fn name_the_carrier(mut fields: Map<String, Value>) -> Result<Map<String, Value>, DecodeError> {
        let note = fields.remove("note").ok_or_else(|| field("payload.note", "is missing"))?;
        fields.insert("carrier".into(), note);
        Ok(fields)
    }

    #[allow(dead_code, reason = "of what the table makes the test uses a part")]
    mod delivery {
        use super::{super::*, Delivered, name_the_carrier};

        events! {
            "shipping" on SHIPPING_EVENTS {
                Delivered = "shipping.delivered", version 2 reading 1 -> 2 by name_the_carrier;
            }
        }
    }

    #[test]
    fn an_event_of_the_version_before_is_read_as_one_of_this_and_validated() {
        let order_id = Uuid::from_u128(7);
        let old = format!(r#"{{"orderId":"{order_id}","note":"Pigeon"}}"#);
        let read = delivery::Event::parse("shipping.delivered", 1, &old).unwrap();
        assert_eq!(read, Delivered { order_id, carrier: "Pigeon".into() }.into());
        assert_eq!((read.version(), <Delivered as choreography_core::Event>::READS), (2, &[1, 2][..]));
        let wrong = |version, payload: &str| {
            delivery::Event::parse("shipping.delivered", version, payload).unwrap_err().to_string()
        };
        assert_eq!(wrong(1, "{}"), "payload.note: is missing");
        assert!(wrong(1, &old.replace("Pigeon", "")).starts_with("payload.carrier: must have 1 to"));
        assert_eq!(wrong(3, &old), "shipping.delivered has version 3; known here: 1, 2");
    }
}
