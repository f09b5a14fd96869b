//! `order.cancellation_requested`: in time only if the carrier was not asked yet.

use contracts::{CancellationReason, OrderCancellationRequested, ShippingCancelled};
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::Shipping,
    state::{Row, State, Table},
};

/// none → cancelled (`shipping.cancelled`), a tombstone: `payment.succeeded` may still come, and must find it.
/// Anything else: too late, or undone already.
pub(crate) fn handle(
    event: &OrderCancellationRequested,
    rows: &mut Rows<Shipping>,
) -> Result<Effects<Shipping>, Refusal> {
    let order = event.order_id.to_string();
    if rows.get(Table::Shipments, &order).state != State::None {
        return Ok(Effects::none());
    }
    rows.set(Table::Shipments, &order, Row { state: State::Cancelled, tracking_number: None });
    let reason = match event.reason {
        CancellationReason::Client => "cancelled by the client",
        CancellationReason::Deadline => "the order took too long",
    };
    Ok(Effects::none().fact(shop::fact(ShippingCancelled { order_id: event.order_id, reason: reason.to_owned() })?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_nothing_when_cancellation_is_requested_then_a_tombstone_keeps_a_late_payment_from_shipping() {
        let mut given = Given::new(State::None);
        assert_eq!(given.cancellation_requested().unwrap(), ["shipping.cancelled"]);
        assert_eq!(given.state(), State::Cancelled);
        assert!(given.paid().unwrap().is_empty());
    }

    #[test]
    fn given_the_carrier_was_asked_when_cancellation_is_requested_then_it_is_too_late() {
        for state in [State::Dispatching, State::Dispatched, State::Failed, State::Cancelled] {
            let mut given = Given::new(state);
            assert!(given.cancellation_requested().unwrap().is_empty(), "{state:?}");
            assert_eq!(given.state(), state);
        }
    }
}
