//! Inventory: sets stock aside for orders, all or nothing, and gives it back when no money is held.

pub mod http;
pub mod participant;
pub mod state;
pub mod store;

mod give_back;
#[cfg(test)]
mod given;
mod on_order_placed;
mod on_payment_failed;
mod on_payment_refunded;
mod on_payment_voided;
mod on_shipping_dispatched;
pub mod set_stock;

pub use participant::Inventory;

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/inventory");
