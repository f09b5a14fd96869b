//! Order's tables in SQL.

use std::time::Duration;

use contracts::{Address, Item};
use engine::postgres::{KeyColumn, Pool, Session, Tables};
use sqlx::{Row as _, postgres::PgRow, types::Json};

use crate::{
    participant::Order,
    state::{Details, HistoryEntry, OrderRow, Request, Row, Status, Table},
};

type ReadRow = fn(&PgRow) -> sqlx::Result<(String, Row)>;

impl Tables for Order {
    fn key_column(&self, table: Table) -> KeyColumn {
        match table {
            Table::Requests => KeyColumn { table: "requests", column: "request_key" },
            Table::Orders => KeyColumn { table: "orders", column: "order_id" },
        }
    }

    async fn ensure(&self, db: &mut Session, table: Table, keys: &[String]) -> sqlx::Result<()> {
        let statement = match table {
            // The one table whose rows are deleted: the update locks a row that is there, so that it stays.
            Table::Requests => {
                "INSERT INTO requests (request_key) SELECT key FROM unnest($1::text[]) AS new (key)
                 ON CONFLICT (request_key) DO UPDATE SET request_key = excluded.request_key"
            }
            Table::Orders => {
                "INSERT INTO orders (order_id, status, created_at, updated_at)
                 SELECT key, 'none', now(), now() FROM unnest($1::text[]) AS new (key) ON CONFLICT DO NOTHING"
            }
        };
        sqlx::query(statement).bind(keys).execute(db).await.map(drop)
    }

    async fn lock(&self, db: &mut Session, table: Table, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
        let (statement, read): (_, ReadRow) = match table {
            Table::Requests => {
                ("SELECT * FROM requests WHERE request_key = ANY($1) ORDER BY request_key FOR UPDATE", request)
            }
            Table::Orders => ("SELECT * FROM orders WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE", order),
        };
        sqlx::query(statement).bind(keys).fetch_all(db).await?.iter().map(read).collect()
    }

    async fn insert(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        match table {
            Table::Requests => update_requests(db, rows).await,
            Table::Orders => insert_orders(db, rows).await,
        }
    }

    async fn update(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        match table {
            Table::Requests => update_requests(db, rows).await,
            Table::Orders => update_orders(db, rows).await,
        }
    }

    async fn append(&self, db: &mut Session, records: &[HistoryEntry]) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO order_history (order_id, status, reason, at)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])",
        )
        .bind(records.iter().map(|entry| entry.order_id.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.status.text()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.reason.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.at).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(drop)
    }
}

