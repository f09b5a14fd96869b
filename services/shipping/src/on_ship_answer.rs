//! The carrier's answer.

use choreography::{Answer, Call, Moment, Reacts, publish};
use contracts::{ShippingDispatched, ShippingFailed};

use crate::{
    Shipping,
    shipment::{Ship, Shipment, State},
};

/// dispatching, yes → dispatched (`shipping.dispatched`), the pivot; no → failed (`shipping.failed`).
pub(crate) fn handle(answer: &Answer, shipment: &mut Shipment, at: &Moment<'_, Shipping>) -> Reacts {
    if shipment.state != State::Dispatching {
        return Err(shop::cannot_happen("an answer of the carrier", shipment.state));
    }
    let order_id = shop::order_id(at.aggregate_id)?;
    Ok(match answer {
        Answer::Yes { detail } => {
            shipment.state = State::Dispatched;
            shipment.tracking_number = Some(shop::kept_reference(detail));
            let key = format!("{}/{}", at.aggregate_id, Ship::STEP);
            publish(ShippingDispatched { order_id, tracking_number: shop::reference(detail, &key) })
        }
        Answer::No { reason } => {
            shipment.state = State::Failed;
            publish(ShippingFailed { order_id, reason: shop::reason(reason) })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_the_carrier_was_asked_when_it_answers_then_the_order_is_dispatched_or_failed() {
        let mut dispatched = given(State::Dispatching);
        let then = dispatched.answer::<Ship>(ORDER, yes("T1")).unwrap();
        let expected = ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() };
        assert_eq!(then.published::<ShippingDispatched>(), [expected]);
        let expected = Shipment { state: State::Dispatched, tracking_number: Some("T1".into()) };
        assert_eq!(shipment(&dispatched), expected);
        let mut failed = given(State::Dispatching);
        let then = failed.answer::<Ship>(ORDER, no()).unwrap();
        let expected = ShippingFailed { order_id: ORDER, reason: "not served".into() };
        assert_eq!(then.published::<ShippingFailed>(), [expected]);
        assert_eq!(shipment(&failed).state, State::Failed);
    }

    #[test]
    fn given_the_carrier_was_asked_when_its_number_is_unfit_then_the_order_is_dispatched_all_the_same() {
        let long = "x".repeat(1_000);
        for number in ["", "T\x001", long.as_str()] {
            let mut given = given(State::Dispatching);
            assert_eq!(given.answer::<Ship>(ORDER, yes(number)).unwrap(), ["shipping.dispatched"], "{number:?}");
            assert_eq!(shipment(&given).state, State::Dispatched);
        }
    }

    #[test]
    fn given_the_carrier_was_not_asked_when_it_answers_then_an_operator_is_called() {
        for state in all_but(&[State::Dispatching]) {
            assert!(given(state).answer::<Ship>(ORDER, yes("T1")).is_err(), "{state:?}");
        }
    }
}
