//! Nothing is set aside and no money is held: the order ends cancelled.

use choreography::{Moment, Reacts, nothing};
use contracts::OrderCancelled;

use crate::{
    Order,
    order_row::{OrderRow, Status, unknown_order},
};

/// pending or cancelling → cancelled (`order.cancelled`), and the deadline is settled; ended already: nothing.
/// `what` is named where the order was never placed.
pub(crate) fn end_cancelled(what: &str, reason: &str, order: &mut OrderRow, at: &Moment<'_, Order>) -> Reacts {
    match order.status {
        Status::Pending | Status::Cancelling => {}
        Status::Completed | Status::Cancelled => return Ok(nothing()),
        Status::None => return Err(unknown_order(what)),
    }
    let order_id = shop::order_id(at.aggregate_id)?;
    let ended = order.advance(Status::Cancelled, reason, at);
    Ok(ended.publish(OrderCancelled { order_id, reason: reason.to_owned() }))
}
