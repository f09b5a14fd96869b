//! `inventory.rejected`: not everything is there, so the order is cancelled.

use choreography::{Moment, Reacts};
use contracts::InventoryRejected;

use crate::{Order, end_cancelled::end_cancelled, order_row::OrderRow};

/// pending or cancelling → cancelled (`order.cancelled`); ended already: nothing.
pub(crate) fn handle(event: &InventoryRejected, order: &mut OrderRow, at: &Moment<'_, Order>) -> Reacts {
    end_cancelled("inventory.rejected", &event.reason, order, at)
}

#[cfg(test)]
mod tests {
    use crate::{order_row::Status, samples::*};

    #[test]
    fn given_an_open_order_when_rejected_then_it_is_cancelled_once() {
        for open in [Status::Pending, Status::Cancelling] {
            let mut given = given(open);
            let then = given.event(rejected()).unwrap();
            assert_eq!(then, ["record order_history", "order.cancelled", "settle order"]);
            assert_eq!(status(&given), Status::Cancelled);
            assert_eq!(given.event(rejected()).unwrap(), []);
            assert_eq!(status(&given), Status::Cancelled);
        }
    }

    #[test]
    fn given_a_completed_order_when_rejected_then_nothing_happens() {
        let mut given = given(Status::Completed);
        assert_eq!(given.event(rejected()).unwrap(), []);
        assert_eq!(status(&given), Status::Completed);
    }

    #[test]
    fn given_an_order_that_was_never_placed_when_rejected_then_an_operator_is_called() {
        let refused = given(Status::None).event(rejected()).unwrap_err();
        assert!(refused.to_string().contains("unknown order"), "{refused}");
    }
}
