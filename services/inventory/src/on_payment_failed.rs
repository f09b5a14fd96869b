//! `payment.failed`: the provider said no, so nothing was captured.

use chrono::{DateTime, Utc};
use contracts::PaymentFailed;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{give_back::give_back, participant::Inventory};

/// reserved, none → released (`inventory.released`); anything else: nothing.
pub(crate) fn handle(
    event: &PaymentFailed,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    give_back(event.order_id, &format!("payment failed: {}", event.reason), rows, now)
}
