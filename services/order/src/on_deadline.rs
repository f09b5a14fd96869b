//! The order took too long: its cancellation is requested, by the same way as a client's.

use choreography::{Moment, Reacts};
use contracts::CancellationReason;

use crate::{Order, cancel_order::request_cancellation, order_row::OrderRow};

/// pending → cancelling (`order.cancellation_requested`); anything else: nothing.
pub(crate) fn handle(order: &mut OrderRow, at: &Moment<'_, Order>) -> Reacts {
    request_cancellation(CancellationReason::Deadline, order, at)
}

#[cfg(test)]
mod tests {
    use contracts::OrderCancellationRequested;

    use super::*;
    use crate::{
        order_row::{DEADLINE, Status},
        samples::*,
    };

    #[test]
    fn given_a_pending_order_when_its_deadline_passes_then_the_cancellation_is_requested() {
        let mut given = given(Status::Pending);
        let then = given.deadline(ORDER, DEADLINE).unwrap();
        assert_eq!(then, ["record order_history", "order.cancellation_requested"]);
        let expected = OrderCancellationRequested { order_id: ORDER, reason: CancellationReason::Deadline };
        assert_eq!((status(&given), then.published()), (Status::Cancelling, vec![expected]));
    }

    #[test]
    fn given_any_other_state_when_the_deadline_passes_then_nothing_happens() {
        for other in [Status::None, Status::Cancelling, Status::Completed, Status::Cancelled] {
            let mut given = given(other);
            assert_eq!(given.deadline(ORDER, DEADLINE).unwrap(), [], "{other:?}");
            assert_eq!(status(&given), other);
        }
    }
}
