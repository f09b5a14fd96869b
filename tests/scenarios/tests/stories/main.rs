//! Every story runs against one world of real Kafka, real PostgreSQL and all services as processes.

mod archive;
mod bombs;
mod calls;
mod cancellation;
mod consumer;
mod coordinator;
mod crashes;
mod forwards;
mod http_api;
mod isolation;
mod junk;
mod lag;
mod lifecycle;
mod locks;
mod logs;
mod metrics;
mod notification;
mod outages;
mod outsiders;
mod parked_keys;
mod refusals;
mod repeats;
mod replicas;
mod tracing;
mod transient_failures;
mod unreadable_rows;
