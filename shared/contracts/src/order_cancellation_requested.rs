//! `order.cancellation_requested`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, event::Payload};

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CancellationReason {
    /// The client changed its mind.
    Client,
    /// The order took too long.
    Deadline,
}

/// Somebody wants the order undone. A request: shipping alone decides whether it is too late. Read by shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCancellationRequested {
    pub order_id: Uuid,
    pub reason: CancellationReason,
}

impl Payload for OrderCancellationRequested {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        Ok(())
    }
}
