//! What holds at any moment.

use chrono::TimeDelta;
use order::order_row::{OrderRow, Status};
use payment::provider::ChargeAnswer;

use crate::{core::lock, schedule::Shop};

/// A deadline that is due is told to the rules long before so many steps have gone by without any fault.
const LATE: u64 = 6_000;

/// `calm`: for so many steps nothing has struck.
pub fn at_any_moment(shop: &Shop, calm: u64) -> Vec<String> {
    let mut findings = Vec::new();
    money_of_cancelled_orders(shop, &mut findings);
    deadlines(shop, calm, &mut findings);
    findings
}

/// A cancelled order holds no money, since stock goes back only after the money.
fn money_of_cancelled_orders(shop: &Shop, findings: &mut Vec<String>) {
    let orders = lock(&shop.order.state);
    let ledger = lock(&shop.world.ledger);
    let cancelled = orders.all::<OrderRow>().into_iter().filter(|(_, row)| row.status == Status::Cancelled);
    findings.extend(cancelled.filter_map(|(id, _)| {
        let id = &id;
        let charged = ledger
            .charges
            .values()
            .any(|(order, _, answer)| order == id && matches!(answer, ChargeAnswer::Succeeded { .. }));
        let refunded = ledger.refunds.values().any(|(order, _)| order == id);
        (charged && !refunded).then(|| format!("order {id} was cancelled while its money was held"))
    }));
}

/// A pending order has its deadline, and a deadline that is due fires.
fn deadlines(shop: &Shop, calm: u64, findings: &mut Vec<String>) {
    let now = shop.core.now();
    let state = lock(&shop.order.state);
    for (key, row) in state.all::<OrderRow>() {
        if row.status == Status::Pending && !state.deadlines.committed().any(|set| set.aggregate_id == key) {
            findings.push(format!("order {key} is pending without a deadline"));
        }
    }
    let late = TimeDelta::milliseconds(i64::try_from(LATE).unwrap_or_default());
    for set in state.deadlines.committed().filter(|set| calm > LATE && now - set.due_at > late) {
        findings.push(format!("the deadline of {} is due since {} and does not fire", set.aggregate_id, set.due_at));
    }
}
