//! The mail service's SQL: a batch at a time.

use sqlx::{PgConnection, PgPool};

use super::{Answer, Call, Page, requests::MessageRequest};
use crate::{behaviour::Behaviour, key_store::Entry, ledger};

#[derive(sqlx::FromRow)]
struct Row {
    key: String,
    order_id: String,
    user_id: String,
    text: String,
    status: String,
    message_id: Option<String>,
    reason: Option<String>,
}

/// Loads what the calls touch.
pub(crate) async fn load(connection: &mut PgConnection, calls: &[Call]) -> Result<Page, sqlx::Error> {
    let keys: Vec<&str> = calls.iter().map(|call| call.key.as_str()).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT key, order_id, user_id, text, status, message_id, reason FROM message WHERE key = ANY($1)",
    )
    .bind(&keys)
    .fetch_all(&mut *connection)
    .await?;
    let tried = calls.iter().filter(|call| Behaviour::of_message(&call.request.user_id).counts_tries());
    let tried: Vec<&str> = tried.map(|call| call.key.as_str()).collect();
    let tries = ledger::read_tries(connection, "message", &tried).await?;
    Ok(Page::new(rows.into_iter().map(read).collect::<Result<_, _>>()?, tries))
}

/// Writes what the batch changed.
pub(crate) async fn write(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
    ledger::write_tries(connection, "message", page.new_tries()).await?;
    let new = page.new_entries();
    if new.clone().next().is_none() {
        return Ok(());
    }
    let outcome = || {
        new.clone().map(|(_, message)| match &message.answer {
            Answer::Sent { message_id } => ("sent", Some(message_id.as_str()), None),
            Answer::Refused { reason } => ("refused", None, Some(reason.as_str())),
        })
    };
    sqlx::query(
        "INSERT INTO message (key, order_id, user_id, text, status, message_id, reason)
         SELECT key, order_id, user_id, text, status, message_id, reason
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
              AS new (key, order_id, user_id, text, status, message_id, reason)",
    )
    .bind(new.clone().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
    .bind(new.clone().map(|(_, message)| message.request.order_id.as_str()).collect::<Vec<_>>())
    .bind(new.clone().map(|(_, message)| message.request.user_id.as_str()).collect::<Vec<_>>())
    .bind(new.clone().map(|(_, message)| message.request.text.as_str()).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.0).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.1).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.2).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// What became of a message.
pub(crate) async fn find_message(pool: &PgPool, key: &str) -> Result<Option<Answer>, sqlx::Error> {
    let row: Option<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT status, message_id, reason FROM message WHERE key = $1")
            .bind(key)
            .fetch_optional(pool)
            .await?;
    row.map(|(status, id, reason)| answer(key, &status, id, reason)).transpose()
}

fn read(row: Row) -> Result<(String, Entry<MessageRequest, Answer>), sqlx::Error> {
    let answer = answer(&row.key, &row.status, row.message_id, row.reason)?;
    let request = MessageRequest { order_id: row.order_id, user_id: row.user_id, text: row.text };
    Ok((row.key, Entry { request, answer }))
}

fn answer(key: &str, status: &str, id: Option<String>, reason: Option<String>) -> Result<Answer, sqlx::Error> {
    match (status, id, reason) {
        ("sent", Some(message_id), _) => Ok(Answer::Sent { message_id }),
        ("refused", _, Some(reason)) => Ok(Answer::Refused { reason }),
        _ => Err(sqlx::Error::Decode(format!("the row of message {key} holds no answer").into())),
    }
}
