//! `payment.succeeded`: the money is here, so the carrier is asked.

use choreography::{Moment, Reacts, nothing};
use contracts::PaymentSucceeded;

use crate::{
    Shipping,
    shipment::{Ship, ShipItem, Shipment, State},
};

/// none → dispatching, which asks the carrier. Cancelled: nothing, payment learns of that by `shipping.cancelled`.
pub(crate) fn handle(event: &PaymentSucceeded, shipment: &mut Shipment, _at: &Moment<'_, Shipping>) -> Reacts {
    if shipment.state != State::None {
        return Ok(nothing());
    }
    shipment.state = State::Dispatching;
    let items = event.items.iter().map(|item| ShipItem { sku: item.sku.clone(), quantity: item.quantity }).collect();
    Ok(nothing().call::<Ship>(Ship { items, address: event.shipping_address.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_nothing_when_paid_then_the_carrier_is_asked_for_the_items() {
        let mut given = given(State::None);
        let then = given.event(paid()).unwrap();
        assert_eq!(then, ["call ship"]);
        let items = vec![ShipItem { sku: "chair".into(), quantity: 2 }];
        assert_eq!(then.calls::<Ship>(), [Ship { items, address: None }]);
        assert_eq!(shipment(&given).state, State::Dispatching);
    }

    #[test]
    fn given_any_later_state_when_paid_then_nothing_happens() {
        for state in all_but(&[State::None]) {
            let mut given = given(state);
            assert_eq!(given.event(paid()).unwrap(), [], "{state:?}");
            assert_eq!(shipment(&given).state, state);
        }
    }
}
