//! The rules that must hold at rest, checked across all databases and the sandbox's ledger.
//!
//! Sums are made by the databases, so that millions of orders cost this process nothing.

mod agreement;
mod money;

use sqlx::{Connection, PgConnection};

use crate::System;

/// What is wrong; empty if everything adds up.
pub type Findings = Vec<String>;

/// Checks money, stock and ends. Call it at rest: an order under way is a finding.
///
/// # Errors
/// When a database or the sandbox can't be asked.
pub async fn check(system: &System) -> anyhow::Result<Findings> {
    let mut findings = Findings::new();
    check_ends(system, &mut findings).await?;
    agreement::check(system, &mut findings).await?;
    check_stock(system, &mut findings).await?;
    money::check(system, &mut findings).await?;
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

/// Initial + ledgered changes = available + reserved + shipped; nothing reserved at rest; what left is what was ordered.
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
    let shipped: i64 =
        sqlx::query_scalar("SELECT coalesce(sum(shipped), 0)::bigint FROM stock").fetch_one(&mut db).await?;
    let mut db = connect(system, "order").await?;
    let ordered: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum((item ->> 'quantity')::bigint), 0)::bigint
         FROM orders, jsonb_array_elements(items) AS item WHERE status = 'completed'",
    )
    .fetch_one(&mut db)
    .await?;
    if shipped != ordered {
        findings.push(format!("{shipped} pieces left the stock, {ordered} were in orders that completed"));
    }
    Ok(())
}
