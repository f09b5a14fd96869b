//! What holds at any moment.

use choreography_core::Answer;
use choreography_simulator::core::lock;
use order::order_row::{OrderRow, Status};

use crate::shop::Shop;

pub fn at_any_moment(shop: &Shop) -> Vec<String> {
    let mut findings = Vec::new();
    money_of_cancelled_orders(shop, &mut findings);
    deadlines(shop, &mut findings);
    findings
}

/// A cancelled order holds no money, since stock goes back only after the money.
fn money_of_cancelled_orders(shop: &Shop, findings: &mut Vec<String>) {
    let orders = &shop.order;
    let ledger = lock(&shop.world.ledger);
    let cancelled = orders.rows::<OrderRow>().into_iter().filter(|(_, row)| row.status == Status::Cancelled);
    findings.extend(cancelled.filter_map(|(id, _)| {
        let id = &id;
        let charged =
            ledger.charges.values().any(|(order, _, answer)| order == id && matches!(answer, Answer::Yes { .. }));
        let refunded = ledger.refunds.values().any(|(order, _)| order == id);
        (charged && !refunded).then(|| format!("order {id} was cancelled while its money was held"))
    }));
}

/// A pending order has its deadline.
fn deadlines(shop: &Shop, findings: &mut Vec<String>) {
    let orders = shop.order.rows::<OrderRow>();
    let state = lock(&shop.order.model.state);
    for (key, row) in orders {
        if row.status == Status::Pending && !state.deadlines.committed().any(|set| set.aggregate_id == key) {
            findings.push(format!("order {key} is pending without a deadline"));
        }
    }
}
