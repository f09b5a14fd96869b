//! `shipping.cancelled`: nothing leaves the warehouse any more, so no money may stay here.

use choreography::{Moment, Reacts, nothing, publish};
use contracts::{PaymentVoided, ShippingCancelled};

use crate::{
    Payment,
    calls::{Charge, Refund},
    payment_row::{PaymentRow, State},
};

/// succeeded → refunding; capturing → capturing with the undo mark, since the provider's answer is still open: from now on
/// the key is cancelled instead of charged, and if a charge came first, that is answered, and goes back;
/// none → voided (`payment.voided`), a tombstone: `inventory.reserved` may still come, and must find it.
/// Anything else: nothing.
pub(crate) fn handle(event: &ShippingCancelled, payment: &mut PaymentRow, _at: &Moment<'_, Payment>) -> Reacts {
    match payment.state {
        State::Succeeded => {
            payment.state = State::Refunding;
            Ok(nothing().call::<Refund>(Refund::whole(payment)?))
        }
        State::Capturing => {
            payment.state = State::CapturingUndo;
            Ok(nothing().amend::<Charge>(Charge::cancelled(payment)?))
        }
        State::None => {
            payment.state = State::Voided;
            Ok(publish(PaymentVoided { order_id: event.order_id, reason: event.reason.clone() }))
        }
        State::CapturingUndo | State::Failed | State::Refunding | State::Refunded | State::Voided => Ok(nothing()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_captured_money_when_shipping_is_cancelled_then_it_is_to_go_back() {
        let mut given = given(State::Succeeded);
        let then = given.event(cancelled()).unwrap();
        assert_eq!(then, ["call refund"]);
        let expected = Refund { charge_id: "ch_1".into(), amount: 200, currency: "EUR".into() };
        assert_eq!(then.calls::<Refund>(), [expected]);
        assert_eq!(row(&given).state, State::Refunding);
    }

    #[test]
    fn given_an_open_charge_when_shipping_is_cancelled_then_it_is_marked_for_undo_and_its_key_is_cancelled() {
        let mut given = given(State::Capturing);
        let then = given.event(cancelled()).unwrap();
        assert_eq!(then, ["amend charge"]);
        let expected = Charge { amount: 200, currency: "EUR".into(), payment_method: None, cancel: true };
        assert_eq!(then.calls::<Charge>(), [expected]);
        assert_eq!(row(&given).state, State::CapturingUndo);
        assert_eq!(given.event(cancelled()).unwrap(), []);
        assert_eq!(row(&given).state, State::CapturingUndo);
    }

    #[test]
    fn given_nothing_when_shipping_is_cancelled_then_a_tombstone_keeps_a_late_order_from_being_charged() {
        let mut given = given(State::None);
        assert_eq!(given.event(cancelled()).unwrap(), ["payment.voided"]);
        assert_eq!(row(&given).state, State::Voided);
        assert_eq!(given.event(reserved()).unwrap(), []);
    }

    #[test]
    fn given_any_other_state_when_shipping_is_cancelled_then_nothing_happens() {
        for state in [State::Failed, State::Refunding, State::Refunded, State::Voided] {
            let mut given = given(state);
            assert_eq!(given.event(cancelled()).unwrap(), [], "{state:?}");
            assert_eq!(row(&given).state, state);
        }
    }
}
