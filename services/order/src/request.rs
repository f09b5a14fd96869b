//! What was asked under an idempotency key, and what came of it.

use choreography::table;
use chrono::{DateTime, Utc};

/// The default: nothing was asked under this key yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub body_hash: Option<Vec<u8>>,
    pub order_id: Option<String>,
    pub at: DateTime<Utc>,
}

table!(Request in requests by request_key: body_hash, order_id, at);
