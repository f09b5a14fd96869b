//! `PUT /stock/{sku}`: somebody counted what is on hand.

use chrono::{DateTime, Utc};
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::{Inventory, move_stock, stock},
    state::{Change, LedgerEntry, Stock},
};

/// Sets the pieces on hand, those set aside included.
#[derive(Clone, Debug, PartialEq)]
pub struct SetStock {
    pub sku: String,
    pub on_hand: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StockSet {
    Done(Stock),
    /// More is set aside than would be on hand.
    BelowReserved(Stock),
}

/// Refused below what is reserved; otherwise the difference goes to what is available, and into the ledger.
pub(crate) fn handle(
    command: &SetStock,
    rows: &mut Rows<Inventory>,
    now: DateTime<Utc>,
) -> Result<Effects<Inventory>, Refusal> {
    let before = stock(rows, &command.sku)?;
    if command.on_hand < before.reserved {
        return Ok(Effects::none().reply(StockSet::BelowReserved(before)));
    }
    let mut effects = Effects::none();
    let entry = LedgerEntry {
        sku: command.sku.clone(),
        order_id: None,
        change: Change::Set,
        available: command.on_hand - before.reserved - before.available,
        reserved: 0,
        shipped: 0,
        at: now,
    };
    move_stock(rows, &mut effects, entry)?;
    let after = stock(rows, &command.sku)?;
    Ok(effects.reply(StockSet::Done(after)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_pieces_set_aside_when_stock_is_set_then_they_stay_set_aside() {
        let mut given = Given::new().stock("chair", 5);
        given.placed(&[("chair", 2)]).unwrap();
        let expected = Stock { available: 8, reserved: 2, shipped: 0 };
        assert_eq!(given.set_stock("chair", 10).unwrap(), StockSet::Done(expected));
    }

    #[test]
    fn given_pieces_set_aside_when_stock_is_set_below_them_then_it_is_refused() {
        let mut given = Given::new().stock("chair", 5);
        given.placed(&[("chair", 2)]).unwrap();
        assert!(matches!(given.set_stock("chair", 1).unwrap(), StockSet::BelowReserved(_)));
        assert_eq!(given.counts("chair"), (3, 2, 0));
        assert_eq!(given.ledger(), [("chair", Change::Reserve)]);
    }

    #[test]
    fn given_pieces_set_aside_when_stock_is_set_to_just_them_then_none_is_available() {
        let mut given = Given::new().stock("chair", 5);
        given.placed(&[("chair", 2)]).unwrap();
        assert!(matches!(given.set_stock("chair", 2).unwrap(), StockSet::Done(_)));
        assert_eq!(given.counts("chair"), (0, 2, 0));
        assert_eq!(given.ledger(), [("chair", Change::Reserve), ("chair", Change::Set)]);
    }
}
