//! `shipping.dispatched`: past the pivot, the order is completed.

use choreography::{Moment, Reacts, nothing};
use contracts::{OrderCompleted, ShippingDispatched};

use crate::{
    Order,
    order_row::{OrderRow, Status, unknown_order},
};

/// pending or cancelling → completed (`order.completed`); completed: a repeat. At a cancelled order it cannot happen.
pub(crate) fn handle(event: &ShippingDispatched, order: &mut OrderRow, at: &Moment<'_, Order>) -> Reacts {
    let reason = match order.status {
        Status::Pending => "dispatched",
        Status::Cancelling => "dispatched: the cancellation came too late",
        Status::Completed => return Ok(nothing()),
        Status::Cancelled => return Err(shop::cannot_happen("shipping.dispatched", order.status)),
        Status::None => return Err(unknown_order("shipping.dispatched")),
    };
    Ok(order.advance(Status::Completed, reason, at).publish(OrderCompleted { order_id: event.order_id }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{order_row::HistoryEntry, samples::*};

    #[test]
    fn given_an_open_order_when_dispatched_then_it_is_completed_once() {
        for (open, reason) in
            [(Status::Pending, "dispatched"), (Status::Cancelling, "dispatched: the cancellation came too late")]
        {
            let mut given = given(open);
            let then = given.event(dispatched()).unwrap();
            assert_eq!(then, ["record order_history", "order.completed", "settle order"]);
            assert_eq!(then.records::<HistoryEntry>()[0].reason, reason);
            assert_eq!(given.event(dispatched()).unwrap(), []);
            assert_eq!(status(&given), Status::Completed);
        }
    }

    #[test]
    fn given_a_cancelled_or_unknown_order_when_dispatched_then_an_operator_is_called() {
        for other in [Status::Cancelled, Status::None] {
            let mut given = given(other);
            let refused = given.event(dispatched()).unwrap_err();
            assert!(refused.to_string().contains("cannot happen"), "{refused}");
            assert_eq!(status(&given), other);
        }
    }
}
