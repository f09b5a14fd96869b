//! Captured = shipped + refunded, by the sandbox's own ledger; and payment's ledger says the same.

use std::collections::BTreeMap;

use super::{Findings, connect};
use crate::{System, shop::Shop};

/// Captured and refunded, by currency.
type Sums = BTreeMap<String, (i64, i64)>;

pub(super) async fn check(system: &System, findings: &mut Findings) -> anyhow::Result<()> {
    let shipped = shipped(system).await?;
    let provider = of_provider(system).await?;
    let payment = of_payment(system).await?;
    for (currency, (captured, refunded)) in &provider {
        let shipped = shipped.get(currency).copied().unwrap_or_default();
        if *captured != shipped + refunded {
            findings.push(format!("{currency}: captured {captured} is not shipped {shipped} + refunded {refunded}"));
        }
    }
    for currency in shipped.keys().filter(|currency| !provider.contains_key(*currency)) {
        findings.push(format!("{currency}: goods were shipped, but nothing was captured"));
    }
    if payment != provider {
        findings.push(format!(
            "captured and refunded by currency: {payment:?} in payment's ledger, {provider:?} in the provider's"
        ));
    }
    Ok(())
}

/// What the completed orders cost; that these are the ones that were dispatched is another check.
async fn shipped(system: &System) -> anyhow::Result<BTreeMap<String, i64>> {
    let mut db = connect(system, "order").await?;
    let sums: Vec<(String, i64)> = sqlx::query_as(
        "SELECT currency, sum(total_amount)::bigint FROM orders WHERE status = 'completed' GROUP BY currency",
    )
    .fetch_all(&mut db)
    .await?;
    Ok(sums.into_iter().collect())
}

async fn of_payment(system: &System) -> anyhow::Result<Sums> {
    let mut db = connect(system, "payment").await?;
    let sums: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT currency, coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0)::bigint,
                coalesce(sum(amount) FILTER (WHERE kind = 'refunded'), 0)::bigint
         FROM payment_ledger GROUP BY currency",
    )
    .fetch_all(&mut db)
    .await?;
    Ok(sums.into_iter().map(|(currency, captured, refunded)| (currency, (captured, refunded))).collect())
}

async fn of_provider(system: &System) -> anyhow::Result<Sums> {
    let ledger = Shop::default().get(&format!("{}/v1/ledger", system.sandbox().url)).await?.body;
    let currencies = ledger["currencies"].as_object().cloned().unwrap_or_default();
    let sum = |sums: &serde_json::Value, name: &str| sums[name].as_i64().unwrap_or_default();
    let sums = currencies.iter().map(|(currency, of)| (currency.clone(), (sum(of, "captured"), sum(of, "refunded"))));
    Ok(sums.collect())
}
