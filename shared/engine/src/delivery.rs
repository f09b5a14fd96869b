//! A Kafka message as it arrived: bytes and headers untouched.

use std::sync::Arc;

use bytes::Bytes;

use crate::trace::Header;

/// Where a message stands in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
}

/// A consumed message.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub position: Position,
    pub key: Option<Vec<u8>>,
    /// Shared, not copied, wherever the message goes.
    pub payload: Option<Bytes>,
    pub headers: Vec<Header>,
}

impl Delivery {
    /// Bytes in memory, roughly: what byte budgets count.
    pub fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|header| header.name.len() + header.value.as_ref().map_or(0, Vec::len) + 64).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.payload.as_ref().map_or(0, Bytes::len) + headers + 256
    }
}
