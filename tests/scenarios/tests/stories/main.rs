//! Every story runs against one world of real Kafka, real PostgreSQL and all services as processes.

mod archiving;
mod bombs;
mod calls;
mod cancelling;
mod consumer;
mod coordinator;
mod crashes;
mod forwards;
mod http_api;
mod isolation;
mod junk;
mod lag;
mod lifecycle;
mod locked;
mod logs;
mod metrics;
mod notification;
mod outages;
mod outsiders;
mod parking;
mod refused;
mod repeats;
mod replicas;
mod tracing;
mod transient;
mod unreadable;
