//! Notification: tells each customer, once, how the order ended. The smallest complete service on the engine.

pub mod mailer;
pub mod outside;
pub mod participant;
pub mod settings;
pub mod state;
pub mod store;

#[cfg(test)]
mod given;
mod on_order_cancelled;
mod on_order_completed;
mod on_order_placed;
mod on_tell_answer;
mod tell;

pub use participant::Notification;

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/notification");
