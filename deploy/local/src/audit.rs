//! The rules that must hold at rest, checked across all databases and the sandbox's ledger.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection};

use crate::System;
use crate::shop::Shop;

/// What is wrong; empty if everything adds up.
pub type Findings = Vec<String>;

/// Checks money, stock and ends. Call it at rest: an order under way is a finding.
///
/// # Errors
/// When a database or the sandbox can't be asked.
pub async fn check(system: &System) -> anyhow::Result<Findings> {
    let mut findings = Findings::new();
    check_ends(system, &mut findings).await?;
    check_stock(system, &mut findings).await?;
    check_money(system, &mut findings).await?;
    Ok(findings)
}

async fn connect(system: &System, database: &str) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&system.database_url(database)).await?)
}

/// Every accepted order ends in exactly one terminal state.
async fn check_ends(system: &System, findings: &mut Findings) -> anyhow::Result<()> {
    let mut db = connect(system, "order").await?;
    let open: Vec<(String, String)> = sqlx::query_as(
        "SELECT order_id, status FROM orders WHERE status IN ('pending', 'cancelling') ORDER BY order_id LIMIT 20",
    )
    .fetch_all(&mut db)
    .await?;
    findings.extend(open.into_iter().map(|(order, status)| format!("order {order} has not ended: it is {status}")));
    let twice: Vec<(String, i64)> = sqlx::query_as(
        "SELECT order_id, count(*) FROM order_history WHERE status IN ('completed', 'cancelled')
         GROUP BY order_id HAVING count(*) > 1 LIMIT 20",
    )
    .fetch_all(&mut db)
    .await?;
    findings.extend(twice.into_iter().map(|(order, ends)| format!("order {order} ended {ends} times")));
    Ok(())
}

/// Initial + ledgered changes = available + reserved + shipped; nothing reserved at rest.
async fn check_stock(system: &System, findings: &mut Findings) -> anyhow::Result<()> {
    let mut db = connect(system, "inventory").await?;
    let off: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT s.sku, s.available, s.reserved, s.shipped FROM stock s
         LEFT JOIN (SELECT sku, sum(available)::bigint AS available, sum(reserved)::bigint AS reserved,
                           sum(shipped)::bigint AS shipped FROM stock_ledger GROUP BY sku) l ON l.sku = s.sku
         WHERE (s.available, s.reserved, s.shipped)
               IS DISTINCT FROM (coalesce(l.available, 0), coalesce(l.reserved, 0), coalesce(l.shipped, 0))
            OR s.reserved <> 0 LIMIT 20",
    )
    .fetch_all(&mut db)
    .await?;
    findings.extend(off.into_iter().map(|(sku, available, reserved, shipped)| {
        format!("stock of {sku} does not add up at rest: available {available}, reserved {reserved}, shipped {shipped}")
    }));
    Ok(())
}

/// Captured = shipped + refunded, by the sandbox's own ledger; and what shipped is exactly what completed.
async fn check_money(system: &System, findings: &mut Findings) -> anyhow::Result<()> {
    let mut shipping = connect(system, "shipping").await?;
    let dispatched: Vec<String> =
        sqlx::query_scalar("SELECT order_id FROM shipments WHERE state = 'dispatched' ORDER BY order_id")
            .fetch_all(&mut shipping)
            .await?;
    let mut order = connect(system, "order").await?;
    let completed: Vec<String> =
        sqlx::query_scalar("SELECT order_id FROM orders WHERE status = 'completed' ORDER BY order_id")
            .fetch_all(&mut order)
            .await?;
    if dispatched != completed {
        findings.push(format!("{} orders were dispatched, {} completed", dispatched.len(), completed.len()));
    }
    let shipped: Vec<(String, i64)> = sqlx::query_as(
        "SELECT currency, sum(total_amount)::bigint FROM orders WHERE order_id = ANY($1) GROUP BY currency",
    )
    .bind(&dispatched)
    .fetch_all(&mut order)
    .await?;
    let shipped: BTreeMap<String, i64> = shipped.into_iter().collect();
    let ledger = Shop::default().get(&format!("{}/v1/ledger", system.sandbox().url)).await?.body;
    let currencies = ledger["currencies"].as_object().cloned().unwrap_or_default();
    for (currency, sums) in &currencies {
        let sum = |name: &str| sums[name].as_i64().unwrap_or_default();
        let (captured, refunded, shipped) =
            (sum("captured"), sum("refunded"), shipped.get(currency).copied().unwrap_or_default());
        if captured != shipped + refunded {
            findings.push(format!("{currency}: captured {captured} is not shipped {shipped} + refunded {refunded}"));
        }
    }
    for currency in shipped.keys().filter(|currency| !currencies.contains_key(*currency)) {
        findings.push(format!("{currency}: goods were shipped, but nothing was captured"));
    }
    Ok(())
}
