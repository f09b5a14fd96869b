//! `order.cancellation_requested`: in time only if the carrier was not asked yet.

use choreography::{Moment, Reacts, nothing, publish};
use contracts::{CancellationReason, OrderCancellationRequested, ShippingCancelled};

use crate::{
    Shipping,
    shipment::{Shipment, State},
};

/// none → cancelled (`shipping.cancelled`), a tombstone: `payment.succeeded` may still come, and must find it.
/// Anything else: too late, or undone already.
pub(crate) fn handle(
    event: &OrderCancellationRequested,
    shipment: &mut Shipment,
    _at: &Moment<'_, Shipping>,
) -> Reacts {
    if shipment.state != State::None {
        return Ok(nothing());
    }
    shipment.state = State::Cancelled;
    let reason = match event.reason {
        CancellationReason::Client => "cancelled by the client",
        CancellationReason::Deadline => "the order took too long",
    };
    Ok(publish(ShippingCancelled { order_id: event.order_id, reason: reason.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_nothing_when_cancellation_is_requested_then_a_tombstone_keeps_a_late_payment_from_shipping() {
        for (reason, told) in [
            (CancellationReason::Client, "cancelled by the client"),
            (CancellationReason::Deadline, "the order took too long"),
        ] {
            let mut given = given(State::None);
            let then = given.event(OrderCancellationRequested { order_id: ORDER, reason }).unwrap();
            let expected = ShippingCancelled { order_id: ORDER, reason: told.into() };
            assert_eq!(then.published::<ShippingCancelled>(), [expected]);
            assert_eq!(shipment(&given).state, State::Cancelled);
            assert_eq!(given.event(paid()).unwrap(), []);
        }
    }

    #[test]
    fn given_the_carrier_was_asked_when_cancellation_is_requested_then_it_is_too_late() {
        for state in all_but(&[State::None]) {
            let mut given = given(state);
            assert_eq!(given.event(cancellation_requested()).unwrap(), [], "{state:?}");
            assert_eq!(shipment(&given).state, state);
        }
    }
}
