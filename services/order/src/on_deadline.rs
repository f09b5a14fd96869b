//! The order took too long: its cancellation is requested, by the same way as a client's.

use chrono::{DateTime, Utc};
use contracts::CancellationReason;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{cancel_order::request_cancellation, participant::Order};

/// pending → cancelling (`order.cancellation_requested`); anything else: nothing.
pub(crate) fn handle(order: &str, rows: &mut Rows<Order>, now: DateTime<Utc>) -> Result<Effects<Order>, Refusal> {
    request_cancellation(shop::order_id(order)?, CancellationReason::Deadline, rows, now)
}

#[cfg(test)]
mod tests {
    use crate::{given::*, state::Status};

    #[test]
    fn given_a_pending_order_when_its_deadline_passes_then_the_cancellation_is_requested() {
        let mut given = Given::new(Status::Pending);
        assert_eq!(given.deadline().unwrap(), ["history Cancelling", "order.cancellation_requested"]);
        assert_eq!(given.status(), Status::Cancelling);
    }

    #[test]
    fn given_any_other_state_when_the_deadline_passes_then_nothing_happens() {
        for status in [Status::None, Status::Cancelling, Status::Completed, Status::Cancelled] {
            let mut given = Given::new(status);
            assert!(given.deadline().unwrap().is_empty(), "{status:?}");
            assert_eq!(given.status(), status);
        }
    }
}
