//! `payment.succeeded`: the money is here, so the carrier is asked.

use choreography::{Further, Moment, Reacts, Refusal, nothing, publish};
use choreography_keys::{HeldKey, Openable, SealError, Sealed};
use contracts::{PaymentSucceeded, ShippingFailed};

use crate::{
    Shipping,
    shipment::{Ship, ShipItem, Shipment, State},
};

/// Why nothing is sent to who was erased.
const ERASED: &str = "the customer's address was erased";

/// The key of the customer whose address is sealed.
pub(crate) fn customer(event: &PaymentSucceeded) -> Vec<String> {
    sealed(event).and_then(Result::ok).map(|sealed| sealed.key.subject).into_iter().collect()
}

/// none → dispatching, which asks the carrier; or failed (`shipping.failed`), if the key to the address was erased. A key that has not
/// come yet is waited for. Cancelled: nothing, payment learns of that by `shipping.cancelled`.
pub(crate) fn handle(
    event: &PaymentSucceeded,
    shipment: &mut Shipment,
    keys: &mut Further<HeldKey>,
    at: &Moment<'_, Shipping>,
) -> Reacts {
    if shipment.state != State::None {
        return Ok(nothing());
    }
    if let Some(sealed) = sealed(event) {
        let sealed = sealed.map_err(unfit)?;
        match keys.get(&sealed.key.subject).opens(&sealed) {
            // That it opens is known before the money is as good as spent; the call opens it again.
            Openable::With(key) => drop(shop::sealed_address::open(&sealed, key, at.aggregate_id).map_err(unfit)?),
            Openable::NotYet => {
                return Err(Refusal::Awaited(format!(
                    "the key to the address has not come yet (generation {})",
                    sealed.key.generation
                )));
            }
            Openable::NeverAgain => {
                shipment.state = State::Failed;
                return Ok(publish(ShippingFailed { order_id: event.order_id, reason: ERASED.to_owned() }));
            }
        }
    }
    shipment.state = State::Dispatching;
    let items = event.items.iter().map(|item| ShipItem { sku: item.sku.clone(), quantity: item.quantity }).collect();
    let (address, sealed_address) = (event.shipping_address.clone(), event.sealed_address.clone());
    Ok(nothing().call::<Ship>(Ship { items, address, sealed_address }))
}

fn sealed(event: &PaymentSucceeded) -> Option<Result<Sealed, SealError>> {
    event.sealed_address.as_deref().map(Sealed::parse)
}

fn unfit(error: impl std::fmt::Display) -> Refusal {
    Refusal::Permanent(format!("payload.sealedAddress: {error}"))
}

#[cfg(test)]
mod tests {
    use choreography_keys::Fresh;

    use super::*;
    use crate::samples::*;

    #[test]
    fn given_nothing_when_paid_then_the_carrier_is_asked_for_the_items() {
        let mut given = given(State::None);
        let then = given.event(paid()).unwrap();
        assert_eq!(then, ["call ship"]);
        let items = vec![ShipItem { sku: "chair".into(), quantity: 2 }];
        assert_eq!(then.calls::<Ship>(), [Ship { items, address: None, sealed_address: None }]);
        assert_eq!(shipment(&given).state, State::Dispatching);
    }

    #[test]
    fn given_any_later_state_when_paid_then_nothing_happens() {
        for state in all_but(&[State::None]) {
            let mut given = given(state);
            assert_eq!(given.event(paid()).unwrap(), [], "{state:?}");
            assert_eq!(given.event(paid_to(&sealed_for_ada())).unwrap(), [], "{state:?}");
            assert_eq!(shipment(&given).state, state);
        }
    }

    #[test]
    fn given_the_key_when_paid_then_the_call_has_the_address_as_it_came() {
        let mut given = given(State::None).row("ada", HeldKey::of(1, Fresh::of(1).key));
        let then = given.event(paid_to(&sealed_for_ada())).unwrap();
        let call = then.calls::<Ship>().remove(0);
        assert_eq!((call.address, call.sealed_address), (None, Some(sealed_for_ada())));
    }

    #[test]
    fn given_no_key_yet_when_paid_then_it_is_awaited_and_a_cancellation_still_comes_in_time() {
        let mut given = given(State::None);
        let refused = given.event(paid_to(&sealed_for_ada())).unwrap_err();
        assert_eq!(refused, Refusal::Awaited("the key to the address has not come yet (generation 1)".into()));
        assert_eq!(given.event(cancellation_requested()).unwrap(), ["shipping.cancelled"]);
        assert_eq!(given.event(paid_to(&sealed_for_ada())).unwrap(), [], "nor does it wait any longer");
    }

    #[test]
    fn given_the_key_was_erased_when_paid_then_the_money_goes_back() {
        for erased in [HeldKey { generation: 2, key: None }, HeldKey::of(3, Fresh::of(3).key)] {
            let mut given = given(State::None).row("ada", erased);
            let then = given.event(paid_to(&sealed_for_ada())).unwrap();
            assert_eq!(then.published::<ShippingFailed>(), [ShippingFailed { order_id: ORDER, reason: ERASED.into() }]);
            assert_eq!(shipment(&given).state, State::Failed);
        }
    }

    #[test]
    fn given_a_key_that_does_not_open_it_when_paid_then_an_operator_is_called() {
        let mut given = given(State::None).row("ada", HeldKey::of(1, Fresh::of(2).key));
        for unfit in [sealed_for_ada(), "no-jwe".into()] {
            let refused = given.event(paid_to(&unfit)).unwrap_err();
            assert!(
                matches!(&refused, Refusal::Permanent(why) if why.starts_with("payload.sealedAddress: ")),
                "{refused}"
            );
        }
    }
}
