//! Stock: what the ledger says is what the rows say; nothing is set aside at rest; what left is what was completed.

use choreography_simulator::core::lock;
use inventory::stock::{Change, LedgerEntry, Stock};
use order::order_row::{OrderRow, Status};

use super::orders::quantities;
use crate::shop::{SKUS, Shop};

pub fn check(shop: &Shop, findings: &mut Vec<String>) {
    let entries: Vec<LedgerEntry> = shop.inventory.records();
    for sku in SKUS {
        let Some(row) = shop.inventory.row::<Stock>(sku) else { continue };
        let of_sku = entries.iter().filter(|entry| entry.sku == sku);
        let mut sum = Stock { available: shop.pieces, reserved: 0, shipped: 0 };
        for entry in of_sku {
            sum.available += entry.available;
            sum.reserved += entry.reserved;
            sum.shipped += entry.shipped;
        }
        if sum != row {
            findings.push(format!("the ledger of {sku} adds up to {sum:?}, its row says {row:?}"));
        }
        if row.reserved != 0 || row.available < 0 {
            findings.push(format!("{sku} at rest: {row:?}"));
        }
    }
    for placed in lock(&shop.placed).iter() {
        let id = placed.order_id.to_string();
        let shipped =
            entries.iter().filter(|entry| entry.change == Change::Ship && entry.order_id.as_ref() == Some(&id));
        let mut left: Vec<(String, i64)> = shipped.map(|entry| (entry.sku.clone(), entry.shipped)).collect();
        left.sort();
        let orders = &shop.order;
        let completed = orders.row::<OrderRow>(&id).is_some_and(|row| row.status == Status::Completed);
        let ordered = if completed { quantities(&placed.details.items).into_iter().collect() } else { Vec::new() };
        if left != ordered {
            findings.push(format!("order {id}: ordered {ordered:?}, left the stock {left:?}, completed: {completed}"));
        }
    }
}
