//! `payment.refunded`: what was captured went back.

use chrono::{DateTime, Utc};
use contracts::PaymentRefunded;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{give_back::give_back, participant::Inventory};

/// reserved, none → released (`inventory.released`); anything else: nothing.
pub(crate) fn handle(
    event: &PaymentRefunded,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    give_back(event.order_id, "payment refunded", rows, now)
}
