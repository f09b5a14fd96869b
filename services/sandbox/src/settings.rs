//! The sandbox's settings.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use secrecy::SecretString;

/// A payment provider, a carrier and a mail service for trying out, with a durable ledger.
#[derive(Clone, Debug, Parser)]
#[command(name = "sandbox", version)]
pub struct Settings {
    /// The ledger's own PostgreSQL database. The schema is created at the start.
    #[arg(long, env, hide_env_values = true, required_unless_present = "database_url_file")]
    pub database_url: Option<SecretString>,
    /// A file with DATABASE_URL.
    #[arg(long, env)]
    pub database_url_file: Option<PathBuf>,
    /// Address of the HTTP API.
    #[arg(long, env, value_name = "HTTP_ADDR", default_value = "127.0.0.1:7070")]
    pub http_addr: SocketAddr,
    /// Connections to the database. Three write the ledger, the others answer questions.
    #[arg(long, env, value_name = "SANDBOX_DATABASE_CONNECTIONS", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(4..=1000))]
    pub sandbox_database_connections: u32,
    /// Milliseconds after which a late answer is given.
    #[arg(long, env, value_name = "SANDBOX_LATE_MS", default_value_t = 2000)]
    pub sandbox_late_ms: u64,
    /// Milliseconds for which a connection that gets no answer is kept open.
    #[arg(long, env, value_name = "SANDBOX_SILENT_MS", default_value_t = 60_000)]
    pub sandbox_silent_ms: u64,
    /// Calls that may wait for the ledger, for payments, shipments and messages each; more are answered 503.
    #[arg(long, env, value_name = "SANDBOX_QUEUE", default_value_t = 8192,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sandbox_queue: u32,
    /// Calls that one transaction takes at most.
    #[arg(long, env, value_name = "SANDBOX_BATCH", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sandbox_batch: u32,
    /// Milliseconds a busy ledger waits for more calls to share a transaction; an idle one does not wait.
    #[arg(long, env, value_name = "SANDBOX_GATHER_MS", default_value_t = 2,
          value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub sandbox_gather_ms: u64,
    /// Seconds that open calls have to end after SIGTERM.
    #[arg(long, env, value_name = "SANDBOX_DRAIN_SECONDS", default_value_t = 10)]
    pub sandbox_drain_seconds: u64,
}

impl Settings {
    pub(crate) fn late(&self) -> Duration {
        Duration::from_millis(self.sandbox_late_ms)
    }

    pub(crate) fn silent(&self) -> Duration {
        Duration::from_millis(self.sandbox_silent_ms)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.sandbox_drain_seconds)
    }
}
