//! Inventory: sets stock aside for orders, all or nothing, and gives it back when no money is held.

pub mod http;
pub mod reservation;
pub mod set_stock;
pub mod stock;

mod give_back;
mod on_order_placed;
mod on_payment_failed;
mod on_payment_refunded;
mod on_payment_voided;
mod on_shipping_dispatched;
#[cfg(test)]
mod samples;

use choreography::{Routes, Service};
use contracts::{
    InventoryRejected, InventoryReleased, InventoryReserved, OrderCancellationRequested, OrderCancelled,
    OrderCompleted, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentSucceeded, PaymentVoided, ShippingCancelled,
    ShippingDispatched, ShippingFailed,
};

use reservation::{Reservation, State, skus};
use set_stock::SetStock;
use stock::{CARRY_FORWARD, LedgerEntry, reserved};

/// The inventory service.
#[derive(Clone, Copy, Debug)]
pub struct Inventory;

impl Service for Inventory {
    type Aggregate = Reservation;

    const NAME: &'static str = "inventory";

    fn routes(on: &mut Routes<Self>) {
        on.saga(include_str!("../saga.json"));
        on.event_naming::<OrderPlaced, _>(|event| skus(&event.details.items), on_order_placed::handle);
        on.ignore::<OrderCancellationRequested>();
        on.ignore::<OrderCompleted>();
        on.ignore::<OrderCancelled>();
        on.event_with::<PaymentFailed, _>(reserved, on_payment_failed::handle).overtakes();
        on.event_with::<PaymentRefunded, _>(reserved, on_payment_refunded::handle).overtakes();
        on.event_with::<PaymentVoided, _>(reserved, on_payment_voided::handle).overtakes();
        on.ignore::<PaymentSucceeded>();
        on.event_with::<ShippingDispatched, _>(reserved, on_shipping_dispatched::handle);
        on.ignore::<ShippingFailed>();
        on.ignore::<ShippingCancelled>();
        on.command::<SetStock>(set_stock::handle);
        on.publishes::<InventoryReserved>();
        on.publishes::<InventoryRejected>();
        on.publishes::<InventoryReleased>();
        on.records::<LedgerEntry>().archived("order_id", "at").after(CARRY_FORWARD);
        on.ends("state", &[State::Rejected, State::Released, State::Shipped].map(State::word));
    }
}

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/inventory");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_it_takes_part_in() {
        let committed = include_str!("../../../deploy/choreography/inventory.json");
        let described = choreography::json_of::<Inventory, api::ApiSettings>().unwrap();
        let update = "cargo run --release -p inventory -- describe > deploy/choreography/inventory.json";
        assert_eq!(described, committed, "after a wanted change: {update}");
    }
}
