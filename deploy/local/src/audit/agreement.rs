//! All services agree on each order's one end.

use std::collections::BTreeSet;

use crate::System;

use super::{Findings, connect};

/// Most orders that a finding names.
const NAMED: usize = 20;

/// Where each service keeps its part of an order that completed.
const COMPLETED: [(&str, &str); 4] = [
    ("order", "orders WHERE status = 'completed'"),
    ("inventory", "reservations WHERE state = 'shipped'"),
    ("payment", "payments WHERE state = 'succeeded'"),
    ("shipping", "shipments WHERE state = 'dispatched'"),
];

/// States in which no order stays. Order's own is looked at with the ends.
const UNDER_WAY: [(&str, &str); 3] = [
    ("inventory", "SELECT order_id, state FROM reservations WHERE state = 'reserved' LIMIT 20"),
    (
        "payment",
        "SELECT order_id, state FROM payments WHERE state IN ('capturing', 'capturing_undo', 'refunding') LIMIT 20",
    ),
    ("shipping", "SELECT order_id, state FROM shipments WHERE state = 'dispatching' LIMIT 20"),
];

pub(super) async fn check(system: &System, findings: &mut Findings) -> anyhow::Result<()> {
    for (service, query) in UNDER_WAY {
        let open: Vec<(String, String)> = sqlx::query_as(query).fetch_all(&mut connect(system, service).await?).await?;
        findings.extend(open.into_iter().map(|(order, state)| format!("{service} has order {order} still {state}")));
    }
    let [(service, rows), others @ ..] = COMPLETED;
    let completed = fingerprint(system, service, rows).await?;
    for (other, other_rows) in others {
        let theirs = fingerprint(system, other, other_rows).await?;
        if theirs != completed {
            let (ours, theirs) = (orders(system, service, rows).await?, orders(system, other, other_rows).await?);
            findings.extend(differences(&ours, other, &theirs));
        }
    }
    Ok(())
}

/// How many, and the sum of their hashes: the same for the same orders, however many they are.
async fn fingerprint(system: &System, service: &str, rows: &'static str) -> anyhow::Result<(i64, String)> {
    let query = format!("SELECT count(*), coalesce(sum(hashtextextended(order_id, 0)::numeric), 0)::text FROM {rows}");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_one(&mut connect(system, service).await?).await?)
}

async fn orders(system: &System, service: &str, rows: &'static str) -> anyhow::Result<BTreeSet<String>> {
    let query = sqlx::AssertSqlSafe(format!("SELECT order_id FROM {rows}"));
    let orders: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut connect(system, service).await?).await?;
    Ok(orders.into_iter().collect())
}

fn differences(completed: &BTreeSet<String>, other: &str, theirs: &BTreeSet<String>) -> Vec<String> {
    let mut said = vec![format!("{} orders completed; by {other} they are {}", completed.len(), theirs.len())];
    let missing = completed.difference(theirs).map(|order| format!("order {order} completed, and {other} says no"));
    let more = theirs.difference(completed).map(|order| format!("order {order} did not complete, but {other} says so"));
    said.extend(missing.chain(more).take(NAMED));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_one_side_alone_has_are_named() {
        let set = |orders: &[&str]| orders.iter().map(|order| (*order).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            differences(&set(&["a", "b"]), "shipping", &set(&["b", "c"])),
            [
                "2 orders completed; by shipping they are 2",
                "order a completed, and shipping says no",
                "order c did not complete, but shipping says so"
            ]
        );
    }
}
