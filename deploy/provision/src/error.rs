//! Why something can't be made.

use std::path::PathBuf;

pub type Result<T> = std::result::Result<T, ProvisionError>;

/// Why something could not be provided.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The database refused a statement.
    #[error("database: {what}: {source}")]
    Sql { what: String, source: sqlx::Error },
    /// The broker refused a request.
    #[error("broker {brokers}: {what}: {problem}")]
    Broker { brokers: String, what: String, problem: String },
    /// A topic is there already with another number of partitions.
    #[error(
        "topic {topic} has {have} partitions on the broker and {want} are wanted. They are not changed: with another number an order's \
         next events would go to another partition, where they can be read before its earlier ones. Ask for {have}, or move \
         the topic to a new one with {want}, as shared/docs/contracts.md says under \"A breaking change, and more partitions\""
    )]
    Partitions { topic: String, have: i32, want: i32 },
    /// A topic of keys is to move.
    #[error(
        "{0} does not move: personal data is sealed under the keys on it, and their readers follow this one topic from its beginning. \
         Leave it out of TOPIC_MOVES"
    )]
    Keys(String),
    /// An event of the old topic is not on the new one.
    #[error(
        "{old} and {new} do not have the same events: {unpaired}. Each replica of the owner must have run with \
         TOPIC_MOVES=both:{old}:{new} before, and published since. If nothing is published just now, run this with --unchecked"
    )]
    Unpaired { old: String, new: String, unpaired: String },
    /// A file could not be read or written.
    #[error("{doing} {path}: {source}")]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// A secret that was made earlier is there and says nothing.
    #[error("{path} is empty: remove it and run this again, and it is created")]
    Empty { path: PathBuf },
    /// No certificate could be made.
    #[error("making the certificate of {of}: {source}")]
    Certificate { of: String, source: rcgen::Error },
    /// No key or random bytes could be made.
    #[error("{0}: the system gave no randomness")]
    NoRandomness(&'static str),
    /// A secret that must be there is not.
    #[error(transparent)]
    Secret(#[from] choreography::secret::SecretError),
    /// No token could be made.
    #[error("making a token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

impl ProvisionError {
    pub(crate) fn sql(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let what = what.into();
        move |source| Self::Sql { what, source }
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
