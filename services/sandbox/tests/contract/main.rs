//! The sandbox's process on a real PostgreSQL, called by the client that payment, shipping and notification ship.

mod carrier_tests;
mod crash_tests;
mod document_tests;
mod ledger_tests;
mod load_tests;
mod malformed_tests;
mod message_tests;
mod payment_tests;
mod requests;
mod world;