async fn update_requests(db: &mut Session, rows: &[(String, Row)]) -> sqlx::Result<()> {
    let requests: Vec<(&str, &Request)> = rows
        .iter()
        .filter_map(|(key, row)| match row {
            Row::Request(Some(request)) => Some((key.as_str(), request)),
            _ => None,
        })
        .collect();
    sqlx::query(
        "UPDATE requests SET body_hash = new.body_hash, order_id = new.order_id, at = new.at
         FROM unnest($1::text[], $2::bytea[], $3::text[], $4::timestamptz[]) AS new
                (request_key, body_hash, order_id, at)
         WHERE requests.request_key = new.request_key",
    )
    .bind(requests.iter().map(|(key, _)| *key).collect::<Vec<_>>())
    .bind(requests.iter().map(|(_, request)| request.body_hash.as_slice()).collect::<Vec<_>>())
    .bind(requests.iter().map(|(_, request)| request.order_id.as_str()).collect::<Vec<_>>())
    .bind(requests.iter().map(|(_, request)| request.at).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// Order rows with their details, which all rows that rules write have.
fn detailed(rows: &[(String, Row)]) -> Vec<(&str, &OrderRow, &Details)> {
    rows.iter()
        .filter_map(|(key, row)| match row {
            Row::Order(order) => order.details.as_deref().map(|details| (key.as_str(), order, details)),
            Row::Request(_) => None,
        })
        .collect()
}

async fn insert_orders(db: &mut Session, rows: &[(String, Row)]) -> sqlx::Result<()> {
    let orders = detailed(rows);
    sqlx::query(
        "INSERT INTO orders (order_id, status, user_id, total_amount, currency, items, payment_method,
                             shipping_address, created_at, updated_at)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::jsonb[], $7::text[],
                              $8::jsonb[], $9::timestamptz[], $10::timestamptz[])",
    )
    .bind(orders.iter().map(|(key, ..)| *key).collect::<Vec<_>>())
    .bind(orders.iter().map(|(_, order, _)| order.status.text()).collect::<Vec<_>>())
    .bind(orders.iter().map(|(.., details)| details.user_id.as_str()).collect::<Vec<_>>())
    .bind(orders.iter().map(|(.., details)| details.total_amount).collect::<Vec<_>>())
    .bind(orders.iter().map(|(.., details)| details.currency.as_str()).collect::<Vec<_>>())
    .bind(orders.iter().map(|(.., details)| Json(&details.items)).collect::<Vec<_>>())
    .bind(orders.iter().map(|(.., details)| details.payment_method.as_deref()).collect::<Vec<_>>())
    .bind(orders.iter().map(|(.., details)| details.shipping_address.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(orders.iter().map(|(_, order, _)| order.created_at).collect::<Vec<_>>())
    .bind(orders.iter().map(|(_, order, _)| order.updated_at).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// After it was placed only the status of an order changes.
async fn update_orders(db: &mut Session, rows: &[(String, Row)]) -> sqlx::Result<()> {
    let orders = detailed(rows);
    sqlx::query(
        "UPDATE orders SET status = new.status, updated_at = new.updated_at
         FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS new (order_id, status, updated_at)
         WHERE orders.order_id = new.order_id",
    )
    .bind(orders.iter().map(|(key, ..)| *key).collect::<Vec<_>>())
    .bind(orders.iter().map(|(_, order, _)| order.status.text()).collect::<Vec<_>>())
    .bind(orders.iter().map(|(_, order, _)| order.updated_at).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

fn request(row: &PgRow) -> sqlx::Result<(String, Row)> {
    let order_id: Option<String> = row.try_get("order_id")?;
    let body_hash: Option<Vec<u8>> = row.try_get("body_hash")?;
    let at = row.try_get("at")?;
    let request = order_id.zip(body_hash).map(|(order_id, body_hash)| Request { body_hash, order_id, at });
    Ok((row.try_get("request_key")?, Row::Request(request)))
}

fn order(row: &PgRow) -> sqlx::Result<(String, Row)> {
    let order = OrderRow {
        status: status(row.try_get("status")?)?,
        details: details(row)?.map(Box::new),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    };
    Ok((row.try_get("order_id")?, Row::Order(order)))
}

/// What was ordered; `None` for the row of an order that was never placed.
pub(crate) fn details(row: &PgRow) -> sqlx::Result<Option<Details>> {
    let Some(user_id) = row.try_get("user_id")? else { return Ok(None) };
    let Json(items) = row.try_get::<Json<Vec<Item>>, _>("items")?;
    let address: Option<Json<Address>> = row.try_get("shipping_address")?;
    Ok(Some(Details {
        user_id,
        total_amount: row.try_get("total_amount")?,
        currency: row.try_get("currency")?,
        items,
        payment_method: row.try_get("payment_method")?,
        shipping_address: address.map(|Json(address)| address),
    }))
}

fn status(text: &str) -> sqlx::Result<Status> {
    Ok(match text {
        "none" => Status::None,
        "pending" => Status::Pending,
        "cancelling" => Status::Cancelling,
        "completed" => Status::Completed,
        "cancelled" => Status::Cancelled,
        other => return Err(sqlx::Error::Decode(format!("orders.status {other:?} is none that is known").into())),
    })
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
