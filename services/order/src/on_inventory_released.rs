//! `inventory.released`: nothing is set aside and no money is held, so the order is cancelled.

use choreography::{Moment, Reacts};
use contracts::InventoryReleased;

use crate::{
    Order,
    end_cancelled::end_cancelled,
    order_row::{OrderRow, Status},
};

/// pending or cancelling → cancelled (`order.cancelled`); cancelled: a repeat. At a completed order it cannot happen: its
/// goods are gone.
pub(crate) fn handle(event: &InventoryReleased, order: &mut OrderRow, at: &Moment<'_, Order>) -> Reacts {
    if order.status == Status::Completed {
        return Err(shop::cannot_happen("inventory.released", Status::Completed));
    }
    end_cancelled("inventory.released", &event.reason, order, at)
}

#[cfg(test)]
mod tests {
    use contracts::OrderCancelled;

    use crate::{order_row::Status, samples::*};

    #[test]
    fn given_an_open_order_when_released_then_it_is_cancelled_once_for_the_reason_told() {
        for open in [Status::Pending, Status::Cancelling] {
            let mut given = given(open);
            let then = given.event(released()).unwrap();
            assert_eq!(then, ["record order_history", "order.cancelled", "settle order"]);
            let expected = OrderCancelled { order_id: ORDER, reason: "payment failed".into() };
            assert_eq!(then.published::<OrderCancelled>(), [expected]);
            assert_eq!(status(&given), Status::Cancelled);
            assert_eq!(given.event(released()).unwrap(), []);
            assert_eq!(status(&given), Status::Cancelled);
        }
    }

    #[test]
    fn given_a_completed_order_when_released_then_an_operator_is_called() {
        let mut given = given(Status::Completed);
        let refused = given.event(released()).unwrap_err();
        assert!(refused.to_string().contains("cannot happen"), "{refused}");
        assert_eq!(status(&given), Status::Completed);
    }

    #[test]
    fn given_an_order_that_was_never_placed_when_released_then_an_operator_is_called() {
        let refused = given(Status::None).event(released()).unwrap_err();
        assert!(refused.to_string().contains("unknown order"), "{refused}");
    }
}
