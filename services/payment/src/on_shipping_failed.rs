//! `shipping.failed`: the carrier refused, or the address was erased; the money goes back.

use choreography::{Moment, Reacts, nothing};
use contracts::ShippingFailed;

use crate::{
    Payment,
    calls::Refund,
    payment_row::{PaymentRow, State},
};

/// succeeded → refunding; refunding, refunded: a repeat. Shipping only begins once money was captured, so a failure of
/// it where nothing was captured cannot happen.
pub(crate) fn handle(_event: &ShippingFailed, payment: &mut PaymentRow, _at: &Moment<'_, Payment>) -> Reacts {
    match payment.state {
        State::Succeeded => {
            payment.state = State::Refunding;
            Ok(nothing().call::<Refund>(Refund::whole(payment)?))
        }
        State::Refunding | State::Refunded => Ok(nothing()),
        state => Err(shop::cannot_happen("shipping.failed", state)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_captured_money_when_shipping_failed_then_it_is_to_go_back() {
        let mut given = given(State::Succeeded);
        assert_eq!(given.event(failed()).unwrap(), ["call refund"]);
        assert_eq!(row(&given).state, State::Refunding);
    }

    #[test]
    fn given_nothing_captured_when_shipping_failed_then_an_operator_is_called() {
        for state in all_but(&[State::Succeeded, State::Refunding, State::Refunded]) {
            assert!(given(state).event(failed()).is_err(), "{state:?}");
        }
    }

    #[test]
    fn given_the_money_on_its_way_back_when_shipping_failed_then_nothing_happens() {
        for state in [State::Refunding, State::Refunded] {
            let mut given = given(state);
            assert_eq!(given.event(failed()).unwrap(), [], "{state:?}");
            assert_eq!(row(&given).state, state);
        }
    }
}
