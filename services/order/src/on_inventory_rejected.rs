//! `inventory.rejected`: not everything is there, so the order is cancelled.

use chrono::{DateTime, Utc};
use contracts::InventoryRejected;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{end_cancelled::end_cancelled, participant::Order};

/// pending or cancelling → cancelled (`order.cancelled`); ended already: nothing.
pub(crate) fn handle(
    event: &InventoryRejected,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    end_cancelled(event.order_id, "inventory.rejected", &event.reason, rows, now)
}

#[cfg(test)]
mod tests {
    use crate::{given::*, state::Status};

    #[test]
    fn given_an_open_order_when_rejected_then_it_is_cancelled_once() {
        for status in [Status::Pending, Status::Cancelling] {
            let mut given = Given::new(status);
            assert_eq!(given.rejected().unwrap(), ["history Cancelled", "order.cancelled", "settle order"]);
            assert_eq!(given.status(), Status::Cancelled);
            assert!(given.rejected().unwrap().is_empty());
            assert_eq!(given.status(), Status::Cancelled);
        }
    }

    #[test]
    fn given_a_completed_order_when_rejected_then_nothing_happens() {
        let mut given = Given::new(Status::Completed);
        assert!(given.rejected().unwrap().is_empty());
        assert_eq!(given.status(), Status::Completed);
    }

    #[test]
    fn given_an_order_that_nobody_placed_when_rejected_then_somebody_is_woken() {
        let refused = Given::new(Status::None).rejected().unwrap_err();
        assert!(refused.to_string().contains("unknown order"), "{refused}");
    }
}
