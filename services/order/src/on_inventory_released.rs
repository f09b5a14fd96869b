//! `inventory.released`: nothing is set aside and no money is held, so the order is cancelled.

use chrono::{DateTime, Utc};
use contracts::InventoryReleased;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    end_cancelled::end_cancelled,
    participant::{Order, order_row},
    state::Status,
};

/// pending or cancelling → cancelled (`order.cancelled`); cancelled: a repeat. At a completed order it cannot happen: its
/// goods are gone.
pub(crate) fn handle(
    event: &InventoryReleased,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    if order_row(rows, &event.order_id.to_string())?.status == Status::Completed {
        return Err(shop::cannot_happen("inventory.released", Status::Completed));
    }
    end_cancelled(event.order_id, "inventory.released", &event.reason, rows, now)
}

#[cfg(test)]
mod tests {
    use crate::{given::*, state::Status};

    #[test]
    fn given_an_open_order_when_released_then_it_is_cancelled_once() {
        for status in [Status::Pending, Status::Cancelling] {
            let mut given = Given::new(status);
            assert_eq!(given.released().unwrap(), ["history Cancelled", "order.cancelled", "settle order"]);
            assert_eq!(given.status(), Status::Cancelled);
            assert!(given.released().unwrap().is_empty());
            assert_eq!(given.status(), Status::Cancelled);
        }
    }

    #[test]
    fn given_a_completed_order_when_released_then_somebody_is_woken() {
        let mut given = Given::new(Status::Completed);
        let refused = given.released().unwrap_err();
        assert!(refused.to_string().contains("cannot happen"), "{refused}");
        assert_eq!(given.status(), Status::Completed);
    }

    #[test]
    fn given_an_order_that_nobody_placed_when_released_then_somebody_is_woken() {
        let refused = Given::new(Status::None).released().unwrap_err();
        assert!(refused.to_string().contains("unknown order"), "{refused}");
    }
}
