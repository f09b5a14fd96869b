//! The payments' SQL: a batch at a time.

mod rows;
mod write;

use rows::{ChargeRow, RefundRow};
use sqlx::PgConnection;

use super::{Call, page::Page};
use crate::behaviour::Behaviour;

pub(crate) use rows::{find_charge, find_refund};
pub(crate) use write::write;

/// Loads what the calls touch.
pub(crate) async fn load(connection: &mut PgConnection, calls: &[Call]) -> Result<Page, sqlx::Error> {
    let asked = Asked::of(calls);
    let mut page = Page::default();
    load_charges(connection, &asked, &mut page).await?;
    if !asked.refunds.is_empty() {
        load_refunds(connection, &asked, &mut page).await?;
    }
    if !asked.tried.is_empty() || !asked.refunds.is_empty() {
        load_tries(connection, &asked, &mut page).await?;
    }
    Ok(page)
}

#[derive(Default)]
struct Asked<'a> {
    charges: Vec<&'a str>,
    /// Charges whose tries are counted. Whether a refund's tries are counted, only its charge tells.
    tried: Vec<&'a str>,
    charge_ids: Vec<&'a str>,
    refunds: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(calls: &'a [Call]) -> Self {
        let mut asked = Asked::default();
        for call in calls {
            match call {
                Call::Charge { key, request } => {
                    asked.charges.push(key);
                    if Behaviour::of_charge(request.payment_method.as_deref()).counts_tries() {
                        asked.tried.push(key);
                    }
                }
                Call::CancelCharge { key } => asked.charges.push(key),
                Call::Refund { key, request } => {
                    asked.refunds.push(key);
                    asked.charge_ids.push(&request.charge_id);
                }
            }
        }
        asked
    }
}

async fn load_charges(connection: &mut PgConnection, asked: &Asked<'_>, page: &mut Page) -> Result<(), sqlx::Error> {
    let rows: Vec<ChargeRow> = sqlx::query_as(
        "SELECT key, order_id, amount, currency, payment_method, status, charge_id, reason, refunded
         FROM charge WHERE key = ANY($1) OR charge_id = ANY($2)",
    )
    .bind(&asked.charges)
    .bind(&asked.charge_ids)
    .fetch_all(connection)
    .await?;
    for row in rows {
        let (key, charge) = row.read()?;
        page.add_charge(&key, charge);
    }
    Ok(())
}

async fn load_refunds(connection: &mut PgConnection, asked: &Asked<'_>, page: &mut Page) -> Result<(), sqlx::Error> {
    let rows: Vec<RefundRow> = sqlx::query_as(
        "SELECT key, order_id, charge_id, amount, currency, status, refund_id, reason
         FROM refund WHERE key = ANY($1)",
    )
    .bind(&asked.refunds)
    .fetch_all(connection)
    .await?;
    for row in rows {
        let (key, refund) = row.read()?;
        page.refunds.insert(key, refund);
    }
    Ok(())
}

async fn load_tries(connection: &mut PgConnection, asked: &Asked<'_>, page: &mut Page) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, String, i32)> = sqlx::query_as(
        "SELECT operation, key, tries FROM failed_try
         WHERE (operation = 'charge' AND key = ANY($1)) OR (operation = 'refund' AND key = ANY($2))",
    )
    .bind(&asked.tried)
    .bind(&asked.refunds)
    .fetch_all(connection)
    .await?;
    for (operation, key, tries) in rows {
        let table = if operation == "charge" { &mut page.charge_tries } else { &mut page.refund_tries };
        table.insert(key, tries);
    }
    Ok(())
}
