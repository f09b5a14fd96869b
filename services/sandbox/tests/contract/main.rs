//! The sandbox's process on a real PostgreSQL, called by the clients that payment, shipping and notification ship.

mod carrier_tests;
mod crash_tests;
mod ledger_tests;
mod load_tests;
mod malformed_tests;
mod message_tests;
mod payment_tests;
mod world;

// The sources themselves, not a dependency: no service depends on another, not even for a test.
#[path = "../../../shipping/src/carrier/mod.rs"]
mod carrier;
#[path = "../../../notification/src/mailer.rs"]
mod mailer;
#[path = "../../../payment/src/provider/mod.rs"]
mod provider;
