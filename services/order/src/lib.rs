//! Order: takes orders, watches their deadline, and says how they end.

pub mod http;
pub mod idempotency;
pub mod participant;
pub mod settings;
pub mod state;
pub mod store;

pub mod cancel_order;
mod end_cancelled;
#[cfg(test)]
mod given;
mod on_deadline;
mod on_inventory_rejected;
mod on_inventory_released;
mod on_shipping_dispatched;
pub mod place_order;

pub use participant::Order;

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/order");
