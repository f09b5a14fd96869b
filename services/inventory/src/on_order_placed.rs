//! `order.placed`: everything is set aside, or nothing.

use chrono::{DateTime, Utc};
use contracts::{InventoryRejected, InventoryReserved, Item, OrderPlaced, Shortage};
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::{Inventory, move_stock, reservation, stock},
    state::{Change, LedgerEntry, Reservation, ReservationState, Row, Table},
};

/// none → reserved (`inventory.reserved`) or rejected (`inventory.rejected`); a tombstone or a repeat: nothing.
pub(crate) fn handle(
    event: &OrderPlaced,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    let order = event.order_id.to_string();
    if reservation(rows, &order)?.state != ReservationState::None {
        return Ok(Effects::none());
    }
    let shortages = shortages(&event.items, rows)?;
    if !shortages.is_empty() {
        return reject(event, &order, shortages, rows);
    }
    let mut effects = Effects::none();
    for item in &event.items {
        move_stock(rows, &mut effects, set_aside(item, &order, now))?;
    }
    let reserved = Reservation { state: ReservationState::Reserved, items: event.items.clone() };
    rows.set(Table::Reservations, &order, Row::Reservation(reserved));
    let fact = shop::fact(InventoryReserved {
        order_id: event.order_id,
        user_id: event.user_id.clone(),
        total_amount: event.total_amount,
        currency: event.currency.clone(),
        items: event.items.clone(),
        payment_method: event.payment_method.clone(),
        shipping_address: event.shipping_address.clone(),
    })?;
    Ok(effects.fact(fact))
}

fn shortages(items: &[Item], rows: &Rows<Inventory>) -> Result<Vec<Shortage>, Refusal> {
    let mut shortages = Vec::new();
    for item in items {
        let available = stock(rows, &item.sku)?.available;
        if available < i64::from(item.quantity) {
            shortages.push(Shortage { sku: item.sku.clone(), requested: item.quantity, available });
        }
    }
    Ok(shortages)
}

fn reject(
    event: &OrderPlaced,
    order: &str,
    shortages: Vec<Shortage>,
    rows: &mut Rows<Inventory>,
) -> Result<Effects<Inventory>, Refusal> {
    let rejected = Reservation { state: ReservationState::Rejected, items: Vec::new() };
    rows.set(Table::Reservations, order, Row::Reservation(rejected));
    let first = &shortages[0];
    let reason = format!("out of stock: {} wanted {}, available {}", first.sku, first.requested, first.available);
    let fact = shop::fact(InventoryRejected { order_id: event.order_id, reason, shortages })?;
    Ok(Effects::none().fact(fact))
}

fn set_aside(item: &Item, order: &str, at: DateTime<Utc>) -> LedgerEntry {
    let pieces = i64::from(item.quantity);
    LedgerEntry {
        sku: item.sku.clone(),
        order_id: Some(order.to_owned()),
        change: Change::Reserve,
        available: -pieces,
        reserved: pieces,
        shipped: 0,
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_stock_when_placed_then_all_items_are_set_aside() {
        let mut given = Given::new().stock("chair", 5).stock("lamp", 1);
        let then = given.placed(&[("chair", 2), ("lamp", 1)]).unwrap();
        assert_eq!(then, ["inventory.reserved"]);
        assert_eq!(given.state(), ReservationState::Reserved);
        assert_eq!((given.counts("chair"), given.counts("lamp")), ((3, 2, 0), (0, 1, 0)));
    }

    #[test]
    fn given_one_item_short_when_placed_then_nothing_is_set_aside() {
        let mut given = Given::new().stock("chair", 5).stock("lamp", 0);
        let then = given.placed(&[("chair", 2), ("lamp", 1)]).unwrap();
        assert_eq!(then, ["inventory.rejected"]);
        assert_eq!(given.state(), ReservationState::Rejected);
        assert_eq!((given.counts("chair"), given.counts("lamp")), ((5, 0, 0), (0, 0, 0)));
    }

    #[test]
    fn given_any_later_state_when_placed_then_nothing_happens() {
        for state in [
            ReservationState::Reserved,
            ReservationState::Rejected,
            ReservationState::Released,
            ReservationState::Shipped,
        ] {
            let mut given = Given::new().stock("chair", 5).reservation(state, &[]);
            assert!(given.placed(&[("chair", 1)]).unwrap().is_empty(), "{state:?}");
            assert_eq!((given.state(), given.counts("chair")), (state, (5, 0, 0)));
        }
    }
}
