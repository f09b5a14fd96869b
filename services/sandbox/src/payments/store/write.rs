use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use crate::payments::{
    answers::{ChargeAnswer, RefundAnswer},
    page::Page,
};

/// Writes what the batch changed.
pub(crate) async fn write(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
    if !page.new_charges.is_empty() {
        insert_charges(connection, page).await?;
    }
    if !page.refunded.is_empty() {
        update_refunded(connection, page).await?;
    }
    if !page.new_refunds.is_empty() {
        insert_refunds(connection, page).await?;
    }
    write_tries(connection, "charge", &page.tried_charges, &page.charge_tries).await?;
    write_tries(connection, "refund", &page.tried_refunds, &page.refund_tries).await
}

async fn insert_charges(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
    let new = || page.new_charges.iter().filter_map(|key| page.charges.get(key).map(|charge| (key, charge)));
    let request = || new().map(|(_, charge)| charge.request.as_ref());
    let outcome = || {
        new().map(|(_, charge)| match &charge.answer {
            ChargeAnswer::Succeeded { charge_id } => ("succeeded", Some(charge_id.as_str()), None),
            ChargeAnswer::Declined { reason } => ("declined", None, Some(reason.as_str())),
            ChargeAnswer::Cancelled => ("cancelled", None, None),
        })
    };
    sqlx::query(
        "INSERT INTO charge (key, order_id, amount, currency, payment_method, status, charge_id, reason)
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                              $8::text[])",
    )
    .bind(new().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
    .bind(request().map(|r| r.map(|r| r.order_id.as_str())).collect::<Vec<_>>())
    .bind(request().map(|r| r.map(|r| r.amount)).collect::<Vec<_>>())
    .bind(request().map(|r| r.map(|r| r.currency.as_str())).collect::<Vec<_>>())
    .bind(request().map(|r| r.and_then(|r| r.payment_method.as_deref())).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.0).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.1).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.2).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn update_refunded(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
    let sums = || page.refunded.iter().filter_map(|key| page.charges.get(key).map(|c| (key, c.refunded)));
    sqlx::query(
        "UPDATE charge SET refunded = new.refunded
         FROM unnest($1::text[], $2::bigint[]) AS new (key, refunded) WHERE charge.key = new.key",
    )
    .bind(sums().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
    .bind(sums().map(|(_, refunded)| refunded).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn insert_refunds(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
    let new = || page.new_refunds.iter().filter_map(|key| page.refunds.get(key).map(|refund| (key, refund)));
    let outcome = || {
        new().map(|(_, refund)| match &refund.answer {
            RefundAnswer::Succeeded { refund_id } => ("succeeded", Some(refund_id.as_str()), None),
            RefundAnswer::Declined { reason } => ("declined", None, Some(reason.as_str())),
        })
    };
    sqlx::query(
        "INSERT INTO refund (key, order_id, charge_id, amount, currency, status, refund_id, reason)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                              $8::text[])",
    )
    .bind(new().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
    .bind(new().map(|(_, r)| r.request.order_id.as_str()).collect::<Vec<_>>())
    .bind(new().map(|(_, r)| r.request.charge_id.as_str()).collect::<Vec<_>>())
    .bind(new().map(|(_, r)| r.request.amount).collect::<Vec<_>>())
    .bind(new().map(|(_, r)| r.request.currency.as_str()).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.0).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.1).collect::<Vec<_>>())
    .bind(outcome().map(|o| o.2).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn write_tries(
    connection: &mut PgConnection,
    operation: &str,
    tried: &BTreeSet<String>,
    tries: &BTreeMap<String, i32>,
) -> Result<(), sqlx::Error> {
    crate::ledger::write_tries(connection, operation, tried.iter().filter_map(|key| Some((key, *tries.get(key)?))))
        .await
}
