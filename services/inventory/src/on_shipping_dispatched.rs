//! `shipping.dispatched`: what was set aside has left the warehouse.

use chrono::{DateTime, Utc};
use contracts::ShippingDispatched;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::{Inventory, move_stock, reservation},
    state::{Change, LedgerEntry, Reservation, ReservationState, Row, Table},
};

/// reserved → shipped; shipped: a repeat. Goods that were not set aside cannot have left.
pub(crate) fn handle(
    event: &ShippingDispatched,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    let order = event.order_id.to_string();
    let found = reservation(rows, &order)?.clone();
    match found.state {
        ReservationState::Shipped => return Ok(Effects::none()),
        ReservationState::Reserved => {}
        state => return Err(shop::cannot_happen("shipping.dispatched", state)),
    }
    let mut effects = Effects::none();
    for item in &found.items {
        let pieces = i64::from(item.quantity);
        let entry = LedgerEntry {
            sku: item.sku.clone(),
            order_id: Some(order.clone()),
            change: Change::Ship,
            available: 0,
            reserved: -pieces,
            shipped: pieces,
            at: now,
        };
        move_stock(rows, &mut effects, entry)?;
    }
    let shipped = Reservation { state: ReservationState::Shipped, ..found };
    rows.set(Table::Reservations, &order, Row::Reservation(shipped));
    Ok(effects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_a_reservation_when_dispatched_then_it_is_shipped_once() {
        let mut given = Given::new().stock("chair", 5);
        given.placed(&[("chair", 2)]).unwrap();
        for _ in 0..2 {
            assert!(given.dispatched().unwrap().is_empty());
            assert_eq!((given.state(), given.counts("chair")), (ReservationState::Shipped, (3, 0, 2)));
        }
        assert_eq!(given.ledger(), [("chair", Change::Reserve), ("chair", Change::Ship)]);
    }

    #[test]
    fn given_nothing_set_aside_when_dispatched_then_somebody_is_woken() {
        for state in [ReservationState::None, ReservationState::Rejected, ReservationState::Released] {
            let mut given = Given::new().reservation(state, &[]);
            let refused = given.dispatched().unwrap_err();
            assert!(matches!(&refused, Refusal::Permanent(why) if why.contains("cannot happen")), "{state:?}");
        }
    }
}
