//! The outside world for trying out: a payment provider, a carrier and a mail service.
//!
//! Their ledger is durable, apart from every other service's database, and deduplicates by key. What they answer is
//! chosen by documented test tokens; the contract is in this package's README.

mod app;
mod behaviour;
mod carrier;
mod http;
mod key_store;
mod lane;
mod ledger;
mod ledger_http;
mod messages;
mod payments;
mod reply;
mod response;
mod server;
mod settings;

pub use server::{StartError, run};
pub use settings::Settings;
