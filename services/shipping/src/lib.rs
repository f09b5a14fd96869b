//! Shipping: hands paid orders to the carrier. It owns the pivot: it alone decides whether a cancellation is too late.

pub mod http;
pub mod opened_calls;
pub mod settings;
pub mod shipment;

mod on_order_cancellation_requested;
mod on_payment_succeeded;
mod on_ship_answer;

use choreography::{Routes, Service};
use contracts::{
    OrderCancellationRequested, OrderCancelled, OrderCompleted, OrderPlaced, PaymentFailed, PaymentRefunded,
    PaymentSucceeded, PaymentVoided, ShippingCancelled, ShippingDispatched, ShippingFailed, topic::CUSTOMER_KEYS,
};

use shipment::{Ship, Shipment, State};

/// The shipping service.
#[derive(Clone, Copy, Debug)]
pub struct Shipping;

impl Service for Shipping {
    type Aggregate = Shipment;

    const NAME: &'static str = "shipping";

    fn routes(on: &mut Routes<Self>) {
        on.saga(include_str!("../saga.json"));
        on.event_naming::<PaymentSucceeded, _>(on_payment_succeeded::customer, on_payment_succeeded::handle);
        on.reads_keys(CUSTOMER_KEYS);
        on.ignore::<PaymentFailed>();
        on.ignore::<PaymentRefunded>();
        on.ignore::<PaymentVoided>();
        on.event::<OrderCancellationRequested>(on_order_cancellation_requested::handle).overtakes();
        on.ignore::<OrderPlaced>();
        on.ignore::<OrderCompleted>();
        on.ignore::<OrderCancelled>();
        on.answer::<Ship>(on_ship_answer::handle);
        on.publishes::<ShippingDispatched>();
        on.publishes::<ShippingFailed>();
        on.publishes::<ShippingCancelled>();
        on.ends("state", &[State::Dispatched, State::Failed, State::Cancelled].map(State::word));
    }
}

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/shipping");

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_it_takes_part_in() {
        let committed = include_str!("../../../deploy/choreography/shipping.json");
        let described = choreography::json_of::<Shipping, settings::Settings>().unwrap();
        let update = "cargo run --release -p shipping -- describe > deploy/choreography/shipping.json";
        assert_eq!(described, committed, "after a wanted change: {update}");
    }
}
