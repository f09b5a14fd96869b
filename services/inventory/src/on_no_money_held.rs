//! `payment.failed`, `payment.refunded`, `payment.voided`: no money is held, so the stock goes back.

use chrono::{DateTime, Utc};
use contracts::InventoryReleased;
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    participant::{Inventory, move_stock, reservation},
    state::{Change, LedgerEntry, Reservation, ReservationState, Row, Table},
};

/// reserved → released; none → released, a tombstone: `order.placed` may still come, and must find it.
/// Both publish `inventory.released`. Anything else: nothing.
pub(crate) fn handle(
    order_id: Uuid,
    reason: &str,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    let order = order_id.to_string();
    let found = reservation(rows, &order)?.clone();
    if !matches!(found.state, ReservationState::None | ReservationState::Reserved) {
        return Ok(Effects::none());
    }
    let mut effects = Effects::none();
    for item in &found.items {
        let pieces = i64::from(item.quantity);
        let entry = LedgerEntry {
            sku: item.sku.clone(),
            order_id: Some(order.clone()),
            change: Change::Release,
            available: pieces,
            reserved: -pieces,
            shipped: 0,
            at: now,
        };
        move_stock(rows, &mut effects, entry)?;
    }
    let released = Reservation { state: ReservationState::Released, ..found };
    rows.set(Table::Reservations, &order, Row::Reservation(released));
    Ok(effects.fact(shop::fact(InventoryReleased { order_id, reason: reason.to_owned() })?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_a_reservation_when_no_money_is_held_then_the_stock_goes_back() {
        let mut given = Given::new().stock("chair", 5);
        given.placed(&[("chair", 2)]).unwrap();
        assert_eq!(given.no_money_held().unwrap(), ["inventory.released"]);
        assert_eq!((given.state(), given.counts("chair")), (ReservationState::Released, (5, 0, 0)));
    }

    #[test]
    fn given_nothing_when_no_money_is_held_then_a_tombstone_keeps_a_late_order_from_reserving() {
        let mut given = Given::new().stock("chair", 5);
        assert_eq!(given.no_money_held().unwrap(), ["inventory.released"]);
        assert_eq!(given.state(), ReservationState::Released);
        assert!(given.placed(&[("chair", 2)]).unwrap().is_empty());
        assert_eq!(given.counts("chair"), (5, 0, 0));
    }

    #[test]
    fn given_any_other_state_when_no_money_is_held_then_nothing_happens() {
        for state in [ReservationState::Rejected, ReservationState::Released, ReservationState::Shipped] {
            let mut given = Given::new().stock("chair", 5).reservation(state, &[]);
            assert!(given.no_money_held().unwrap().is_empty(), "{state:?}");
            assert_eq!(given.state(), state);
        }
    }
}
