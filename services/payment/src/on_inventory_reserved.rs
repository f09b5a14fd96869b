//! `inventory.reserved`: everything is set aside, so the money is taken.

use choreography::{Json, Moment, Reacts, nothing};
use contracts::InventoryReserved;

use crate::{
    Payment,
    calls::Charge,
    payment_row::{OrderToPay, PaymentRow, State},
};

/// none → capturing, which asks the provider. A tombstone or a repeat: nothing.
pub(crate) fn handle(event: &InventoryReserved, payment: &mut PaymentRow, _at: &Moment<'_, Payment>) -> Reacts {
    if payment.state != State::None {
        return Ok(nothing());
    }
    let order = &event.details;
    let to_pay = OrderToPay {
        amount: order.total_amount,
        currency: order.currency.clone(),
        items: order.items.clone(),
        shipping_address: order.shipping_address.clone(),
        sealed_address: order.sealed_address.clone(),
    };
    *payment = PaymentRow { state: State::Capturing, details: Some(Json(to_pay)), charge_id: None };
    Ok(nothing().call::<Charge>(Charge {
        amount: order.total_amount,
        currency: order.currency.clone(),
        payment_method: order.payment_method.clone(),
        cancel: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_nothing_when_reserved_then_the_provider_is_asked_for_what_is_to_be_paid() {
        let mut given = given(State::None);
        let then = given.event(reserved()).unwrap();
        assert_eq!(then, ["call charge"]);
        let payment_method = Some("tok_visa".into());
        let expected = Charge { amount: 200, currency: "EUR".into(), payment_method, cancel: false };
        assert_eq!(then.calls::<Charge>(), [expected]);
        assert_eq!(row(&given), PaymentRow { state: State::Capturing, details: details(), charge_id: None });
    }

    #[test]
    fn given_any_later_state_when_reserved_then_nothing_happens() {
        for state in all_but(&[State::None]) {
            let mut given = given(state);
            assert_eq!(given.event(reserved()).unwrap(), [], "{state:?}");
            assert_eq!(row(&given).state, state);
        }
    }
}
