//! `inventory.rejected`, `inventory.released`: nothing is set aside and no money is held, so the order is cancelled.

use chrono::{DateTime, Utc};
use contracts::OrderCancelled;
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    participant::{Order, advance, order_row, settle},
    state::Status,
};

/// pending or cancelling → cancelled (`order.cancelled`); a completed order was never rejected, so that is a no-op.
pub(crate) fn rejected(
    order_id: Uuid,
    reason: &str,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    cancel(order_id, reason, rows, now)
}

/// pending or cancelling → cancelled (`order.cancelled`). At a completed order it cannot happen: its goods are gone.
pub(crate) fn released(
    order_id: Uuid,
    reason: &str,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    if order_row(rows, &order_id.to_string())?.status == Status::Completed {
        return Err(shop::cannot_happen("inventory.released", Status::Completed));
    }
    cancel(order_id, reason, rows, now)
}

fn cancel(
    order_id: Uuid,
    reason: &str,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    let order = order_id.to_string();
    let row = order_row(rows, &order)?;
    match row.status {
        Status::Pending | Status::Cancelling => {}
        Status::Completed | Status::Cancelled => return Ok(Effects::none()),
        Status::None => return Err(shop::cannot_happen("an answer of inventory to an order nobody placed", row.status)),
    }
    let fact = shop::fact(OrderCancelled { order_id, reason: reason.to_owned() })?;
    Ok(advance(rows, &order, row, Status::Cancelled, reason, now).fact(fact).settle(settle(&order)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_an_open_order_when_nothing_is_reserved_then_it_is_cancelled() {
        for status in [Status::Pending, Status::Cancelling] {
            for released in [false, true] {
                let mut given = Given::new(status);
                assert_eq!(
                    given.nothing_reserved(released).unwrap(),
                    ["history Cancelled", "order.cancelled", "settle order"]
                );
                assert_eq!(given.status(), Status::Cancelled);
            }
        }
    }

    #[test]
    fn given_an_ended_order_when_nothing_is_reserved_then_nothing_happens_or_somebody_is_woken() {
        assert!(Given::new(Status::Cancelled).nothing_reserved(true).unwrap().is_empty());
        assert!(Given::new(Status::Cancelled).nothing_reserved(false).unwrap().is_empty());
        assert!(Given::new(Status::Completed).nothing_reserved(false).unwrap().is_empty());
        assert!(Given::new(Status::Completed).nothing_reserved(true).is_err());
        assert!(Given::new(Status::None).nothing_reserved(true).is_err());
    }
}
