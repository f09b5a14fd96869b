//! Payment: takes the money for orders once everything is set aside, and gives it back when nothing leaves the warehouse.

pub mod calls;
pub mod http;
pub mod payment_row;
pub mod settings;

mod on_charge_answer;
mod on_inventory_reserved;
mod on_refund_answer;
mod on_shipping_cancelled;
mod on_shipping_failed;
#[cfg(test)]
mod samples;

use choreography::{Routes, Service};
use contracts::{
    InventoryRejected, InventoryReleased, InventoryReserved, PaymentFailed, PaymentRefunded, PaymentSucceeded,
    PaymentVoided, ShippingCancelled, ShippingDispatched, ShippingFailed,
};

use calls::{Charge, Refund};
use payment_row::{LedgerEntry, PaymentRow, State};

/// The payment service.
#[derive(Clone, Copy, Debug)]
pub struct Payment;

impl Service for Payment {
    type Aggregate = PaymentRow;

    const NAME: &'static str = "payment";

    fn routes(on: &mut Routes<Self>) {
        on.saga(include_str!("../saga.json"));
        on.event::<InventoryReserved>(on_inventory_reserved::handle);
        on.ignore::<InventoryRejected>();
        on.ignore::<InventoryReleased>();
        on.event::<ShippingFailed>(on_shipping_failed::handle).overtakes();
        on.event::<ShippingCancelled>(on_shipping_cancelled::handle).overtakes();
        on.ignore::<ShippingDispatched>();
        on.answer::<Charge>(on_charge_answer::handle);
        on.answer::<Refund>(on_refund_answer::handle);
        on.publishes::<PaymentSucceeded>();
        on.publishes::<PaymentFailed>();
        on.publishes::<PaymentRefunded>();
        on.publishes::<PaymentVoided>();
        on.records::<LedgerEntry>().archived("order_id", "at");
        on.ends("state", &[State::Succeeded, State::Failed, State::Refunded, State::Voided].map(State::word));
    }
}

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_it_takes_part_in() {
        let committed = include_str!("../../../deploy/choreography/payment.json");
        let described = choreography::json_of::<Payment, settings::Settings>().unwrap();
        let update = "cargo run --release -p payment -- describe > deploy/choreography/payment.json";
        assert_eq!(described, committed, "after a wanted change: {update}");
    }
}
