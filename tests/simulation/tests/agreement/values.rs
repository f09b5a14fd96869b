//! Values of the scripts.

use std::sync::Arc;

use choreography_core::{
    delivery::{Delivery, Position},
    store::{Failure, PendingCall},
    trace::TraceContext,
};
use chrono::DateTime;
use uuid::Uuid;

use crate::script::KEYS;

pub fn pending_call(id: Uuid, n: usize) -> PendingCall {
    PendingCall {
        id,
        aggregate_id: KEYS[n].to_owned(),
        step: "charge".into(),
        request: "{}".into(),
        correlation_id: "s".into(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts: 0,
        requested_at: DateTime::UNIX_EPOCH,
    }
}

pub fn placed(n: usize) -> String {
    format!("o{n}")
}

pub fn failure() -> Failure {
    Failure { class: "refused", message: "no".into() }
}

pub fn delivery(n: usize, payload: &[u8]) -> Delivery {
    let position = Position { topic: Arc::from("order-events"), partition: 0, offset: n as i64 };
    Delivery { position, key: Some(b"a".to_vec()), payload: Some(payload.to_vec().into()), headers: Vec::new() }
}

pub fn id(millis: u64, n: usize) -> Uuid {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&(n as u64).to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}
