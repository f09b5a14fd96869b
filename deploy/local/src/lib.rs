//! Real parts on one machine: Apache Kafka, PostgreSQL and the services as child processes.
//!
//! The launcher, the scenario tests and the load tool all start their parts here, so what a test
//! sees is what `cargo run` starts. Every child dies with its handle, and with this process even
//! when that is killed with -9.

pub mod audit;
pub mod binaries;
pub mod cache;
pub mod cpu;
pub mod embedded_broker;
mod error;
pub mod event_log;
pub mod event_path;
pub mod jaeger;
pub mod kafka;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod producer;
pub mod run_dir;
pub mod shop;
pub mod system;
pub mod tcp;
pub mod tls;

pub use embedded_broker::EmbeddedBroker;
pub use error::{LocalError, Result};
pub use event_log::{EventLog, Record};
pub use jaeger::Jaeger;
pub use kafka::{HowKafka, Kafka, KafkaOptions, KafkaUnavailableError, can_run_apache_kafka};
pub use postgres::{Postgres, PostgresOptions};
pub use process::{ProcessSpec, ServiceProcess};
pub use provision::databases;
pub use run_dir::RunDir;
pub use system::{BrokerChoice, LeftOut, System, SystemOptions, TracesTo};
