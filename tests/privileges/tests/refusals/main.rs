//! The system as compose runs it: Kafka with TLS, users and ACLs, a role per service without DDL, APIs that ask for
//! tokens. What each service may do is enough for its part; everything else is tried and refused.

mod apis;
mod enough;
mod kafka;
mod migrations;
mod observer;
mod postgres;
mod tokens;
mod world;
