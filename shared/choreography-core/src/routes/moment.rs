//! What a rule knows besides its input and its rows.

use chrono::{DateTime, Utc};

/// The circumstances of an input.
pub struct Moment<'a, S> {
    /// The service, with its settings.
    pub service: &'a S,
    /// The database's clock, the same for all inputs of a transaction.
    pub now: DateTime<Utc>,
    /// Which aggregate the input is about; of a command, the key of its row.
    pub aggregate_id: &'a str,
}
