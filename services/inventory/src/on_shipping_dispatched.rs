//! `shipping.dispatched`: what was set aside has left the warehouse.

use choreography::{Further, Moment, Reacts, nothing};
use contracts::ShippingDispatched;

use crate::{
    Inventory,
    reservation::{Reservation, State},
    stock::{Change, Stock, move_items},
};

/// reserved → shipped; shipped: a repeat. Goods that were not set aside cannot have left.
pub(crate) fn handle(
    _event: &ShippingDispatched,
    reservation: &mut Reservation,
    stock: &mut Further<Stock>,
    at: &Moment<'_, Inventory>,
) -> Reacts {
    match reservation.state {
        State::Shipped => return Ok(nothing()),
        State::Reserved => {}
        state => return Err(shop::cannot_happen("shipping.dispatched", state)),
    }
    reservation.state = State::Shipped;
    move_items(&reservation.items.0, Change::Ship, stock, at.aggregate_id, at.now)
}

#[cfg(test)]
mod tests {
    use choreography::Refusal;

    use super::*;
    use crate::samples::*;

    #[test]
    fn given_a_reservation_when_dispatched_then_it_is_shipped_once() {
        let mut given = given_stock(&[("chair", 5)]);
        given.event(placed(&[("chair", 2)])).unwrap();
        let then = given.event(dispatched()).unwrap();
        assert_eq!(ledger(&then), [("chair", Change::Ship)]);
        for _ in 0..2 {
            assert_eq!((state(&given), counts(&given, "chair")), (State::Shipped, (3, 0, 2)));
            assert_eq!(given.event(dispatched()).unwrap(), []);
        }
    }

    #[test]
    fn given_nothing_set_aside_when_dispatched_then_an_operator_is_called() {
        for state in [State::None, State::Rejected, State::Released] {
            let mut given = given_stock(&[]).row(ORDER, reservation(state, &[]));
            let refused = given.event(dispatched()).unwrap_err();
            assert!(matches!(&refused, Refusal::Permanent(why) if why.contains("cannot happen")), "{state:?}");
        }
    }
}
