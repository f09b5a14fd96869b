//! Order: takes orders, watches their deadline, and says how they end.

use std::time::Duration;

pub mod cancel_order;
pub mod customers;
pub mod http;
pub mod idempotency;
pub mod order_row;
pub mod place_order;
pub mod request;
pub mod settings;
pub mod store;

mod end_cancelled;
mod on_deadline;
mod on_inventory_rejected;
mod on_inventory_released;
mod on_shipping_dispatched;
#[cfg(test)]
mod samples;

use choreography::{Routes, Service};
use contracts::{
    InventoryRejected, InventoryReleased, InventoryReserved, OrderCancellationRequested, OrderCancelled,
    OrderCompleted, OrderPlaced, ShippingCancelled, ShippingDispatched, ShippingFailed, topic::CUSTOMER_KEYS,
};

use cancel_order::CancelOrder;
use order_row::{DEADLINE, HistoryEntry, OrderRow, Status};
use place_order::PlaceOrder;

/// The order service.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How long an order may take before its cancellation is requested.
    pub deadline: Duration,
}

impl Service for Order {
    type Aggregate = OrderRow;

    const NAME: &'static str = "order";

    fn routes(on: &mut Routes<Self>) {
        on.saga(include_str!("../saga.json"));
        on.command_with_two::<PlaceOrder, _, _>((place_order::request_key, place_order::customer), place_order::handle);
        on.owns_keys(CUSTOMER_KEYS);
        on.command::<CancelOrder>(cancel_order::handle);
        on.deadline(DEADLINE, on_deadline::handle);
        on.event::<InventoryRejected>(on_inventory_rejected::handle);
        on.event::<InventoryReleased>(on_inventory_released::handle).overtakes();
        on.ignore::<InventoryReserved>();
        on.event::<ShippingDispatched>(on_shipping_dispatched::handle);
        on.ignore::<ShippingFailed>();
        on.ignore::<ShippingCancelled>();
        on.publishes::<OrderPlaced>();
        on.publishes::<OrderCancellationRequested>();
        on.publishes::<OrderCompleted>();
        on.publishes::<OrderCancelled>();
        on.records::<HistoryEntry>().archived("order_id", "at");
        on.ends("status", &[Status::Completed, Status::Cancelled].map(Status::word)).changed_at("updated_at");
    }
}

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/order");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_it_takes_part_in() {
        let committed = include_str!("../../../deploy/choreography/order.json");
        let described = choreography::json_of::<Order, settings::Settings>().unwrap();
        let update = "cargo run --release -p order -- describe > deploy/choreography/order.json";
        assert_eq!(described, committed, "after a wanted change: {update}");
    }
}
