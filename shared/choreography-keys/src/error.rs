//! Why keys could not be followed, published or looked up.

use choreography_core::broker::PublishError;
use rdkafka::error::KafkaError;

use crate::SealError;

/// Time may heal all of these but a sealed text that is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The database refused, or is away.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The topic can't be read.
    #[error("the topic of keys can't be read: {0}")]
    Topic(#[from] KafkaError),
    /// The topic takes nothing.
    #[error("a key can't be published: {0}")]
    Published(#[from] PublishError),
    /// The service has not begun to follow the topic.
    #[error("the service is starting: its keys can't be looked up yet")]
    Starting,
    /// The sealed text is wrong.
    #[error(transparent)]
    Seal(#[from] SealError),
}
