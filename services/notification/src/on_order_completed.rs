//! `order.completed`

use contracts::OrderCompleted;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{participant::Notification, state::End, tell::tell};

pub(crate) fn handle(event: &OrderCompleted, rows: &mut Rows<Notification>) -> Result<Effects<Notification>, Refusal> {
    tell(event.order_id, End::Completed, format!("Your order {} is on its way.", event.order_id), rows)
}
