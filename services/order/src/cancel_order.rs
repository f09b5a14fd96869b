//! `POST /orders/{id}/cancel`: a request; shipping decides whether it is too late.

use choreography::{Command, Key, Moment, Reaction, Reacts, Refusal, nothing};
use contracts::{CancellationReason, OrderCancellationRequested};
use uuid::Uuid;

use crate::{
    Order,
    order_row::{OrderRow, Status},
};

/// A client's wish to cancel. The answer is the order's status after it.
#[derive(Debug)]
pub struct CancelOrder(pub Uuid);

impl Command for CancelOrder {
    type Row = OrderRow;
    type Reply = Status;

    fn key(&self) -> Key {
        Key::Of(self.0.to_string())
    }
}

/// pending → cancelling (`order.cancellation_requested`); in any other state the answer is that state.
pub(crate) fn handle(
    _command: &CancelOrder,
    order: &mut OrderRow,
    at: &Moment<'_, Order>,
) -> Result<(Status, Reaction), Refusal> {
    let requested = request_cancellation(CancellationReason::Client, order, at)?;
    Ok((order.status, requested))
}

/// pending → cancelling (`order.cancellation_requested`); anything else: nothing.
pub(crate) fn request_cancellation(reason: CancellationReason, order: &mut OrderRow, at: &Moment<'_, Order>) -> Reacts {
    if order.status != Status::Pending {
        return Ok(nothing());
    }
    let why = match reason {
        CancellationReason::Client => "cancellation requested by the client",
        CancellationReason::Deadline => "cancellation requested: the order took too long",
    };
    let order_id = shop::order_id(at.aggregate_id)?;
    Ok(order.advance(Status::Cancelling, why, at).publish(OrderCancellationRequested { order_id, reason }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_a_pending_order_when_cancelled_then_the_cancellation_is_requested_once() {
        let mut given = given(Status::Pending);
        let (reply, then) = given.command(CancelOrder(ORDER)).unwrap();
        assert_eq!(then, ["record order_history", "order.cancellation_requested"]);
        let expected = OrderCancellationRequested { order_id: ORDER, reason: CancellationReason::Client };
        assert_eq!((reply, then.published()), (Status::Cancelling, vec![expected]));
        let (reply, then) = given.command(CancelOrder(ORDER)).unwrap();
        assert_eq!((reply, then.words()), (Status::Cancelling, vec![]));
    }

    #[test]
    fn given_an_ended_or_unknown_order_when_cancelled_then_its_status_is_the_answer() {
        for status in [Status::None, Status::Completed, Status::Cancelled] {
            let (reply, then) = given(status).command(CancelOrder(ORDER)).unwrap();
            assert_eq!((reply, then.words()), (status, vec![]));
        }
    }
}
