//! The pieces of a SKU, and the ledger of all that moved them.

use choreography::{Further, Reaction, Refusal, nothing, records, table, words};
use chrono::{DateTime, Utc};
use contracts::Item;

use crate::reservation::Reservation;

/// The pieces of a SKU: on hand = available + reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    pub available: i64,
    pub reserved: i64,
    pub shipped: i64,
}

table!(Stock in stock by sku: available, reserved, shipped);

/// A line of the stock ledger: every change, and what caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub sku: String,
    /// `None` where stock was set by hand.
    pub order_id: Option<String>,
    pub change: Change,
    pub available: i64,
    pub reserved: i64,
    pub shipped: i64,
    pub at: DateTime<Utc>,
}

records!(LedgerEntry in stock_ledger: sku, order_id, change, available, reserved, shipped, at);

words! {
    pub enum Change {
        #[default]
        Set = "set",
        Reserve = "reserve",
        Release = "release",
        Ship = "ship",
        /// The sum of lines that were archived.
        Carried = "carried",
    }
}

/// Lines that leave the ledger leave their sum behind, in one line for each SKU: the ledger still adds up to the stock.
pub(crate) const CARRY_FORWARD: &str = "
    WITH leaving AS (SELECT sku, available, reserved, shipped FROM stock_ledger WHERE number = ANY($1)),
    carried AS (
        DELETE FROM stock_ledger WHERE change = 'carried' AND sku IN (SELECT sku FROM leaving)
        RETURNING sku, available, reserved, shipped)
    INSERT INTO stock_ledger (sku, change, available, reserved, shipped, at)
    SELECT sku, 'carried', sum(available), sum(reserved), sum(shipped), now()
    FROM (SELECT * FROM leaving UNION ALL SELECT * FROM carried) AS lines GROUP BY sku";

impl Stock {
    /// Moves pieces as the entry says. Never below zero, never beyond what fits.
    pub(crate) fn apply(&mut self, entry: &LedgerEntry) -> Result<(), Refusal> {
        let before = *self;
        let moved = |from: i64, by: i64| {
            let to = from.checked_add(by).filter(|pieces| *pieces >= 0);
            to.ok_or_else(|| {
                Refusal::Permanent(format!("stock of {} cannot go from {before:?} by {entry:?}", entry.sku))
            })
        };
        *self = Self {
            available: moved(before.available, entry.available)?,
            reserved: moved(before.reserved, entry.reserved)?,
            shipped: moved(before.shipped, entry.shipped)?,
        };
        Ok(())
    }
}

/// Moves the pieces of all items of an order, each with its line in the ledger.
pub(crate) fn move_items(
    items: &[Item],
    change: Change,
    stock: &mut Further<Stock>,
    order: &str,
    at: DateTime<Utc>,
) -> Result<Reaction, Refusal> {
    let mut moved = nothing();
    for item in items {
        let pieces = i64::from(item.quantity);
        let (available, reserved, shipped) = match change {
            Change::Set | Change::Carried => (0, 0, 0),
            Change::Reserve => (-pieces, pieces, 0),
            Change::Release => (pieces, -pieces, 0),
            Change::Ship => (0, -pieces, pieces),
        };
        let (sku, order_id) = (item.sku.clone(), Some(order.to_owned()));
        let entry = LedgerEntry { sku, order_id, change, available, reserved, shipped, at };
        stock.get_mut(&item.sku).apply(&entry)?;
        moved = moved.record(entry);
    }
    Ok(moved)
}

/// The SKUs that an event about a reserved order touches.
pub(crate) fn reserved<E>(_event: &E, reservation: &Reservation) -> Vec<String> {
    reservation.skus()
}
