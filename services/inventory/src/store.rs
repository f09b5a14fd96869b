//! Inventory's tables in SQL.

use contracts::Item;
use engine::postgres::{KeyColumn, Session, Tables};
use sqlx::{Row as _, types::Json};

use crate::{
    participant::Inventory,
    state::{Change, LedgerEntry, Reservation, ReservationState, Row, Stock, Table},
};

impl Tables for Inventory {
    fn key_column(&self, table: Table) -> KeyColumn {
        match table {
            Table::Reservations => KeyColumn { table: "reservations", column: "order_id" },
            Table::Stock => KeyColumn { table: "stock", column: "sku" },
        }
    }

    async fn ensure(&self, db: &mut Session, table: Table, keys: &[String]) -> sqlx::Result<()> {
        let statement = match table {
            Table::Reservations => {
                "INSERT INTO reservations (order_id, state) SELECT key, 'none' FROM unnest($1::text[]) AS new (key)
                 ON CONFLICT DO NOTHING"
            }
            Table::Stock => {
                "INSERT INTO stock (sku, available, reserved, shipped)
                 SELECT key, 0, 0, 0 FROM unnest($1::text[]) AS new (key) ON CONFLICT DO NOTHING"
            }
        };
        sqlx::query(statement).bind(keys).execute(db).await.map(drop)
    }

    async fn lock(&self, db: &mut Session, table: Table, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
        match table {
            Table::Reservations => lock_reservations(db, keys).await,
            Table::Stock => lock_stock(db, keys).await,
        }
    }

    async fn insert(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        // No input brings a new key of its own; if one ever does, ensure and update do the same.
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        self.ensure(db, table, &keys).await?;
        self.update(db, table, rows).await
    }

    async fn update(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        match table {
            Table::Reservations => update_reservations(db, rows).await,
            Table::Stock => update_stock(db, rows).await,
        }
    }

    async fn append(&self, db: &mut Session, records: &[LedgerEntry]) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO stock_ledger (sku, order_id, change, available, reserved, shipped, at)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                                  $7::timestamptz[])",
        )
        .bind(records.iter().map(|entry| entry.sku.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.order_id.as_deref()).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| change_text(entry.change)).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.available).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.reserved).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.shipped).collect::<Vec<_>>())
        .bind(records.iter().map(|entry| entry.at).collect::<Vec<_>>())
        .execute(db)
        .await
        .map(drop)
    }
}

async fn lock_reservations(db: &mut Session, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
    let rows = sqlx::query(
        "SELECT order_id, state, items FROM reservations WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE",
    )
    .bind(keys)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let Json(items) = row.try_get::<Json<Vec<Item>>, _>("items")?;
            let state = state(row.try_get("state")?)?;
            Ok((row.try_get("order_id")?, Row::Reservation(Reservation { state, items })))
        })
        .collect()
}

async fn lock_stock(db: &mut Session, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
    let rows =
        sqlx::query("SELECT sku, available, reserved, shipped FROM stock WHERE sku = ANY($1) ORDER BY sku FOR UPDATE")
            .bind(keys)
            .fetch_all(db)
            .await?;
    rows.iter()
        .map(|row| {
            let stock = Stock {
                available: row.try_get("available")?,
                reserved: row.try_get("reserved")?,
                shipped: row.try_get("shipped")?,
            };
            Ok((row.try_get("sku")?, Row::Stock(stock)))
        })
        .collect()
}

async fn update_reservations(db: &mut Session, rows: &[(String, Row)]) -> sqlx::Result<()> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (key, row) in rows {
        let Row::Reservation(reservation) = row else { continue };
        columns.0.push(key.as_str());
        columns.1.push(state_text(reservation.state));
        columns.2.push(Json(&reservation.items));
    }
    sqlx::query(
        "UPDATE reservations SET state = new.state, items = new.items
         FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS new (order_id, state, items)
         WHERE reservations.order_id = new.order_id",
    )
    .bind(columns.0)
    .bind(columns.1)
    .bind(columns.2)
    .execute(db)
    .await
    .map(drop)
}

async fn update_stock(db: &mut Session, rows: &[(String, Row)]) -> sqlx::Result<()> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (key, row) in rows {
        let Row::Stock(stock) = row else { continue };
        columns.0.push(key.as_str());
        columns.1.push(stock.available);
        columns.2.push(stock.reserved);
        columns.3.push(stock.shipped);
    }
    sqlx::query(
        "UPDATE stock SET available = new.available, reserved = new.reserved, shipped = new.shipped
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS new (sku, available, reserved, shipped)
         WHERE stock.sku = new.sku",
    )
    .bind(columns.0)
    .bind(columns.1)
    .bind(columns.2)
    .bind(columns.3)
    .execute(db)
    .await
    .map(drop)
}

fn state(text: &str) -> sqlx::Result<ReservationState> {
    Ok(match text {
        "none" => ReservationState::None,
        "reserved" => ReservationState::Reserved,
        "rejected" => ReservationState::Rejected,
        "released" => ReservationState::Released,
        "shipped" => ReservationState::Shipped,
        other => return Err(sqlx::Error::Decode(format!("reservations.state {other:?} is none that is known").into())),
    })
}

fn state_text(state: ReservationState) -> &'static str {
    match state {
        ReservationState::None => "none",
        ReservationState::Reserved => "reserved",
        ReservationState::Rejected => "rejected",
        ReservationState::Released => "released",
        ReservationState::Shipped => "shipped",
    }
}

fn change_text(change: Change) -> &'static str {
    match change {
        Change::Set => "set",
        Change::Reserve => "reserve",
        Change::Release => "release",
        Change::Ship => "ship",
    }
}
