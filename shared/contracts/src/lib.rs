//! The events that the services tell each other. One file per event; [`event`] lists them all.
//!
//! Payloads are validated on the way out and on the way in: unknown further fields are tolerated, missing or malformed
//! ones are refused with the field's path. No I/O in here.

pub mod address;
pub mod check;
pub mod currency;
pub mod error;
pub mod event;
pub mod item;
pub mod object;
pub mod schema;
pub mod topic;

mod inventory_rejected;
mod inventory_released;
mod inventory_reserved;
mod order_cancellation_requested;
mod order_cancelled;
mod order_completed;
mod order_details;
mod order_placed;
mod payment_failed;
mod payment_refunded;
mod payment_succeeded;
mod payment_voided;
mod read;
mod shipping_cancelled;
mod shipping_dispatched;
mod shipping_failed;

pub use address::Address;
pub use error::ContractError;
pub use event::Event;
pub use inventory_rejected::{InventoryRejected, Shortage};
pub use inventory_released::InventoryReleased;
pub use inventory_reserved::InventoryReserved;
pub use item::{Item, total_amount, validate_items, validate_total};
pub use order_cancellation_requested::{CancellationReason, OrderCancellationRequested};
pub use order_cancelled::OrderCancelled;
pub use order_completed::OrderCompleted;
pub use order_details::OrderDetails;
pub use order_placed::OrderPlaced;
pub use payment_failed::PaymentFailed;
pub use payment_refunded::PaymentRefunded;
pub use payment_succeeded::PaymentSucceeded;
pub use payment_voided::PaymentVoided;
pub use shipping_cancelled::ShippingCancelled;
pub use shipping_dispatched::ShippingDispatched;
pub use shipping_failed::ShippingFailed;
