//! Every way in which no money is held ends here: the stock goes back, or never leaves.

use chrono::{DateTime, Utc};
use contracts::InventoryReleased;
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    participant::{Inventory, move_stock, reservation},
    state::{Change, LedgerEntry, Reservation, ReservationState, Row, Table},
};

/// reserved → released; none → released, a tombstone: `order.placed` may still come, and must find it.
/// Both publish `inventory.released`. rejected, released, shipped: nothing.
pub(crate) fn give_back(
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
    Ok(effects.fact(shop::fact(InventoryReleased { order_id, reason: shop::reason(reason) })?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_a_reservation_when_no_money_is_held_then_the_stock_goes_back_once() {
        for undo in UNDOS {
            let mut given = Given::new().stock("chair", 5).stock("lamp", 1);
            given.placed(&[("chair", 2), ("lamp", 1)]).unwrap();
            assert_eq!(given.no_money_held(undo).unwrap(), ["inventory.released"]);
            assert_eq!(given.state(), ReservationState::Released);
            assert_eq!((given.counts("chair"), given.counts("lamp")), ((5, 0, 0), (1, 0, 0)));
            for again in UNDOS {
                assert!(given.no_money_held(again).unwrap().is_empty(), "{undo:?}, {again:?}");
            }
            assert_eq!((given.counts("chair"), given.counts("lamp")), ((5, 0, 0), (1, 0, 0)));
            assert_eq!(
                given.ledger(),
                [
                    ("chair", Change::Reserve),
                    ("lamp", Change::Reserve),
                    ("chair", Change::Release),
                    ("lamp", Change::Release)
                ]
            );
        }
    }

    #[test]
    fn given_nothing_when_no_money_is_held_then_a_tombstone_keeps_a_late_order_from_reserving() {
        for undo in UNDOS {
            let mut given = Given::new().stock("chair", 5);
            assert_eq!(given.no_money_held(undo).unwrap(), ["inventory.released"]);
            assert_eq!(given.state(), ReservationState::Released);
            assert!(given.placed(&[("chair", 2)]).unwrap().is_empty(), "{undo:?}");
            assert_eq!(given.counts("chair"), (5, 0, 0));
        }
    }

    #[test]
    fn given_any_other_state_when_no_money_is_held_then_nothing_happens() {
        for state in [ReservationState::Rejected, ReservationState::Released, ReservationState::Shipped] {
            for undo in UNDOS {
                let mut given = Given::new().stock("chair", 5).reservation(state, &[("chair", 2)]);
                assert!(given.no_money_held(undo).unwrap().is_empty(), "{state:?}, {undo:?}");
                assert_eq!((given.state(), given.counts("chair")), (state, (5, 0, 0)));
            }
        }
    }
}
