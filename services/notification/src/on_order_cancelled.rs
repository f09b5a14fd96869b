//! `order.cancelled`

use contracts::OrderCancelled;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{participant::Notification, state::End, tell::tell};

pub(crate) fn handle(event: &OrderCancelled, rows: &mut Rows<Notification>) -> Result<Effects<Notification>, Refusal> {
    tell(event.order_id, End::Cancelled, format!("Your order {} was cancelled: {}", event.order_id, event.reason), rows)
}
