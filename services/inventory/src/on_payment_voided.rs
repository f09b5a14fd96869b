//! `payment.voided`: payment never begins.

use chrono::{DateTime, Utc};
use contracts::PaymentVoided;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{give_back::give_back, participant::Inventory};

/// reserved, none → released (`inventory.released`); anything else: nothing.
pub(crate) fn handle(
    event: &PaymentVoided,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    give_back(event.order_id, &format!("payment voided: {}", event.reason), rows, now)
}
