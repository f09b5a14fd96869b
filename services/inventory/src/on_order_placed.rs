//! `order.placed`: everything is set aside, or nothing.

use choreography::{Further, Json, Moment, Reacts, nothing, publish};
use contracts::{InventoryRejected, InventoryReserved, Item, OrderPlaced, Shortage};

use crate::{
    Inventory,
    reservation::{Reservation, State},
    stock::{Change, Stock, move_items},
};

/// none → reserved (`inventory.reserved`) or rejected (`inventory.rejected`); a tombstone or a repeat: nothing.
pub(crate) fn handle(
    event: &OrderPlaced,
    reservation: &mut Reservation,
    stock: &mut Further<Stock>,
    at: &Moment<'_, Inventory>,
) -> Reacts {
    if reservation.state != State::None {
        return Ok(nothing());
    }
    let shortages = shortages(&event.details.items, stock);
    if let Some(first) = shortages.first() {
        reservation.state = State::Rejected;
        let reason = format!("out of stock: {} wanted {}, available {}", first.sku, first.requested, first.available);
        return Ok(publish(InventoryRejected { order_id: event.order_id, reason, shortages }));
    }
    *reservation = Reservation { state: State::Reserved, items: Json(event.details.items.clone()) };
    let moved = move_items(&event.details.items, Change::Reserve, stock, at.aggregate_id, at.now)?;
    Ok(moved.publish(InventoryReserved { order_id: event.order_id, details: event.details.clone() }))
}

fn shortages(items: &[Item], stock: &Further<Stock>) -> Vec<Shortage> {
    let short = |item: &Item| {
        let available = stock.get(&item.sku).available;
        let (sku, requested) = (item.sku.clone(), item.quantity);
        (available < i64::from(requested)).then_some(Shortage { sku, requested, available })
    };
    items.iter().filter_map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_stock_when_placed_then_all_items_are_set_aside_and_payment_learns_what_it_needs() {
        let mut given = given_stock(&[("chair", 5), ("lamp", 1)]);
        let order = placed(&[("chair", 2), ("lamp", 1)]);
        let then = given.event(order.clone()).unwrap();
        assert_eq!(then, ["record stock_ledger", "record stock_ledger", "inventory.reserved"]);
        let reserved = &then.published::<InventoryReserved>()[0];
        assert_eq!(serde_json::to_value(reserved).unwrap(), serde_json::to_value(order).unwrap());
        assert_eq!(state(&given), State::Reserved);
        assert_eq!((counts(&given, "chair"), counts(&given, "lamp")), ((3, 2, 0), (0, 1, 0)));
    }

    #[test]
    fn given_one_item_short_when_placed_then_nothing_is_set_aside() {
        let mut given = given_stock(&[("chair", 5), ("lamp", 0)]);
        let then = given.event(placed(&[("chair", 2), ("lamp", 1)])).unwrap();
        assert_eq!(then, ["inventory.rejected"]);
        let rejected = &then.published::<InventoryRejected>()[0];
        assert_eq!(rejected.reason, "out of stock: lamp wanted 1, available 0");
        assert_eq!(rejected.shortages, [Shortage { sku: "lamp".into(), requested: 1, available: 0 }]);
        assert_eq!(state(&given), State::Rejected);
        assert_eq!((counts(&given, "chair"), counts(&given, "lamp")), ((5, 0, 0), (0, 0, 0)));
    }

    #[test]
    fn given_any_later_state_when_placed_then_nothing_happens() {
        for later in State::ALL.iter().copied().filter(|state| *state != State::None) {
            let mut given = given_stock(&[("chair", 5)]).row(ORDER, reservation(later, &[]));
            assert_eq!(given.event(placed(&[("chair", 1)])).unwrap(), [], "{later:?}");
            assert_eq!((state(&given), counts(&given, "chair")), (later, (5, 0, 0)));
        }
    }
}
