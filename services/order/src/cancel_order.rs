//! `POST /orders/{id}/cancel`: a request; shipping decides whether it is too late.

use chrono::{DateTime, Utc};
use contracts::{CancellationReason, OrderCancellationRequested};
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    participant::{Order, Reply, advance, order_row},
    state::Status,
};

/// pending → cancelling (`order.cancellation_requested`); in any other state the answer is that state.
pub(crate) fn handle(order_id: Uuid, rows: &mut Rows<Order>, now: DateTime<Utc>) -> Result<Effects<Order>, Refusal> {
    request_cancellation(order_id, CancellationReason::Client, rows, now).map(|effects| {
        // Every row that was touched is there; a missing one is answered as "none".
        let status = order_row(rows, &order_id.to_string()).map_or(Status::None, |row| row.status);
        effects.reply(Reply::Cancel(status))
    })
}

/// pending → cancelling (`order.cancellation_requested`); anything else: nothing.
pub(crate) fn request_cancellation(
    order_id: Uuid,
    reason: CancellationReason,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    let order = order_id.to_string();
    let row = order_row(rows, &order)?;
    if row.status != Status::Pending {
        return Ok(Effects::none());
    }
    let why = match reason {
        CancellationReason::Client => "cancellation requested by the client",
        CancellationReason::Deadline => "cancellation requested: the order took too long",
    };
    let fact = shop::fact(OrderCancellationRequested { order_id, reason })?;
    Ok(advance(rows, &order, row, Status::Cancelling, why, now).fact(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_a_pending_order_when_cancelled_then_the_cancellation_is_requested_once() {
        let mut given = Given::new(Status::Pending);
        assert_eq!(
            given.cancel(),
            (strings(&["history Cancelling", "order.cancellation_requested"]), Status::Cancelling)
        );
        assert_eq!(given.cancel(), (vec![], Status::Cancelling));
    }

    #[test]
    fn given_an_ended_order_when_cancelled_then_its_end_stands() {
        for status in [Status::Completed, Status::Cancelled] {
            assert_eq!(Given::new(status).cancel(), (vec![], status));
        }
    }
}
