//! `PUT /stock/{sku}`: a clerk counted what is on hand.

use choreography::{Command, Key, Moment, Reaction, Refusal, nothing};

use crate::{
    Inventory,
    stock::{Change, LedgerEntry, Stock},
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

impl Command for SetStock {
    type Row = Stock;
    type Reply = StockSet;

    fn key(&self) -> Key {
        Key::Of(self.sku.clone())
    }
}

/// Refused below what is reserved; otherwise the difference goes to what is available, and into the ledger.
pub(crate) fn handle(
    command: &SetStock,
    stock: &mut Stock,
    at: &Moment<'_, Inventory>,
) -> Result<(StockSet, Reaction), Refusal> {
    if command.on_hand < stock.reserved {
        return Ok((StockSet::BelowReserved(*stock), nothing()));
    }
    let entry = LedgerEntry {
        sku: command.sku.clone(),
        order_id: None,
        change: Change::Set,
        available: command.on_hand - stock.reserved - stock.available,
        reserved: 0,
        shipped: 0,
        at: at.now,
    };
    stock.apply(&entry)?;
    Ok((StockSet::Done(*stock), nothing().record(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    fn set(on_hand: i64) -> SetStock {
        SetStock { sku: "chair".into(), on_hand }
    }

    #[test]
    fn given_pieces_set_aside_when_stock_is_set_then_they_stay_set_aside() {
        let mut given = given_stock(&[("chair", 5)]);
        given.event(placed(&[("chair", 2)])).unwrap();
        let expected = Stock { available: 8, reserved: 2, shipped: 0 };
        let (reply, then) = given.command(set(10)).unwrap();
        assert_eq!((reply, ledger(&then)), (StockSet::Done(expected), vec![("chair", Change::Set)]));
        assert_eq!(counts(&given, "chair"), (8, 2, 0));
    }

    #[test]
    fn given_pieces_set_aside_when_stock_is_set_below_them_then_it_is_refused() {
        let mut given = given_stock(&[("chair", 5)]);
        given.event(placed(&[("chair", 2)])).unwrap();
        let (reply, then) = given.command(set(1)).unwrap();
        assert!(matches!(reply, StockSet::BelowReserved(_)));
        assert_eq!(counts(&given, "chair"), (3, 2, 0));
        assert_eq!(then, []);
    }

    #[test]
    fn given_pieces_set_aside_when_stock_is_set_to_just_them_then_none_is_available() {
        let mut given = given_stock(&[("chair", 5)]);
        given.event(placed(&[("chair", 2)])).unwrap();
        assert!(matches!(given.command(set(2)).unwrap().0, StockSet::Done(_)));
        assert_eq!(counts(&given, "chair"), (0, 2, 0));
    }
}
