//! Payment's tables in SQL.

use engine::postgres::{KeyColumn, Session, Tables};
use sqlx::{Row as _, types::Json};

use crate::{
    participant::Payment,
    state::{Kind, LedgerEntry, OrderToPay, Row, State, Table},
};

impl Tables for Payment {
    fn key_column(&self, _table: Table) -> KeyColumn {
        KeyColumn { table: "payments", column: "order_id" }
    }

    async fn ensure(&self, db: &mut Session, _table: Table, keys: &[String]) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO payments (order_id, state) SELECT key, 'none' FROM unnest($1::text[]) AS new (key)
             ON CONFLICT DO NOTHING",
        )
        .bind(keys)
        .execute(db)
        .await
        .map(drop)
    }

    async fn lock(&self, db: &mut Session, _table: Table, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
        let rows = sqlx::query(
            "SELECT order_id, state, details, charge_id FROM payments
             WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE",
        )
        .bind(keys)
        .fetch_all(db)
        .await?;
        rows.iter()
            .map(|row| {
                let details: Option<Json<OrderToPay>> = row.try_get("details")?;
                let payment = Row {
                    state: state(row.try_get("state")?)?,
                    order: details.map(|Json(order)| order),
                    charge_id: row.try_get("charge_id")?,
                };
                Ok((row.try_get("order_id")?, payment))
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
            "UPDATE payments SET state = new.state, details = new.details, charge_id = new.charge_id
             FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[]) AS new (order_id, state, details, charge_id)
             WHERE payments.order_id = new.order_id",
        )
        .bind(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| state_text(row.state)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| row.order.as_ref().map(Json)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| row.charge_id.as_deref()).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(drop)
    }

    async fn append(&self, db: &mut Session, records: &[LedgerEntry]) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO payment_ledger (order_id, kind, amount, currency, provider_id, at)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])",
        )
        .bind(records.iter().map(|entry| entry.order_id.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| kind_text(entry.kind)).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.amount).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.currency.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.provider_id.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.at).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(drop)
    }
}

fn state(text: &str) -> sqlx::Result<State> {
    Ok(match text {
        "none" => State::None,
        "capturing" => State::Capturing { undo: false },
        "capturing_undo" => State::Capturing { undo: true },
        "succeeded" => State::Succeeded,
        "failed" => State::Failed,
        "refunding" => State::Refunding,
        "refunded" => State::Refunded,
        "voided" => State::Voided,
        other => return Err(sqlx::Error::Decode(format!("payments.state {other:?} is none that is known").into())),
    })
}

fn state_text(state: State) -> &'static str {
    match state {
        State::None => "none",
        State::Capturing { undo: false } => "capturing",
        State::Capturing { undo: true } => "capturing_undo",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Refunding => "refunding",
        State::Refunded => "refunded",
        State::Voided => "voided",
    }
}

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Captured => "captured",
        Kind::Refunded => "refunded",
    }
}
