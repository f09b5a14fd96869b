//! Inventory's and order's tables side by side, so that one script tries both.

use std::time::Duration;

use chrono::{DateTime, Utc};
use engine::{
    effects::Effects,
    envelope::Envelope,
    participant::{Participant, Refusal, Undecodable, What},
    postgres::{KeyColumn, Session, Tables},
    rows::{Rows, Touch},
};
use inventory::{Inventory, state as stock};
use order::{Order, state as orders};

const ORDER: Order = Order { deadline: Duration::from_secs(900) };

/// Their rows as they are in each service's own SQL. Nobody runs their rules here.
#[derive(Debug)]
pub struct Both;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Stock(stock::Table),
    Orders(orders::Table),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Stock(stock::Row),
    Orders(orders::Row),
}

pub const RESERVATIONS: Table = Table::Stock(stock::Table::Reservations);
pub const STOCK: Table = Table::Stock(stock::Table::Stock);
pub const REQUESTS: Table = Table::Orders(orders::Table::Requests);
pub const ORDERS: Table = Table::Orders(orders::Table::Orders);

impl Participant for Both {
    type Table = Table;
    type Row = Row;
    type Event = ();
    type Command = ();
    type Reply = ();
    type Record = ();

    const NAME: &'static str = "both";
    const TABLES: &'static [Table] = &[RESERVATIONS, STOCK, REQUESTS, ORDERS];
    const TOPICS: &'static [&'static str] = &[];
    const WRITES: &'static [&'static str] = &[];

    fn absent(&self, table: Table) -> Row {
        match table {
            Table::Stock(table) => Row::Stock(Inventory.absent(table)),
            Table::Orders(table) => Row::Orders(ORDER.absent(table)),
        }
    }

    fn decode(&self, _topic: &str, _envelope: &Envelope) -> Result<Option<()>, Undecodable> {
        Ok(None)
    }

    fn touches(&self, _table: Table, _what: &What<Self>, _rows: &Rows<Self>, _touched: &mut Vec<Touch>) {}

    fn decide(&self, _: &What<Self>, _: &mut Rows<Self>, _: DateTime<Utc>) -> Result<Effects<Self>, Refusal> {
        Ok(Effects::none())
    }
}

impl Tables for Both {
    fn key_column(&self, table: Table) -> KeyColumn {
        match table {
            Table::Stock(table) => Inventory.key_column(table),
            Table::Orders(table) => ORDER.key_column(table),
        }
    }

    async fn ensure(&self, db: &mut Session, table: Table, keys: &[String]) -> sqlx::Result<()> {
        match table {
            Table::Stock(table) => Inventory.ensure(db, table, keys).await,
            Table::Orders(table) => ORDER.ensure(db, table, keys).await,
        }
    }

    async fn lock(&self, db: &mut Session, table: Table, keys: &[String]) -> sqlx::Result<Vec<(String, Row)>> {
        Ok(match table {
            Table::Stock(table) => {
                let rows = Inventory.lock(db, table, keys).await?;
                rows.into_iter().map(|(key, row)| (key, Row::Stock(row))).collect()
            }
            Table::Orders(table) => {
                let rows = ORDER.lock(db, table, keys).await?;
                rows.into_iter().map(|(key, row)| (key, Row::Orders(timeless(row)))).collect()
            }
        })
    }

    async fn insert(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        match table {
            Table::Stock(table) => Inventory.insert(db, table, &stock_rows(rows)).await,
            Table::Orders(table) => ORDER.insert(db, table, &order_rows(rows)).await,
        }
    }

    async fn update(&self, db: &mut Session, table: Table, rows: &[(String, Row)]) -> sqlx::Result<()> {
        match table {
            Table::Stock(table) => Inventory.update(db, table, &stock_rows(rows)).await,
            Table::Orders(table) => ORDER.update(db, table, &order_rows(rows)).await,
        }
    }

    async fn append(&self, _db: &mut Session, _records: &[()]) -> sqlx::Result<()> {
        Ok(())
    }
}

/// The row of an order that was never placed has the times at which it was made, and both clocks are their own.
fn timeless(row: orders::Row) -> orders::Row {
    match row {
        orders::Row::Order(order) if order.details.is_none() => {
            let none = orders::OrderRow::NONE;
            orders::Row::Order(orders::OrderRow { created_at: none.created_at, updated_at: none.updated_at, ..order })
        }
        other => other,
    }
}

fn stock_rows(rows: &[(String, Row)]) -> Vec<(String, stock::Row)> {
    let own = |(key, row): &(String, Row)| match row {
        Row::Stock(row) => Some((key.clone(), row.clone())),
        Row::Orders(_) => None,
    };
    rows.iter().filter_map(own).collect()
}

fn order_rows(rows: &[(String, Row)]) -> Vec<(String, orders::Row)> {
    let own = |(key, row): &(String, Row)| match row {
        Row::Orders(row) => Some((key.clone(), row.clone())),
        Row::Stock(_) => None,
    };
    rows.iter().filter_map(own).collect()
}
