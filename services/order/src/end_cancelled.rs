//! Nothing is set aside and no money is held: the order ends cancelled.

use chrono::{DateTime, Utc};
use contracts::OrderCancelled;
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    participant::{Order, advance, order_row, settle},
    state::Status,
};

/// pending or cancelling → cancelled (`order.cancelled`), and the deadline is settled; ended already: nothing.
/// `what` is named where nobody placed the order.
pub(crate) fn end_cancelled(
    order_id: Uuid,
    what: &str,
    reason: &str,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    let order = order_id.to_string();
    let row = order_row(rows, &order)?;
    match row.status {
        Status::Pending | Status::Cancelling => {}
        Status::Completed | Status::Cancelled => return Ok(Effects::none()),
        Status::None => return Err(unknown_order(what)),
    }
    let fact = shop::fact(OrderCancelled { order_id, reason: reason.to_owned() })?;
    Ok(advance(rows, &order, row, Status::Cancelled, reason, now).fact(fact).settle(settle(&order)))
}

/// Every saga begins with this service: a fact about an order that it never placed wakes someone.
pub(crate) fn unknown_order(what: &str) -> Refusal {
    Refusal::Permanent(format!("{what} cannot happen here: unknown order, it was never placed"))
}
