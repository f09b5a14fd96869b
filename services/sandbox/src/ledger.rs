//! What all sides of the ledger share, and its sums: the other side of every money check.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Everything that happened outside.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Totals {
    /// By currency.
    currencies: BTreeMap<String, CurrencyTotals>,
    /// Accepted ones.
    shipments: i64,
    /// Sent ones.
    messages: i64,
}

/// In the currency's minor unit; only what succeeded.
#[derive(Debug, Default, Serialize, ToSchema)]
struct CurrencyTotals {
    captured: i64,
    refunded: i64,
    charges: i64,
    refunds: i64,
}

pub(crate) async fn totals(pool: &PgPool) -> Result<Totals, sqlx::Error> {
    // One statement, so that the sums are of one moment.
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT 'charge', currency, sum(amount)::bigint, count(*) FROM charge WHERE status = 'succeeded' GROUP BY 2
         UNION ALL
         SELECT 'refund', currency, sum(amount)::bigint, count(*) FROM refund WHERE status = 'succeeded' GROUP BY 2
         UNION ALL
         SELECT 'shipment', '', 0, count(*) FROM shipment WHERE status = 'accepted'
         UNION ALL
         SELECT 'message', '', 0, count(*) FROM message WHERE status = 'sent'",
    )
    .fetch_all(pool)
    .await?;
    let mut totals = Totals { currencies: BTreeMap::new(), shipments: 0, messages: 0 };
    for (kind, currency, sum, count) in rows {
        match kind.as_str() {
            "shipment" => totals.shipments = count,
            "message" => totals.messages = count,
            kind => {
                let of = totals.currencies.entry(currency).or_default();
                let (amount, number) = match kind {
                    "charge" => (&mut of.captured, &mut of.charges),
                    _ => (&mut of.refunded, &mut of.refunds),
                };
                (*amount, *number) = (sum, count);
            }
        }
    }
    Ok(totals)
}

/// How often these keys were tried in vain.
pub(crate) async fn read_tries(
    connection: &mut PgConnection,
    operation: &str,
    keys: &[&str],
) -> Result<BTreeMap<String, i32>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, i32)> =
        sqlx::query_as("SELECT key, tries FROM failed_try WHERE operation = $1 AND key = ANY($2)")
            .bind(operation)
            .bind(keys)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Remembers how often keys were tried in vain.
pub(crate) async fn write_tries<'a>(
    connection: &mut PgConnection,
    operation: &str,
    tried: impl Iterator<Item = (&'a String, i32)> + Send,
) -> Result<(), sqlx::Error> {
    let (keys, tries): (Vec<&str>, Vec<i32>) = tried.map(|(key, tries)| (key.as_str(), tries)).unzip();
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO failed_try (operation, key, tries)
         SELECT $1, key, tries FROM unnest($2::text[], $3::int[]) AS new (key, tries)
         ON CONFLICT (operation, key) DO UPDATE SET tries = EXCLUDED.tries",
    )
    .bind(operation)
    .bind(keys)
    .bind(tries)
    .execute(connection)
    .await
    .map(drop)
}
