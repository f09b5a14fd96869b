//! The carrier's SQL: a batch at a time.

use sqlx::{PgConnection, PgPool};

use super::{Answer, Call, Page, requests::ShipmentRequest};
use crate::{behaviour::Behaviour, key_store::Entry, ledger};

#[derive(sqlx::FromRow)]
struct Row {
    key: String,
    order_id: String,
    items: String,
    address: Option<String>,
    status: String,
    tracking_number: Option<String>,
    reason: Option<String>,
}

/// Loads what the calls touch.
pub(crate) async fn load(connection: &mut PgConnection, calls: &[Call]) -> Result<Page, sqlx::Error> {
    let keys: Vec<&str> = calls.iter().map(|call| call.key.as_str()).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT key, order_id, items::text, address::text, status, tracking_number, reason
         FROM shipment WHERE key = ANY($1)",
    )
    .bind(&keys)
    .fetch_all(&mut *connection)
    .await?;
    let tried = calls.iter().filter(|call| Behaviour::of_shipment(call.request.city()).counts_tries());
    let tried: Vec<&str> = tried.map(|call| call.key.as_str()).collect();
    let tries = ledger::read_tries(connection, "shipment", &tried).await?;
    Ok(Page::new(rows.into_iter().map(read).collect::<Result<_, _>>()?, tries))
}

/// Writes what the batch changed.
pub(crate) async fn write(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
    ledger::write_tries(connection, "shipment", page.new_tries()).await?;
    let new = page.new_entries();
    if new.clone().next().is_none() {
        return Ok(());
    }
    let outcome = || {
        new.clone().map(|(_, shipment)| match &shipment.answer {
            Answer::Accepted { tracking_number } => ("accepted", Some(tracking_number.as_str()), None),
            Answer::Refused { reason } => ("refused", None, Some(reason.as_str())),
        })
    };
    sqlx::query(
        "INSERT INTO shipment (key, order_id, items, address, status, tracking_number, reason)
         SELECT key, order_id, items::json, address::json, status, tracking_number, reason
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
              AS new (key, order_id, items, address, status, tracking_number, reason)",
    )
    .bind(new.clone().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
    .bind(new.clone().map(|(_, s)| s.request.order_id.as_str()).collect::<Vec<_>>())
    .bind(new.clone().map(|(_, s)| json(&s.request.items)).collect::<Result<Vec<_>, _>>()?)
    .bind(new.clone().map(|(_, s)| s.request.address.as_ref().map(json).transpose()).collect::<Result<Vec<_>, _>>()?)
    .bind(outcome().map(|o| o.0).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.1).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.2).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// What became of a shipment.
pub(crate) async fn find_shipment(pool: &PgPool, key: &str) -> Result<Option<Answer>, sqlx::Error> {
    let row: Option<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT status, tracking_number, reason FROM shipment WHERE key = $1")
            .bind(key)
            .fetch_optional(pool)
            .await?;
    row.map(|(status, number, reason)| answer(key, &status, number, reason)).transpose()
}

fn read(row: Row) -> Result<(String, Entry<ShipmentRequest, Answer>), sqlx::Error> {
    let answer = answer(&row.key, &row.status, row.tracking_number, row.reason)?;
    let unreadable = |e: serde_json::Error| sqlx::Error::Decode(e.into());
    let request = ShipmentRequest {
        order_id: row.order_id,
        items: serde_json::from_str(&row.items).map_err(unreadable)?,
        address: row.address.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?,
    };
    Ok((row.key, Entry { request, answer }))
}

fn answer(key: &str, status: &str, number: Option<String>, reason: Option<String>) -> Result<Answer, sqlx::Error> {
    match (status, number, reason) {
        ("accepted", Some(tracking_number), _) => Ok(Answer::Accepted { tracking_number }),
        ("refused", _, Some(reason)) => Ok(Answer::Refused { reason }),
        _ => Err(sqlx::Error::Decode(format!("the row of shipment {key} holds no answer").into())),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|e| sqlx::Error::Encode(e.into()))
}
