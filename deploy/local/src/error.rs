//! What can go wrong on one machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What this library answers with.
pub type Result<T> = std::result::Result<T, LocalError>;

/// Why a part could not be brought up, or did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file or a system call failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path or process it was done to.
        what: String,
        source: std::io::Error,
    },
    /// Apache Kafka itself cannot run here.
    #[error("Apache Kafka cannot run here: {0}")]
    NoKafka(#[from] crate::kafka::KafkaUnavailableError),
    /// Apache Kafka's jars could not be fetched.
    #[error(
        "Maven could not fetch Apache Kafka's jars ({0}): connect this machine, or set KAFKA_HOME to an installed Kafka, or \
         start with --broker embedded"
    )]
    NoJars(String),
    /// There is too little room for a run.
    #[error(
        "only {free} MB are free in {dir}, and a run needs {needed} MB there: free some, or set TMPDIR to a directory with more room"
    )]
    NoRoom { dir: PathBuf, free: u64, needed: u64 },
    /// A helper program ran and answered with a failure.
    #[error("{program} failed ({status}):\n{output}")]
    Failed { program: String, status: String, output: String },
    /// A process ended although it was needed.
    #[error("{name} ended ({status}); the end of its log {log}:\n{tail}")]
    Ended { name: String, status: String, log: PathBuf, tail: String },
    /// A process lives but is not what it should be yet.
    #[error("{name} was not {wanted} within {after:?}; last seen: {last}; the end of its log {log}:\n{tail}")]
    NotInTime { name: String, wanted: &'static str, after: Duration, last: Box<str>, log: Box<str>, tail: String },
    /// The process has already ended, so it can take no signal.
    #[error("{name} has ended already ({status}), so it cannot be sent signal {signal}")]
    Gone { name: String, status: String, signal: i32 },
    /// PostgreSQL's programs are neither on this machine nor fetchable.
    #[error(
        "PostgreSQL's programs could not be fetched ({fetch}) and none are installed: connect this machine, \
         or run `apt-get install postgresql`, or give a server's URL with --database-url"
    )]
    NoPostgres { fetch: String },
    /// An unprivileged user cannot reach the directory.
    #[error(
        "PostgreSQL runs as user {user} because it refuses to run as root, and that user cannot enter {dir}: \
         choose a directory below /tmp or /var/tmp"
    )]
    NotTraversable { user: String, dir: PathBuf },
    /// Started as root, and there is no user to drop to.
    #[error(
        "PostgreSQL refuses to run as root and there is neither a user `postgres` nor `nobody`: run `useradd postgres`"
    )]
    NoUnprivilegedUser,
    /// A database URL is no PostgreSQL URL.
    #[error("the database URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE: {0}")]
    BadDatabaseUrl(String),
    /// Topics, users, databases or secrets could not be made.
    #[error(transparent)]
    Provision(#[from] provision::ProvisionError),
    /// A secured system's own secrets can't be read.
    #[error(transparent)]
    Secret(#[from] choreography::secret::SecretError),
    /// The broker refused a request.
    #[error("broker {bootstrap}: {what}: {problem}")]
    Broker { bootstrap: String, what: String, problem: String },
    /// A program of this workspace has not been built.
    #[error("{name} is not at {path}: build it with `cargo build{profile} -p {name}`")]
    NotBuilt { name: String, path: PathBuf, profile: String },
    /// No traces can be had.
    #[error("no Jaeger: {0}")]
    NoJaeger(String),
    /// Every port tried was taken.
    #[error("no free port found among {tried} tried between {from} and {to}")]
    NoPort { tried: u32, from: u16, to: u16 },
}

impl LocalError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn path(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        Self::io(format!("{doing} {}", path.display()))
    }
}
