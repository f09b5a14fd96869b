//! One end per order, on which money and goods agree; and the clients' own ledger.

use std::collections::BTreeMap;

use choreography_core::Answer;
use contracts::Item;
use order::order_row::{OrderRow, Status};
use payment::payment_row::{Kind, LedgerEntry};
use shipping::shipment::ShipItem;

use choreography_simulator::core::lock;

use crate::{clients::Placed, shop::Shop};

pub fn check(shop: &Shop, findings: &mut Vec<String>) {
    let placed = lock(&shop.placed).clone();
    let orders = &shop.order;
    let known = orders.rows::<OrderRow>().into_iter().filter(|(_, row)| row.status != Status::None);
    let mut known: Vec<String> = known.map(|(key, _)| key).collect();
    let mut acknowledged: Vec<String> = placed.iter().map(|placed| placed.order_id.to_string()).collect();
    known.sort();
    acknowledged.sort();
    if known != acknowledged {
        findings.push(format!("clients know the orders {acknowledged:?}, the service {known:?}"));
    }
    for placed in &placed {
        findings.extend(
            placed.complaints.iter().map(|complaint| format!("the client of {}: {complaint}", placed.order_id)),
        );
        let status = orders.row::<OrderRow>(&placed.order_id.to_string()).unwrap_or_default().status;
        if !matches!(status, Status::Completed | Status::Cancelled) {
            findings.push(format!("order {} has not ended: {status:?}", placed.order_id));
        }
        let completed = status == Status::Completed;
        check_money(shop, placed, completed, findings);
        check_goods(shop, placed, completed, findings);
    }
}

/// Captured = shipped + refunded, by the provider's ledger; and payment's own ledger says the same.
fn check_money(shop: &Shop, placed: &Placed, completed: bool, findings: &mut Vec<String>) {
    let id = placed.order_id.to_string();
    let ledger = lock(&shop.world.ledger);
    let captured: i64 = ledger
        .charges
        .values()
        .filter(|(order, _, answer)| *order == id && matches!(answer, Answer::Yes { .. }))
        .map(|(_, amount, _)| amount)
        .sum();
    let refunded: i64 = ledger.refunds.values().filter(|(order, _)| *order == id).map(|(_, amount)| amount).sum();
    let owed = if completed { placed.details.total_amount } else { 0 };
    if captured - refunded != owed {
        findings.push(format!("order {id}: captured {captured}, refunded {refunded}, owed {owed}"));
    }
    let mut entries: Vec<LedgerEntry> = shop.payment.records();
    entries.retain(|entry| entry.order_id == id);
    let sum = |kind| entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.amount).sum::<i64>();
    if (sum(Kind::Captured), sum(Kind::Refunded)) != (captured, refunded) {
        findings.push(format!(
            "order {id}: the provider captured {captured} and refunded {refunded}, the ledger says {entries:?}"
        ));
    }
}

/// What was shipped is what was ordered, or nothing.
fn check_goods(shop: &Shop, placed: &Placed, completed: bool, findings: &mut Vec<String>) {
    let id = placed.order_id.to_string();
    let mut shipped: BTreeMap<String, i64> = BTreeMap::new();
    for (order, ship, answer) in lock(&shop.world.ledger).shipments.values() {
        if *order == id && matches!(answer, Answer::Yes { .. }) {
            let mut add = |item: &ShipItem| *shipped.entry(item.sku.clone()).or_default() += i64::from(item.quantity);
            ship.items.iter().for_each(&mut add);
        }
    }
    let ordered = if completed { quantities(&placed.details.items) } else { BTreeMap::new() };
    if shipped != ordered {
        findings.push(format!("order {id}: ordered {ordered:?}, shipped {shipped:?}, completed: {completed}"));
    }
}

pub fn quantities(items: &[Item]) -> BTreeMap<String, i64> {
    items.iter().map(|item| (item.sku.clone(), i64::from(item.quantity))).collect()
}
