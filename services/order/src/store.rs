//! What order asks of its tables besides what its rules do.

use std::time::Duration;

use choreography::{Context, Pool};
use choreography_keys::{HeldKey, Key};
use contracts::{Address, Item, OrderDetails};
use sqlx::{Row as _, postgres::PgRow, types::Json};
use tracing::info;

/// Orders, each with what its customer's key is now, for [`details`].
pub(crate) const ORDERS: &str = "SELECT orders.*, owned_keys.generation, owned_keys.key
     FROM orders LEFT JOIN owned_keys ON owned_keys.subject = orders.user_id AND orders.sealed_address IS NOT NULL";

/// What was ordered, its address opened; `None` for the row of an order that was never placed. Without an address, if the key to it was
/// erased. The row is one of [`ORDERS`].
pub(crate) fn details(row: &PgRow) -> sqlx::Result<Option<OrderDetails>> {
    let Some(user_id) = row.try_get("user_id")? else { return Ok(None) };
    let Json(items) = row.try_get::<Json<Vec<Item>>, _>("items")?;
    let in_clear: Option<Json<Address>> = row.try_get("shipping_address")?;
    let shipping_address = match in_clear {
        Some(Json(address)) => Some(address),
        None => opened(row)?,
    };
    Ok(Some(OrderDetails {
        user_id,
        total_amount: row.try_get("total_amount")?,
        currency: row.try_get("currency")?,
        items,
        payment_method: row.try_get("payment_method")?,
        shipping_address,
        sealed_address: None,
    }))
}

fn opened(row: &PgRow) -> sqlx::Result<Option<Address>> {
    let sealed: Option<String> = row.try_get("sealed_address")?;
    let generation: Option<i64> = row.try_get("generation")?;
    let (Some(sealed), Some(generation)) = (sealed, generation) else { return Ok(None) };
    let key: Option<Vec<u8>> = row.try_get("key")?;
    let key = HeldKey { generation, key: key.as_deref().and_then(Key::from_bytes) };
    let order_id: String = row.try_get("order_id")?;
    shop::sealed_address::shown(&sealed, &key, order_id).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// How often requests are looked for whose time is over.
pub const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Forgets requests that are older than the retention. Until then a request is recognised by its key.
pub async fn forget(context: Context, retention: Duration) -> anyhow::Result<()> {
    let forgotten = forget_requests(&context.pool, retention).await?;
    if forgotten > 0 {
        info!(forgotten, "idempotency keys past their retention were forgotten");
    }
    Ok(())
}

/// Forgets requests that are older than the retention, oldest first. Returns how many.
pub async fn forget_requests(pool: &Pool, retention: Duration) -> sqlx::Result<u64> {
    const AT_ONCE: u64 = 10_000;
    let mut forgotten = 0;
    loop {
        // Locked in key order, like everything else that locks requests.
        let deleted = sqlx::query(
            "WITH old AS MATERIALIZED (
                 SELECT request_key FROM requests WHERE at < now() - make_interval(secs => $1) ORDER BY at LIMIT $2
             ), locked AS MATERIALIZED (
                 SELECT request_key FROM requests WHERE request_key IN (SELECT request_key FROM old)
                 ORDER BY request_key COLLATE \"C\" FOR UPDATE
             )
             DELETE FROM requests WHERE request_key IN (SELECT request_key FROM locked)",
        )
        .bind(retention.as_secs_f64())
        .bind(AT_ONCE as i64)
        .execute(pool)
        .await?
        .rows_affected();
        forgotten += deleted;
        if deleted < AT_ONCE {
            return Ok(forgotten);
        }
    }
}
