//! Every event that says that no money is held ends here: the stock goes back, or never leaves.

use choreography::{Further, Moment, Reacts, nothing};
use contracts::InventoryReleased;

use crate::{
    Inventory,
    reservation::{Reservation, State},
    stock::{Change, Stock, move_items},
};

/// reserved → released; none → released, a tombstone: `order.placed` may still come, and must find it.
/// Both publish `inventory.released`. rejected, released, shipped: nothing.
pub(crate) fn give_back(
    reason: &str,
    reservation: &mut Reservation,
    stock: &mut Further<Stock>,
    at: &Moment<'_, Inventory>,
) -> Reacts {
    if !matches!(reservation.state, State::None | State::Reserved) {
        return Ok(nothing());
    }
    reservation.state = State::Released;
    let moved = move_items(&reservation.items.0, Change::Release, stock, at.aggregate_id, at.now)?;
    let order_id = shop::order_id(at.aggregate_id)?;
    Ok(moved.publish(InventoryReleased { order_id, reason: shop::reason(reason) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_a_reservation_when_no_money_is_held_then_the_stock_goes_back_once() {
        for undo in UNDOS {
            let mut given = given_stock(&[("chair", 5), ("lamp", 1)]);
            given.event(placed(&[("chair", 2), ("lamp", 1)])).unwrap();
            let then = no_money_held(&mut given, undo).unwrap();
            assert_eq!(then, ["record stock_ledger", "record stock_ledger", "inventory.released"]);
            assert_eq!(ledger(&then), [("chair", Change::Release), ("lamp", Change::Release)]);
            assert_eq!(state(&given), State::Released);
            assert_eq!((counts(&given, "chair"), counts(&given, "lamp")), ((5, 0, 0), (1, 0, 0)));
            for again in UNDOS {
                assert_eq!(no_money_held(&mut given, again).unwrap(), [], "{undo:?}, {again:?}");
            }
            assert_eq!((counts(&given, "chair"), counts(&given, "lamp")), ((5, 0, 0), (1, 0, 0)));
        }
    }

    #[test]
    fn given_nothing_when_no_money_is_held_then_a_tombstone_keeps_a_late_order_from_reserving() {
        for undo in UNDOS {
            let mut given = given_stock(&[("chair", 5)]);
            assert_eq!(no_money_held(&mut given, undo).unwrap(), ["inventory.released"]);
            assert_eq!(state(&given), State::Released);
            assert_eq!(given.event(placed(&[("chair", 2)])).unwrap(), [], "{undo:?}");
            assert_eq!(counts(&given, "chair"), (5, 0, 0));
        }
    }

    #[test]
    fn given_any_other_state_when_no_money_is_held_then_nothing_happens() {
        for other in [State::Rejected, State::Released, State::Shipped] {
            for undo in UNDOS {
                let mut given = given_stock(&[("chair", 5)]).row(ORDER, reservation(other, &[("chair", 2)]));
                assert_eq!(no_money_held(&mut given, undo).unwrap(), [], "{other:?}, {undo:?}");
                assert_eq!((state(&given), counts(&given, "chair")), (other, (5, 0, 0)));
            }
        }
    }

    #[test]
    fn why_it_was_given_back_is_said() {
        let reasons = UNDOS.map(|undo| {
            let mut given = given_stock(&[]);
            let then = no_money_held(&mut given, undo).unwrap();
            then.published::<InventoryReleased>()[0].reason.chars().take(16).collect::<String>()
        });
        assert_eq!(reasons, ["payment failed: ", "payment refunded", "payment voided: "]);
    }
}
