//! Payment: takes the money for orders once everything is set aside, and gives it back when nothing leaves the warehouse.

pub mod http;
pub mod outside;
pub mod participant;
pub mod provider;
pub mod settings;
pub mod state;
pub mod store;

mod give_back;
#[cfg(test)]
mod given;
mod on_charge_answer;
mod on_inventory_reserved;
mod on_refund_answer;
mod on_shipping_cancelled;
mod on_shipping_failed;

pub use participant::Payment;

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment");
