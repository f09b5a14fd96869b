//! Notification's table in SQL.

use std::convert::Infallible;

use engine::postgres::{KeyColumn, Session, Tables};
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    participant::Notification,
    state::{End, Row, State, Table},
};

impl Tables for Notification {
    fn key_column(&self, _table: Table) -> KeyColumn {
        KeyColumn { table: "notices", column: "order_id" }
    }

    async fn ensure(&self, db: &mut Session, _table: Table, keys: &[String]) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO notices (order_id, state) SELECT key, 'none' FROM unnest($1::text[]) AS new (key)
             ON CONFLICT DO NOTHING",
        )
        .bind(keys)
        .execute(db)
        .await
        .map(drop)
    }

    async fn lock(&self, db: &mut Session, _table: Table, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
        let rows = sqlx::query(
            "SELECT order_id, state, customer, ending FROM notices
             WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE",
        )
        .bind(keys)
        .fetch_all(db)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("order_id")?, notice(row)?))).collect()
    }

    async fn insert(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        // No input brings a new key of its own; if one ever does, ensure and update do the same.
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        self.ensure(db, table, &keys).await?;
        self.update(db, table, rows).await
    }

    async fn update(&self, db: &mut Session, _table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE notices SET state = new.state, customer = new.customer, ending = new.ending
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (order_id, state, customer, ending)
             WHERE notices.order_id = new.order_id",
        )
        .bind(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| state_text(row.state)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| row.customer.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| row.end.map(end_text)).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(drop)
    }

    async fn append(&self, _db: &mut Session, _records: &[Infallible]) -> sqlx::Result<()> {
        Ok(())
    }
}

fn notice(row: &PgRow) -> sqlx::Result<Row> {
    let unknown = |column: &str, text: &str| {
        sqlx::Error::Decode(format!("notices.{column} {text:?} is none that is known").into())
    };
    let state = match row.try_get("state")? {
        "none" => State::None,
        "known" => State::Known,
        "telling" => State::Telling,
        "told" => State::Told,
        "failed" => State::Failed,
        other => return Err(unknown("state", other)),
    };
    let end = match row.try_get("ending")? {
        None => None,
        Some("completed") => Some(End::Completed),
        Some("cancelled") => Some(End::Cancelled),
        Some(other) => return Err(unknown("ending", other)),
    };
    Ok(Row { state, customer: row.try_get("customer")?, end })
}

fn state_text(state: State) -> &'static str {
    match state {
        State::None => "none",
        State::Known => "known",
        State::Telling => "telling",
        State::Told => "told",
        State::Failed => "failed",
    }
}

fn end_text(end: End) -> &'static str {
    match end {
        End::Completed => "completed",
        End::Cancelled => "cancelled",
    }
}
