//! Shipping's table in SQL.

use engine::postgres::{KeyColumn, Session, Tables};
use sqlx::Row as _;

use crate::{
    participant::{NoRecord, Shipping},
    state::{Row, State, Table},
};

impl Tables for Shipping {
    fn key_column(&self, _table: Table) -> KeyColumn {
        KeyColumn { table: "shipments", column: "order_id" }
    }

    async fn ensure(&self, db: &mut Session, _table: Table, keys: &[String]) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO shipments (order_id, state) SELECT key, 'none' FROM unnest($1::text[]) AS new (key)
             ON CONFLICT DO NOTHING",
        )
        .bind(keys)
        .execute(db)
        .await
        .map(drop)
    }

    async fn lock(&self, db: &mut Session, _table: Table, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
        let rows = sqlx::query(
            "SELECT order_id, state, tracking_number FROM shipments
             WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE",
        )
        .bind(keys)
        .fetch_all(db)
        .await?;
        rows.iter()
            .map(|row| {
                let shipment =
                    Row { state: state(row.try_get("state")?)?, tracking_number: row.try_get("tracking_number")? };
                Ok((row.try_get("order_id")?, shipment))
            })
            .collect()
    }

    async fn insert(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        // No input brings a new key of its own; if one ever does, ensure and update do the same.
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        self.ensure(db, table, &keys).await?;
        self.update(db, table, rows).await
    }

    async fn update(&self, db: &mut Session, _table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        sqlx::query(
            "UPDATE shipments SET state = new.state, tracking_number = new.tracking_number
             FROM unnest($1::text[], $2::text[], $3::text[]) AS new (order_id, state, tracking_number)
             WHERE shipments.order_id = new.order_id",
        )
        .bind(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| state_text(row.state)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| row.tracking_number.as_deref()).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(drop)
    }

    async fn append(&self, _db: &mut Session, _records: &[NoRecord]) -> sqlx::Result<()> {
        Ok(())
    }
}

fn state(text: &str) -> sqlx::Result<State> {
    Ok(match text {
        "none" => State::None,
        "dispatching" => State::Dispatching,
        "dispatched" => State::Dispatched,
        "failed" => State::Failed,
        "cancelled" => State::Cancelled,
        other => return Err(sqlx::Error::Decode(format!("shipments.state {other:?} is none that is known").into())),
    })
}

fn state_text(state: State) -> &'static str {
    match state {
        State::None => "none",
        State::Dispatching => "dispatching",
        State::Dispatched => "dispatched",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    }
}
