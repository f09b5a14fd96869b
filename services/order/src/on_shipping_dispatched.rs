//! `shipping.dispatched`: past the pivot, the order is completed.

use chrono::{DateTime, Utc};
use contracts::{OrderCompleted, ShippingDispatched};
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    end_cancelled::unknown_order,
    participant::{Order, advance, order_row, settle},
    state::Status,
};

/// pending or cancelling → completed (`order.completed`); completed: a repeat. At a cancelled order it cannot happen.
pub(crate) fn handle(
    event: &ShippingDispatched,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    let order = event.order_id.to_string();
    let row = order_row(rows, &order)?;
    match row.status {
        Status::Pending | Status::Cancelling => {}
        Status::Completed => return Ok(Effects::none()),
        Status::Cancelled => return Err(shop::cannot_happen("shipping.dispatched", row.status)),
        Status::None => return Err(unknown_order("shipping.dispatched")),
    }
    let reason = match row.status {
        Status::Cancelling => "dispatched: the cancellation came too late",
        _ => "dispatched",
    };
    let fact = shop::fact(OrderCompleted { order_id: event.order_id })?;
    Ok(advance(rows, &order, row, Status::Completed, reason, now).fact(fact).settle(settle(&order)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_an_open_order_when_dispatched_then_it_is_completed_once() {
        for status in [Status::Pending, Status::Cancelling] {
            let mut given = Given::new(status);
            assert_eq!(given.dispatched().unwrap(), ["history Completed", "order.completed", "settle order"]);
            assert!(given.dispatched().unwrap().is_empty());
            assert_eq!(given.status(), Status::Completed);
        }
    }

    #[test]
    fn given_a_cancelled_or_unknown_order_when_dispatched_then_somebody_is_woken() {
        for status in [Status::Cancelled, Status::None] {
            let mut given = Given::new(status);
            let refused = given.dispatched().unwrap_err();
            assert!(refused.to_string().contains("cannot happen"), "{refused}");
            assert_eq!(given.status(), status);
        }
    }
}
