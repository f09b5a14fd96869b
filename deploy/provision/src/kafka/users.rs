//! Users and their passwords, kept by the broker as SCRAM-SHA-512 (KIP-554).

use choreography_kafka::Connection;
use secrecy::SecretString;

use super::{admin::Admin, blocking, client};
use crate::Result;

/// Makes the users, or gives them these passwords anew.
///
/// # Errors
/// [`crate::Error::Broker`].
pub async fn set_passwords(kafka: &Connection, users: Vec<(String, SecretString)>) -> Result<()> {
    let (admin, connection) = (client(kafka)?, kafka.clone());
    blocking(kafka, move || Admin::new(&admin, &connection).set_passwords(&users)).await
}
