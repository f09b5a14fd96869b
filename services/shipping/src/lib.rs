//! Shipping: hands paid orders to the carrier. It owns the pivot: it alone decides whether a cancellation is too late.

pub mod carrier;
pub mod http;
pub mod outside;
pub mod participant;
pub mod settings;
pub mod state;
pub mod store;

#[cfg(test)]
mod given;
mod on_order_cancellation_requested;
mod on_payment_succeeded;
mod on_ship_answer;

pub use participant::Shipping;

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/shipping");
