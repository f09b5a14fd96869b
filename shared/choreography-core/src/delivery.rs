//! A Kafka message as it arrived: bytes and headers untouched.

use std::sync::Arc;

use bytes::Bytes;

use crate::trace::Header;

/// Where a message stands in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// A consumed message.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Where it stands.
    pub position: Position,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// Shared, not copied, wherever the message goes.
    pub payload: Option<Bytes>,
    /// The headers, in their order.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_message_brings_counts_against_the_budgets() {
        let position = Position { topic: Arc::from("t"), partition: 0, offset: 0 };
        let bare = Delivery { position, key: None, payload: None, headers: Vec::new() };
        let full = Delivery {
            key: Some(vec![0; 10]),
            payload: Some(vec![0; 1_000].into()),
            headers: vec![Header::text("name", "value"), Header { name: b"null".to_vec(), value: None }],
            ..bare.clone()
        };
        assert_eq!(bare.size(), 256);
        assert_eq!(full.size(), 256 + 10 + 1_000 + (4 + 5 + 64) + (4 + 64));
    }
}
