//! Kafka's side: topics, users, and what each user may do.

pub mod access;
mod admin;
mod switch;
mod tail;
mod topics;
mod users;

use rdkafka::{admin::AdminClient, client::DefaultClientContext};

pub use access::{Acl, Operation, Resource, access_of, set_access};
pub use switch::switch_offsets;
pub use topics::{create_topics, with_partitions};
pub use users::set_passwords;

use crate::{ProvisionError, Result};

type Client = AdminClient<DefaultClientContext>;

fn client(kafka: &choreography_kafka::Connection) -> Result<Client> {
    kafka.config().create().map_err(|error| refused(kafka, "connecting", &error))
}

fn refused(kafka: &choreography_kafka::Connection, what: &str, problem: &impl ToString) -> ProvisionError {
    ProvisionError::Broker { brokers: kafka.brokers().into(), what: what.into(), problem: problem.to_string() }
}

/// Runs what blocks on a thread for that.
async fn blocking<T: Send + 'static>(
    kafka: &choreography_kafka::Connection,
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(|error| refused(kafka, "asking", &error))?
}
