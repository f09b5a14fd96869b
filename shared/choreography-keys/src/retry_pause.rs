//! What follows a round of the jobs that failed.

use std::time::Duration;

use crate::KeysError;

/// So long nothing is tried after a failure.
const AFTER_A_FAILURE: Duration = Duration::from_secs(2);

/// A failure is told after a pause: the next round begins at once, and Kafka or the database would be away for that as well.
pub(crate) async fn or_wait(round: Result<(), KeysError>) -> anyhow::Result<()> {
    if round.is_err() {
        tokio::time::sleep(AFTER_A_FAILURE).await;
    }
    Ok(round?)
}
