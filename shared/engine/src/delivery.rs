//! A Kafka message as it arrived: bytes and headers untouched.

use std::sync::Arc;

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
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}
